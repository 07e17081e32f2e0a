"""Prepared data of noise, to try a method or a network without recordings."""

from pathlib import Path

import numpy as np
import pandas as pd

from olmlib.data.arrays import REJECTED, Prepared, seal


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
    split = np.array(["train", "train", "train", "dev", "test"])[np.arange(clips) // classes % 5]
    records = pd.DataFrame(
        {"id": [f"clip{i:05d}" for i in range(clips)], "label": labels, "split": split}
    )
    records["group"] = [f"group{i % 4}" for i in range(clips)]
    meta = {"name": "synthetic", "classes": [f"class{c}" for c in range(classes)]}
    meta |= {"n_frames": n_frames, "frame_size": size, "frontend": "none"}
    seal(folder, records, pd.DataFrame(columns=REJECTED), meta)
    return Prepared(folder)
