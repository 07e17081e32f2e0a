"""How every miniature release is made: lock, claim, write what is missing, stamp."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Literal, TypeVar

from filelock import FileLock, Timeout
from tqdm import tqdm

from companion.data import sections
from companion.miniature import folder
from companion.runs.sources import closure
from companion.workers import Lost, refuse_lost, spread

# Clips of a piece of work, at most.
CHUNK = 32
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
    source: Callable[[Planned], str] = lambda clip: "",
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
        source: the shipped file that a clip needs, if it needs one alone. Clips of one file are
            made together, since decoding it takes longer than making one of them.

    Returns:
        `out`.

    Raises:
        folder.NotOurs: `out` holds files that are not ours, such as the real release.
        RuntimeError: another process is making the same folder.
    """
    out = Path(out)
    files = [*tables, *(name for clip in clips for name in media(clip))]
    with claimed(out, identity, files, about) as missing:
        if missing:
            for name in missing & tables.keys():
                folder.save_bytes(out / name, tables[name])
            _make(out, clips, media, write, missing, workers, source)
    return out


@contextmanager
def claimed(out: Path, identity: str, files: Iterable[str], about: dict) -> Iterator[set[str]]:
    """Hold `out` for this process alone; yield the files that are to be made, and stamp them.

    Args:
        out: folder of the release.
        identity: hash of everything that the bytes depend on, see `identity`.
        files: relative names of all files.
        about: for people who read the stamp.

    Raises:
        folder.NotOurs: `out` holds files that are not ours, such as the real release.
        RuntimeError: another process is making the same folder.
    """
    files = list(files)
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out.with_name(f".{out.name}.lock"), timeout=0):
            missing = folder.claim(out, identity, files, about)
            yield missing
            if missing:
                folder.finish(out, identity, files, about)
    except Timeout:
        raise RuntimeError(f"another process is making {out}: wait until it has ended") from None


def _make(out, clips, media, write, missing, workers, source) -> None:
    todo = [clip for clip in clips if missing & set(media(clip))]
    chunks = pieces_of(todo, source, workers)
    wanted = [{name for clip in chunk for name in media(clip)} & missing for chunk in chunks]
    pieces = list(zip(chunks, wanted, strict=True))
    gone = {}
    # `disable=None` is quiet where nobody watches: in logs and in the pipeline.
    with tqdm(total=len(todo), desc="clips", unit="clip", disable=None) as bar:
        for (chunk, _), done in spread(partial(_write, out, write), pieces, workers):
            bar.update(len(chunk))
            if isinstance(done, Lost):
                gone[f"{out / media(chunk[0])[0]} and the next {len(chunk) - 1}"] = done
    refuse_lost(gone)


def pieces_of(
    clips: Sequence[Planned], source: Callable[[Planned], str], workers: int
) -> list[list[Planned]]:
    """Cut `clips` into pieces of work: each of one source, none so large that a worker is idle.

    Args:
        clips: all that have to be made.
        source: what clips of one piece have in common, see `make`.
        workers: a piece has at most an eighth of a worker's share.
    """
    most = max(1, min(CHUNK, len(clips) // (8 * max(workers, 1))))
    pieces = []
    for _, group in groupby(sorted(clips, key=source), source):
        alike = list(group)
        size = -(-len(alike) // -(-len(alike) // most))  # as even as can be
        pieces += [alike[i : i + size] for i in range(0, len(alike), size)]
    return pieces


def _write(out, write, piece) -> None:
    chunk, names = piece
    for clip in chunk:
        write(out, clip, names)


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
