"""What stands where people learn and work."""

import numpy as np

from companion.miniature.rooms import furniture as f
from companion.miniature.rooms.room import Room
from companion.miniature.rooms.solids import Surface, box, times


def classroom(room: Room) -> None:
    """Furnish a classroom."""
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


def computer_room(room: Room) -> None:
    """Furnish a computer room."""
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


def conference_room(room: Room) -> None:
    """Furnish a conference room."""
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


def corridor(room: Room) -> None:
    """Furnish a corridor."""
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


def lecture_theatre(room: Room) -> None:
    """Furnish a lecture theatre."""
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


def library(room: Room) -> None:
    """Furnish a library."""
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


def office(room: Room) -> None:
    """Furnish an office."""
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
