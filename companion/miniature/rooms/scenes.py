"""Twelve scenes: how large the room is and what stands in it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from companion.miniature.rooms import furniture as f
from companion.miniature.rooms.solids import Colour, Solid, Surface, box, cylinder, placed, times

# Chance that a piece of furniture which makes a scene what it is, is not there.
ABSENT = 0.2
# Chance of each of the things that stand in every kind of room.
CLUTTER = 0.3


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


def _bathroom(room: Room) -> None:
    sides = ["N", "E"] if room.rng.random() < 0.5 else ["E", "N"]
    if room.there():
        room.wall(f.toilet(), sides[0], room.between(0.25, 0.4), 0.58)
    if room.there():
        room.wall(f.basin(), sides[0], room.between(0.68, 0.8), 0.45)
    if room.there():
        long = room.between(1.4, 1.7)
        room.wall(f.bathtub(long), "W" if sides[0] == "N" else "N", 0.55, 0.74)
    room.wall([box(0, 0, 1.2, (0.5, 0.05, 0.6), room.cloth("stripes"))], "E", 0.45, 0.05)


def _bedroom(room: Room) -> None:
    wood, wide = room.style.wood, room.between(1.0, 1.8)
    place = room.between(0.4, 0.6)
    if room.there():
        room.wall(f.bed(wide, wood, room.cloth("stripes")), "N", place, 2.05)
    for side in (-1, 1):
        if room.there():
            at = place + side * (wide / 2 + 0.35) / room.size[0]
            room.wall(f.cupboard(0.45, 0.4, 0.5, wood), "N", at, 0.4)
            room.wall(f.raised(f.lamp((0.95, 0.85, 0.6))[-1:], -0.85), "N", at, 0.4)
    if room.there():
        room.wall(f.cupboard(1.2, 0.6, 2.0, wood), "E", 0.6, 0.6)
    if room.there():
        room.wall(f.window(1.4), "N", 0.5, 0.04)


def _classroom(room: Room) -> None:
    wide, long, _ = room.size
    seat = room.cloth()
    if room.there():
        room.wall(
            f.board(room.between(2.2, 3.4), room.seed(), bool(room.rng.random() < 0.5)),
            "N",
            0.5,
            0.06,
        )
    if room.there():
        room.put(f.table(1.4, 0.7, 0.75, room.style.wood), 0.35 * wide, long - 1.3)
    columns, rows = int(room.rng.integers(3, 5)), 3
    for i in range(columns):
        for j in range(rows):
            x = (i + 0.5) * wide / columns
            y = 1.7 + j * (long - 3.6) / rows
            if room.rng.random() < 0.92:
                room.put(f.table(0.75, 0.5, 0.73, room.style.wood, f.STEEL), x, y + 0.35)
                room.put(f.chair(seat), x, y - 0.1, np.pi + room.between(-0.2, 0.2))


def _computer_room(room: Room) -> None:
    wide, long, _ = room.size
    seat, rows = room.cloth(), int(room.rng.integers(2, 4))
    for j in range(rows):
        y = 1.8 + j * (long - 2.4) / rows
        for x in (0.28 * wide, 0.74 * wide):
            room.put(f.table(0.42 * wide, 0.75, 0.74, room.style.wood, f.STEEL), x, y)
            for k in (-1, 0, 1):
                at = x + k * 0.135 * wide
                if room.there():
                    on = bool(room.rng.random() < 0.7)
                    room.put(f.raised(f.monitor(room.seed(), on), 0.74), at, y + 0.1)
                if room.there():
                    room.put(f.swivel(seat), at, y - 0.6, np.pi + room.between(-0.5, 0.5))


def _conference_room(room: Room) -> None:
    wide, long, _ = room.size
    far = room.between(0.5, 0.62) * long
    size = room.between(2.4, 3.4)
    seat, office = room.cloth(), room.rng.random() < 0.5
    if room.there():
        room.put(f.table(1.3, size, 0.75, room.style.wood), wide / 2, far)
    for side in (-1, 1):
        for k in range(4):
            if room.there():
                y = far + (k - 1.5) * size / 4
                chair = f.swivel(seat) if office else f.chair(seat)
                room.put(chair, wide / 2 + side * 0.95, y, -side * np.pi / 2)
    if room.there():
        white = Surface((0.97, 0.97, 0.98))
        room.wall(
            [f.flat(0, 0, 1.0, 2.0, 1.3, white), box(0, 0, 2.3, (2.1, 0.1, 0.1), f.DARK)],
            "N",
            0.5,
            0.06,
        )
    elif room.there():
        room.wall(f.board(1.8, room.seed(), True), "N", 0.5, 0.06)


def _corridor(room: Room) -> None:
    _, long, high = room.size
    for wall in ("E", "W"):
        for k in range(int(long // 2.6)):
            if room.there():
                room.wall(f.door(room.style.door), wall, (1.6 + 2.6 * k) / long, 0.05)
    if room.there():
        room.wall(f.door(room.style.door), "N", 0.5, 0.05)
    glow = Surface((1.0, 1.0, 0.95))
    for k in range(int(long // 2)):
        room.put([box(0, 0, high - 0.06, (0.3, 1.0, 0.05), glow)], room.size[0] / 2, 1 + 2 * k)
    if room.rng.random() < 0.4:
        note = Surface((0.7, 0.5, 0.3), "picture", seed=room.seed())
        room.wall([f.flat(0, 0, 1.1, 1.0, 0.8, note)], "W", room.between(0.2, 0.5), 0.04)


def _dining_room(room: Room) -> None:
    wide, long, high = room.size
    far, size = room.between(0.5, 0.6) * long, room.between(1.2, 1.8)
    wood = room.style.wood
    if room.rng.random() < 0.3:
        top, foot = cylinder(0, 0, 0.71, 0.65, 0.04, wood), cylinder(0, 0, 0, 0.08, 0.71, wood)
        room.put([top, foot], wide / 2, far)
    else:
        room.put(f.table(0.95, size, 0.75, wood), wide / 2, far)
    plate = Surface((0.96, 0.96, 0.96))
    for side in (-1, 1):
        for k in (-1, 1):
            y = far + 0.28 * k * size
            if room.there():
                room.put([cylinder(0, 0, 0.75, 0.12, 0.02, plate)], wide / 2 + side * 0.27, y)
            if room.there():
                room.put(f.chair(wood, wood.colour), wide / 2 + side * 0.75, y, -side * np.pi / 2)
    if room.there():
        shade = Surface((0.95, 0.85, 0.55))
        room.put(
            [
                cylinder(0, 0, high - 1.0, 0.25, 0.25, shade),
                cylinder(0, 0, high - 0.75, 0.01, 0.75, f.DARK),
            ],
            wide / 2,
            far,
        )
    if room.there():
        room.wall(f.cupboard(1.3, 0.42, 0.85, wood), "N", room.between(0.4, 0.6), 0.42)


def _kitchen(room: Room) -> None:
    wide, long, _ = room.size
    light = room.rng.random() < 0.5
    wood = Surface((0.9, 0.9, 0.88)) if light else room.style.wood
    top = Surface((0.3, 0.3, 0.32) if light else (0.8, 0.78, 0.72))
    room.wall(f.counter(0.6 * wide, wood, top), "N", 0.32, 0.6)
    if room.there():
        room.wall(f.stove(), "N", 0.62 + 0.3 / wide, 0.6)
    if room.there():
        room.wall(f.fridge(), "N", 0.64 + 0.95 / wide, 0.62)
    if room.there():
        room.wall(f.sink(), "N", 0.3, 0.6)
    if room.there():
        hung = f.raised(f.cupboard(0.55 * wide, 0.35, 0.65, wood), 1.45)
        room.wall(hung, "N", 0.3, 0.35)
    if room.there():
        room.wall(f.counter(0.5 * long, wood, top), room.rng.choice(["E", "W"]), 0.6, 0.6)
    if room.rng.random() < 0.4:
        room.put(f.table(0.9, 0.7, 0.75, room.style.wood), 0.5 * wide, 0.5 * long)


def _lecture_theatre(room: Room) -> None:
    wide, long, _ = room.size
    rows, seat = 5, room.cloth()
    shade = Surface(times(seat.colour, 0.7))
    step = Surface((0.5, 0.42, 0.36), "carpet", (0.4, 0.33, 0.3))
    # Seen from behind: rows go down to the board, or from the front: they rise.
    front = room.rng.random() < 0.5
    room.stand = 0.0 if front else 0.28 * rows
    for j in range(rows):
        y = 2.2 + j * (long - 4.2) / rows
        rise = 0.28 * (j if front else rows - 1 - j)
        if rise:
            room.put([box(0, 0, 0, (wide, (long - 4.2) / rows, rise), step)], wide / 2, y)
        yaw = 0.0 if front else np.pi
        for k in range(int(wide / 0.62)):
            x = 0.35 + 0.62 * k
            if abs(x - wide / 2) > 0.4 and room.rng.random() < 0.96:
                parts = [
                    box(0, 0, 0.4, (0.5, 0.42, 0.08), seat),
                    box(0, 0.22, 0.4, (0.5, 0.06, 0.5), shade),
                ]
                room.put(f.raised(parts, rise), x, y, yaw)
    if not front and room.there():
        room.wall(f.board(0.45 * wide, room.seed(), bool(room.rng.random() < 0.5)), "N", 0.5, 0.06)
    if front and room.there():
        room.put(f.table(1.2, 0.5, 1.0, room.style.wood), 0.5 * wide, 1.6)


def _library(room: Room) -> None:
    wide, long, _ = room.size
    wood = room.style.wood
    high = room.between(1.7, 2.2)
    for wall in ("W", "E"):
        for k in range(int((long - 1.5) // 1.15)):
            if room.there():
                room.wall(
                    f.bookcase(1.1, high, room.seed(), wood), wall, (2 + 1.15 * k) / long, 0.32
                )
    for k in range(int(wide // 1.15)):
        if room.there():
            room.wall(f.bookcase(1.1, high, room.seed(), wood), "N", (0.6 + 1.15 * k) / wide, 0.32)
    if room.there():
        y = 0.6 * long
        room.put(f.table(1.0, 1.6, 0.75, wood), wide / 2, y)
        for side in (-1, 1):
            if room.there():
                room.put(f.chair(wood, wood.colour), wide / 2 + side * 0.75, y, -side * np.pi / 2)


def _living_room(room: Room) -> None:
    wide, long, _ = room.size
    cover, wood = room.cloth(), room.style.wood
    if room.there():
        room.wall(f.sofa(room.between(1.7, 2.3), cover), "N", room.between(0.35, 0.5), 0.87)
    if room.there():
        room.put(f.table(1.0, 0.55, 0.42, wood), 0.45 * wide, long - 1.7)
    if room.there():
        room.wall(f.sofa(0.85, room.cloth()), room.rng.choice(["E", "W"]), 0.55, 0.87)
    if room.there():
        rug = room.cloth("chequer")
        room.put([box(0, 0, 0, (2.2, 1.6, 0.015), rug)], 0.48 * wide, long - 1.8)
    if room.there():
        stand = [*f.cupboard(1.3, 0.4, 0.45, wood), *f.raised(f.television(1.1), 0.45)]
        room.wall(stand, "E", room.between(0.6, 0.75), 0.4)
    if room.there():
        art = Surface(f.WHITE, "picture", seed=room.seed())
        room.wall([f.flat(0, 0, 1.3, 1.1, 0.7, art)], "N", 0.45, 0.04)


def _office(room: Room) -> None:
    wide, _, _ = room.size
    wood, seat = room.style.wood, room.cloth()
    place = room.between(0.35, 0.6)
    if room.there():
        room.wall(f.desk(wood, room.seed(), int(room.rng.integers(1, 3))), "N", place, 0.9)
        if room.there():
            room.wall(f.swivel(seat), "N", place + room.between(-0.05, 0.05), 2.4)
    if room.there():
        room.wall(f.desk(wood, room.seed(), 1), room.rng.choice(["E", "W"]), 0.55, 0.9)
    if room.there():
        room.wall(f.cupboard(0.5, 0.55, 1.3, Surface((0.6, 0.62, 0.6))), "N", 0.9, 0.55)
    if room.there():
        room.wall(f.bookcase(0.9, 1.9, room.seed(), wood), "E", 0.8, 0.32)
    if room.there():
        room.wall(f.window(1.5), "N", place, 0.04)
    papers = Surface((0.95, 0.95, 0.92))
    room.wall([box(0.4, -0.2, 0.745, (0.25, 0.3, 0.05), papers)], "N", place, 0.9)


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
    "bathroom": Plan(_bathroom, (2.6, 3.2, 2.5), 1.0, tiled=True),
    "bedroom": Plan(_bedroom, (3.8, 4.6, 2.5), 1.4),
    "classroom": Plan(_classroom, (6.5, 8.0, 2.9), 1.4),
    "computer_room": Plan(_computer_room, (6.0, 7.0, 2.8), 0.8),
    "conference_room": Plan(_conference_room, (4.4, 6.2, 2.7), 0.9),
    "corridor": Plan(_corridor, (2.0, 11.0, 2.6), 0.8),
    "dining_room": Plan(_dining_room, (3.8, 5.0, 2.5), 0.7),
    "kitchen": Plan(_kitchen, (3.6, 4.2, 2.5), 1.0),
    "lecture_theatre": Plan(_lecture_theatre, (8.0, 10.0, 4.0), 0.7),
    "library": Plan(_library, (4.8, 7.0, 2.8), 0.9),
    "living_room": Plan(_living_room, (4.6, 5.2, 2.5), 1.0),
    "office": Plan(_office, (3.6, 4.4, 2.6), 1.4),
}
