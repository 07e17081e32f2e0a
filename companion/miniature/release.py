"""How every miniature release is made: lock, claim, write what is missing, stamp."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from filelock import FileLock, Timeout
from joblib import delayed
from tqdm import tqdm

from companion.data import sections
from companion.data.workers import unordered
from companion.miniature import folder
from companion.runs.sources import closure

CHUNK = 8
Planned = TypeVar("Planned")
Quoting = Literal[0, 1, 2, 3]  # the constants `csv.QUOTE_...`


def make(
    out: Path,
    about: dict,
    identity: str,
    tables: Mapping[str, bytes],
    clips: Sequence[Planned],
    media: Callable[[Planned], tuple[str, ...]],
    write: Callable[[Path, Planned, set[str]], None],
    workers: int = 1,
) -> Path:
    """Write a release, or what is missing of it.

    Args:
        out: folder of the release.
        about: for people who read its stamp.
        identity: hash of everything that the bytes depend on, see `identity`.
        tables: content of the files that are no media, by relative name.
        clips: all clips.
        media: relative names of the files of a clip.
        write: writes those files of a clip that the set names; called in worker processes.
        workers: processes; the bytes do not depend on it.

    Returns:
        `out`.

    Raises:
        folder.NotOurs: `out` holds files that are not ours, such as the real release.
        RuntimeError: another process is making the same folder.
    """
    out = Path(out)
    files = [*tables, *(name for clip in clips for name in media(clip))]
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out.with_name(f".{out.name}.lock"), timeout=0):
            missing = folder.claim(out, identity, files, about)
            if missing:
                for name in missing & tables.keys():
                    folder.save_bytes(out / name, tables[name])
                _make(out, clips, media, write, missing, workers)
                folder.finish(out, identity, files, about)
    except Timeout:
        raise RuntimeError(f"another process is making {out}: wait until it has ended") from None
    return out


def _make(out, clips, media, write, missing, workers) -> None:
    todo = [clip for clip in clips if missing & set(media(clip))]
    chunks = [todo[i : i + CHUNK] for i in range(0, len(todo), CHUNK)]
    wanted = [{name for clip in chunk for name in media(clip)} & missing for chunk in chunks]
    jobs = (
        delayed(_write)(out, chunk, write, names)
        for chunk, names in zip(chunks, wanted, strict=True)
    )
    # `disable=None` is quiet where nobody watches: in logs and in the pipeline.
    with tqdm(total=len(todo), desc="clips", unit="clip", disable=None) as bar:
        for done in unordered(jobs, workers):
            bar.update(done)


def _write(out, chunk, write, names) -> int:
    for clip in chunk:
        write(out, clip, names)
    return len(chunk)


def identity(module: str, config: sections.Miniature, sources: Iterable[Path]) -> str:
    """Return the hash of what the bytes depend on: sizes, seed, sources, and this package.

    Args:
        module: dotted name of the module that writes the release.
        config: sizes and seed.
        sources: the shipped files that it is made from.
    """
    code = closure(module)
    parts = {
        "config": config.model_dump(),
        "code": {name: code[name] for name in code if name.startswith("companion.miniature")},
        "data": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sources},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def table(rows: Iterable[Sequence], quoting: Quoting = csv.QUOTE_MINIMAL, ending="\n") -> bytes:
    """Return rows as CSV in UTF-8, each line ended by `ending`."""
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator=ending).writerows(rows)
    return text.getvalue().encode()
