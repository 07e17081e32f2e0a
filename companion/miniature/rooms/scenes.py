"""Twelve scenes: how large the room is and what stands in it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from companion.miniature.rooms import furniture as f
from companion.miniature.rooms import homes, workplaces
from companion.miniature.rooms.room import Room, Style
from companion.miniature.rooms.solids import Solid, Surface

# Chance of each of the things that stand in every kind of room.
CLUTTER = 0.3


def furnished(scene: str, style: Style, rng: np.random.Generator) -> Room:
    """Return a room of a scene.

    Args:
        scene: a name in `SCENES`.
        style: of its building.
        rng: of the room.
    """
    plan = SCENES[scene]
    stretch = rng.uniform(0.85, 1.15, 2)
    wide, long = plan.size[0] * stretch[0], plan.size[1] * stretch[1]
    room = Room(rng, style, (wide, long, plan.size[2] * rng.uniform(0.95, 1.1)))
    plan.furnish(room)
    _clutter(room)
    tiles = Surface((0.86, 0.88, 0.9), "tiles", (0.6, 0.62, 0.66), room.seed())
    wall = tiles if plan.tiled and rng.random() < 0.7 else style.wall
    floor = Surface((0.7, 0.7, 0.72), "tiles", (0.4, 0.4, 0.42), 1) if plan.tiled else style.floor
    high = room.size[2]
    room.shell = Solid((wide / 2, long / 2, high / 2), room.size, wall)
    room.surfaces = wall, floor, style.ceiling
    return room


def _clutter(room: Room) -> None:
    """Add what stands in rooms of every kind."""
    rng, (wide, long, _) = room.rng, room.size
    things = {
        "plant": lambda: room.put(f.plant(rng), room.between(0.4, wide - 0.4), long - 0.4),
        "bin": lambda: room.put(f.bin_(), wide - 0.3, room.between(0.4, 0.9) * long),
        "lamp": lambda: room.put(f.lamp((0.95, 0.9, 0.75)), 0.35, room.between(0.5, 0.9) * long),
        "shelf": lambda: room.wall(
            f.bookcase(0.8, 1.8, room.seed(), room.style.wood), "W", room.between(0.6, 0.85), 0.32
        ),
        "chair": lambda: room.put(
            f.chair(room.cloth()),
            room.between(0.3, 0.7) * wide,
            room.between(0.4, 0.6) * long,
            room.between(0, 6.3),
        ),
        "picture": lambda: room.wall(
            [f.flat(0, 0, 1.3, 0.7, 0.5, Surface(f.WHITE, "picture", seed=room.seed()))],
            "E",
            room.between(0.4, 0.8),
            0.04,
        ),
        "window": lambda: room.wall(f.window(1.3), "W", room.between(0.35, 0.6), 0.04),
    }
    for add in things.values():
        if rng.random() < CLUTTER:
            add()


@dataclass(frozen=True)
class Plan:
    """How a scene is made.

    Attributes:
        furnish: puts what belongs there into a room.
        size: usual width, length and height in metres.
        weight: how frequent it is.
        tiled: whether floor and most walls have tiles.
    """

    furnish: Callable[[Room], None]
    size: tuple[float, float, float]
    weight: float = 1.0
    tiled: bool = False


# Names as in scene.txt of the release.
SCENES = {
    "bathroom": Plan(homes.bathroom, (2.6, 3.2, 2.5), 1.0, tiled=True),
    "bedroom": Plan(homes.bedroom, (3.8, 4.6, 2.5), 1.4),
    "classroom": Plan(workplaces.classroom, (6.5, 8.0, 2.9), 1.4),
    "computer_room": Plan(workplaces.computer_room, (6.0, 7.0, 2.8), 0.8),
    "conference_room": Plan(workplaces.conference_room, (4.4, 6.2, 2.7), 0.9),
    "corridor": Plan(workplaces.corridor, (2.0, 11.0, 2.6), 0.8),
    "dining_room": Plan(homes.dining_room, (3.8, 5.0, 2.5), 0.7),
    "kitchen": Plan(homes.kitchen, (3.6, 4.2, 2.5), 1.0),
    "lecture_theatre": Plan(workplaces.lecture_theatre, (8.0, 10.0, 4.0), 0.7),
    "library": Plan(workplaces.library, (4.8, 7.0, 2.8), 0.9),
    "living_room": Plan(homes.living_room, (4.6, 5.2, 2.5), 1.0),
    "office": Plan(workplaces.office, (3.6, 4.4, 2.6), 1.4),
}
