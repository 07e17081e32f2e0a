"""A file that we write is whole or absent, and what stops the writing is said with its place."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "your quota of the disk is used up"}


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Give a name beside `path` to write to; `path` is replaced when all of it is written.

    Args:
        path: the file; its folder is made.

    Yields:
        The name to write to; nothing stays there, whatever happens.

    Raises:
        OSError: it cannot be written; `filename` is `path`, and of a full disk `strerror` says so,
            also where a library tells something else about it.
    """
    path = Path(path)
    # Libraries choose a format by the ending.
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)
    except Exception as error:
        cause = _cause(error, {part, path, *path.parents})
        if cause is None:
            raise
        raise OSError(cause, reason(cause, path.parent), str(path)) from error
    finally:
        if part.parent.is_dir():
            part.unlink(missing_ok=True)


def reason(number: int, folder: Path) -> str:
    """Return what an `errno` means for somebody who writes into `folder`."""
    if number not in FULL:
        return os.strerror(number)
    free = shutil.disk_usage(folder).free
    return f"{FULL[number]}, {free / 1e6:.0f} MB are free ({os.strerror(number)})"


def _cause(error: BaseException | None, ours: set[Path]) -> int | None:
    """Return the `errno` behind an error, None where it is not the writing that failed.

    torch says `unexpected pos` of a full disk, with the system's error as context; numpy has no
    number for it: it says how much it could write.
    """
    while isinstance(error, RuntimeError):
        error = error.__context__
    number, file = getattr(error, "errno", None), getattr(error, "filename", None)
    if file and Path(file) not in ours:
        return None
    if isinstance(error, OSError) and "requested and" in str(error):
        return errno.ENOSPC
    # FFmpeg has numbers of its own besides the system's.
    return number if number in errno.errorcode else None
