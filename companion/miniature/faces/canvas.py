"""Curves, backgrounds, light and grain: what drawing a face needs and no face has."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from companion.miniature.faces.people import Scene, mix, shade

SIZE = (240, 180)
FACTOR = 2  # drawn larger and averaged down, for smooth edges
STEPS = 5


@lru_cache(maxsize=64)
def _weights(n: int, loop: bool) -> np.ndarray:
    """Return the matrix that makes a Catmull-Rom curve of `n` points.

    Each step of the curve weighs four neighbours. One matrix for the whole curve, made once, is
    several times faster than choosing the neighbours in every picture.

    Returns:
        `(STEPS * n, n)` for a loop, else `(STEPS * (n - 1) + 1, n)`; nobody may write to it.
    """
    t = np.arange(STEPS)[:, None] / STEPS
    powers = np.concatenate([np.ones_like(t), t, t**2, t**3], 1)
    basis = powers @ (np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2)
    near = np.arange(n if loop else n - 1)[:, None] + np.arange(-1, 3)
    near = near % n if loop else np.clip(near, 0, n - 1)
    # Row i of the identity picks point i.
    curve = (basis @ np.eye(n)[near]).reshape(-1, n)
    return curve if loop else np.concatenate([curve, np.eye(n)[-1:]])


def closed(points: np.ndarray) -> np.ndarray:
    """Return a smooth closed curve through `points`, `(n, 2)` -> `(STEPS * n, 2)`."""
    return _weights(len(points), True) @ points


def opened(points: np.ndarray) -> np.ndarray:
    """Return a smooth curve from the first to the last of `points`, `(n, 2)`."""
    return _weights(len(points), False) @ points


@lru_cache(maxsize=4)
def circle(steps: int = 22) -> np.ndarray:
    """Return points of the unit circle, `(steps, 2)`; callers must not write to it."""
    angle = np.arange(steps) * 2 * np.pi / steps
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def graph(points: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Return a smooth curve as increasing x and its y, for interpolation."""
    curve = opened(np.asarray(points))
    curve = curve if curve[0, 0] < curve[-1, 0] else curve[::-1]
    return curve[:, 0], curve[:, 1]


def background(scene: Scene) -> Image.Image:
    """Return what is behind the actor, `FACTOR` times `SIZE`, a little out of focus."""
    width, height = SIZE
    one, two = scene.curtain, scene.second
    picture = Image.new("RGB", SIZE, one)
    pen = ImageDraw.Draw(picture)
    x = int(scene.edge * width)
    if scene.pattern == "fade":
        for y in range(height):
            pen.line([(0, y), (width, y)], fill=mix(one, two, y / height))
    elif scene.pattern == "wall":
        pen.rectangle([x, 0, width, height], fill=two)
    elif scene.pattern == "stripes":
        for k in range(0, width, 34):
            pen.rectangle([(k + x) % width, 0, (k + x) % width + 14, height], fill=two)
    elif scene.pattern == "window":
        pen.rectangle([x - 45, 15, x + 45, 105], fill=shade(two, 1.3))
        pen.line([(x, 15), (x, 105)], fill=one, width=5)
    picture = picture.filter(ImageFilter.GaussianBlur(2.5))
    return picture.resize((width * FACTOR, height * FACTOR), Image.Resampling.BILINEAR)


def light(scene: Scene) -> tuple[Image.Image, Image.Image]:
    """Return what the picture is multiplied with, and the grain added to it (8 is zero)."""
    side, strength, warmth = scene.light
    x = np.linspace(-1, 1, SIZE[0])[None, :]
    y = np.linspace(-1, 1, SIZE[1])[:, None]
    level = 1 - strength * (0.5 - 0.5 * (side * x - 0.6 * y)) - 0.12 * (x**2 + y**2) / 2
    level = level / level.max() * (1.0 - 0.25 * strength)
    colours = np.array([1 + warmth, 1.0, 1 - warmth])
    lamp = np.clip(255 * level[..., None] * colours, 0, 255).astype(np.uint8)
    noise = np.random.default_rng(scene.grain).normal(8, 2.0, (SIZE[1], SIZE[0]))
    noise = np.repeat(np.clip(noise, 0, 16)[..., None], 3, 2).astype(np.uint8)
    return Image.fromarray(lamp), Image.fromarray(noise)
