"""The paper's published numbers, beside which ours stand."""

from pathlib import Path

import pandas as pd

from companion.runs.sources import ROOT

# Our names (params.yaml, rows) and the paper's (Table 1, column "method").
# Rows that are ours alone, such as the controls, have no counterpart.
TABLE1_ROWS = {
    "audio_only": "Audio-only",
    "visual_only": "Visual-only",
    "concat": "Concat",
    "sum": "Sum",
    "film": "FiLM",
    "gated": "Gated",
    "attention": "Attention",
    "gradnorm": "GradNorm",
    "mmcosine": "MMCosine",
    "avslowfast": "AVSlowFast",
    "gblend": "G-Blend",
    "cur": "CUR",
    "pmr": "PMR",
    "ogm_ge": "OGM-GE",
    "olm": "OLM-Conv",
}


def published(table: str = "table1", path: str | Path | None = None) -> pd.DataFrame:
    """Return a published table, one line per method as printed.

    Args:
        table: the name of a file in `data/paper`, without its ending.
        path: another place of that file.

    Returns:
        The columns of the file; accuracies and mAPs in percent.

    Raises:
        FileNotFoundError: the file is not there yet.
    """
    path = Path(path) if path is not None else ROOT / "data" / "paper" / f"{table}.csv"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} not found: run `dvc pull data.dvc` in the root of the repository"
        )
    return pd.read_csv(path)


def table1(column: str, path: str | Path | None = None) -> pd.DataFrame:
    """Return Table 1's column pair of one data set under our row names.

    Args:
        column: of the data set: what `_acc` and `_map` are appended to.
        path: another place of `data/paper/table1.csv`.

    Returns:
        Index: our row names, in the paper's order; columns `accuracy` and `map`, in `[0, 1]`.

    Raises:
        FileNotFoundError: as `published`.
        ValueError: the paper has no such data set, or the file lacks a row.
    """
    printed = published("table1", path).set_index("method")
    pair = [f"{column}_acc", f"{column}_map"]
    if not set(pair) <= set(printed):
        known = [name.removesuffix("_acc") for name in map(str, printed) if name.endswith("_acc")]
        raise ValueError(f"Table 1 has no column {column!r}; it has {', '.join(known)}")
    absent = [name for name in TABLE1_ROWS.values() if name not in printed.index]
    if absent:
        raise ValueError(f"the published Table 1 lacks {', '.join(absent)}")
    rows = printed.loc[list(TABLE1_ROWS.values()), pair] / 100
    return rows.set_axis(list(TABLE1_ROWS)).set_axis(["accuracy", "map"], axis="columns")
