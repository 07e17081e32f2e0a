"""A room that is being furnished, in the colours of its building."""

from dataclasses import dataclass

import numpy as np

from companion.miniature.rooms.solids import Colour, Solid, Surface, placed, times

# Chance that a piece of furniture which makes a scene what it is, is not there.
ABSENT = 0.2


@dataclass(frozen=True)
class Style:
    """Colours of a building.

    Attributes:
        wall, floor, ceiling: surfaces of its rooms.
        wood: of furniture.
        cloth: colours of covers and seats.
        door: colour.
    """

    wall: Surface
    floor: Surface
    ceiling: Surface
    wood: Surface
    cloth: tuple[Colour, ...]
    door: Colour


class Room:
    """A room that is being furnished.

    Args:
        rng: of everything that is chosen.
        style: of the building.
        size: width, length and height in metres.

    Attributes:
        solids: what stands in it.
        stand: how high the floor is where one comes in, in metres.
        shell: the box that it is.
        surfaces: of walls, floor and ceiling.
    """

    shell: Solid
    surfaces: tuple[Surface, Surface, Surface]

    def __init__(self, rng: np.random.Generator, style: Style, size: tuple[float, float, float]):
        self.rng, self.style, self.size = rng, style, size
        self.solids: list[Solid] = []
        self.stand = 0.0

    def put(self, parts: list[Solid], x: float, y: float, yaw: float = 0.0) -> None:
        """Put furniture at a place; its front then looks to -y turned by `yaw`."""
        self.solids += placed(parts, x, y, yaw)

    def wall(self, parts: list[Solid], side: str, along: float, deep: float) -> None:
        """Put furniture with its back to a wall: N is ahead, E right, W left.

        Args:
            parts: furniture.
            side: N, E or W.
            along: of the wall, from 0 to 1.
            deep: how deep the furniture is, in metres.
        """
        wide, long, _ = self.size
        gap = deep / 2 + 0.02
        if side == "N":
            self.put(parts, along * wide, long - gap)
        elif side == "E":
            self.put(parts, wide - gap, along * long, -np.pi / 2)
        else:
            self.put(parts, gap, along * long, np.pi / 2)

    def there(self) -> bool:
        """Tell by chance whether a piece is there."""
        return bool(self.rng.random() >= ABSENT)

    def between(self, low: float, high: float) -> float:
        """Return a random number."""
        return float(self.rng.uniform(low, high))

    def seed(self) -> int:
        """Return a seed for a texture."""
        return int(self.rng.integers(100_000))

    def cloth(self, texture: str = "plain") -> Surface:
        """Return a cover of one of the building's colours."""
        colours = self.style.cloth
        colour = colours[int(self.rng.integers(len(colours)))]
        return Surface(colour, texture, times(colour, 0.6), self.seed())
