"""The pen of the action scenes: shapes in metres, placed on a picture by an affine map."""

from math import cos, hypot, pi, sin

import numpy as np
from PIL import Image, ImageDraw

from companion.miniature.faces.people import Colour, mix, rgb, shade

WOODS = ["#5a3218", "#7a4420", "#94541f", "#a8672e", "#c08a4a", "#d7b077", "#2c1a12", "#8c2f1a"]
_CIRCLE = [(cos(k * pi / 8), sin(k * pi / 8)) for k in range(16)]

Point = tuple[float, float]


class Pen:
    """Draws shapes given in metres, x to the right and y down, on a picture in pixels.

    Args:
        picture: RGB, drawn upon.
        matrix: `(a, b, x, c, d, y)`; a point `(u, v)` lands on `(a u + b v + x, c u + d v + y)`.
    """

    def __init__(self, picture: Image.Image | ImageDraw.ImageDraw, matrix: tuple[float, ...]):
        self.draw = ImageDraw.Draw(picture) if isinstance(picture, Image.Image) else picture
        self.matrix = matrix
        self.scale = hypot(matrix[0], matrix[3])

    def at(self, x: float, y: float, turn: float = 0.0, size: float = 1.0, flip: bool = False):
        """Return a pen whose origin is here at `(x, y)`, turned by `turn` radians and scaled."""
        a, b, ox, c, d, oy = self.matrix
        u, v = size * cos(turn), size * sin(turn)
        f = -1 if flip else 1
        return Pen(
            self.draw,
            (
                f * (a * u + b * v),
                b * u - a * v,
                a * x + b * y + ox,
                f * (c * u + d * v),
                d * u - c * v,
                c * x + d * y + oy,
            ),
        )

    def place(self, points: list[Point]) -> list[Point]:
        """Return pixels of the picture."""
        a, b, ox, c, d, oy = self.matrix
        return [(a * x + b * y + ox, c * x + d * y + oy) for x, y in points]

    def fill(self, points: list[Point], colour: Colour) -> None:
        """Fill a polygon."""
        self.draw.polygon(self.place(points), fill=colour)

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        """Fill a rectangle between two corners."""
        self.draw.polygon(self.place([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]), fill=colour)

    def disc(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """Fill an ellipse."""
        a, b, ox, c, d, oy = self.matrix
        ox, oy = a * x + b * y + ox, c * x + d * y + oy
        if rx == ry:
            r = rx * self.scale
            self.draw.ellipse((ox - r, oy - r, ox + r, oy + r), fill=colour)
            return
        # One matrix for radii and place: this is most of what is drawn.
        a, b, c, d = a * rx, b * ry, c * rx, d * ry
        ring = [(a * u + b * v + ox, c * u + d * v + oy) for u, v in _CIRCLE]
        self.draw.polygon(ring, fill=colour)

    def line(self, points: list[Point], colour: Colour, width: float) -> None:
        """Draw a line, `width` in metres and at least a pixel."""
        pixels = max(1, round(width * self.scale))
        self.draw.line(self.place(points), fill=colour, width=pixels)

    def limb(self, points: list[Point], colour: Colour, width: float) -> None:
        """Draw a line with round joints and ends."""
        placed, size = self.place(points), width * self.scale
        self.draw.line(placed, fill=colour, width=max(1, round(size)))
        r = size / 2
        for u, v in placed:
            self.draw.ellipse((u - r, v - r, u + r, v + r), fill=colour)


def paint(rng: np.random.Generator, low: float = 0.1, high: float = 0.95) -> Colour:
    """Return a colour of any hue, greys as often as bright ones; `low, high`: its brightness."""
    hue, grey = rng.uniform(0, 2 * pi), rng.uniform(0, 1)
    wheel = np.array([0.5 + 0.5 * cos(hue + k * 2 * pi / 3) for k in range(3)])
    colour = (grey + (1 - grey) * wheel) / (grey + (1 - grey) * wheel.max())
    red, green, blue = (int(v) for v in 255 * rng.uniform(low, high) * colour)
    return red, green, blue


def wood(rng: np.random.Generator) -> Colour:
    """Return the colour of a piece of wood, now and then painted."""
    if rng.random() < 0.15:
        return paint(rng, 0.1, 0.95)
    return shade(pick(rng, WOODS), rng.uniform(0.8, 1.2))


def metal(rng: np.random.Generator) -> Colour:
    """Return the colour of brass, silver or lacquer."""
    tone = mix(rgb("#d9a93a"), rgb("#c9ced6"), float(rng.choice([0.0, 0.15, 0.5, 0.9, 1.0])))
    return shade(tone, rng.uniform(0.7, 1.1))


def pick(rng: np.random.Generator, codes: list[str]) -> Colour:
    """Return one of several `#rrggbb` colours."""
    return rgb(codes[int(rng.integers(len(codes)))])
