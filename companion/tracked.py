"""What DVC's own commands read: a few numbers of each table, and how every row learnt.

`dvc metrics` and `dvc exp show` show the numbers, `dvc plots` the curves and the tables themselves.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from companion.runs import folder
from companion.runs.identity import Run
from olmlib.files import whole


def save_metrics(table: pd.DataFrame, group: str, value: str, path: Path) -> None:
    """Write one number for each group and row of a table as JSON, which DVC calls `group.row`.

    Args:
        table: columns `row`, `group` and `value`; where a row stands more than once in a group, as
            the unimodal ones of Table 3 may, its lines agree.
        group: the column by which rows are grouped.
        value: the column of the numbers, in percent.
        path: of the file.

    Raises:
        ValueError: a number is missing, or lines of the same row differ.
    """
    lines = table[[group, "row", value]].drop_duplicates()
    twice = lines[lines.duplicated([group, "row"], keep=False) | lines[value].isna()]
    if not twice.empty:
        name, row = twice.iloc[0][[group, "row"]]
        raise ValueError(f"{path.name}: {row} of {name} has no {value}, or two that differ")
    numbers = {
        str(name): dict(zip(part["row"], part[value].round(2).tolist(), strict=True))
        for name, part in lines.groupby(group, sort=False)
    }
    with whole(path) as part_of_file:
        part_of_file.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")


def curves(grids: Mapping[str, Sequence[Run]]) -> pd.DataFrame:
    """Return how every row learnt: its dev accuracy after each epoch, mean over seeds.

    Args:
        grids: data set -> its finished runs.

    Returns:
        Columns `dataset`, `row`, `epoch`, `dev_accuracy` in percent.

    Raises:
        FileNotFoundError, ValueError: as `folder.check`.
    """
    means = [
        folder.epochs(grid)
        .groupby(["row", "epoch"], sort=False)["dev_accuracy"]
        .mean()
        .mul(100)
        .reset_index()
        .assign(dataset=name)
        for name, grid in grids.items()
    ]
    return pd.concat(means, ignore_index=True)[["dataset", "row", "epoch", "dev_accuracy"]]
