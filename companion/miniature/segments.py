"""What a fixed bank of filters sees of a picture: the miniature's stand-in for VGG-19's pool5."""

from functools import lru_cache

import numpy as np
from PIL import Image

SIZE = (64, 48)
ORIENTATIONS, COLOURS = 8, 8


def picture(image: Image.Image, shape: tuple[int, int, int]) -> np.ndarray:
    """Return light, colour and edges of every cell of a picture.

    Args:
        image: RGB.
        shape: rows and columns of the cells, and channels: eight of light and colour (mean and
            deviation of light, red against green and blue against yellow; darkest and brightest),
            and eight per scale, the strength of edges in eight directions.

    Returns:
        `shape` float32, each about as large as the others.

    Raises:
        ValueError: channels or cells of a number that this cannot give.
    """
    rows, columns, channels = shape
    scales, left = divmod(channels - COLOURS, ORIENTATIONS)
    if left or not 1 <= scales <= 4:
        raise ValueError(f"visual has {channels} channels: it can be 16, 24, 32 or 40")
    if rows << (scales - 1) > SIZE[1] or columns << (scales - 1) > SIZE[0]:
        raise ValueError(f"visual has {rows} x {columns} cells, too many for {scales} scales")
    small = np.asarray(image.resize(SIZE, Image.Resampling.BOX), np.float32) / 255
    red, green, blue = small.transpose(2, 0, 1)
    light = small.mean(2)
    planes = np.stack([light, red - green, blue - (red + green) / 2], -1)
    mean = _pooled(planes, rows, columns)
    deviation = np.sqrt(np.maximum(_pooled(planes**2, rows, columns) - mean**2, 0))
    ends = [_pooled(light[..., None], rows, columns, how) for how in (np.minimum, np.maximum)]
    features = [4 * (mean - planes.mean((0, 1))), 8 * deviation]
    features += [3 * (end - light.mean()) for end in ends]
    for _ in range(scales):
        features.append(_edges(light, rows, columns))
        high, wide = (n // 2 for n in light.shape)
        light = light[: 2 * high, : 2 * wide].reshape(high, 2, wide, 2).mean((1, 3))
    return np.concatenate(features, -1).astype(np.float32)


def _edges(light: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return how strong edges of each direction are, relative to those of the whole picture."""
    down, right = np.gradient(light)
    strength = np.hypot(down, right)
    angle = (np.arctan2(down, right) % np.pi) * (ORIENTATIONS / np.pi)
    low = angle.astype(int)
    share = angle - low
    cell, size = _cells(*light.shape, rows, columns)
    # An edge counts for the two directions that it lies between.
    total = sum(
        np.bincount(
            (cell * ORIENTATIONS + (low + turn) % ORIENTATIONS).ravel(),
            (strength * weight).ravel(),
            rows * columns * ORIENTATIONS,
        )
        for turn, weight in ((0, 1 - share), (1, share))
    )
    mean = total.reshape(rows, columns, ORIENTATIONS) / size[..., None]
    return 3 * np.sqrt(mean / (strength.mean() + 1e-3))


@lru_cache(maxsize=8)
def _cells(high: int, wide: int, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of every pixel's cell `(high, wide)` and the pixels of every cell."""
    down, right = np.arange(high) * rows // high, np.arange(wide) * columns // wide
    cell = down[:, None] * columns + right
    return cell, np.bincount(cell.ravel(), minlength=rows * columns).reshape(rows, columns)


def _pooled(values: np.ndarray, rows: int, columns: int, how=np.add) -> np.ndarray:
    """Return the mean, or what `how` makes, of `(H, W, K)` in each of rows x columns cells."""
    high, wide = values.shape[:2]
    tops, lefts = -(-np.arange(rows) * high // rows), -(-np.arange(columns) * wide // columns)
    cells = how.reduceat(how.reduceat(values, tops, 0), lefts, 1)
    return cells / _cells(high, wide, rows, columns)[1][..., None] if how is np.add else cells
