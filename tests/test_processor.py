"""Processors with AVX-512 are held to AVX2; the variables' names are those the libraries know."""

import os
import platform
import subprocess
import sys

import pytest

from olmlib import processor

INTEL = pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64 only")


def test_what_the_kernel_tells(tmp_path):
    file = tmp_path / "cpuinfo"
    assert not processor.has_avx512(file)
    file.write_text("flags : fpu avx avx2\n")
    assert not processor.has_avx512(file)
    file.write_text("flags : fpu avx avx2 avx512f avx512dq\n")
    assert processor.has_avx512(file)


def test_what_is_set_already_stays(monkeypatch):
    monkeypatch.setattr(processor, "has_avx512", lambda: True)
    for name in processor.AVX2:
        monkeypatch.setenv(name, "own")
    processor.hold()
    assert {os.environ[name] for name in processor.AVX2} == {"own"}


def test_only_processors_that_can_do_more_are_held(monkeypatch):
    for name in processor.AVX2:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(processor, "has_avx512", lambda: False)
    processor.hold()
    assert not processor.AVX2.keys() & os.environ.keys()
    monkeypatch.setattr(processor, "has_avx512", lambda: True)
    processor.hold()
    assert processor.AVX2.items() <= os.environ.items()


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
        env=os.environ | processor.AVX2,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["AVX2", "False"], done.stderr
