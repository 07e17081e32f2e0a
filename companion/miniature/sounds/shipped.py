"""Files of the shipped sources, read whole or not at all."""

import csv
from pathlib import Path

import numpy as np

from companion.data import sound
from companion.data.files import BadClip

PULL = "run `dvc pull data.dvc` in the root of the repository"
RESTORE = "`dvc checkout --force data.dvc` in the root of the repository brings it back"


def table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file with a header.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is not as it was shipped; says where.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: {PULL}")
    # Not by pandas, which every worker process would have to load.
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        try:
            rows = list(reader)
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is not as it was shipped ({error}): {RESTORE}") from None
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise ValueError(f"{path}, row {number}, is not as it was shipped: {RESTORE}")
    return rows


def decoded(path: Path, rate: int) -> np.ndarray:
    """Return the sound of a file of one channel, `(samples,)` float32 at `rate`.

    Whole, because a decoder that starts in the middle gives slightly other samples.

    Raises:
        ValueError: it is missing, cut, damaged, or at another rate.
    """
    try:
        samples, found = sound.read(path)
    except BadClip as error:
        raise ValueError(f"{path} is not as it was shipped ({error.reason}): {RESTORE}") from None
    if found != rate or samples.shape[1] != 1:
        raise ValueError(f"{path} has {found} samples per second, expected {rate}: {RESTORE}")
    return samples[:, 0]
