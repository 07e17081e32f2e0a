"""A release of SUN RGB-D with a few frames, to be damaged by tests."""

import numpy as np
import torch
from PIL import Image
from scipy.io import savemat

from companion.data import sections
from companion.data.places import Small
from companion.data.sunrgbd import SPLIT

SCENES = ("bedroom", "kitchen")
COLLECTIONS = ("kv1/NYUdata", "kv2/align_kv2", "xtion/sun3ddata/hotel/hotel")
CONFIG = sections.PrepareFeatures(dev_fraction=0.5, checkpoint="places.pth.tar", max_rejected=0.0)


def stored(millimetres):
    """Return depth as the release stores it, by its definition and not by our writer."""
    return (
        np.array([((d << 3) & 0xFFFF) | (d >> 13) for d in millimetres.ravel().tolist()])
        .astype(np.uint16)
        .reshape(millimetres.shape)
    )


def paths(split, count=8):
    """Return where the frames of a split lie, the scenes in turn."""
    names = COLLECTIONS if split == "train" else COLLECTIONS[:2]
    return [f"{names[k % len(names)]}{k}/{split}{k}" for k in range(count)]


def frame(folder, scene, seed=0):
    """Write one frame."""
    rng = np.random.default_rng(seed)
    for name, picture in {
        "image/a.jpg": rng.integers(0, 255, (12, 16, 3), np.uint8),
        "depth/a.png": stored(rng.integers(0, 9000, (12, 16))),
        "depth_bfx/a.png": stored(rng.integers(500, 9000, (12, 16))),
    }.items():
        (folder / name).parent.mkdir(parents=True)
        Image.fromarray(picture).save(folder / name)
    (folder / "scene.txt").write_text(scene)
    (folder / "intrinsics.txt").write_text("10 0 8\n0 10 6\n0 0 1\n")


def lists(root, **entries):
    """Write the official lists: name -> paths, as cells."""
    cells = {}
    for name, values in entries.items():
        cells[name] = np.empty((1, len(values)), object)
        cells[name][0, :] = values
    (root / SPLIT).parent.mkdir(parents=True, exist_ok=True)
    savemat(root / SPLIT, cells)


def release(root):
    """Write the release."""
    entries = {}
    for split in ("train", "test"):
        for k, path in enumerate(paths(split)):
            frame(root / "SUNRGBD" / path, SCENES[k % 2], k)
        entries[f"all{split}"] = [f"/n/fs/sun3d/data/SUNRGBD/{path}" for path in paths(split)]
    lists(root, **entries)
    torch.manual_seed(0)
    torch.save({"arch": "small", "state_dict": Small(3).state_dict()}, root / "places.pth.tar")
    return root
