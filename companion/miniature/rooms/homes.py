"""What stands in the rooms of homes."""

import numpy as np

from companion.miniature.rooms import furniture as f
from companion.miniature.rooms.room import Room
from companion.miniature.rooms.solids import Surface, box, cylinder


def bathroom(room: Room) -> None:
    """Furnish a bathroom."""
    sides = ["N", "E"] if room.rng.random() < 0.5 else ["E", "N"]
    if room.there():
        room.wall(f.toilet(), sides[0], room.between(0.25, 0.4), 0.58)
    if room.there():
        room.wall(f.basin(), sides[0], room.between(0.68, 0.8), 0.45)
    if room.there():
        long = room.between(1.4, 1.7)
        room.wall(f.bathtub(long), "W" if sides[0] == "N" else "N", 0.55, 0.74)
    room.wall([box(0, 0, 1.2, (0.5, 0.05, 0.6), room.cloth("stripes"))], "E", 0.45, 0.05)


def bedroom(room: Room) -> None:
    """Furnish a bedroom."""
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


def dining_room(room: Room) -> None:
    """Furnish a dining room."""
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


def kitchen(room: Room) -> None:
    """Furnish a kitchen."""
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


def living_room(room: Room) -> None:
    """Furnish a living room."""
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
