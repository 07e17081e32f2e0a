"""Patterns of surfaces, computed for the points that a camera sees."""

from collections.abc import Callable

import numpy as np

from companion.miniature.rooms.solids import Surface

# As many random numbers as patterns draw from.
DICE = np.random.default_rng(0).random(4096).astype(np.float32)
Points = np.ndarray


def colours(surface: Surface, u: Points, v: Points, upright: bool) -> np.ndarray:
    """Return the colours of points of a face.

    Args:
        surface: what it looks like.
        u, v: `(n,)`, metres along the face; v is the height on an upright one.
        upright: whether the face stands; tops are plain where the texture is one of fronts.

    Returns:
        `(n, 3)` in [0, 1].
    """
    first = np.array(surface.colour, np.float32)
    second = np.array(surface.second, np.float32)
    share = TEXTURES[surface.texture](u, v, surface.seed, upright)
    if share.ndim == 2:
        return share
    return first + share[:, None] * (second - first)


def _dice(*numbers: np.ndarray, seed: int) -> np.ndarray:
    """Return a random number in [0, 1) per cell of a grid."""
    place = np.full(numbers[0].shape, seed * 7919, np.int64)
    for number, factor in zip(numbers, (3079, 1543), strict=False):
        place += number.astype(np.int64) * factor
    return DICE[(place * 2654435761 >> 7) % len(DICE)]


def _plain(u, v, seed, upright):
    return np.zeros(len(u), np.float32)


def _planks(u, v, seed, upright):
    row = np.floor(u / 0.12)
    piece = np.floor(v / 0.9 + _dice(row, seed=seed))
    seam = (u / 0.12 - row < 0.08).astype(np.float32)
    return 0.25 * _dice(row, piece, seed=seed) + 0.3 * seam


def _tiles(u, v, seed, upright):
    side = 0.22
    a, b = u / side, v / side
    grout = (a - np.floor(a) < 0.07) | (b - np.floor(b) < 0.07)
    return np.where(grout, 0.8, 0.15 * _dice(np.floor(a), np.floor(b), seed=seed))


def _chequer(u, v, seed, upright):
    return ((np.floor(u / 0.4) + np.floor(v / 0.4)) % 2).astype(np.float32)


def _carpet(u, v, seed, upright):
    return 0.5 * _dice(np.floor(u / 0.03), np.floor(v / 0.03), seed=seed)


def _stripes(u, v, seed, upright):
    return (np.floor(u / 0.09) % 2).astype(np.float32)


def _books(u, v, seed, upright):
    """Rows of spines of many colours between boards; no books on the top of a shelf."""
    row = np.floor(v / 0.34)
    high = v / 0.34 - row
    spine = np.floor(u / 0.045 + 3 * _dice(row, seed=seed))
    tone = [_dice(spine, row, seed=seed + k) for k in (1, 2, 3)]
    colour = 0.12 + 0.7 * np.stack(tone, 1)
    top = 0.62 + 0.3 * _dice(spine, row, seed=seed + 4)
    colour[high > top] = 0.08
    board = (high < 0.1) | ~np.full(len(u), upright)
    colour[board] = (0.45, 0.32, 0.2)
    return colour.astype(np.float32)


def _screen(u, v, seed, upright):
    """A bright picture of windows and lines of text, on the fronts only."""
    if not upright:
        return np.zeros(len(u), np.float32)
    line = np.floor(v / 0.035)
    text = (line % 2 == 0) & (_dice(np.floor(u / 0.06), line, seed=seed) > 0.35)
    return np.where(text, 0.55, 1.0).astype(np.float32)


def _writing(u, v, seed, upright):
    """A board with a few lines of writing."""
    line = np.floor(v / 0.14)
    written = (v / 0.14 - line < 0.25) & (_dice(np.floor(u / 0.16), line, seed=seed) > 0.55)
    return written.astype(np.float32)


def _picture(u, v, seed, upright):
    tone = [_dice(np.floor(u / 0.15), np.floor(v / 0.15), seed=seed + k) for k in (1, 2, 3)]
    return np.stack(tone, 1)


def _window(u, v, seed, upright):
    """Panes with bars between them."""
    bar = (u % 0.6 < 0.06) | (v % 0.7 < 0.06)
    return bar.astype(np.float32)


def _drawers(u, v, seed, upright):
    """Fronts of drawers or doors, with a gap around each and a handle."""
    if not upright:
        return np.zeros(len(u), np.float32)
    a, b = u % 0.5, v % 0.36
    gap = (a < 0.02) | (b < 0.02)
    handle = (abs(a - 0.25) < 0.07) & (abs(b - 0.3) < 0.015)
    return np.where(gap, 0.7, np.where(handle, 1.0, 0.0)).astype(np.float32)


def _leaves(u, v, seed, upright):
    return _dice(np.floor(u / 0.05), np.floor(v / 0.05), seed=seed)


TEXTURES: dict[str, Callable[[Points, Points, int, bool], np.ndarray]] = {
    "plain": _plain,
    "planks": _planks,
    "tiles": _tiles,
    "chequer": _chequer,
    "carpet": _carpet,
    "stripes": _stripes,
    "books": _books,
    "screen": _screen,
    "writing": _writing,
    "picture": _picture,
    "window": _window,
    "drawers": _drawers,
    "leaves": _leaves,
}
