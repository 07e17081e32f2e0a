"""The official lists of SUN RGB-D: which frames are in which part, and which belong together."""

import re
from pathlib import Path, PurePosixPath

import numpy as np

from companion.data import files
from companion.data.release import ReleaseError

SPLIT = Path("SUNRGBDtoolbox", "traintestSUNRGBD", "allsplit.mat")
LISTS = {"train": "alltrain", "test": "alltest"}
SOURCE = (
    "Unpack SUNRGBD.zip and SUNRGBDtoolbox.zip (rgbd.cs.princeton.edu/data) side by side; or make "
    "a miniature with the `miniature_sunrgbd` stage"
)
# 000103_2014-05-26_14-23-37_260595134347_rgbf000103-resize: frames of one film share the middle.
_FILM = re.compile(r"\d+_(.+)_rgbf\d+.*")


def read(path: Path) -> dict[str, list[str]]:
    """Return split -> paths below `SUNRGBD/`, of `allsplit.mat`.

    Raises:
        ReleaseError: the file is missing, damaged, of another layout, or names a frame twice.
    """
    fault = files.problem(path)
    if fault:
        raise ReleaseError(f"{path} is {fault}. {SOURCE}")
    # Here, because making a miniature imports this module and reads no list.
    from scipy.io import loadmat

    try:
        content = loadmat(path)
    except NotImplementedError:
        raise ReleaseError(
            f"{path} is a MATLAB file of version 7.3, the official one is of version 5. {SOURCE}"
        ) from None
    except Exception as error:
        # A damaged file raises nearly anything, from TypeError to zlib's own.
        raise ReleaseError(f"{path} is no whole MATLAB file: {error}. {SOURCE}") from None
    known = ", ".join(name for name in content if not name.startswith("__")) or "nothing"
    lists: dict[str, list[str]] = {}
    places: dict[str, str] = {}
    for split, name in LISTS.items():
        if name not in content:
            raise ReleaseError(f"{path} has no {name}; it has {known}. {SOURCE}")
        lists[split] = []
        for number, entry in enumerate(content[name].ravel(), start=1):
            where = f"{path}, {name}, entry {number}"
            text = entry.item() if isinstance(entry, np.ndarray) and entry.size == 1 else entry
            if not isinstance(text, str):
                raise ReleaseError(
                    f"{where}: {type(text).__name__}, expected the path of a frame. {SOURCE}"
                )
            try:
                frame = cut(text)
            except ValueError as error:
                raise ReleaseError(f"{where}: {error}. {SOURCE}") from None
            if frame in places:
                raise ReleaseError(f"{where}: duplicate {frame}, first in {places[frame]}")
            places[frame] = where
            lists[split].append(frame)
    return lists


def cut(path: str) -> str:
    """Return the path below `SUNRGBD/` of an entry of the official lists.

    They are absolute paths of the authors' machine, some with double slashes or one at the end.

    Raises:
        ValueError: it does not lead below a folder of that name.
    """
    parts = PurePosixPath(path.strip()).parts
    after = parts[parts.index("SUNRGBD") + 1 :] if "SUNRGBD" in parts else ()
    if not after or ".." in after:
        raise ValueError(f"{path!r} does not lead below a folder SUNRGBD")
    return "/".join(after)


def group(path: str) -> str:
    """Return what was filmed in one go with a frame: a folder of `sun3ddata`, or one film."""
    folder, _, name = path.rpartition("/")
    if "/sun3ddata/" in path:
        return folder
    film = _FILM.fullmatch(name)
    return f"{folder}/{film[1]}" if film else path
