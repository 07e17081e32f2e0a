"""All x86 processors are asked for the same sums, by variables that the libraries know."""

import os
import platform
import subprocess
import sys

import pytest

from companion.runs import processor

X86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64 only")
SUMS = """
import hashlib, torch
torch.set_num_threads(1)
random = torch.Generator().manual_seed(0)
a, b = (torch.randn(32, n, generator=random) for n in (513, 64))
digest = hashlib.sha256()
for found in (a.T @ b, b.exp(), b.tanh()):
    digest.update(found.numpy().tobytes())
print(digest.hexdigest())
"""


def test_what_the_kernel_tells(tmp_path):
    file = tmp_path / "cpuinfo"
    assert processor.variables("x86_64", file) == processor.X86
    file.write_text("flags : fpu avx avx2\n")
    assert processor.variables("AMD64", file) == processor.X86
    file.write_text("flags : fpu avx avx2 avx512f avx512dq\n")
    assert processor.variables("x86_64", file) == processor.X86 | processor.AVX512
    assert processor.variables("aarch64", file) == {}


def test_what_is_set_already_stays(monkeypatch):
    monkeypatch.setattr(processor, "variables", lambda: {"MKL_CBWR": "COMPATIBLE", "OTHER": "1"})
    monkeypatch.setenv("MKL_CBWR", "own")
    monkeypatch.setenv("OTHER", "")
    monkeypatch.delenv("OTHER")
    processor.hold()
    assert (os.environ["MKL_CBWR"], os.environ["OTHER"]) == ("own", "1")


@X86_64
def test_torch_numpy_and_mkl_obey_and_mkl_also_when_it_is_told_after_the_import():
    told = (
        "import torch\n"
        "from numpy._core._multiarray_umath import __cpu_features__ as found\n"
        "print(torch.backends.cpu.get_cpu_capability(), any(found[n] for n in"
        " ('X86_V4', 'AVX512_ICL', 'AVX512_SPR')))\n"
    )
    held = processor.X86 | processor.AVX512
    capability, wide, sums = output(told + SUMS, held).split()
    assert (capability, wide) == ("AVX2", "False")
    late = f"import os, torch\nos.environ.update({held})\n{SUMS}"
    assert output(late).strip() == sums
    assert output(SUMS, held | {"MKL_CBWR": "AUTO"}).strip() != sums


def output(code: str, variables: dict[str, str] | None = None) -> str:
    """Run code in a process of its own with these variables and no others of theirs."""
    ours = processor.X86 | processor.AVX512
    environment = {k: v for k, v in os.environ.items() if k not in ours} | (variables or {})
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert not done.returncode, done.stderr
    return done.stdout
