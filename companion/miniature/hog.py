"""Histograms of oriented gradients with 31 channels (Felzenszwalb et al. 2010, section 6.2).

OpenFace describes an aligned face of 112 x 112 pixels by 12 x 12 such cells, 4,464 numbers; the
miniature one of 48 x 48 by 4 x 4, 496 numbers.
"""

import numpy as np

CELL = 8
SIGNED = 18


def hog(image: np.ndarray) -> np.ndarray:
    """Describe a grey picture.

    Args:
        image: `(H, W)`, any range; multiples of `CELL`, at least three cells a side.

    Returns:
        `(H / 8 - 2, W / 8 - 2, 31)` float32 in [0, 0.8]: 18 signed and 9 unsigned directions, each
        a mean over four normalisations, and the gradient energy under each of the four.

    Raises:
        ValueError: a picture that does not consist of whole cells.
    """
    height, width = image.shape
    if height % CELL or width % CELL or min(height, width) < 3 * CELL:
        raise ValueError(f"a picture of {image.shape} pixels has no whole cells of {CELL}")
    dy, dx = np.gradient(image.astype(np.float64))
    strength = np.hypot(dx, dy)
    turn = (np.arctan2(dy, dx) / (2 * np.pi) * SIGNED) % SIGNED
    low = np.floor(turn).astype(int)
    part = turn - low
    rows, columns = np.indices((height, width)) // CELL
    first = (rows * (width // CELL) + columns) * SIGNED
    # A direction between two bins counts for both, so that a small turn is a small change.
    bins = np.stack([first + low % SIGNED, first + (low + 1) % SIGNED])
    weights = np.stack([(1 - part) * strength, part * strength])
    shape = height // CELL, width // CELL, SIGNED
    signed = np.bincount(bins.ravel(), weights.ravel(), np.prod(shape)).reshape(shape)
    unsigned = signed[..., : SIGNED // 2] + signed[..., SIGNED // 2 :]
    energy = (unsigned**2).sum(-1)
    blocks = energy[:-1, :-1] + energy[1:, :-1] + energy[:-1, 1:] + energy[1:, 1:]
    norms = np.sqrt(blocks + 1e-4)
    around = [norms[:-1, :-1], norms[1:, :-1], norms[:-1, 1:], norms[1:, 1:]]
    directions = np.concatenate([signed, unsigned], -1)[1:-1, 1:-1]
    clipped = np.stack([np.minimum(directions / n[..., None], 0.2) for n in around])
    texture = clipped[..., :SIGNED].sum(-1) * 0.2357
    histograms = np.concatenate([clipped.sum(0) / 2, np.moveaxis(texture, 0, -1)], -1)
    return histograms.astype(np.float32)
