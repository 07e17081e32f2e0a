"""The speed budgets: `make bench` prints a table and writes build/bench.json.

Ratios are of medians measured in one run, with the steps of the compared methods taken in turn, so
that whatever else the machine does falls on all of them. Steps are measured at the processor's full
speed: the pipeline holds it back (`companion.runs.processor`) so that notebooks give the same
numbers everywhere; this does not.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
import yaml

from benchmarks import attention, localization, scale
from benchmarks.steps import Official, Trainee, step_seconds
from companion import params
from companion.runs.sources import ROOT
from olmlib.config import LateFusionConfig
from olmlib.data.arrays import Prepared, loader
from olmlib.data.synthetic import synthetic

BUDGETS = (
    {
        "olm_over_three_heads": 1.05,
        "conv64.olm_over_three_heads": 1.05,
        "conv64.olm_over_official": 0.55,
        "data_wait_share": 0.05,
        "seconds.mini_cremad": 360,
        "seconds.mini_four_sets": 1080,
        "seconds.mini_pipeline": 1500,
        "seconds.second_repro": 10,
    }
    | attention.BUDGETS
    | localization.BUDGETS
    | scale.BUDGETS
)
# Their encoders are not those of Concat, so no budget holds them to its step.
OTHER_ENCODER = ("cur", "avslowfast")
ROUNDS = 6
# What the pipeline was before other methods and data sets joined it: its stages and its rows.
CREMAD = ("tour", "imbalance@cremad", "olm", "figures@fig5", "figures@fig6")
# What it was before AVE, SUN RGB-D and the book did.
FOUR_SETS = (
    *(f"imbalance@{name}" for name in ("cremad", "ks", "vggsound")),
    *"olm_loop irfb methods_loss methods add_a_method table1 table3 fig1".split(),
)
ROWS = (
    "audio_only visual_only concat three_heads olm olm_paper olm_code olm_variant "
    "olm_uniform olm_random olm_constant"
).split()


def data_wait_share(row: params.Row, data: Prepared, model, config) -> float:
    """Return the share of an epoch that is spent waiting for batches."""
    trainee = Trainee(row, data, model, config)
    waited, start = 0.0, time.perf_counter()
    batches = loader(trainee.training.clips["train"], config.batch_size, shuffle=True, epoch=1)
    batches = iter(batches)
    while True:
        asked = time.perf_counter()
        batch = next(batches, None)
        waited += time.perf_counter() - asked
        if batch is None:
            return waited / (time.perf_counter() - start)
        trainee.batch = batch
        trainee.step()


def write_costs(seconds: dict[str, float], rows: dict[str, params.Row]) -> None:
    """Write what each row's step costs for the table of notebook 20, with the machine's name."""
    costs = pd.DataFrame({"row": list(rows)})
    costs["step_over_concat"] = [round(seconds[name] / seconds["concat"], 2) for name in rows]
    costs["extra_runs"] = [3 * (row.method == "gblend") for row in rows.values()]
    costs["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    costs.to_csv(ROOT / "benchmarks" / "costs.csv", index=False, lineterminator="\n")


def pipeline_seconds() -> dict[str, float]:
    """Return the seconds of `dvc repro` of the last commit in a fresh clone, installation apart.

    First of CREMA-D's stages with `ROWS` alone, then of what is left of four data sets, then of all
    that is left, which ends with the whole pipeline made, then of a `dvc repro` that finds nothing
    to do. The clone must then be as the commit is.
    """
    with tempfile.TemporaryDirectory() as box:
        subprocess.run(["git", "clone", "-q", ROOT, box], check=True)
        file = Path(box) / "params.yaml"
        whole = file.read_text()
        part = yaml.safe_load(whole)
        part["rows"] = {name: part["rows"][name] for name in ROWS}
        file.write_text(yaml.safe_dump(part, sort_keys=False))
        _dvc(box, "pull", "data.dvc")
        cremad = _dvc(box, "repro", *CREMAD)
        file.write_text(whole)
        four = cremad + _dvc(box, "repro", *FOUR_SETS)
        every = four + _dvc(box, "repro")
        again = _dvc(box, "repro")
        git = ["git", "-C", box, "status", "--porcelain"]
        changed = subprocess.run(git, check=True, capture_output=True, text=True).stdout
        print(f"the clone after the pipeline:\n{changed}" if changed else "the clone is unchanged")
        return {
            "seconds.mini_cremad": cremad,
            "seconds.mini_four_sets": four,
            "seconds.mini_pipeline": every,
            "seconds.second_repro": again,
        }


def _dvc(folder: str, *words: str) -> float:
    """Run a command of DVC in a clone, its output in build/bench-pipeline.log; return seconds."""
    environment = os.environ | {"PYTHONPATH": folder, "DVC_NO_ANALYTICS": "1"}
    log = ROOT / "build" / "bench-pipeline.log"
    log.parent.mkdir(exist_ok=True)
    start = time.perf_counter()
    with log.open("a") as file:
        done = subprocess.run(
            ["dvc", *words], cwd=folder, env=environment, stdout=file, stderr=file
        )
    if done.returncode:
        sys.exit(f"dvc {' '.join(words)} failed, see {log}")
    return time.perf_counter() - start


def main() -> None:
    """Measure everything, print it, and write build/bench.json; `scale`: that part alone."""
    if "scale" in sys.argv:
        return report(scale.measure())
    torch.set_num_threads(1)
    settings = params.load(ROOT / "params.yaml")
    cremad, rows = settings.profiles["mini"].dataset("cremad"), settings.rows
    size, side, measured = cremad.prepare.frame_size, cremad.prepare.audio_pool, {}
    pooled = {"bins": 257 // side, "frames": 299 // side}
    with tempfile.TemporaryDirectory() as box:
        config = replace(cremad.train, epochs=1, lr=1e-3)
        small = synthetic(Path(box) / "few", clips=120, size=size, **pooled)
        trainees = {n: Trainee(row, small, cremad.model, config) for n, row in rows.items()}
        seconds = step_seconds(trainees, ROUNDS)
        for name in rows:
            if name != "concat":
                measured[f"method_over_concat.{name}"] = seconds[name] / seconds["concat"]
        measured["olm_over_three_heads"] = seconds["olm"] / seconds["three_heads"]
        many = synthetic(Path(box) / "many", clips=1000, size=size, **pooled)
        measured["data_wait_share"] = data_wait_share(rows["concat"], many, cremad.model, config)
        if "--costs" in sys.argv:
            write_costs(seconds, rows)

        torch.set_num_threads(os.cpu_count())
        config = replace(config, batch_size=8)
        large = synthetic(Path(box) / "conv", clips=60, size=224)
        setting = (large, LateFusionConfig(width=64), config)
        three = {name: Trainee(rows[name], *setting) for name in ("three_heads", "olm")}
        three["official"] = Official(rows["three_heads"], *setting)
        seconds = step_seconds(three, rounds=3)
        measured["conv64.olm_over_three_heads"] = seconds["olm"] / seconds["three_heads"]
        measured["conv64.olm_over_official"] = seconds["olm"] / seconds["official"]
    if "--costs" not in sys.argv:
        measured |= localization.measure(settings.table2.rows)
        measured |= attention.measure() | scale.measure()
    if shutil.which("dvc") and not {"--steps", "--costs"} & set(sys.argv):
        # A pipeline that fails must not lose an hour of other measurements.
        report(measured)
        measured |= pipeline_seconds()
    report(measured)


def report(measured: dict[str, float]) -> None:
    """Print the table of what was measured beside its budgets and write build/bench.json."""
    budgets = BUDGETS | {key: 1.6 for key in measured if key.startswith("method_over_concat")}
    for name in OTHER_ENCODER:
        budgets.pop(f"method_over_concat.{name}", None)
    table = pd.DataFrame({"measured": measured, "budget": budgets}).reindex(measured)
    table["holds"] = table["measured"] <= table["budget"]
    shown = table.round(3).astype(object)
    shown = shown.where(table["budget"].notna(), shown.assign(budget="", holds=""))
    print(shown.to_markdown(), flush=True)
    file = ROOT / "build" / "bench.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
