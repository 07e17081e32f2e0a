"""What a room is furnished with: boxes and upright cylinders, and what their surfaces look like."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Surface:
    """How a solid looks, and whether a depth sensor sees it.

    Attributes:
        colour: RGB in [0, 1].
        texture: a name in `textures.TEXTURES`.
        second: RGB of what the texture draws on the first.
        seed: of the texture.
        blind: why a depth sensor may see nothing: "" (it does), "glass" or "black".
    """

    colour: Colour
    texture: str = "plain"
    second: Colour = (0.2, 0.2, 0.2)
    seed: int = 0
    blind: str = ""


@dataclass(frozen=True)
class Solid:
    """A box, or a cylinder that stands, turned about the vertical.

    Attributes:
        centre: x, y, z in metres; x to the right, y ahead, z up.
        size: its extents along its own axes, in metres; of a cylinder twice the radius, the same
            again, and the height.
        surface: of all its faces.
        yaw: radians, counterclockwise seen from above.
        round: whether it is a cylinder.
    """

    centre: tuple[float, float, float]
    size: tuple[float, float, float]
    surface: Surface
    yaw: float = 0.0
    round: bool = False


def times(colour: Colour, factor: float) -> Colour:
    """Return a colour made darker or lighter."""
    red, green, blue = (min(1.0, factor * c) for c in colour)
    return red, green, blue


def box(
    x: float, y: float, z: float, size: Sequence[float], surface: Surface, yaw: float = 0.0
) -> Solid:
    """Return a box that stands on height `z` around (x, y); sizes are width, depth, height."""
    wide, deep, high = (float(s) for s in size)
    return Solid((x, y, z + high / 2), (wide, deep, high), surface, yaw)


def cylinder(x: float, y: float, z: float, radius: float, high: float, surface: Surface) -> Solid:
    """Return a cylinder that stands on height `z` around (x, y)."""
    return Solid((x, y, z + high / 2), (2 * radius, 2 * radius, high), surface, round=True)


def placed(solids: Iterable[Solid], x: float, y: float, yaw: float = 0.0) -> list[Solid]:
    """Return furniture, made around the origin with its front towards -y, at a place in a room."""
    cos, sin = float(np.cos(yaw)), float(np.sin(yaw))
    moved = []
    for solid in solids:
        a, b, c = solid.centre
        centre = (x + cos * a - sin * b, y + sin * a + cos * b, c)
        moved.append(replace(solid, centre=centre, yaw=solid.yaw + yaw))
    return moved
