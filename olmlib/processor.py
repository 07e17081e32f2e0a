"""Processors with AVX-512 are held to AVX2, the most that all others of their kind have.

Wider instructions add numbers up in another order, and a training carries the last digit of a sum
into the first digit of an accuracy. So the pipeline asks all x86 processors for the same ones;
whoever wants speed instead sets the variables of `AVX2` themselves.
"""

import os
from pathlib import Path

AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_CBWR": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}


def has_avx512(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether this processor has AVX-512; False where no file tells."""
    return cpuinfo.is_file() and "avx512f" in cpuinfo.read_text()


def hold() -> None:
    """Set the variables of `AVX2` that are not set, where the processor could do more.

    torch, MKL and oneDNN look at them at their first sum and numpy when it is imported, in this
    process and in those that it starts later.
    """
    if has_avx512():
        for variable, value in AVX2.items():
            os.environ.setdefault(variable, value)
