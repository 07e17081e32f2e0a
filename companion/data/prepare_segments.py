"""From the feature files of AVE to memory-mapped arrays in half precision, in constant memory."""

import errno
import math
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from companion.data import files, preparation, sections
from companion.data.ave import Release
from companion.data.ave_lists import SEGMENTS, Event
from olmlib.data.folder import seal
from olmlib.data.segments import BACKGROUND, Segments

# Of clips that are read at a time: 32 MB of the release's pictures.
CHUNK = 16


def prepare_segments(
    release: Release, folder: str | Path, config: sections.PrepareSegments
) -> Segments:
    """Copy the features of every usable clip into arrays under `folder`.

    A finished folder made from the same files with the same configuration and code is reused, any
    other is replaced, in one step at the end.

    Args:
        release: what to prepare.
        folder: for the arrays; see `olmlib.data.segments`.
        config: how many clips may be rejected.

    Raises:
        PreparationError: too many clips rejected, a class without a clip in a split, or another
            preparation of the same folder is running.
        ReleaseError: a feature file is not as it should be.
        OSError: the disk is full or the folder cannot be written.
    """
    folder = Path(folder)
    with preparation.alone(folder) as work:
        return _prepare(release, folder, work, config)


def _prepare(release: Release, folder: Path, work: Path, config) -> Segments:
    mark = _fingerprint(release, config)
    known = release.name, len(release.clips), config.max_rejected
    if done := preparation.finished(Segments, folder, mark, known):
        return done
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    _refuse_full(release, work)
    used, refused = _copy(release, work)
    rejected = preparation.lost(refused, known, work)
    names = ["id", "label", "split", "group", "start", "end"]
    records = pd.DataFrame([[getattr(c, name) for name in names] for c in used], columns=names)
    preparation.refuse_empty(records, release.name, release.classes, work)
    meta = {"name": release.name, "classes": [*release.classes, BACKGROUND], "segments": SEGMENTS}
    meta |= {"fingerprint": mark, "rejected": len(rejected)} | preparation.counts(records)
    seal(work, release.names, records, rejected, meta | config.model_dump())
    preparation.put(work, folder)
    return Segments(folder)


def _copy(release: Release, work: Path) -> tuple[list[Event], list[tuple[str, str, str]]]:
    """Write the features of every usable clip; return these clips, and the others with a reason."""
    sources = {m: release.features(m, np.float16) for m in release.names}
    out = {m: (work / f"{m}.npy").open("wb") for m in sources}
    used, rejected = [], []
    try:
        for m, file in out.items():
            _header(file, (len(release.clips), SEGMENTS, *release.shapes[m]))
        with tqdm(total=len(release.clips), desc=release.name, unit="clip", disable=None) as bar:
            for first in range(0, len(release.clips), CHUNK):
                clips = release.clips[first : first + CHUNK]
                low, high = clips[0].row, clips[-1].row + 1
                blocks = {m: array[low:high] for m, array in sources.items()}
                for clip in clips:
                    features = {m: block[clip.row - low] for m, block in blocks.items()}
                    wrong = [m for m, part in features.items() if not np.isfinite(part).all()]
                    if wrong:
                        reason = f"{' and '.join(wrong)} features are NaN, infinite or over 65504"
                        rejected.append((clip.id, clip.split, reason))
                        continue
                    used.append(clip)
                    for m, part in features.items():
                        out[m].write(part.tobytes())
                bar.update(len(clips))
        for m, file in out.items():
            # numpy leaves room in a header, so that this one is as long as the first.
            file.seek(0)
            _header(file, (len(used), SEGMENTS, *release.shapes[m]))
    finally:
        for file in out.values():
            file.close()
    return used, rejected


def _header(file, shape: tuple[int, ...]) -> None:
    header = {"descr": "<f2", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _refuse_full(release: Release, work: Path) -> None:
    values = sum(math.prod(shape) for shape in release.shapes.values())
    needed = 2 * len(release.clips) * SEGMENTS * values
    free = shutil.disk_usage(work).free
    if free < needed:
        text = f"{needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free"
        raise OSError(errno.ENOSPC, text)


def _fingerprint(release: Release, config: sections.PrepareSegments) -> str:
    return preparation.fingerprint(
        config,
        (__name__,),
        (release.name, release.classes, release.clips),
        (files.fingerprint(release.root / name) for name in release.names.values()),
    )
