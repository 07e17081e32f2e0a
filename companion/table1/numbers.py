"""Table 1 and its ablation: means and spread over seeds, in percent, traceable to runs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from companion import paper, registry
from companion.evidence.intervals import comparisons
from companion.runs import folder
from companion.runs.identity import Run
from companion.spread import Sensitivity, Spread, sensitivity, spread
from companion.spread import difference as difference_of
from companion.table1.rows import ABLATION, CONTROLS, REFERENCES, block, label, place
from companion.tables import split_by

# Column of the table -> weights and metric of `folder.load`.
MEASURES = {
    "accuracy": ("test", "accuracy"),
    "map": ("test", "map"),
    "last_accuracy": ("last", "accuracy"),
    "audio": ("test", "accuracy_audio"),
    "visual": ("test", "accuracy_visual"),
    "sum": ("test", "accuracy_sum"),
    "weighted_sum": ("test", "accuracy_weighted_sum"),
}
# Test accuracies of the prediction by the epoch that is chosen, from `epochs.csv`.
EPOCHS = ("best_dev_accuracy", "best_test_accuracy")
MEASURED = (*MEASURES, *EPOCHS)
ALWAYS = {"accuracy", "map", "last_accuracy", *EPOCHS}
NONE = Spread(np.nan, np.nan)
COSTS = ("step_over_concat", "extra_runs")


def collect(grids: Mapping[str, Sequence[Run]]) -> pd.DataFrame:
    """Return the metrics of all runs, one line per run: what every cell of a table is made of.

    Args:
        grids: data set -> its runs.

    Returns:
        Columns `dataset`, `title`, `row`, `seed`, `test_clips`, `identity` and `MEASURED`, in
        `[0, 1]`; a measure that a row does not have (no such head) is NaN.

    Raises:
        FileNotFoundError: a run is missing.
        ValueError: a folder holds another run than its name says or one that is not of today, or
            as `check`.
    """
    parts = []
    for dataset, grid in grids.items():
        tidy = folder.load(grid)
        broken = tidy[~tidy["value"].between(0, 1)]
        if len(broken):
            raise ValueError(f"{dataset}: not in [0, 1]:\n{broken.to_string(index=False)}")
        values = tidy.pivot(index=["row", "seed"], columns=["weights", "metric"], values="value")
        table = pd.DataFrame(
            {
                name: values[key] if key in values.columns else np.nan
                for name, key in MEASURES.items()
            },
            index=values.index,
        ).join(_epochs(grid))
        origin = pd.DataFrame([_origin(dataset, run) for run in grid])
        parts.append(origin.merge(table.reset_index(), on=["row", "seed"], validate="1:1"))
    measured = pd.concat(parts, ignore_index=True)
    check(measured)
    return measured


def check(measured: pd.DataFrame) -> None:
    """Check that no run is missing and no cell empty that should hold a number.

    Raises:
        ValueError: rows do not share their seeds, a value is NaN or outside `[0, 1]`, or a measure
            is there for some seeds of a row only.
    """
    for dataset, part in split_by(measured, "dataset"):
        seeds = {row: tuple(sorted(runs["seed"])) for row, runs in split_by(part, "row")}
        wanted = tuple(sorted(set(part["seed"])))
        for row, present in seeds.items():
            if present != wanted:
                raise ValueError(f"{dataset}: row {row} has seeds {present}, others have {wanted}")
        for row, runs in split_by(part, "row"):
            for name in MEASURED:
                values = runs[name]
                gone = values.isna()
                if gone.any() and (name in ALWAYS or not gone.all()):
                    without = runs.loc[gone, "seed"].tolist()
                    raise ValueError(f"{dataset}: {name} of row {row} is NaN for seeds {without}")
                if not values[~gone].between(0, 1).all():
                    raise ValueError(
                        f"{dataset}: {name} of row {row} is not in [0, 1]: {values.tolist()}"
                    )


def table1(
    measured: pd.DataFrame,
    printed: str | Path | None = None,
    measured_costs: str | Path | None = None,
) -> pd.DataFrame:
    """Return Table 1: one line per data set and row, in the order of `rows.BLOCKS`.

    Args:
        measured: as of `collect`.
        printed: place of `data/paper/table1.csv`.
        measured_costs: place of `benchmarks/costs.csv`.

    Returns:
        Columns `dataset`, `title`, `block`, `row`, `label`, `letter`, `seeds`, `test_clips`; each
        measure and its `<measure>_sd`, the standard deviation over seeds; `paper_accuracy`,
        `paper_map`; `minus_<reference>` and `_sd` for the unpaired difference of accuracies;
        `COSTS`. Percent and percentage points, with 4 digits, but for counts and costs.

    Raises:
        ValueError: as `check`, or a row to compare with is missing.
    """
    check(measured)
    lines = []
    for dataset, part in split_by(measured, "dataset"):
        numbers = published(dataset, printed)
        for row in sorted(dict.fromkeys(part["row"]), key=place):
            runs = part[part["row"] == row]
            line: dict[str, Any] = {"dataset": dataset, "title": runs["title"].iloc[0]}
            line |= {"block": block(row), "row": row, "label": label(row)}
            line |= {"letter": ABLATION.get(row, ""), "seeds": len(runs)}
            line["test_clips"] = int(runs["test_clips"].iloc[0])
            for name in MEASURED:
                own = NONE if runs[name].isna().all() else spread(runs[name].to_numpy())
                line |= {name: own.mean, f"{name}_sd": own.sd}
            line |= numbers.get(row, {})
            for reference in REFERENCES:
                gap = NONE if row == reference else difference(measured, dataset, row, reference)
                line |= {f"minus_{reference}": gap.mean, f"minus_{reference}_sd": gap.sd}
            lines.append(line)
    table = pd.DataFrame(lines)
    for name in ("paper_accuracy", "paper_map"):
        table[name] = table.get(name, np.nan)
    floats = table.select_dtypes("float").columns
    # Twice: the last bit of a mean must not decide how a tie is rounded.
    table[floats] = (100 * table[floats]).round(8).round(4)
    return table.join(costs(measured_costs), on="row")


def can_tell(part: pd.DataFrame, measure: str = "accuracy") -> Sensitivity:
    """Return what the rows of one data set can tell of each other, in the unit of the table.

    Args:
        part: the lines of `table1` of one data set.
        measure: which of its columns is compared.
    """
    pairs = comparisons(part["row"].tolist(), REFERENCES)
    return sensitivity(part[f"{measure}_sd"].to_numpy(), int(part["seeds"].iloc[0]), len(pairs))


def ablation(table: pd.DataFrame) -> pd.DataFrame:
    """Return the lettered lines of `table1` by their letters, of data sets that have controls."""
    explained = set(table.loc[table["block"] == CONTROLS, "dataset"])
    lines = table[(table["letter"] != "") & table["dataset"].isin(explained)]
    return lines.sort_values(["dataset", "letter"], kind="stable")


def difference(
    measured: pd.DataFrame, dataset: str, row: str, reference: str, measure: str = "accuracy"
) -> Spread:
    """Return a measure's mean of `row` minus that of `reference`, unpaired, in `[-1, 1]`.

    Raises:
        ValueError: no such row.
    """
    part = measured[measured["dataset"] == dataset]
    pair = [part.loc[part["row"] == name, measure].to_numpy() for name in (row, reference)]
    for name, values in zip((row, reference), pair, strict=True):
        if not len(values):
            raise ValueError(f"{dataset} has no row {name} to compare with")
    return difference_of(*pair)


def costs(path: str | Path | None = None) -> pd.DataFrame:
    """Return what `python -m benchmarks --costs` measured: `COSTS` of each row.

    Costs are measured apart, on a machine at rest; a row without them has empty cells.

    Args:
        path: place of `benchmarks/costs.csv`; without it, or without the file, no row has costs.

    Returns:
        Index: names of rows; `step_over_concat`, a ratio of times, and `extra_runs`, a number of
        trainings.
    """
    table = pd.DataFrame()
    if path is not None and Path(path).is_file():
        table = pd.read_csv(path)
    table = table.reindex(columns=["row", *COSTS]).drop_duplicates("row").set_index("row")
    return table.apply(pd.to_numeric, errors="coerce")


def title(run: Run) -> str:
    """Return the readable name of a run's data set, which says so where it is a miniature."""
    return registry.title(run.dataset, run.config.miniature is not None)


def published(dataset: str, path: str | Path | None = None) -> dict[str, dict[str, float]]:
    """Return row -> `paper_accuracy` and `paper_map`, in `[0, 1]`; empty where the paper is mute.

    Args:
        dataset: name of the data set.
        path: another place of `data/paper/table1.csv`.
    """
    column = registry.entry(dataset).column
    if column is None:
        return {}
    printed = paper.table1(column, path).add_prefix("paper_")
    return {
        str(row): {str(name): value for name, value in numbers.items()}
        for row, numbers in printed.iterrows()
    }


def _epochs(grid: Sequence[Run]) -> pd.DataFrame:
    """Return `EPOCHS` per row and seed; the first of equal epochs is chosen, as in training."""
    chosen = {}
    for (row, seed), epochs in folder.epochs(grid).groupby(["row", "seed"], sort=False):
        best = epochs["test_accuracy"].iloc[epochs["dev_accuracy"].argmax()]
        chosen[row, seed] = dict(zip(EPOCHS, (best, epochs["test_accuracy"].max()), strict=True))
    table = pd.DataFrame.from_dict(chosen, orient="index")
    return table.rename_axis(["row", "seed"])


def _origin(dataset: str, run: Run) -> dict:
    known = json.loads((run.folder / "identity.json").read_text())
    if (known["row"], known["seed"]) != (run.name, run.seed):
        name = f"{known['row']}-{known['seed']}"
        raise ValueError(f"{run.folder} holds the run {name}: delete it and run notebook 10_train")
    with np.load(run.folder / "predictions.npz") as predictions:
        clips = len(predictions["label"])
    return {
        "dataset": dataset,
        "title": title(run),
        "row": run.name,
        "seed": run.seed,
        "test_clips": clips,
        "identity": known["identity"],
    }
