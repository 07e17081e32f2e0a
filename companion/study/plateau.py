"""Base rate and epochs of the study's recordings, by networks that nothing balances.

    python -m companion.study.plateau

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

from companion.plateau import MARGIN, RATES, best, gaps, measured
from companion.report import markdown_table, save, signed
from companion.runs import grid
from companion.runs.identity import Run
from companion.runs.sources import ROOT
from companion.study.grid import Choice, Study
from companion.study.recordings import RECORDINGS
from olmlib.files import whole

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


def markdown(study: Study, table: pd.DataFrame) -> str:
    """Return what was measured, by the base rates and epochs of `params.yaml`."""
    rates, epochs = [], []
    for dataset, own in table.groupby("dataset", sort=False):
        base = study.section(str(dataset)).train
        joint = own[(own["row"] == "concat") & (own["epochs"] == base.epochs)]
        for lr, dev in joint.groupby("lr")["dev_accuracy"]:
            line = {"Data set": study.title(str(dataset)), "Rate": f"{lr:g}"}
            taken = {"Taken": "yes" if lr == best(joint) else ""}
            rates.append(line | {"Dev accuracy": f"{dev.mean():.1f}"} | taken)
        for gap in gaps(own[own["lr"] == base.lr]).to_dict("records"):
            epochs.append(
                {
                    "Data set": study.title(str(dataset)),
                    "Row": gap["row"],
                    "Epochs": f"{gap['epochs']}, {2 * gap['epochs']}",
                    "Dev accuracy": f"{gap['dev_accuracy']:.1f}",
                    "Change, points": f"{signed(gap['change'])} ± {gap['se']:.1f}",
                }
            )
    return (
        f"### Rates: dev accuracy of Concat, mean over folds\n\n"
        f"{markdown_table(pd.DataFrame(rates))}\n\n"
        f"### Epochs: what twice as many change, ± standard error over folds\n\n"
        f"{markdown_table(pd.DataFrame(epochs))}"
    )


def told(study: Study, dataset: str, table: pd.DataFrame) -> str:
    """Return whether a data set's section in `params.yaml` is what its measurements ask for."""
    base = study.section(dataset).train
    rate = best(table[(table["row"] == "concat") & (table["epochs"] == base.epochs)])
    found = gaps(table[table["lr"] == base.lr])
    over = ", ".join(found.loc[found["change"].abs() >= MARGIN, "row"])
    return f"{dataset}: best rate {rate:g}, params.yaml has {base.lr:g}; " + (
        f"not on the plateau: {over}" if over else "on the plateau"
    )


def main() -> None:
    """Measure all recordings; runs that are at hand are not trained again."""
    study = Study(ROOT)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=study.values.workers)
    workers, tables = parser.parse_args().workers, []
    for dataset in RECORDINGS:
        wanted = runs(study, dataset)
        grid.train_all(wanted, workers)
        tables.append(measured(wanted))
        print(told(study, dataset, tables[-1]), flush=True)
    table, path = pd.concat(tables), ROOT / RESULT
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part:
        table.to_csv(part, index=False, lineterminator="\n")
    save(markdown(study, table), path.with_suffix(".md"))


if __name__ == "__main__":
    main()
