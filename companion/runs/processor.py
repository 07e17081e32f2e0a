"""x86 processors are asked for the same sums, so that a training ends the same on all of them.

Wider instructions, and kernels of MKL made for one vendor, add numbers up in another order, and a
training carries the last digit of a sum into the first digit of an accuracy. Whoever wants speed
instead sets these variables themselves. The pipeline does so for Table 3: the shared sums cost
convolutions up to a tenth, and its transformers half of a step again. With MKL's branch for AVX2
its runs end the same on processors of one maker; of others `make compare` says what differs.
"""

import os
import platform
from pathlib import Path

# The one branch that MKL has for processors of every vendor.
X86 = {"MKL_CBWR": "COMPATIBLE"}
# AVX2 is the most that processors without AVX-512 have.
AVX512 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}


def variables(machine: str | None = None, cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """Return the environment variables that hold this processor to what all others do.

    Args:
        machine: as `platform.machine()` names it.
        cpuinfo: the kernel's list of what the processor can do; without it, the processor is taken
            to lack AVX-512.
    """
    if (machine or platform.machine()).lower() not in ("x86_64", "amd64"):
        return {}
    return X86 | (AVX512 if cpuinfo.is_file() and "avx512f" in cpuinfo.read_text() else {})


def hold() -> None:
    """Set those of `variables` that are not set.

    torch, MKL and oneDNN look at them at their first sum and numpy when it is imported, in this
    process and in those that it starts later.
    """
    for variable, value in variables().items():
        os.environ.setdefault(variable, value)
