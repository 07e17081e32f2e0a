"""What an epoch costs today over what it cost at another commit, measured in one run.

    python -m benchmarks.since 72de8cf

The commit is laid beside this tree; a process of each trains the same networks for an epoch in
turn, so that whatever else the machine does falls on both. 72de8cf is the last commit before the
training loop was changed for GPUs.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import fields
from pathlib import Path

import pandas as pd
import torch

try:
    from olmlib.training import Training
except ImportError:
    # Its place until commit 9987b68.
    from olmlib.train import Training
try:
    from olmlib.data.synthetic import synthetic
except ImportError:
    from olmlib.data.arrays import synthetic
from olmlib.config import LateFusionConfig, TrainConfig
from olmlib.methods.table import create

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 9
# Steps of the transformer in a turn.
STEPS = 2
# Names and options that were the same at 72de8cf; other commits were not tried.
ROWS = {
    "concat": ("joint", {}),
    "three_heads": ("three_heads", {}),
    "olm": ("olm", {"preset": "stable"}),
    "olm_paper": ("olm", {"preset": "paper", "eta": 0.001, "steps": 20}),
    "ogm_ge": ("ogm_ge", {}),
    "gradnorm": ("gradnorm", {}),
    "pmr": ("pmr", {}),
}
CONFIG = TrainConfig(epochs=2 + ROUNDS, batch_size=32, lr=1e-3, schedule="cosine")


def serve() -> None:
    """Train an epoch of every row for each line that arrives, and print their seconds as JSON."""
    # Late: the package's other modules need more than the two trees share.
    from benchmarks import attention

    torch.set_num_threads(1)
    known = {field.name for field in fields(LateFusionConfig)}
    # ResNet-18, before the number of blocks could be chosen.
    model = LateFusionConfig(width=8, **({"blocks": 2} if "blocks" in known else {}))
    with tempfile.TemporaryDirectory() as box:
        data = synthetic(Path(box) / "few", clips=600, size=40, bins=25, frames=29)
        trainings = {}
        for name, (method, options) in ROWS.items():
            training = Training(create(method, 0, **options), data, model, CONFIG, 0)
            training.method.pre_run(training)
            training.train_epoch(1, training.clips["train"])
            trainings[name] = training
        irfb = attention.Trainee(attention.OLM, "100_400")
        irfb.step()
        print("ready", flush=True)
        for epoch, _ in enumerate(sys.stdin, 2):
            seconds = {}
            for name, training in trainings.items():
                start = time.perf_counter()
                training.train_epoch(epoch, training.clips["train"])
                seconds[name] = time.perf_counter() - start
            seconds["olm, IRFB"] = sum(irfb.step() for _ in range(STEPS))
            print(json.dumps(seconds), flush=True)


def start(tree: Path) -> subprocess.Popen:
    """Start a process that serves with the packages of a tree, and wait until it is ready."""
    process = subprocess.Popen(
        [sys.executable, __file__, "serve"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if process.stdout.readline() != "ready\n":
        sys.exit(f"{tree}: its networks cannot be trained by this script, see above")
    return process


def turn(process: subprocess.Popen) -> dict[str, float]:
    """Return the seconds of each row's next epoch."""
    process.stdin.write("\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def measure(commit: str) -> pd.DataFrame:
    """Return medians over rounds: seconds at the commit and today, and the ratio in a round."""
    with tempfile.TemporaryDirectory() as box:
        before = Path(box) / "before"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", str(before), commit], check=True)
        try:
            trees = {"then": before, "today": ROOT}
            processes = {name: start(tree) for name, tree in trees.items()}
            rounds = []
            for number in range(ROUNDS):
                order = list(processes.items())[:: 1 if number % 2 else -1]
                rounds.append({name: turn(process) for name, process in order})
            for process in processes.values():
                # Without more lines it ends.
                process.communicate()
        finally:
            subprocess.run([*git, "remove", "--force", str(before)], check=True)
    return pd.DataFrame(
        {
            row: {
                "then, s": statistics.median(r["then"][row] for r in rounds),
                "today, s": statistics.median(r["today"][row] for r in rounds),
                "ratio": statistics.median(r["today"][row] / r["then"][row] for r in rounds),
            }
            for row in rounds[0]["today"]
        }
    ).T


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    elif len(sys.argv) == 2:
        print(measure(sys.argv[1]).round(3).to_markdown())
    else:
        sys.exit(__doc__)
