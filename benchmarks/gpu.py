"""What a GPU makes of the training loop: `make gpu-check`, a table and a JSON file.

Needs nothing but `olmlib` and what it needs, so it runs wherever torch does, without installation::

    python -m benchmarks.gpu --out build/gpu.json

Data are noise of the paper's sizes. Without a GPU everything is small and on the CPU, which shows
that the check works and nothing else. A budget that is not held is a row of the table and no error;
a part that fails is a row that says why, and the others go on.
"""

import argparse
import gc
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks import gpu_fit, gpu_steps
from benchmarks.gpu_report import Report
from benchmarks.gpu_sizes import PAPER, SMALL

PARTS = {
    "parity": gpu_steps.parity,
    "steps": gpu_steps.times,
    "fit": gpu_fit.rates,
    "synchronisations": gpu_steps.synchronisations,
    "two processes": gpu_fit.two_processes,
    "deterministic": gpu_steps.price,
    "resumed": gpu_fit.resumed,
}
# All of it has 240 seconds.
LATEST = 200


def machine(device: str) -> dict:
    """Return what is measured on, and how torch computes there."""
    found = {"device": device, "card": None, "torch": torch.__version__}
    if device == "cuda":
        found["card"] = torch.cuda.get_device_name()
    found |= {"python": platform.python_version(), "cores": os.cpu_count()}
    found["TF32 of convolutions"] = torch.backends.cudnn.allow_tf32
    found["TF32 of products"] = torch.backends.cuda.matmul.allow_tf32
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure all parts, or those that are named; return 1 if one failed."""
    parser = argparse.ArgumentParser("benchmarks.gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the rows as JSON")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    wanted = parser.parse_args(arguments)
    # What cuBLAS needs for sums in one order; read when CUDA starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    sizes = PAPER if torch.cuda.is_available() else SMALL
    report, begun = Report(wanted.out, machine(sizes.device)), time.perf_counter()
    with tempfile.TemporaryDirectory() as box:
        for name in wanted.parts:
            report.part, start = name, time.perf_counter()
            if start - begun > LATEST:
                report.missing(name, f"it would begin after {LATEST} seconds")
                continue
            with report.attempt(name):
                PARTS[name](sizes, report, Path(box))
            gc.collect()
            if sizes.device == "cuda":
                torch.cuda.empty_cache()
            report.add("seconds of this part", time.perf_counter() - start)
    report.part = "all"
    report.add("seconds", time.perf_counter() - begun, 240)
    missed = sum(row["held"] is False for row in report.rows)
    print(f"\n{missed} budgets not held, {len(report.failed)} measurements failed", flush=True)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
