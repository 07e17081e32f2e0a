"""Train for a few steps here and on an emulated processor of another vendor, and compare the bits.

python tools/other_processor.py [ROW ...]

Needs qemu-x86_64 7.2 or later (Debian: qemu-user), the first version with AVX2. A row takes two to
four minutes, all default rows twenty.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from companion import params
from companion.runs import processor
from companion.runs.sources import ROOT
from olmlib import train
from olmlib.data import arrive
from olmlib.data.synthetic import synthetic
from olmlib.methods.table import create

sys.path.insert(0, str(ROOT))

from benchmarks import attention  # noqa: E402

CPU = "EPYC-Rome"
TABLE3 = "table3"
ROWS = (TABLE3, "olm", "pmr", "gradnorm", "bilinear", "avslowfast")


def trained(name: str) -> torch.nn.Module:
    """Return the network of a row of Table 1, or of Table 3's OLM on IRFB, after some steps."""
    settings = params.load(ROOT / "params.yaml")
    mini = settings.profiles["mini"]
    if name == TABLE3:
        clips = {key: getattr(attention.MODEL, key) for key in ("modalities", "inputs")}
        model = replace(mini.dataset("mer2023").model, fusion="irfb", **clips)
        trainee = attention.Trainee(attention.OLM, "100_400", model)
        for _ in range(3):
            trainee.step()
        return trainee.training.model
    row, config = settings.rows[name], replace(mini.dataset("cremad").train, epochs=2)
    with tempfile.TemporaryDirectory() as box:
        data = synthetic(Path(box) / "data", clips=120, size=40, bins=25, frames=29)
        method = create(row.method, 0, **row.options)
        return train.fit(method, data, mini.dataset("cremad").model, config, seed=0).model


def report(names: list[str]) -> None:
    """Print a digest of each row's weights."""
    torch.set_num_threads(1)
    # The emulator crashes in its gathering instructions, which copy numbers and compute nothing.
    arrive.grid_sample = lambda pictures, *_, **__: pictures
    for name in names:
        digest = hashlib.sha256()
        for value in trained(name).state_dict().values():
            digest.update(value.numpy().tobytes())
        print(name, digest.hexdigest()[:16], flush=True)


def compare(names: list[str]) -> None:
    """Let `report` run here and emulated, and say for each row whether the weights are the same.

    Raises:
        SystemExit: weights differ, qemu-x86_64 is missing, or one of the two failed.
    """
    here = [sys.executable, __file__, "--report", *names]
    common = {"env": os.environ | processor.variables(), "text": True, "check": True}
    try:
        outputs = [
            subprocess.run(command, capture_output=True, **common).stdout.splitlines()
            for command in (here, ["qemu-x86_64", "-cpu", CPU, *here])
        ]
    except FileNotFoundError:
        sys.exit("qemu-x86_64 is missing; Debian has it in the package qemu-user")
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error}\n{error.stderr}")
    for line, emulated in zip(*outputs, strict=True):
        print(line, "here,", "the same" if line == emulated else emulated.split()[1], "on", CPU)
    if outputs[0] != outputs[1]:
        sys.exit(1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--report"]:
        report(sys.argv[2:])
    else:
        compare(sys.argv[1:] or list(ROWS))
