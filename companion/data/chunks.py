"""The working folder of a preparation: arrays that are filled chunk by chunk.

Kept apart from `prepare` so that a worker process need not load torch and scikit-learn.
"""

import errno
import json
import math
import os
import shutil
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from companion.data import media
from companion.data.release import Release
from companion.data.sections import Decoding
from companion.workers import Lost, refuse_lost, spread

CHUNK = 32
ARRAYS = {"audio": np.float16, "visual": np.uint8}


def start(work: Path, fingerprint: str, shapes: dict[str, tuple[int, ...]]) -> None:
    """Make the working folder with empty arrays, unless the one that is there can be continued."""
    mark = work / "fingerprint"
    if mark.is_file() and mark.read_text("utf-8") == fingerprint:
        return
    shutil.rmtree(work, ignore_errors=True)
    # Python's whole numbers: numpy's turn negative where a size is absurd.
    needed = sum(math.prod(s) * np.dtype(ARRAYS[k]).itemsize for k, s in shapes.items())
    free = shutil.disk_usage(work.parent).free
    if free < needed:
        sizes = "prepare.n_frames, frame_size, seconds and audio_pool in params.yaml"
        text = f"{needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free; {sizes} set that"
        raise OSError(errno.ENOSPC, text)
    (work / "chunks").mkdir(parents=True)
    for name, shape in shapes.items():
        np.lib.format.open_memmap(work / f"{name}.npy", "w+", dtype=ARRAYS[name], shape=shape)
    mark.write_text(fingerprint, "utf-8")


def decode_all(release: Release, work: Path, config: Decoding, workers: int) -> None:
    """Decode every chunk that has no mark yet, over `workers` processes of one thread each.

    Raises:
        RuntimeError: the system ended processes; says which clips they had, all others are done.
    """
    starts = [
        start for start in range(0, len(release.clips), CHUNK) if not _mark(work, start).is_file()
    ]
    pieces = [(start, release.part(release.clips[start : start + CHUNK])) for start in starts]
    gone = {}
    with tqdm(total=len(release.clips), desc=release.name, unit="clip", disable=None) as bar:
        bar.update(len(release.clips) - sum(len(part.clips) for _, part in pieces))
        for (_, part), done in spread(partial(_chunk, work=work, config=config), pieces, workers):
            bar.update(len(part.clips))
            if isinstance(done, Lost):
                gone[f"clips {part.clips[0].id} to {part.clips[-1].id} of {release.name}"] = done
    refuse_lost(gone)


def _mark(work: Path, start: int) -> Path:
    return work / "chunks" / f"{start:08d}.json"


def _chunk(piece: tuple[int, Release], work: Path, config: Decoding) -> None:
    """Decode the clips of a part into the rows from its start; leave a mark."""
    start, part = piece
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


def spectrogram(sound: np.ndarray, config: Decoding) -> np.ndarray:
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
