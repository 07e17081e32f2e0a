"""Base rate and epochs of a profile's data sets, found before any method of balancing is trained.

    python -m companion.plateau rates --profile mini
    python -m companion.plateau epochs --profile mini
    python -m companion.plateau curve --profile mini --dataset cremad

The base rate of a data set is the one of `RATES` at which the joint network (Concat; of Table 2,
each network's baseline; of Table 3, attention over all modalities) has the best dev accuracy, mean
of two seeds that no table shows. At the rate in `params.yaml`, its epochs are enough if twice as
many change the dev accuracy of the joint network and of every unimodal one by less than `MARGIN`
points, mean of ten such seeds. How many would be enough shows the curve.

It writes what it measured and says whether `params.yaml` fits; that is edited by hand. A dev
accuracy is the mean of the last `LAST` epochs. On data with folds, the seeds take turns at them, so
what twice the epochs change is a mean of differences within a seed.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import pandas as pd
from scipy.stats import t

from companion import registry, settings
from companion.data import sections
from companion.fig4 import numbers as fig4
from companion.report import markdown_table, save, signed
from companion.runs import folder, grid
from companion.runs.identity import Run
from companion.runs.sources import ROOT
from companion.table2 import numbers as table2
from companion.table3 import numbers as table3
from companion.tables import split_by
from olmlib.files import whole

RATES = {"sgd": (0.1, 0.05, 0.02, 0.01), "adam": (0.012, 0.006, 0.003, 0.0015)}
SEEDS = tuple(range(100, 110))
RATE_SEEDS = SEEDS[:2]
# Numbers of epochs that are compared, times that in `params.yaml`.
FACTORS = {"epochs": (1, 2), "curve": (1, 1.5, 2, 3)}
LAST = 3
MARGIN = 1.5
COLUMNS = ["dataset", "row", "lr", "epochs", "seed", "dev_accuracy"]
PLACE = ROOT / "results" / "plateau"


def unbalanced(profile: str, dataset: str) -> list[Run]:
    """Return one run of the joint network on all modalities, and one of each modality alone.

    Of Table 2, one of each network: its modalities cannot be trained alone.
    """
    kind = registry.entry(dataset).section
    if kind is settings.Segments:
        return list({run.name: run for run in joints(table2.runs_of(profile, ROOT))}.values())
    if kind is settings.Sequences:
        runs = table3.runs_of(profile, ROOT)
        most = max(len(table3.config_of(run).model.modalities) for run in runs)
        joint = [run for run in runs if len(table3.config_of(run).model.modalities) == most]
    else:
        figure = kind is settings.Features
        runs = fig4.runs_of(profile, ROOT) if figure else grid.runs_of(profile, dataset, root=ROOT)
        joint = [run for run in runs if run.name == "concat"]
    first = joints(joint)[0]
    alone = {run.name: run for run in runs if run.row.method == "unimodal"}
    return [first, *alone.values()]


def joints(runs: Sequence[Run]) -> list[Run]:
    """Return the runs that are trained jointly and not balanced."""
    return [run for run in runs if run.row.method == "joint"]


def rates(profile: str, dataset: str) -> list[Run]:
    """Return the runs by which the base rate is chosen."""
    return [
        _changed(joint, seed, lr=lr)
        for joint in joints(unbalanced(profile, dataset))
        for lr in RATES[joint.config.train.optimizer]
        for seed in RATE_SEEDS
    ]


def longer(profile: str, dataset: str, factors: Sequence[float]) -> list[Run]:
    """Return the runs with the epochs of `params.yaml` times each of the factors."""
    return [
        _changed(run, seed, epochs=round(factor * run.config.train.epochs))
        for run in unbalanced(profile, dataset)
        for factor in factors
        for seed in SEEDS
    ]


def measured(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the dev accuracy of finished runs, in percent: columns `COLUMNS`.

    Raises:
        FileNotFoundError, ValueError: as `folder.check`.
    """
    folder.check(runs)
    lines = []
    for run in runs:
        epochs = pd.read_csv(run.folder / "epochs.csv")
        train, dev = run.config.train, 100 * epochs["dev_accuracy"].tail(LAST).mean()
        row = run.name.split("@")[0]
        lines.append((run.dataset, row, train.lr, train.epochs, run.seed, round(dev, 4)))
    return pd.DataFrame(lines, columns=COLUMNS)


def best(table: pd.DataFrame) -> float:
    """Return the rate of one network with the best mean dev accuracy, the smaller of equal ones."""
    means = table.groupby("lr", as_index=False)["dev_accuracy"].mean().round(6)
    return means.loc[means["dev_accuracy"].idxmax(), "lr"].item()


def gaps(table: pd.DataFrame) -> pd.DataFrame:
    """Return what twice the epochs change, in points, within a seed and its fold.

    Args:
        table: of one data set, as of `measured`, with two numbers of epochs.

    Returns:
        Columns `row`, `epochs` (the fewer), `dev_accuracy`, `change` and its standard error `se`.
    """
    lines = []
    for row, part in table.groupby("row", sort=False):
        (fewer, few), (_, many) = part.pivot(
            index="seed", columns="epochs", values="dev_accuracy"
        ).items()
        change = many - few
        lines.append((row, fewer, few.mean(), change.mean(), change.sem()))
    return pd.DataFrame(lines, columns=["row", "epochs", "dev_accuracy", "change", "se"])


def markdown(place: Path) -> str:
    """Return the measurements as tables, as far as they are there."""
    parts = {}
    if (place / "rates.csv").is_file():
        lines = [line for part in _parts(place / "rates.csv") for line in _rates(part)]
        parts["Rates: dev accuracy of the joint network, mean (range) of two seeds"] = lines
    if (place / "epochs.csv").is_file():
        lines = [line for part in _parts(place / "epochs.csv") for line in _epochs(part)]
        parts[f"Epochs: what twice as many change, ± standard error of {len(SEEDS)} seeds"] = lines
    if (place / "curve.csv").is_file():
        lines = [line for part in _parts(place / "curve.csv") for line in _curve(part)]
        title = f"Curves: dev accuracy ± standard error of {len(SEEDS)} seeds, by epochs"
        parts[f"{title} times those of `params.yaml`"] = lines
    tables = {title: markdown_table(pd.DataFrame(lines)) for title, lines in parts.items()}
    text = "\n\n".join(f"### {title}\n\n{table}" for title, table in tables.items())
    return f"{text}\n\n{_off(place)}" if (place / "epochs.csv").is_file() else text


def off(gap: dict) -> bool:
    """Return whether a network, a line of `gaps`, is shown to be stopped before its plateau.

    That is, whether the change is more than `MARGIN` by a one-sided t test at 5 %.
    """
    return (abs(gap["change"]) - MARGIN) / gap["se"] > t.ppf(0.95, len(SEEDS) - 1)


def _off(place: Path) -> str:
    found = [
        f"{gap['row']} of {_title(part)}"
        for part in _parts(place / "epochs.csv")
        for gap in gaps(part).to_dict("records")
        if off(gap)
    ]
    return (
        f"Twice the epochs change more than {MARGIN} points, by a one-sided t test at 5 %, of: "
        f"{', '.join(found) or 'none'}."
    )


def _parts(path: Path) -> list[pd.DataFrame]:
    """Return the lines of each data set, in the order of the registry."""
    table = pd.read_csv(path)
    parts = (table[table["dataset"] == name] for name in registry.DATASETS)
    return [part for part in parts if len(part)]


def _title(table: pd.DataFrame, several: bool = False) -> str:
    title = registry.entry(table["dataset"].iloc[0]).title
    return f"{title}, {table['row'].iloc[0]}" if several else title


def _rates(table: pd.DataFrame) -> list[dict]:
    lines = []
    for (_, own), lr in product(split_by(table, "row"), sorted(set(table["lr"]), reverse=True)):
        dev = own.loc[own["lr"] == lr, "dev_accuracy"]
        shown = f"{dev.mean():.1f} ({dev.min():.1f} to {dev.max():.1f})"
        name = _title(own, table["row"].nunique() > 1)
        line = {"Data set": name, "Rate": f"{lr:g}", "Dev accuracy": shown}
        lines.append(line | {"Taken": "yes" if lr == best(own) else ""})
    return lines


def _epochs(table: pd.DataFrame) -> list[dict]:
    return [
        {
            "Data set": _title(table),
            "Network": gap["row"],
            "Epochs": f"{gap['epochs']}, {2 * gap['epochs']}",
            "Dev accuracy": f"{gap['dev_accuracy']:.1f}",
            "Change, points": f"{signed(gap['change'])} ± {gap['se']:.1f}",
        }
        for gap in gaps(table).to_dict("records")
    ]


def _curve(table: pd.DataFrame) -> list[dict]:
    lines = []
    for row, own in table.groupby("row", sort=False):
        dev = own.groupby("epochs")["dev_accuracy"]
        means = zip(FACTORS["curve"], dev.mean(), dev.sem(), strict=True)
        line = {"Data set": _title(table), "Network": row, "Epochs": own["epochs"].min()}
        lines.append(line | {f"x {f:g}": f"{mean:.1f} ± {se:.1f}" for f, mean, se in means})
    return lines


def _changed(run: Run, seed: int, **train) -> Run:
    config = run.config.model_copy(update={"train": replace(run.config.train, **train)})
    name = f"{run.name}@lr{config.train.lr:g}-epochs{config.train.epochs}"
    prepare = config.prepare
    fold = seed % prepare.folds if isinstance(prepare, sections.PrepareSequences) else None
    work = ROOT / "build" / "plateau"
    return replace(
        run, name=name, seed=seed, config=config, fold=fold, runs=work / run.dataset, work=work
    )


def _write(table: pd.DataFrame, path: Path) -> None:
    """Put the lines of a data set into a file in place of those that it has."""
    if path.is_file():
        before = pd.read_csv(path)
        table = pd.concat([before[~before["dataset"].isin(table["dataset"])], table])
    with whole(path) as part:
        table.to_csv(part, index=False, lineterminator="\n")


def main() -> None:
    """Measure rates, epochs or curves of some or all data sets of a profile that have a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("rates", *FACTORS))
    parser.add_argument("--profile", default="mini")
    parser.add_argument("--dataset", action="append", help="by default every one of the profile")
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    _, profile = grid.profile_values(chosen.profile, ROOT)
    PLACE.mkdir(parents=True, exist_ok=True)
    shown = [name for name in profile.datasets if registry.entry(name).table]
    for dataset in chosen.dataset or shown:
        known = (chosen.profile, dataset)
        factors = FACTORS.get(chosen.what)
        runs = longer(*known, factors) if factors else rates(*known)
        grid.train_all(runs, chosen.workers)
        table = measured(runs)
        _write(table, PLACE / f"{chosen.what}.csv")
        save(markdown(PLACE), PLACE / "plateau.md")
        if chosen.what == "rates":
            for run in joints(unbalanced(*known)):
                own = table[table["row"] == run.name]
                print(own.groupby("lr")["dev_accuracy"].agg(["mean", "min", "max"]).round(1))
                has = f"params.yaml has {run.config.train.lr:g}"
                print(f"{dataset}, {run.name}: best rate {best(own):g}, {has}")
        elif chosen.what == "curve":
            print(pd.DataFrame(_curve(table)).to_string(index=False))
        else:
            found = gaps(table)
            print(found.round(2).to_string(index=False))
            over = found.loc[found["change"].abs() >= MARGIN, "row"]
            print(
                f"{dataset}: "
                + (f"not on the plateau: {', '.join(over)}" if len(over) else "on the plateau")
            )


if __name__ == "__main__":
    main()
