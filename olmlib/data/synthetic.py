"""Prepared data of noise, to try a method or a network without recordings."""

from pathlib import Path

import numpy as np
import pandas as pd

from olmlib.data.arrays import Prepared
from olmlib.data.folder import REJECTED, seal
from olmlib.data.segments import BACKGROUND, Segments, segment_labels

_SPLITS = np.array(["train", "train", "train", "dev", "test"])


def synthetic(
    folder: str | Path, clips=60, classes=6, frames=299, n_frames=1, size=64, seed=0, bins=257
) -> Prepared:
    """Write a prepared folder of noise around one pattern per class, to test without data.

    Args:
        folder: is created; must not hold a prepared folder yet.
        clips: N, split 3 : 1 : 1 into train, dev and test.
        classes: C; labels go round.
        frames: F, of the spectrograms.
        n_frames: frames per clip.
        size: S, in pixels.
        seed: of patterns and noise.
        bins: of the spectrogram.
    """
    folder = Path(folder)
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    labels = np.arange(clips) % classes
    audio = rng.normal(size=(classes, bins, frames)).astype(np.float32)[labels]
    audio = (audio + rng.normal(size=audio.shape)).astype(np.float16)
    visual = rng.integers(64, 192, (classes, n_frames, size, size, 3))[labels]
    visual = (visual + rng.integers(-64, 64, visual.shape)).astype(np.uint8)
    np.save(folder / "audio.npy", audio)
    np.save(folder / "visual.npy", visual)
    records = _records(labels, classes)
    meta = {"name": "synthetic", "classes": [f"class{c}" for c in range(classes)]}
    meta |= {"n_frames": n_frames, "frame_size": size, "frontend": "none"}
    seal(folder, ("audio", "visual"), records, pd.DataFrame(columns=REJECTED), meta)
    return Prepared(folder)


def segments(
    folder: str | Path,
    clips=60,
    classes=4,
    length=10,
    audio=8,
    visual=(2, 2, 8),
    seed=0,
) -> Segments:
    """Write prepared segments: noise around one pattern per class while its event lasts.

    Args:
        folder: is created; must not hold a prepared folder yet.
        clips: N, split 3 : 1 : 1 into train, dev and test.
        classes: of events; labels go round. Background is one more.
        length: T, segments per clip.
        audio: D_a, width of a segment's sound.
        visual: H, W and D_v of a segment's picture.
        seed: of patterns, events and noise.
    """
    folder = Path(folder)
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    event = np.arange(clips) % classes
    start = rng.integers(0, length, clips)
    end = rng.integers(start, length) + 1
    label = segment_labels(event, start, end, length, classes)
    for name, shape in (("audio", (audio,)), ("visual", visual)):
        pattern = rng.normal(size=(classes + 1, *shape))
        noise = rng.normal(size=(clips, length, *shape))
        np.save(folder / f"{name}.npy", (pattern[label] + noise).astype(np.float16))
    records = _records(event, classes).assign(start=start, end=end)
    names = [*(f"class{c}" for c in range(classes)), BACKGROUND]
    meta = {"name": "synthetic", "classes": names, "segments": length}
    seal(folder, ("audio", "visual"), records, pd.DataFrame(columns=REJECTED), meta)
    return Segments(folder)


def _records(labels: np.ndarray, classes: int) -> pd.DataFrame:
    number = np.arange(len(labels))
    return pd.DataFrame(
        {
            "id": [f"clip{i:05d}" for i in number],
            "label": labels,
            "split": _SPLITS[number // classes % 5],
            "group": [f"group{i % 4}" for i in number],
        }
    )
