"""Depth images of SUN RGB-D: from the official PNG to metres, and to a picture for a network."""

from pathlib import Path

import numpy as np
from PIL import Image

from companion.data import files
from companion.data.files import BadClip, place

# The toolbox of the release cuts here, in metres.
FARTHEST = 8.0
ENCODINGS = ("grey", "normals")


def decode(stored: np.ndarray) -> np.ndarray:
    """Return metres of the official encoding: millimetres in 16 bits, rotated left by three.

    Args:
        stored: `(H, W)` uint16, as it is in the file.

    Returns:
        `(H, W)` float32 in [0, 8]; 0 where the sensor measured nothing, 8 what is farther.

    Raises:
        ValueError: not of 16 bits, of which a rotation would make nonsense.
    """
    if stored.dtype != np.uint16:
        raise ValueError(f"depth of type {stored.dtype}, expected uint16")
    millimetres = (stored >> 3) | (stored << 13)
    return np.minimum(millimetres.astype(np.float32) / 1000, np.float32(FARTHEST))


def read(path: Path) -> np.ndarray:
    """Return the metres of a depth PNG, see `decode`.

    Raises:
        BadClip: missing, empty, a Git-LFS pointer, no image, damaged, not of 16 bits and one
            channel, or without any depth.
    """
    files.refuse(path)
    try:
        with Image.open(path) as image:
            # Pillow's names for 16 bits; older ones read such files as 32 bits.
            if image.mode not in ("I;16", "I;16B", "I"):
                raise BadClip(
                    f"{place(path)} is an image of mode {image.mode}, expected 16 bits of depth in "
                    "one channel: it was saved by a program that kept 8 of them"
                )
            stored = np.asarray(image)
    except BadClip:
        raise
    except OSError as error:
        raise BadClip(f"{place(path)} is no whole image: {error}") from None
    if stored.min() < 0 or stored.max() > 65_535:
        raise BadClip(f"{place(path)} holds values outside 16 bits")
    metres = decode(stored.astype(np.uint16))
    if not metres.any():
        raise BadClip(f"{place(path)} has no pixel with a depth")
    return metres


def grey(metres: np.ndarray) -> np.ndarray:
    """Return depth as a grey picture, `(H, W, 3)` uint8: 0 where unknown, 255 at 8 m and beyond."""
    level = np.round(255 * np.minimum(metres, FARTHEST) / FARTHEST).astype(np.uint8)
    return np.repeat(level[..., None], 3, axis=2)


def normals(metres: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Return the directions of surfaces as colours, `(H, W, 3)` uint8.

    Args:
        metres: `(H, W)`, 0 where unknown.
        intrinsics: `(3, 3)`, focal lengths and the principal point in pixels.

    Returns:
        Red, green and blue are x (right), y (down) and z (towards the camera) of the normal, from
        -1 to 1 as from 0 to 255; black where it is unknown.
    """
    high, wide = metres.shape
    (fx, _, cx), (_, fy, cy) = intrinsics[:2]
    x, y = (np.arange(wide) - cx) / fx, (np.arange(high) - cy) / fy
    points = np.stack([metres * x, metres * y[:, None], metres], -1)
    down, right = np.gradient(points, axis=(0, 1))
    normal = np.cross(down, right)
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    # The gradient at a pixel is of its neighbours.
    there = metres > 0
    known = there.copy()
    known[1:] &= there[:-1]
    known[:-1] &= there[1:]
    known[:, 1:] &= there[:, :-1]
    known[:, :-1] &= there[:, 1:]
    known &= length[..., 0] > 1e-12
    unit = np.divide(normal, length, out=np.zeros_like(normal), where=length > 1e-12)
    unit[..., 2] *= -1
    unit[..., :2] *= np.where(normal[..., 2:] > 0, -1, 1)
    unit[..., 2] = abs(unit[..., 2])
    return np.where(known[..., None], np.round(127.5 * (unit + 1)), 0).astype(np.uint8)
