"""Where an action takes place: rooms, stages, streets, gardens, drawn once per clip."""

from math import sin

import numpy as np

from companion.miniature.faces.people import mix, rgb, shade
from companion.miniature.scenes.furniture import (
    bench,
    bush,
    car,
    crate,
    cupboard,
    curtain,
    desk,
    door,
    frame,
    house,
    lamp,
    lamp_post,
    pipework,
    plant,
    shelf,
    sofa,
    speaker,
    tree,
    window,
)
from companion.miniature.scenes.pen import Pen, paint, pick, wood

INDOORS = ("room", "classroom", "stage", "hall", "church", "cellar")
OUTDOORS = ("street", "garden", "field", "yard")
FAR = 9.0  # metres to either side, beyond what any camera sees


def place(kind: str, pen: Pen, rng: np.random.Generator) -> None:
    """Draw a place; y = 0 is where its floor meets the wall or the horizon.

    Args:
        kind: one of `INDOORS` or `OUTDOORS`.
        pen: in metres, at the middle of that line.
        rng: of the clip; colours and furniture follow from it.
    """
    (_indoors if kind in INDOORS else _outdoors)(kind, pen, rng)


def _indoors(kind, pen, rng):
    dark = kind == "stage" or (kind == "cellar" and rng.random() < 0.5)
    wall = paint(rng, 0.06, 0.3) if dark else paint(rng, 0.35, 0.95)
    floor = wood(rng) if rng.random() < 0.6 else paint(rng, 0.2, 0.8)
    pen.box(-FAR, -FAR, FAR, 0, wall)
    pen.box(-FAR, 0, FAR, FAR, floor)
    _planks(pen, rng, floor)
    {
        "room": _room, "classroom": _classroom, "stage": _stage,
        "hall": _hall, "church": _church, "cellar": _cellar,
    }[kind](pen, rng, wall)  # fmt: skip


def _planks(pen, rng, floor):
    """Boards or tiles, in perspective."""
    if rng.random() < 0.6:
        dark = shade(floor, rng.uniform(0.75, 0.92))
        for k in range(-10, 11):
            pen.line([(k * 0.5, 0), (k * 1.3, 3)], dark, 0.02)
        if rng.random() < 0.4:
            for y in (0.12, 0.32, 0.65, 1.2):
                pen.line([(-FAR, y), (FAR, y)], dark, 0.02)
    if rng.random() < 0.3:
        pen.disc(rng.uniform(-1, 1), 0.75, rng.uniform(0.8, 1.8), 0.4, paint(rng, 0.2, 0.8))


def _room(pen, rng, wall):
    if rng.random() < 0.4:
        for k in range(-14, 15):
            pen.box(k * 0.4, -4, k * 0.4 + 0.15, 0, shade(wall, 0.93))
    pen.box(-FAR, -0.12, FAR, 0, shade(wall, 1.15))
    things = [window, door, frame, frame, shelf, sofa, lamp, plant, cupboard, curtain]
    for x in np.arange(-3.4, 3.5, 1.15):
        if rng.random() < 0.8:
            things[int(rng.integers(len(things)))](pen.at(x + rng.uniform(-0.3, 0.3), 0), rng)


def _classroom(pen, rng, wall):
    board = pick(rng, ["#20402f", "#22262b", "#e8ebea"])
    x = rng.uniform(-1.5, 1.5)
    pen.box(x - 1.5, -2.2, x + 1.5, -0.9, wood(rng))
    pen.box(x - 1.42, -2.12, x + 1.42, -0.98, board)
    for _ in range(4):
        u, v = x + rng.uniform(-1.2, 0.4), rng.uniform(-2, -1.2)
        pen.line([(u, v), (u + rng.uniform(0.3, 0.8), v)], mix(board, rgb("#8fa0a0"), 0.7), 0.03)
    for k in range(int(rng.integers(2, 5))):
        desk(pen.at(-2.4 + 1.4 * k + rng.uniform(-0.3, 0.3), 0.15), rng)
    frame(pen.at(x + 2.2, 0), rng)


def _stage(pen, rng, wall):
    cloth = paint(rng, 0.15, 0.6)
    for k in range(-16, 17):
        if abs(k) > 7 or rng.random() < 0.4:
            pen.box(k * 0.3, -FAR, k * 0.3 + 0.32, 0, shade(cloth, 0.75 + 0.25 * (k % 3)))
    for _ in range(int(rng.integers(0, 4))):
        x, glow = rng.uniform(-2.5, 2.5), paint(rng, 0.5, 1)
        pen.fill([(x, -4), (x + 1.2, 0.7), (x - 0.3, 0.7)], mix(wall, glow, 0.35))
        pen.disc(x + 0.45, 0.7, 0.75, 0.2, mix(wall, glow, 0.6))
    for _ in range(int(rng.integers(0, 3))):
        speaker(pen.at(rng.uniform(-3, 3), 0), rng)


def _hall(pen, rng, wall):
    pen.box(-FAR, -1.2, FAR, 0, paint(rng, 0.3, 0.9))
    stripe = paint(rng, 0.2, 0.95)
    for y in rng.uniform(0.2, 2.0, 2):
        pen.line([(-FAR, y), (FAR, y + rng.uniform(-0.4, 0.4))], stripe, 0.05)
    for k in range(-3, 4):
        if rng.random() < 0.6:
            pen.box(k * 1.3, -3.1, k * 1.3 + 0.9, -2.0, rgb("#cfdde6"))
    for k in range(int(rng.integers(0, 3))):
        bench(pen.at(-2 + 2.1 * k + rng.uniform(-0.4, 0.4), 0.1), rng)


def _church(pen, rng, wall):
    stone = shade(wall, 1.15)
    glass = [paint(rng, 0.5, 1) for _ in range(3)]
    for k in range(-2, 3):
        x = k * 1.7 + rng.uniform(-0.2, 0.2)
        pen.box(x - 0.35, -2.9, x + 0.35, -1.0, glass[k % 3])
        pen.disc(x, -2.9, 0.35, 0.5, glass[k % 3])
        pen.line([(x, -3.4), (x, -1)], shade(wall, 0.6), 0.04)
        pen.box(x + 0.7, -FAR, x + 1.0, 0, stone)
        pen.box(x + 0.9, -FAR, x + 1.0, 0, shade(stone, 0.8))
    if rng.random() < 0.4:
        pipework(pen.at(rng.uniform(-1.5, 1.5), 0), rng)
    for k in range(int(rng.integers(0, 4))):
        bench(pen.at(-2.2 + 1.6 * k, 0.12), rng)


def _cellar(pen, rng, wall):
    for row in range(14):
        for k in range(-11, 12):
            if rng.random() < 0.5:
                x = k * 0.45 + 0.22 * (row % 2)
                tone = shade(wall, rng.uniform(0.82, 1.08))
                pen.box(x, -0.25 * row - 0.23, x + 0.42, -0.25 * row - 0.02, tone)
    for x in rng.uniform(-3, 3, 3):
        (shelf, speaker, lamp, crate)[int(rng.integers(4))](pen.at(x, 0), rng)


def _outdoors(kind, pen, rng):
    skies = ["#8fb9e3", "#b9d3e8", "#c9ced2", "#a3aab3", "#e6c39a", "#6f8fb8", "#39465f"]
    sky = shade(pick(rng, skies), rng.uniform(0.85, 1.1))
    low = mix(sky, rgb("#f2efe6"), rng.uniform(0.1, 0.6))
    for k in range(12):
        pen.box(-FAR, -0.5 * k - 3 if k == 11 else -0.5 * k - 0.5, FAR, -0.5 * k,
                mix(low, sky, k / 11))  # fmt: skip
    if rng.random() < 0.5:
        for x in rng.uniform(-4, 4, 4):
            y, cloud = rng.uniform(-4, -2), mix(sky, rgb("#ffffff"), 0.6)
            pen.disc(x, y, rng.uniform(0.4, 1), 0.22, cloud)
            pen.disc(x + 0.3, y - 0.15, 0.4, 0.2, cloud)
    grounds = ["#5d8a3c", "#7da14c", "#9a9a4a", "#b79f66", "#6f7f4a", "#8a7a5f", "#e6e9ee"]
    grass = shade(pick(rng, grounds), rng.uniform(0.75, 1.15))
    if kind in ("street", "yard") and rng.random() < 0.75:
        grass = paint(rng, 0.3, 0.7)
    {"street": _street, "garden": _garden, "field": _field, "yard": _yard}[kind](pen, rng, grass)


def _field(pen, rng, grass):
    for k in range(3):
        tone = mix(shade(grass, 0.75 + 0.08 * k), rgb("#9fb2c8"), 0.5 - 0.2 * k)
        f, a = rng.uniform(0, 6), rng.uniform(0.1, 0.5)
        top = [(x, -0.6 + 0.25 * k - a * sin(x * 0.7 + f)) for x in np.arange(-FAR, FAR, 0.5)]
        pen.fill([*top, (FAR, 0.2), (-FAR, 0.2)], tone)
    _ground(pen, rng, grass)
    for x in rng.uniform(-4, 4, int(rng.integers(0, 5))):
        tree(pen.at(x, 0.02, size=0.6), rng)


def _garden(pen, rng, grass):
    for x in rng.uniform(-4, 4, 4):
        tree(pen.at(x, 0), rng)
    if rng.random() < 0.5:
        house(pen.at(rng.uniform(-2.5, 2.5), 0), rng)
    if rng.random() < 0.5:
        pen.box(-FAR, -1.0 * rng.uniform(0.7, 1.3), FAR, 0, shade(grass, 0.6))
    else:
        tone = wood(rng)
        for k in range(-22, 23):
            pen.box(k * 0.25, -1.1, k * 0.25 + 0.19, 0, shade(tone, 0.9 + 0.1 * (k % 2)))
    _ground(pen, rng, grass)
    for x in rng.uniform(-3, 3, 4):
        bush(pen.at(x, 0.1), rng)


def _street(pen, rng, grass):
    for k in range(-3, 4):
        if rng.random() < 0.85:
            house(pen.at(k * 2.2 + rng.uniform(-0.3, 0.3), 0), rng)
    _ground(pen, rng, grass)
    pen.box(-FAR, 0.15, FAR, 0.9, mix(paint(rng, 0.3, 0.5), rgb("#666666"), 0.7))
    for k in range(-8, 9):
        pen.box(k * 0.9, 0.48, k * 0.9 + 0.4, 0.53, rgb("#d8d8d0"))
    for x in rng.uniform(-3.5, 3.5, int(rng.integers(0, 4))):
        (car, lamp_post, tree)[int(rng.integers(3))](pen.at(x, 0.3), rng)


def _yard(pen, rng, grass):
    if rng.random() < 0.6:
        tone = paint(rng, 0.4, 0.8)
        pen.box(-FAR, -2.2, FAR, 0, tone)
        for row in range(9):
            for k in range(-11, 12):
                x = k * 0.6 + 0.3 * (row % 2)
                pen.line([(x, -0.25 * row), (x, -0.25 * row - 0.25)], shade(tone, 0.85), 0.02)
            pen.line([(-FAR, -0.25 * row), (FAR, -0.25 * row)], shade(tone, 0.85), 0.02)
    else:
        house(pen.at(rng.uniform(-2, 2), 0, size=1.5), rng)
    _ground(pen, rng, grass)
    for x in rng.uniform(-3, 3, 4):
        (bush, crate, bench, plant, door)[int(rng.integers(5))](pen.at(x, 0.05), rng)


def _ground(pen, rng, grass):
    pen.box(-FAR, 0, FAR, FAR, grass)
    for _ in range(26):
        x, y = rng.uniform(-5, 5), rng.uniform(0, 1.8) ** 1.3
        pen.disc(x, y, 0.25 + 0.3 * y, 0.03 + 0.04 * y, shade(grass, rng.uniform(0.85, 1.12)))
