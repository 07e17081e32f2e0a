"""The speed budgets of the design: `make bench` prints a table and writes build/bench.json.

Ratios are of medians measured in one run, with the steps of the compared methods taken in turn, so
that whatever else the machine does falls on all of them.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import torch

from olmlib import params, train
from olmlib.data.arrays import Clips, loader, synthetic
from olmlib.data.cycle import DevCycle
from olmlib.history import History
from olmlib.methods.base import create
from olmlib.nb import root

# Official code, same kind of machine, design section 7: seconds of one OLM step, batch 8, width 64.
OFFICIAL_CONV_STEP = 8.8
BUDGETS = {
    "olm_over_three_heads": 1.05,
    "conv64.olm_over_three_heads": 1.05,
    "conv64.olm_over_official": 0.55,
    "data_wait_share": 0.05,
    "seconds.mini_pipeline": 360,
}


class Trainee:
    """A method with its model, ready to take steps on one batch."""

    def __init__(self, row: params.Row, model: params.Model, clips: Clips, dev: Clips, size: int):
        torch.manual_seed(0)
        self.method = create(row.method, 0, **row.options)
        self.model = self.method.build(len(clips.prepared.classes), model)
        self.model.train()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-3, momentum=0.9)
        self.scaler = torch.amp.GradScaler("cpu", enabled=False)
        self.history = History(self.model.heads)
        self.cycle, self.size = DevCycle(dev, 0), size
        self.batch = next(iter(loader(clips, size)))
        self.method.on_epoch_start(1, 1)

    def step(self) -> float:
        """Take one step as `train.fit` does and return its seconds."""
        start = time.perf_counter()
        outputs, loss = train.step(
            self.model,
            self.method,
            self.optimizer,
            self.scaler,
            self.batch,
            self.cycle.next,
            self.size,
        )
        self.history.add(1, loss, outputs.logits, self.batch["label"], self.method.record())
        return time.perf_counter() - start


def step_seconds(rows: dict[str, params.Row], model, clips, dev, size, rounds) -> dict[str, float]:
    """Return each row's mean seconds per step over whole probe periods, steps taken in turn."""
    trainees = {name: Trainee(row, model, clips, dev, size) for name, row in rows.items()}
    period = max(getattr(t.method, "probe_every", 1) for t in trainees.values())
    for trainee in trainees.values():
        trainee.step()
    spans = {name: [] for name in rows}
    for _ in range(rounds):
        totals = dict.fromkeys(rows, 0.0)
        for _ in range(period):
            for name, trainee in trainees.items():
                totals[name] += trainee.step()
        for name, total in totals.items():
            spans[name].append(total / period)
    return {name: statistics.median(values) for name, values in spans.items()}


def data_wait_share(clips: Clips, dev: Clips, row: params.Row, model, size: int) -> float:
    """Return the share of an epoch that is spent waiting for batches."""
    trainee = Trainee(row, model, clips, dev, size)
    waited, start = 0.0, time.perf_counter()
    batches = iter(loader(clips, size, shuffle=True, epoch=1))
    while True:
        asked = time.perf_counter()
        batch = next(batches, None)
        waited += time.perf_counter() - asked
        if batch is None:
            return waited / (time.perf_counter() - start)
        trainee.batch = batch
        trainee.step()


def mini_pipeline_seconds() -> float:
    """Return the seconds of `dvc repro` of the last commit in a fresh clone, installation apart."""
    with tempfile.TemporaryDirectory() as box:
        subprocess.run(["git", "clone", "-q", root(), box], check=True)
        environment = os.environ | {"PYTHONPATH": box, "DVC_NO_ANALYTICS": "1"}
        log = root() / "build" / "bench-pipeline.log"
        start = time.perf_counter()
        with log.open("w") as file:
            for command in (["dvc", "pull", "-q", "data.dvc"], ["dvc", "repro"]):
                done = subprocess.run(
                    command, cwd=box, env=environment, stdout=file, stderr=subprocess.STDOUT
                )
                if done.returncode:
                    sys.exit(f"{' '.join(command)} failed, see {log}")
        return time.perf_counter() - start


def main() -> None:
    """Measure everything, print it, and write build/bench.json."""
    torch.set_num_threads(1)
    settings = params.load(root() / "params.yaml")
    cremad, rows = settings.profiles["mini"].cremad, settings.rows
    size, measured = cremad.train.batch_size, {}
    with tempfile.TemporaryDirectory() as box:
        data = synthetic(Path(box) / "mini", clips=1000, size=cremad.prepare.frame_size)
        scale = cremad.train.crop_scale
        clips, dev = (Clips(data, data.rows(s), s == "train", scale) for s in ("train", "dev"))
        seconds = step_seconds(rows, cremad.model, clips, dev, size, rounds=8)
        for name in rows:
            if name != "concat":
                measured[f"method_over_concat.{name}"] = seconds[name] / seconds["concat"]
        measured["olm_over_three_heads"] = seconds["olm"] / seconds["three_heads"]
        measured["data_wait_share"] = data_wait_share(
            clips, dev, rows["concat"], cremad.model, size
        )
        del data, clips, dev

        torch.set_num_threads(os.cpu_count())
        data = synthetic(Path(box) / "conv", clips=60, size=224)
        clips, dev = (Clips(data, data.rows(s), False) for s in ("train", "dev"))
        pair = {name: rows[name] for name in ("three_heads", "olm")}
        seconds = step_seconds(pair, params.Model(width=64), clips, dev, 8, rounds=3)
        measured["conv64.olm_over_three_heads"] = seconds["olm"] / seconds["three_heads"]
        measured["conv64.olm_over_official"] = seconds["olm"] / OFFICIAL_CONV_STEP
    if shutil.which("dvc") and "--steps" not in sys.argv:
        measured["seconds.mini_pipeline"] = mini_pipeline_seconds()

    table = pd.DataFrame({"measured": measured, "budget": BUDGETS}).reindex(measured)
    table["holds"] = table["measured"] <= table["budget"]
    shown = table.round(3).astype(object)
    print(shown.where(table["budget"].notna(), shown.assign(budget="", holds="")).to_markdown())
    file = root() / "build" / "bench.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
