"""What `make study` has measured, from the files in git: for readers who have not trained it."""

import pandas as pd

from companion.notebooks import root

RESULTS = "results/study"


def frame(dataset: str) -> pd.DataFrame:
    """Return a line per run that was reported, as `companion.study.runs.frame` does.

    Raises:
        FileNotFoundError: the data set is not in `results/study`.
    """
    return _file(dataset, "runs").drop(columns="title")


def pairs(dataset: str) -> pd.DataFrame:
    """Return the eight comparisons, as `companion.findings.numbers.eight` does.

    Raises:
        FileNotFoundError: as `frame`.
    """
    return _file(dataset, "pairs")


def claims(dataset: str) -> pd.DataFrame:
    """Return what is asked for the claims, as `companion.findings.asked.ask` does.

    Raises:
        FileNotFoundError: as `frame`.
    """
    return _file(dataset, "claims").fillna({"row": ""})


def _file(dataset: str, what: str) -> pd.DataFrame:
    path = root() / RESULTS / f"{dataset}_{what}.csv"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} not found: the results in git lack {dataset}; `make study` measures it"
        )
    return pd.read_csv(path)
