"""The study, step by step: `make study` runs all of it.

    python -m companion.study prepare ravdess
    python -m companion.study tune ravdess
    python -m companion.study train ravdess
    python -m companion.study costs
    python -m companion.study tuning results/study/tuning.csv

Every step can be stopped at any time and begun again: finished runs are kept. Over a cluster: start
it from a program that has set joblib's backend, see `companion.workers`.
"""

from companion import kernel

if __name__ == "__main__":
    # Before numpy and torch, which look at their variables when they are imported.
    kernel.restart()

import argparse
import sys
from pathlib import Path

from companion.runs.sources import ROOT
from companion.study import progress, work
from companion.study.grid import Study

STEPS = {"prepare": work.prepare, "tune": work.tune, "train": work.train}


def main(arguments: list[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser("python -m companion.study", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    steps = parser.add_subparsers(dest="step", required=True)
    for name in STEPS:
        step = steps.add_parser(name)
        step.add_argument("dataset", nargs="+")
        step.add_argument("--workers", type=int, help="processes, by default study.workers")
    steps.add_parser("costs", help="how long everything takes, from study/costs.csv")
    steps.add_parser("tuning", help="one file of all grids").add_argument("path", type=Path)
    chosen = parser.parse_args(arguments)
    try:
        study = Study(ROOT)
        if chosen.step == "costs":
            print(bill(study))
        elif chosen.step == "tuning":
            work.merge(study, chosen.path)
        else:
            for dataset in chosen.dataset:
                STEPS[chosen.step](study, dataset, chosen.workers or study.values.workers)
    except (ValueError, OSError, RuntimeError) as error:
        sys.exit(str(error))


def bill(study: Study) -> str:
    """Return what every data set costs, in runs and in minutes of the set number of processes."""
    table = progress.costs(study)
    for part in ("tuning", "reported"):
        minutes = table[part] * table["seconds"] / 60 / study.values.workers
        table[f"{part}_minutes"] = minutes
    sums = table.groupby("dataset", sort=False)[
        ["tuning", "reported", "tuning_minutes", "reported_minutes"]
    ].sum()
    sums.loc["sum"] = sums.sum()
    sums["minutes"] = sums["tuning_minutes"] + sums["reported_minutes"]
    return sums.round(1).to_string()


if __name__ == "__main__":
    main()
