"""Furniture, trees, houses: what stands around in the places of the action scenes."""

import numpy as np

from companion.miniature.faces.people import rgb, shade
from companion.miniature.scenes.pen import Pen, metal, paint, pick, wood


def window(pen: Pen, rng: np.random.Generator) -> None:
    """A window with a cross."""
    pen.box(-0.5, -2.2, 0.5, -0.95, paint(rng, 0.5, 1))
    pen.box(-0.43, -2.13, 0.43, -1.02, pick(rng, ["#cfe2f0", "#e8e6d8", "#3a4660", "#a9c08f"]))
    pen.line([(0, -2.2), (0, -0.95)], rgb("#e8e4da"), 0.05)
    pen.line([(-0.5, -1.6), (0.5, -1.6)], rgb("#e8e4da"), 0.05)


def door(pen: Pen, rng: np.random.Generator) -> None:
    """A door with a handle."""
    tone = wood(rng)
    pen.box(-0.45, -2.05, 0.45, 0, shade(tone, 0.7))
    pen.box(-0.4, -2, 0.4, 0, tone)
    pen.disc(0.3, -1, 0.04, 0.04, rgb("#d0c090"))


def frame(pen: Pen, rng: np.random.Generator) -> None:
    """A picture on the wall."""
    w, h, y = rng.uniform(0.2, 0.45), rng.uniform(0.2, 0.4), rng.uniform(-1.9, -1.5)
    pen.box(-w, y - h, w, y + h, wood(rng))
    pen.box(-w + 0.05, y - h + 0.05, w - 0.05, y + h - 0.05, paint(rng, 0.3, 1))
    pen.disc(rng.uniform(-0.1, 0.1), y, w / 2, h / 2, paint(rng, 0.2, 1))


def shelf(pen: Pen, rng: np.random.Generator) -> None:
    """Shelves with books."""
    tone = wood(rng)
    pen.box(-0.5, -1.9, 0.5, 0, shade(tone, 0.6))
    for k in range(5):
        y = -0.37 * k
        pen.box(-0.5, y - 0.04, 0.5, y, tone)
        for x in np.arange(-0.45, 0.42, 0.08):
            pen.box(x, y - 0.04 - rng.uniform(0.15, 0.28), x + 0.07, y - 0.04, paint(rng))


def sofa(pen: Pen, rng: np.random.Generator) -> None:
    """A sofa."""
    tone = paint(rng, 0.2, 0.9)
    pen.box(-0.8, -0.85, 0.8, -0.1, shade(tone, 0.85))
    pen.box(-0.7, -0.45, 0.7, -0.1, tone)
    for x in (-0.85, 0.7):
        pen.box(x, -0.6, x + 0.16, 0, shade(tone, 0.95))


def lamp(pen: Pen, rng: np.random.Generator) -> None:
    """A standing lamp."""
    pen.line([(0, 0), (0, -1.5)], rgb("#3a3632"), 0.05)
    pen.fill([(-0.16, -1.75), (0.16, -1.75), (0.28, -1.4), (-0.28, -1.4)], paint(rng, 0.6, 1))


def plant(pen: Pen, rng: np.random.Generator) -> None:
    """A plant in a pot."""
    leaf = shade(rgb("#4f8a45"), rng.uniform(0.6, 1.3))
    for x in (-0.3, -0.12, 0.1, 0.3):
        pen.fill([(0, -0.3), (x - 0.09, -0.7), (x * 1.3, -1.15), (x + 0.09, -0.65)], leaf)
    pen.fill([(-0.2, -0.35), (0.2, -0.35), (0.14, 0), (-0.14, 0)], paint(rng))


def cupboard(pen: Pen, rng: np.random.Generator) -> None:
    """A low cupboard with things on it."""
    tone = wood(rng)
    pen.box(-0.6, -0.85, 0.6, 0, tone)
    pen.line([(0, -0.8), (0, -0.05)], shade(tone, 0.6), 0.03)
    pen.disc(-0.3, -0.97, 0.09, 0.13, paint(rng))
    pen.box(0.1, -1.15, 0.45, -0.85, paint(rng, 0.1, 0.7))


def curtain(pen: Pen, rng: np.random.Generator) -> None:
    """A hanging cloth."""
    tone = paint(rng, 0.3, 0.9)
    for k in range(5):
        pen.box(-0.4 + 0.16 * k, -2.6, -0.24 + 0.16 * k, -0.02, shade(tone, 0.85 + 0.15 * (k % 2)))


def desk(pen: Pen, rng: np.random.Generator) -> None:
    """A school desk."""
    pen.box(-0.5, -0.72, 0.5, -0.64, wood(rng))
    for x in (-0.45, 0.42):
        pen.line([(x, -0.64), (x, 0)], rgb("#4a4d52"), 0.04)


def bench(pen: Pen, rng: np.random.Generator) -> None:
    """A bench with a back."""
    tone = wood(rng)
    pen.box(-0.7, -0.9, 0.7, -0.6, tone)
    pen.box(-0.75, -0.48, 0.75, -0.38, shade(tone, 0.85))
    for x in (-0.65, 0.6):
        pen.box(x, -0.9, x + 0.06, 0, shade(tone, 0.6))


def speaker(pen: Pen, rng: np.random.Generator) -> None:
    """A loudspeaker."""
    pen.box(-0.28, -1.0, 0.28, 0, paint(rng, 0.05, 0.25))
    for y, r in ((-0.72, 0.13), (-0.32, 0.2)):
        pen.disc(0, y, r, r, rgb("#55585c"))
        pen.disc(0, y, r / 2, r / 2, rgb("#1c1d1f"))


def crate(pen: Pen, rng: np.random.Generator) -> None:
    """A box."""
    tone = wood(rng)
    pen.box(-0.35, -0.55, 0.35, 0, tone)
    pen.line([(-0.35, -0.55), (0.35, 0)], shade(tone, 0.7), 0.05)


def pipework(pen: Pen, rng: np.random.Generator) -> None:
    """The pipes of a distant organ, on a gallery."""
    tone, count, high = metal(rng), int(rng.integers(7, 14)), rng.uniform(1.0, 1.9)
    for k in range(count):
        x, top = 0.16 * (k - count / 2), high * (0.7 + 0.3 * abs(2 * k / count - 1))
        pen.box(x, -1.3 - top, x + 0.13, -1.4, tone)
        pen.fill([(x, -1.4), (x + 0.13, -1.4), (x + 0.065, -1.3)], shade(tone, 0.7))
    pen.box(-0.09 * count, -1.3, 0.09 * count, 0, wood(rng))


def tree(pen: Pen, rng: np.random.Generator) -> None:
    """A leafy tree or a fir."""
    leaf = shade(pick(rng, ["#3f6b34", "#5c8a3d", "#7c8a3a", "#b7792f", "#2f5a45"]),
                 rng.uniform(0.7, 1.2))  # fmt: skip
    pen.box(-0.1, -1.2, 0.1, 0, rgb("#5a4330"))
    if rng.random() < 0.35:
        for k in range(3):
            w = 0.8 - 0.2 * k
            pen.fill([(-w, -0.6 - 0.7 * k), (w, -0.6 - 0.7 * k), (0, -1.8 - 0.7 * k)], leaf)
        return
    for _ in range(6):
        x, y = rng.uniform(-0.5, 0.5), rng.uniform(-2.4, -1.4)
        pen.disc(x, y, 0.5, 0.45, shade(leaf, rng.uniform(0.85, 1.15)))


def bush(pen: Pen, rng: np.random.Generator) -> None:
    """A bush, some with flowers."""
    leaf = shade(rgb("#4f7a3c"), rng.uniform(0.6, 1.3))
    for x in (-0.25, 0, 0.25):
        pen.disc(x, -0.2, 0.25, 0.25, leaf)
    bloom = paint(rng, 0.7, 1) if rng.random() < 0.5 else leaf
    for x, y in rng.uniform(-0.3, 0.3, (6, 2)):
        pen.disc(x, y - 0.2, 0.04, 0.04, bloom)


def house(pen: Pen, rng: np.random.Generator) -> None:
    """A house front."""
    tone, high = paint(rng, 0.45, 0.95), rng.uniform(2.2, 4.0)
    pen.box(-1.05, -high, 1.05, 0, tone)
    pen.fill([(-1.2, -high), (0, -high - 0.9), (1.2, -high)], paint(rng, 0.2, 0.6))
    glass = pick(rng, ["#5f7488", "#33404d", "#d8c98a"])
    for y in np.arange(-high + 0.3, -0.9, 0.95):
        for x in (-0.75, -0.15, 0.45):
            pen.box(x, y, x + 0.35, y + 0.55, glass)
    pen.box(0.4, -0.95, 0.8, 0, wood(rng))


def car(pen: Pen, rng: np.random.Generator) -> None:
    """A parked car."""
    tone = paint(rng, 0.2, 0.95)
    pen.fill([(-1, -0.2), (-1, -0.5), (-0.6, -0.55), (-0.35, -0.85), (0.4, -0.85), (0.65, -0.55),
              (1, -0.48), (1, -0.2)], tone)  # fmt: skip
    pen.fill([(-0.48, -0.55), (-0.3, -0.78), (0.35, -0.78), (0.52, -0.55)], rgb("#3c4a55"))
    for x in (-0.6, 0.6):
        pen.disc(x, -0.2, 0.2, 0.2, rgb("#222222"))
        pen.disc(x, -0.2, 0.1, 0.1, rgb("#9a9a9a"))


def lamp_post(pen: Pen, rng: np.random.Generator) -> None:
    """A street lamp."""
    pen.line([(0, 0), (0, -3.2), (0.5, -3.3)], rgb("#4a4f54"), 0.07)
    pen.disc(0.5, -3.25, 0.16, 0.07, rgb("#f3ecc8"))
