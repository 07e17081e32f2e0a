"""Files of a release: whether one is worth opening, and how an error names it."""

import errno
import hashlib
import stat
from pathlib import Path

_LFS, POINTER = b"version https://git-lfs", "Git-LFS pointer"
# What the machine lacks at the moment: no clip is at fault.
MACHINE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class BadClip(Exception):  # noqa: N818 - the name says what it is, as StopIteration does
    """A clip that cannot be used; `reason` says why, in one line, naming the file."""

    def __init__(self, reason: str):
        """Keep `reason`."""
        super().__init__(reason)
        self.reason = reason


def place(path: Path) -> str:
    """Return the folder and the name of a file, the same wherever the release lies."""
    return f"{path.parent.name}/{path.name}"  # only the folder tells a clip's files apart


def problem(path: Path) -> str | None:
    """Return what is wrong with a file as a whole, or None for one that is worth opening.

    Returns:
        "missing", "empty", "Git-LFS pointer", or what else it is: a folder, a link that leads
        nowhere, unreadable and why.

    Raises:
        OSError: the machine is out of memory or of open files.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            return (
                "a folder instead of a file" if stat.S_ISDIR(mode) else "a device instead of a file"
            )
        with path.open("rb") as file:
            head = file.read(len(_LFS))
    except (FileNotFoundError, NotADirectoryError):
        return "a link that leads nowhere" if path.is_symlink() else "missing"
    except OSError as error:
        if error.errno in MACHINE:
            raise
        return f"unreadable ({error.strerror})"
    if not head:
        return "empty"
    return POINTER if head == _LFS else None


def fingerprint(path: Path) -> bytes:
    """Return the SHA-256 of a file, or what is wrong with it."""
    fault = problem(path)
    if fault in (None, "empty", POINTER):
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            fault = unreadable(path, error).reason
    return f"{fault}".encode()


def refuse(path: Path) -> None:
    """Refuse a file that has a `problem`.

    Raises:
        BadClip: it has; says what, and what to do.
    """
    fault = problem(path)
    if fault == POINTER:
        raise BadClip(f"{place(path)} is a Git-LFS pointer, not the recording: run `git lfs pull`")
    if fault:
        raise BadClip(f"{place(path)} is {fault}")


def unreadable(path: Path, error: OSError) -> BadClip:
    """Return what to raise where reading a file fails half way.

    Raises:
        OSError: the same, if the machine is out of memory or of open files.
    """
    if error.errno in MACHINE:
        raise error
    return BadClip(f"{place(path)} cannot be read: {error.strerror or error}")
