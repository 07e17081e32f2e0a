"""What every preparation does, whatever it makes: alone, finished or not at all, few clips lost.

The work goes on in `.<name>.partial` beside the folder and becomes the folder in one step at the
end.
"""

import errno
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pandas as pd
from filelock import FileLock, Timeout

from companion.data.sections import Section
from companion.runs.sources import closure
from olmlib.data.clips import SPLITS
from olmlib.data.folder import REJECTED, PreparedFolder

P = TypeVar("P", bound=PreparedFolder)


class PreparationError(RuntimeError):
    """Data that cannot be prepared; the message says why and where to look."""


@contextmanager
def alone(folder: Path) -> Iterator[Path]:
    """Yield the working folder of a preparation of `folder`, which no other process then has.

    Raises:
        PreparationError: another preparation of the same folder is running.
        OSError: of the block; one of either folder says what to do.
    """
    work = folder.parent / f".{folder.name}.partial"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{folder.name}.lock", timeout=0):
            yield work
    except Timeout:
        raise PreparationError(
            f"another preparation is writing {folder}; wait for it, then run this again"
        ) from None
    except OSError as error:
        raise explained(error, folder, work) from None


def fingerprint(
    config: Section, modules: Iterable[str], known: object, files: Iterable[bytes]
) -> str:
    """Return the SHA-256 of everything the arrays depend on: configuration, code, clips, files.

    Args:
        config: of the preparation. Without `max_rejected`, which changes no array: a user who
            allows more continues where the preparation stopped.
        modules: those that make the arrays.
        known: what the release is, of a stable `repr`.
        files: the fingerprint of every file, in order.
    """
    digest = hashlib.sha256()
    digest.update(json.dumps(config.model_dump(exclude={"max_rejected"}), sort_keys=True).encode())
    digest.update(json.dumps(closure(*modules)).encode())
    digest.update(repr(known).encode())
    for file in files:
        digest.update(file + b";")
    return digest.hexdigest()


def finished(
    opened: Callable[[Path], P], folder: Path, mark: str, known: tuple[str, int, float]
) -> P | None:
    """Return what was prepared before, if it is the same; else None.

    Args:
        opened: the class that opens such a folder.
        folder: where it would be.
        mark: the fingerprint of what is wanted.
        known: name and number of clips of the release, and the share that may be rejected.

    Raises:
        PreparationError: as `judge`.
    """
    if not (folder / "meta.json").is_file():
        return None
    done = opened(folder)
    if done.meta.get("fingerprint") != mark:
        return None
    judge(pd.read_csv(folder / "rejected.csv"), *known, folder)
    return done


def lost(
    refused: list[tuple[str, str, str]], known: tuple[str, int, float], work: Path
) -> pd.DataFrame:
    """Write the rejected clips, id, split and reason, and judge whether they are too many.

    Raises:
        PreparationError: as `judge`.
    """
    rejected = pd.DataFrame(refused, columns=REJECTED)
    rejected.to_csv(work / "rejected.csv", index=False, lineterminator="\n")
    judge(rejected, *known, work)
    return rejected


def counts(records: pd.DataFrame) -> dict[str, int]:
    """Return the number of clips of each split, as `meta.json` has them."""
    return {f"{split}_clips": int((records["split"] == split).sum()) for split in SPLITS}


def put(work: Path, folder: Path) -> None:
    """Let the finished work be the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    work.replace(folder)


def judge(rejected: pd.DataFrame, name: str, clips: int, allowed: float, folder: Path) -> None:
    """Refuse a preparation that rejected too many clips.

    Args:
        rejected: columns id and reason; also in `folder / "rejected.csv"`.
        name: of the data set.
        clips: of the release.
        allowed: share of them that may be rejected.
        folder: where `rejected.csv` lies.

    Raises:
        PreparationError: as said; names the first five and why.
    """
    if len(rejected) > allowed * clips:
        first = "\n".join(f"  {row.id}: {row.reason}" for row in rejected.head(5).itertuples())
        raise PreparationError(
            f"{len(rejected)} of {clips} clips of {name} cannot be used, more than max_rejected = "
            f"{allowed:.2%}. The first:\n{first}\nAll of them are in "
            f"{folder / 'rejected.csv'}; mend them or raise max_rejected in params.yaml"
        )


def refuse_empty(
    records: pd.DataFrame, name: str, classes: tuple[str, ...], work: Path, advice: str = ""
) -> None:
    """Refuse a split without a clip, or without one of some class.

    Args:
        records: columns label and split.
        name: of the data set.
        classes: what a label is a position in.
        work: where `rejected.csv` lies.
        advice: what else may help where the dev split lacks a class.

    Raises:
        PreparationError: as said.
    """
    for split in SPLITS:
        labels = set(records["label"][records["split"] == split])
        if not labels:
            raise PreparationError(
                f"the {split} split of {name} has no usable clip; see {work / 'rejected.csv'}"
            )
        absent = [known for i, known in enumerate(classes) if i not in labels]
        if absent:
            raise PreparationError(
                f"class {', '.join(absent)} has no usable clip in the {split} split of {name}; see "
                f"{work / 'rejected.csv'}" + (advice if split == "dev" else "")
            )


def explained(error: OSError, folder: Path, work: Path) -> OSError:
    """Return `error` with what to do about it, if it is of the folder that is written.

    Args:
        error: what went wrong. One that names a file elsewhere is returned as it is.
        folder: for the arrays.
        work: where they are made.
    """
    where = f"{folder.parent.resolve()}"
    if isinstance(error.filename, str):
        named = Path(error.filename)
        ours = folder, work, folder.parent / f".{folder.name}.lock"
        if named != folder.parent and not any(named.is_relative_to(path) for path in ours):
            return error
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = shutil.disk_usage(folder.parent).free
        text = (
            f"no space left for {folder}: {error.strerror or ''}; {free / 1e6:.0f} MB are free in "
            f"{where}. Make room and run this again: it goes on from {work}"
        )
        return OSError(error.errno, text)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return PermissionError(
            error.errno, f"{where} cannot be written ({error.strerror}); choose another folder"
        )
    return error
