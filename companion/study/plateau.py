"""Base rate and epochs of the study's recordings, by networks that nothing balances.

    python -m companion.study.plateau ravdess

The base rate is the one of `companion.plateau.RATES` at which Concat has the best dev accuracy; the
epochs are enough if twice as many change the dev accuracy of Concat and of each modality alone by
less than `companion.plateau.MARGIN` points, at the rate in `params.yaml`. Means over one run per
fold, with seeds that no table reports, of the last epochs. What was measured is in
`results/study/plateau.csv`; `params.yaml` is edited by hand.
"""

from companion import kernel

if __name__ == "__main__":
    kernel.restart()

import argparse
from dataclasses import replace
from pathlib import Path

import pandas as pd

from companion.plateau import MARGIN, RATES, best, gaps, measured, write
from companion.runs import grid
from companion.runs.identity import Run
from companion.runs.sources import ROOT
from companion.study.grid import Choice, Study

SEED = 100
RESULT = Path("results/study/plateau.csv")


def runs(study: Study, dataset: str) -> list[Run]:
    """Return the runs that are compared: Concat by rate, then all of them by number of epochs."""
    base = study.section(dataset).train
    alone = [row for row, known in study.rows(dataset).items() if known.method == "unimodal"]
    rates = [("concat", replace(base, lr=lr)) for lr in RATES[base.optimizer]]
    epochs = [
        (row, replace(base, epochs=factor * base.epochs))
        for row in ("concat", *alone)
        for factor in (1, 2)
    ]
    wanted = {}
    for row, train in [*rates, *epochs]:
        for fold in study.folds(dataset):
            first = study.run(dataset, row, SEED + fold, fold, Choice(train.lr, None), tuning=True)
            name = f"{row}@lr{train.lr:g}-epochs{train.epochs}"
            tried = replace(first.config.train, lr=train.lr, epochs=train.epochs)
            config = first.config.model_copy(update={"train": tried})
            place = study.root / "build" / "plateau" / dataset
            run = replace(first, name=name, config=config, runs=place)
            wanted[run.folder] = run
    return list(wanted.values())


def told(study: Study, dataset: str, table: pd.DataFrame) -> str:
    """Return what a data set's measurements say of its section in `params.yaml`."""
    base = study.section(dataset).train
    one = table[table["epochs"] == base.epochs]
    rates = one[one["row"] == "concat"]
    lines = [rates.groupby("lr")["dev_accuracy"].agg(["mean", "std"]).round(1).to_string()]
    lines.append(f"{dataset}: best rate {best(rates):g}, params.yaml has {base.lr:g}")
    found = gaps(table[table["lr"] == base.lr])
    over = found.loc[found["change"].abs() >= MARGIN, "row"]
    lines.append(found.round(2).to_string(index=False))
    lines.append(
        f"{dataset}: " + (f"not on the plateau: {', '.join(over)}" if len(over) else "plateau")
    )
    return "\n".join(lines)


def main() -> None:
    """Measure the sets that are named."""
    study = Study(ROOT)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", nargs="+")
    parser.add_argument("--workers", type=int, default=study.values.workers)
    chosen = parser.parse_args()
    path = ROOT / RESULT
    for dataset in chosen.dataset:
        wanted = runs(study, dataset)
        grid.train_all(wanted, chosen.workers)
        table = measured(wanted)
        path.parent.mkdir(parents=True, exist_ok=True)
        write(table, path)
        print(told(study, dataset, table))


if __name__ == "__main__":
    main()
