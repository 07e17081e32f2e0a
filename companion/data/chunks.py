"""The working folder of a preparation: arrays that are filled chunk by chunk.

Kept apart from `prepare` so that a worker process need not load torch and scikit-learn.
"""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
from joblib import delayed
from tqdm import tqdm

from companion.data import media
from companion.data.release import Release
from companion.data.sections import Prepare
from companion.data.workers import Lost, unordered

CHUNK = 32
ARRAYS = {"audio": np.float16, "visual": np.uint8}


def start(work: Path, fingerprint: str, shapes: dict[str, tuple[int, ...]]) -> None:
    """Make the working folder with empty arrays, unless the one that is there can be continued."""
    mark = work / "fingerprint"
    if mark.is_file() and mark.read_text("utf-8") == fingerprint:
        return
    shutil.rmtree(work, ignore_errors=True)
    needed = sum(np.prod(s) * np.dtype(ARRAYS[k]).itemsize for k, s in shapes.items())
    free = shutil.disk_usage(work.parent).free
    if free < needed:
        text = f"{needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free"
        raise OSError(errno.ENOSPC, text)
    (work / "chunks").mkdir(parents=True)
    for name, shape in shapes.items():
        np.lib.format.open_memmap(work / f"{name}.npy", "w+", dtype=ARRAYS[name], shape=shape)
    mark.write_text(fingerprint, "utf-8")


def decode_all(release: Release, work: Path, config: Prepare, workers: int) -> None:
    """Decode every chunk that has no mark yet, over `workers` processes of one thread each.

    Raises:
        Lost: the system ended a process; says which clips were being decoded.
    """
    starts = [
        start for start in range(0, len(release.clips), CHUNK) if not _mark(work, start).is_file()
    ]
    jobs = (
        delayed(_chunk)(release.part(release.clips[i : i + CHUNK]), work, config, i) for i in starts
    )
    with tqdm(total=len(release.clips), desc=release.name, unit="clip", disable=None) as bar:
        bar.update(len(release.clips) - sum(len(release.clips[i : i + CHUNK]) for i in starts))
        try:
            for count in unordered(jobs, workers):
                bar.update(count)
        except Lost as error:
            left = [i for i in starts if not _mark(work, i).is_file()][:workers]
            near = ", ".join(f"{release.clips[i].id} and the next {CHUNK - 1}" for i in left)
            raise Lost(f"{release.name}: {error}. It was at one of the clips {near}") from error


def _mark(work: Path, start: int) -> Path:
    return work / "chunks" / f"{start:08d}.json"


def _chunk(part: Release, work: Path, config: Prepare, start: int) -> int:
    """Decode the clips of `part` into the rows from `start`; leave a mark; return their number."""
    rejected = {}
    blocks = {}
    for name, dtype in ARRAYS.items():
        shape = np.load(work / f"{name}.npy", mmap_mode="r").shape[1:]
        blocks[name] = np.zeros((len(part.clips), *shape), dtype)
    for i, clip in enumerate(part.clips):
        try:
            sound = part.waveform(clip, config.sample_rate)
            blocks["audio"][i] = spectrogram(sound, config)
            blocks["visual"][i] = part.frames(clip, config.n_frames, config.frame_size)
        except media.BadClip as error:
            rejected[clip.id] = error.reason
        except Exception as error:
            error.add_note(f"This is of clip {clip.id}: {clip.audio}, {clip.video}")
            raise
    for name, block in blocks.items():
        _write(work / f"{name}.npy", block, start)
    # Beside the folder of marks, so that a half-written one is never taken for a mark.
    draft = work / f"{start:08d}.draft"
    draft.write_text(json.dumps(rejected), "utf-8")
    draft.replace(_mark(work, start))
    return len(part.clips)


def spectrogram(sound: np.ndarray, config: Prepare) -> np.ndarray:
    """Return the log spectrogram of a clip as it is stored: means over squares of `audio_pool`.

    What does not fill a square at the upper and the right edge is left out.

    Args:
        sound: `(samples,)`, at `config.sample_rate`.
        config: front end, length and pooling.

    Returns:
        `(257 // audio_pool, F // audio_pool)` float32, standardised before it was pooled.
    """
    whole = media.spectrogram(sound, config.frontend, config.sample_rate, config.seconds)
    side = config.audio_pool
    high, long = (n // side for n in whole.shape)
    return whole[: high * side, : long * side].reshape(high, side, long, side).mean((1, 3))


def _write(path: Path, block: np.ndarray, start: int) -> None:
    """Write rows of a `.npy` file.

    Through the file and not through a memory map, because a full disk is then an error that can
    be caught and not a signal that ends the process.
    """
    offset = np.load(path, mmap_mode="r").offset
    with path.open("r+b") as file:
        file.seek(offset + start * block[0].nbytes)
        file.write(block.tobytes())
        file.flush()
        os.fsync(file.fileno())


def compact(work: Path, indices: list[int]) -> None:
    """Copy the used rows together, so that the arrays hold no rejected clip."""
    for name in ARRAYS:
        old = np.load(work / f"{name}.npy", mmap_mode="r")
        draft = work / f"{name}.draft"
        with draft.open("wb") as file:
            header = {"descr": old.dtype.str, "fortran_order": False}
            np.lib.format.write_array_header_1_0(
                file, header | {"shape": (len(indices), *old.shape[1:])}
            )
            for i in range(0, len(indices), CHUNK):
                file.write(old[indices[i : i + CHUNK]].tobytes())
    # Only when both copies are complete: until then a stopped preparation starts from the marks.
    (work / "fingerprint").write_text("compacting", "utf-8")
    for name in ARRAYS:
        (work / f"{name}.draft").replace(work / f"{name}.npy")


def reasons(work: Path) -> dict[str, str]:
    """Return why each rejected id was rejected."""
    marks = sorted((work / "chunks").iterdir())
    return {k: v for mark in marks for k, v in json.loads(mark.read_text("utf-8")).items()}


def clean(work: Path) -> None:
    """Remove what only an unfinished folder needs."""
    (work / "fingerprint").unlink()
    shutil.rmtree(work / "chunks")
