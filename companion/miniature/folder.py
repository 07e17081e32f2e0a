"""A folder that is ours: made once, resumed after an interruption, never somebody else's."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from olmlib.files import whole

STAMP = "build.json"
PART = ".part"


class NotOurs(FileExistsError):  # noqa: N818 - the name says what it is
    """The folder holds files that this program did not make."""


def claim(out: Path, identity: str, files: Iterable[str], about: dict) -> set[str]:
    """Take possession of `out` and say which of `files` have to be made.

    A folder made with another identity is emptied of the files that its stamp names. Files of the
    same identity stay, unless their size is not what the stamp of a finished build says.

    Args:
        out: the folder of a miniature; made if absent.
        identity: hash of everything that the content depends on.
        files: relative names of all files of the miniature, with `/`.
        about: written into the stamp for people to read.

    Returns:
        Names that are missing, empty or damaged; empty if the folder is complete.

    Raises:
        NotOurs: the folder holds a file that no stamp of ours names. Nothing was changed.
    """
    files = sorted(files)
    stamp = _read(out)
    known = set(stamp["files"]) if stamp else set()
    present = {
        path.relative_to(out).as_posix()
        for path in out.rglob("*")
        if path.is_file() and path.name != STAMP and not _is_part(path)
    }
    foreign = sorted(present - known)
    if foreign:
        raise NotOurs(
            f"{out} holds {len(foreign)} file(s) that the miniature did not make, such as "
            f"{foreign[0]}. A real release is never overwritten: name another folder, or move the "
            "files away"
        )
    for part in filter(_is_part, list(out.rglob(f".*{PART}*"))):
        part.unlink()
    if stamp and stamp["identity"] == identity:
        sizes = stamp["files"]
        return {name for name in files if not _whole(out / name, sizes.get(name))}
    for name in known & present:
        (out / name).unlink()
    for folder in {(out / name).parent for name in files}:
        folder.mkdir(parents=True, exist_ok=True)
    _write(out, identity, dict.fromkeys(files), about)
    return set(files)


def finish(out: Path, identity: str, files: Iterable[str], about: dict) -> None:
    """Write into the stamp that all files are there, and their sizes in bytes."""
    _write(out, identity, {name: (out / name).stat().st_size for name in sorted(files)}, about)


def save(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file, then give it its name: a file is whole or absent."""
    with whole(path) as part:
        write(part)


def save_bytes(path: Path, content: bytes) -> None:
    """Write a file that is whole or absent, see `save`."""
    save(path, lambda part: part.write_bytes(content))


def _is_part(path: Path) -> bool:
    return path.name.startswith(".") and PART in path.suffixes


def _whole(path: Path, size: int | None) -> bool:
    # Without sizes the build was interrupted; a file that has its name by then is whole.
    return path.is_file() and 0 < path.stat().st_size and size in (None, path.stat().st_size)


def _read(out: Path) -> dict | None:
    path = out / STAMP
    if not path.is_file():
        return None
    try:
        stamp = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        stamp = None
    if not isinstance(stamp, dict) or not {"made_by", "identity", "files"} <= stamp.keys():
        raise NotOurs(f"{path} is no stamp of a miniature: move it away or name another folder")
    return stamp


def _write(out: Path, identity: str, files: dict[str, int | None], about: dict) -> None:
    stamp = {"made_by": "companion.miniature", "identity": identity} | about | {"files": files}
    text = json.dumps(stamp, indent=1) + "\n"
    save(out / STAMP, lambda part: part.write_text(text, encoding="utf-8"))
