"""Processors with AVX-512 are held to AVX2; the variables' names are those the libraries know."""

import os
import platform
import subprocess
import sys

import pytest

import olmlib

INTEL = pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64 only")


def test_what_the_kernel_tells(tmp_path):
    file = tmp_path / "cpuinfo"
    assert not olmlib.has_avx512(file)
    file.write_text("flags : fpu avx avx2\n")
    assert not olmlib.has_avx512(file)
    file.write_text("flags : fpu avx avx2 avx512f avx512dq\n")
    assert olmlib.has_avx512(file)


@INTEL
def test_torch_and_numpy_obey_the_variables():
    code = (
        "import torch\n"
        "from numpy._core._multiarray_umath import __cpu_features__ as found\n"
        "print(torch.backends.cpu.get_cpu_capability(), any(found[n] for n in"
        " ('X86_V4', 'AVX512_ICL', 'AVX512_SPR')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | olmlib.AVX2,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["AVX2", "False"], done.stderr
