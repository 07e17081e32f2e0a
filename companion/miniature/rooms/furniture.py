"""Furniture of boxes and cylinders, made around the origin of the floor, its front towards -y."""

import numpy as np

from companion.miniature.rooms.solids import Colour, Solid, Surface, box, cylinder, placed, times

WHITE: Colour = (0.93, 0.93, 0.92)
STEEL: Colour = (0.62, 0.64, 0.66)
BLACK: Colour = (0.07, 0.07, 0.08)
DARK = Surface(BLACK, blind="black")
GLASS: Colour = (0.72, 0.82, 0.88)


def table(wide, deep, high, wood: Surface, legs: Colour | None = None) -> list[Solid]:
    """Return a table with four legs."""
    leg = Surface(legs or wood.colour)
    x, y = wide / 2 - 0.05, deep / 2 - 0.05
    top = box(0, 0, high - 0.04, (wide, deep, 0.04), wood)
    size = (0.05, 0.05, high - 0.04)
    return [top, *(box(i * x, j * y, 0, size, leg) for i in (-1, 1) for j in (-1, 1))]


def chair(seat: Surface, legs: Colour = STEEL) -> list[Solid]:
    """Return a chair that faces -y."""
    leg, size = Surface(legs), (0.035, 0.035, 0.44)
    parts = [box(0, 0, 0.44, (0.42, 0.42, 0.05), seat)]
    parts += [box(0, 0.2, 0.55, (0.42, 0.04, 0.36), seat)]
    parts += [box(i * 0.19, 0.2, 0.44, (0.03, 0.03, 0.2), leg) for i in (-1, 1)]
    return parts + [box(i * 0.18, j * 0.18, 0, size, leg) for i in (-1, 1) for j in (-1, 1)]


def swivel(seat: Surface) -> list[Solid]:
    """Return an office chair."""
    base = Surface(BLACK)
    return [
        cylinder(0, 0, 0.03, 0.28, 0.05, base),
        cylinder(0, 0, 0.08, 0.03, 0.36, base),
        box(0, 0, 0.44, (0.48, 0.46, 0.09), seat),
        box(0, 0.22, 0.55, (0.44, 0.07, 0.5), seat),
        *(box(i * 0.26, 0.02, 0.6, (0.04, 0.26, 0.04), base) for i in (-1, 1)),
    ]


def monitor(seed: int, on: bool = True, wide: float = 0.5) -> list[Solid]:
    """Return a computer's screen on its foot and a keyboard, to be put on a table's height."""
    glow = Surface((0.75, 0.85, 0.95), "screen", (0.25, 0.35, 0.6), seed, "glass")
    return [
        box(0, 0, 0, (0.2, 0.16, 0.02), Surface(BLACK)),
        box(0, 0.02, 0, (0.05, 0.04, 0.16), Surface(BLACK)),
        box(0, 0, 0.12, (wide, 0.04, 0.62 * wide), DARK),
        box(0, -0.015, 0.14, (wide - 0.05, 0.04, 0.62 * wide - 0.05), glow if on else DARK),
        box(0, -0.27, 0, (0.42, 0.14, 0.02), Surface((0.2, 0.2, 0.22))),
    ]


def raised(solids: list[Solid], height: float) -> list[Solid]:
    """Return furniture lifted to a height, as what stands on a table."""
    return [
        Solid((s.centre[0], s.centre[1], s.centre[2] + height), s.size, s.surface, s.yaw, s.round)
        for s in solids
    ]


def desk(wood: Surface, seed: int, computers: int = 1, wide: float = 1.4) -> list[Solid]:
    """Return a desk with computers, whose users sit on the side of -y."""
    parts = table(wide, 0.75, 0.74, wood, STEEL)
    for i in range(computers):
        x = (i + 0.5) * wide / computers - wide / 2
        parts += placed(raised(monitor(seed + i), 0.74), x, 0.15)
    return parts


def bed(wide: float, wood: Surface, cover: Surface) -> list[Solid]:
    """Return a bed whose head is at +y."""
    white = Surface(WHITE)
    parts = [
        box(0, 0, 0.1, (wide, 2.0, 0.22), wood),
        box(0, 0, 0.32, (wide - 0.04, 1.96, 0.2), white),
        box(0, -0.3, 0.34, (wide + 0.02, 1.4, 0.21), cover),
        box(0, 1.02, 0, (wide + 0.06, 0.06, 1.0), wood),
    ]
    places = (-wide / 4, wide / 4) if wide > 1.2 else (0.0,)
    return parts + [box(x, 0.75, 0.52, (0.6, 0.36, 0.12), white) for x in places]


def cupboard(wide, deep, high, wood: Surface) -> list[Solid]:
    """Return a cupboard, wardrobe or chest with fronts of drawers and doors."""
    fronts = Surface(wood.colour, "drawers", times(wood.colour, 0.55), wood.seed)
    return [box(0, 0, 0, (wide, deep, high), fronts)]


def bookcase(wide, high, seed: int, wood: Surface, deep: float = 0.32) -> list[Solid]:
    """Return a shelf full of books."""
    books = Surface(wood.colour, "books", seed=seed)
    sides = [box(i * wide / 2, 0, 0, (0.03, deep + 0.04, high + 0.02), wood) for i in (-1, 1)]
    return [box(0, 0, 0, (wide, deep, high), books), *sides]


def sofa(wide: float, cover: Surface) -> list[Solid]:
    """Return a sofa, or an armchair where it is narrow."""
    parts = [
        box(0, 0, 0.08, (wide, 0.85, 0.32), cover),
        box(0, 0.34, 0.4, (wide, 0.2, 0.42), cover),
        *(box(i * (wide / 2 - 0.09), 0, 0.08, (0.18, 0.87, 0.54), cover) for i in (-1, 1)),
    ]
    light = Surface(times(cover.colour, 1.2))
    count = max(1, round((wide - 0.4) / 0.65))
    step = (wide - 0.4) / count
    places = [(i + 0.5) * step - (wide - 0.4) / 2 for i in range(count)]
    return parts + [box(x, -0.06, 0.4, (step - 0.04, 0.66, 0.1), light) for x in places]


def toilet() -> list[Solid]:
    """Return a toilet with its tank at +y."""
    white = Surface(WHITE)
    return [
        cylinder(0, -0.1, 0, 0.14, 0.3, white),
        cylinder(0, -0.14, 0.3, 0.21, 0.09, white),
        cylinder(0, -0.14, 0.39, 0.215, 0.03, Surface((0.82, 0.82, 0.8))),
        box(0, 0.2, 0.36, (0.4, 0.18, 0.4), white),
        box(0, 0.16, 0, (0.24, 0.3, 0.36), white),
    ]


def basin(mirror: bool = True) -> list[Solid]:
    """Return a washbasin, with a mirror above it."""
    white = Surface(WHITE)
    parts = [
        box(0, 0, 0.72, (0.6, 0.45, 0.14), white),
        cylinder(0, -0.02, 0.861, 0.17, 0.004, Surface((0.62, 0.65, 0.68))),
        cylinder(0, 0.1, 0, 0.09, 0.72, white),
        box(0, 0.17, 0.86, (0.04, 0.12, 0.12), Surface(STEEL)),
    ]
    glass = Surface(GLASS, blind="glass")
    return parts + ([box(0, 0.21, 1.15, (0.6, 0.02, 0.75), glass)] if mirror else [])


def bathtub(long: float) -> list[Solid]:
    """Return a bathtub along x."""
    white, water = Surface(WHITE), Surface((0.55, 0.72, 0.78))
    return [
        box(0, 0, 0, (long, 0.74, 0.5), white),
        box(0, 0, 0.5, (long, 0.05, 0.05), white),
        box(0, 0.0, 0.501, (long - 0.2, 0.54, 0.004), water),
        *(box(0, j * 0.345, 0.5, (long, 0.05, 0.05), white) for j in (-1, 1)),
        box(long / 2 - 0.08, 0, 0.5, (0.06, 0.06, 0.2), Surface(STEEL)),
    ]


def counter(wide: float, wood: Surface, top: Surface) -> list[Solid]:
    """Return a kitchen's cupboards below a worktop."""
    return [*cupboard(wide, 0.6, 0.86, wood), box(0, -0.01, 0.86, (wide, 0.64, 0.05), top)]


def stove() -> list[Solid]:
    """Return a stove with an oven and four plates, and a hood."""
    parts = [
        box(0, 0, 0, (0.6, 0.6, 0.9), Surface(STEEL)),
        box(0, -0.3, 0.25, (0.46, 0.02, 0.4), DARK),
        box(0, -0.31, 0.7, (0.5, 0.03, 0.03), Surface(WHITE)),
        box(0, 0, 0.9, (0.58, 0.58, 0.015), Surface((0.12, 0.12, 0.13))),
    ]
    grey = Surface((0.4, 0.4, 0.42))
    parts += [
        cylinder(i * 0.14, j * 0.14, 0.915, 0.09, 0.01, grey) for i in (-1, 1) for j in (-1, 1)
    ]
    return [*parts, box(0, 0.05, 1.6, (0.6, 0.45, 0.12), Surface(STEEL)), *_flue()]


def _flue() -> list[Solid]:
    return [box(0, 0.15, 1.72, (0.25, 0.25, 0.9), Surface(STEEL))]


def fridge() -> list[Solid]:
    """Return a fridge with a freezer below."""
    white, line = Surface((0.88, 0.89, 0.9)), Surface((0.35, 0.35, 0.36))
    return [
        box(0, 0, 0, (0.62, 0.62, 1.75), white),
        box(0, -0.31, 0.6, (0.62, 0.01, 0.02), line),
        *(box(-0.24, -0.33, z, (0.03, 0.03, 0.35), Surface(STEEL)) for z in (0.2, 0.9)),
    ]


def sink() -> list[Solid]:
    """Return a kitchen's sink with its tap, to be put on a worktop."""
    steel = Surface(STEEL)
    return [
        box(0, -0.05, 0.912, (0.5, 0.38, 0.006), Surface((0.45, 0.47, 0.5))),
        cylinder(0, 0.2, 0.91, 0.02, 0.26, steel),
        box(0, 0.1, 1.15, (0.03, 0.2, 0.03), steel),
    ]


def board(wide: float, seed: int, white: bool) -> list[Solid]:
    """Return a board on a wall, 0.9 m above the floor."""
    colour, chalk = (
        ((0.95, 0.96, 0.97), (0.2, 0.25, 0.6)) if white else ((0.1, 0.27, 0.2), (0.85, 0.88, 0.85))
    )
    frame = Surface(STEEL if white else (0.5, 0.36, 0.2))
    return [
        box(0, 0.01, 0.86, (wide + 0.08, 0.03, 1.28), frame),
        box(0, -0.01, 0.9, (wide, 0.03, 1.2), Surface(colour, "writing", chalk, seed)),
    ]


def flat(x: float, y: float, z: float, wide: float, high: float, surface: Surface) -> Solid:
    """Return something thin on a wall, such as a window, a picture or a door."""
    return box(x, y, z, (wide, 0.04, high), surface)


def window(wide: float, high: float = 1.2, bright: float = 1.0) -> list[Solid]:
    """Return a window, 0.95 m above the floor."""
    sky = Surface((0.8 * bright, 0.9 * bright, bright), "window", WHITE, blind="glass")
    return [flat(0, 0, 0.95, wide, high, sky)]


def door(colour: Colour) -> list[Solid]:
    """Return a closed door in its frame."""
    frame = Surface(times(colour, 0.6))
    return [
        box(0, 0.01, 0, (1.0, 0.05, 2.1), frame),
        box(0, -0.01, 0, (0.88, 0.05, 2.04), Surface(colour)),
        box(0.36, -0.05, 1.0, (0.12, 0.06, 0.03), Surface(STEEL)),
    ]


def plant(rng: np.random.Generator) -> list[Solid]:
    """Return a plant in a pot."""
    green = Surface((0.16, 0.4, 0.14), "leaves", (0.4, 0.65, 0.25), int(rng.integers(1000)))
    high = rng.uniform(0.5, 1.0)
    return [
        cylinder(0, 0, 0, 0.16, 0.3, Surface((0.55, 0.3, 0.2))),
        cylinder(0, 0, 0.3, 0.03, 0.2, Surface((0.3, 0.25, 0.12))),
        cylinder(0, 0, 0.45, 0.2 + 0.12 * rng.random(), high, green),
    ]


def lamp(shade: Colour) -> list[Solid]:
    """Return a lamp that stands on the floor."""
    return [
        cylinder(0, 0, 0, 0.14, 0.03, DARK),
        cylinder(0, 0, 0.03, 0.02, 1.4, DARK),
        cylinder(0, 0, 1.43, 0.2, 0.28, Surface(shade)),
    ]


def bin_() -> list[Solid]:
    """Return a paper bin."""
    return [cylinder(0, 0, 0, 0.15, 0.32, Surface((0.25, 0.26, 0.28)))]


def television(wide: float) -> list[Solid]:
    """Return a flat television, to be put on something."""
    return [
        box(0, 0, 0, (0.4, 0.2, 0.03), DARK),
        box(0, 0, 0.05, (wide, 0.05, 0.58 * wide), Surface(BLACK, blind="glass")),
    ]
