"""Performers and bystanders of the action scenes, in metres; feet at the origin, y down."""

from dataclasses import dataclass
from math import copysign, hypot, sqrt

import numpy as np

from companion.miniature.faces.people import HAIRS, SKINS, Colour, mix, rgb, shade
from companion.miniature.scenes.pen import Pen, Point, paint, pick

HIP, SHOULDER, HEAD = -0.92, -1.40, -1.64  # heights of someone of size 1 who stands
SEAT = 0.44  # how far sitting lowers all three
STYLES = ("short", "short", "long", "bob", "bun", "curly", "bald", "hat", "cap")


@dataclass(frozen=True)
class Looks:
    """How someone looks. `size` and `girth` are factors, colours RGB."""

    skin: Colour
    hair: Colour
    shirt: Colour
    trousers: Colour
    shoes: Colour
    hat: Colour
    style: str
    long_sleeves: bool
    skirt: bool
    stripes: bool
    glasses: bool
    size: float
    girth: float


def looks(rng: np.random.Generator) -> Looks:
    """Draw how someone looks; a fifth are children."""
    skin = pick(rng, SKINS)
    child = rng.random() < 0.2
    return Looks(
        skin=skin,
        hair=pick(rng, HAIRS[:7] if sum(skin) > 480 else HAIRS[:3]),
        shirt=paint(rng),
        trousers=paint(rng, 0.1, 0.6),
        shoes=paint(rng, 0.05, 0.9),
        hat=paint(rng),
        style=str(rng.choice(STYLES)),
        long_sleeves=bool(rng.random() < 0.6),
        skirt=bool(rng.random() < 0.2),
        stripes=bool(rng.random() < 0.2),
        glasses=bool(rng.random() < 0.15),
        size=rng.uniform(0.68, 0.85) if child else rng.uniform(0.9, 1.08),
        girth=rng.uniform(0.85, 1.3),
    )


def legs(pen: Pen, who: Looks, feet: tuple[Point, Point], seat: float = 0.0, side: bool = False):
    """Draw both legs from the hip to `feet`, bent over the knee when seated or lifted."""
    hip = HIP + seat
    for k, (x, y) in enumerate(feet):
        s = 2 * k - 1
        root = (0.03 * s if side else 0.09 * s * who.girth, hip)
        if seat > 0.2:
            knee = (0.40 + 0.04 * s, hip + 0.02) if side else (0.17 * s, hip + 0.06)
        else:
            bend = max(0.0, 0.92 - hypot(x - root[0], y - hip)) * 0.8
            knee = ((root[0] + x) / 2 + (bend if side else s * bend), (hip + y) / 2)
        colour = shade(who.trousers, 0.85 if k else 1.0)
        if who.skirt and not seat:
            pen.limb([knee, (x, y)], shade(who.skin, 0.9), 0.10)
        else:
            pen.limb([root, knee, (x, y)], colour, 0.15 * who.girth)
        toe = 0.10 if side else 0.03 * s
        pen.disc(x + toe, y - 0.02, 0.12 if side else 0.075, 0.05, who.shoes)
    if who.skirt and not seat:
        w = 0.17 * who.girth
        pen.fill([(-w, hip - 0.05), (w, hip - 0.05), (w + 0.12, -0.42), (-w - 0.12, -0.42)],
                 who.trousers)  # fmt: skip


def torso(pen: Pen, who: Looks, seat: float = 0.0, side: bool = False) -> None:
    """Draw the trunk and the neck."""
    hip, top = HIP + seat, SHOULDER + seat
    w = who.girth * (0.13 if side else 0.21)
    pen.box(-0.055, top - 0.14, 0.055, top + 0.05, shade(who.skin, 0.8))
    pen.fill(
        [(-0.06, top - 0.06), (0.06, top - 0.06), (w, top), (w + 0.01, top + 0.12),
         (0.82 * w, hip - 0.12), (0.9 * w, hip + 0.05), (-0.9 * w, hip + 0.05),
         (-0.82 * w, hip - 0.12), (-w - 0.01, top + 0.12), (-w, top)],
        who.shirt,
    )  # fmt: skip
    if who.stripes:
        for k in range(3):
            y = top + 0.10 + 0.12 * k
            pen.box(-0.8 * w, y, 0.8 * w, y + 0.05, shade(who.shirt, 0.65))


def head(
    pen: Pen, who: Looks, at: Point = (0.0, HEAD), turn: float = 0.0, mouth: float = 0.0,
    back: bool = False,
) -> None:  # fmt: skip
    """Draw a head; `turn` in [-1, 1] is the profile to the left or right, `mouth` its opening."""
    p = pen.at(at[0], at[1], size=0.145)
    if who.style in ("long", "bob"):
        end = 1.6 if who.style == "long" else 0.8
        p.fill([(-0.95, -0.3), (0.95, -0.3), (1.0 - 0.2 * turn, end), (-1.0 - 0.2 * turn, end)],
               shade(who.hair, 0.85))  # fmt: skip
    elif who.style == "bun":
        p.disc(-0.8 * turn, -1.05 + 0.5 * abs(turn), 0.4, 0.4, who.hair)
    p.disc(0, 0, 0.80, 1.0, who.hair if back and who.style != "bald" else who.skin)
    if not back:
        x, dark = 0.5 * turn, rgb("#221a18")
        if abs(turn) > 0.6:
            p.fill([(0.7 * turn, -0.1), (1.0 * turn, 0.25), (0.7 * turn, 0.3)], who.skin)
        p.line([(x, -0.05), (x + 0.12 * turn, 0.22)], shade(who.skin, 0.75), 0.12)
        for s in (-1, 1):
            if abs(x + s * 0.3) < 0.75:
                p.disc(x + s * 0.3, -0.10, 0.09, 0.08, dark)
                if who.glasses:
                    p.line([(x + s * 0.3 - 0.22, -0.1), (x + s * 0.3 + 0.22, -0.1)], dark, 0.12)
        p.disc(x, 0.52, 0.22, 0.06 + 0.2 * mouth, mix(who.skin, rgb("#a02a30"), 0.7))
    if who.style in ("hat", "cap"):
        p.fill([(-0.8, -0.4), (-0.66, -1.2), (0.66, -1.2), (0.8, -0.4)], who.hat)
        wide = 1.25 if who.style == "hat" else 0.8
        p.box(-wide + 0.3 * turn, -0.5, wide + 0.4 * turn, -0.36, shade(who.hat, 0.7))
    elif who.style != "bald":
        low = 0.1 if who.style in ("long", "bob", "curly") else -0.25
        t = 0.35 * turn
        p.fill([(-0.86, low), (-0.84, -0.55), (-0.5, -1.02), (0, -1.14), (0.5, -1.02),
                (0.84, -0.55), (0.86, low), (0.66 + t, -0.4), (t, -0.58), (-0.66 + t, -0.4)],
               who.hair)  # fmt: skip
        if who.style == "curly":
            for x, y in ((-0.8, -0.3), (-0.6, -0.85), (0, -1.1), (0.6, -0.85), (0.8, -0.3)):
                p.disc(x, y, 0.36, 0.36, who.hair)


def body(
    pen: Pen, who: Looks, seat: float = 0.0, side: bool = False, turn: float = 0.0,
    mouth: float = 0.0, back: bool = False, feet: tuple[Point, Point] | None = None,
) -> None:  # fmt: skip
    """Draw all but the arms; `side` shows the profile, looking to the right."""
    if feet is None:
        x = 0.42 if side and seat else 0.0
        feet = ((x - 0.05, 0), (x + 0.06, 0)) if side else ((-0.13, 0.0), (0.13, 0.0))
    legs(pen, who, feet, seat, side)
    torso(pen, who, seat, side)
    head(pen, who, (0.03 * side, HEAD + seat), 0.9 if side else turn, mouth, back)


def shoulder(who: Looks, s: int, seat: float = 0.0, side: bool = False) -> Point:
    """Return where the arm on the picture's left (-1) or right (1) begins."""
    return (s * (0.03 if side else 0.19 * who.girth), SHOULDER + 0.05 + seat)


def arm(pen: Pen, who: Looks, root: Point, hand: Point) -> None:
    """Draw an arm from the shoulder `root` to `hand`."""
    dx, dy = hand[0] - root[0], hand[1] - root[1]
    far = hypot(dx, dy) + 1e-6
    out = sqrt(max(0.0, 0.31**2 - far**2 / 4)) / far
    # Of the two places an elbow can be, people choose the one lower and farther out.
    outward = 0.0 if abs(root[0]) < 0.1 else copysign(0.6, root[0])
    if dx - outward * dy < 0:
        out = -out
    elbow = ((root[0] + hand[0]) / 2 - out * dy, (root[1] + hand[1]) / 2 + out * dx)
    sleeve = shade(who.shirt, 0.78)
    pen.limb([root, elbow], sleeve, 0.11)
    pen.limb([elbow, hand], sleeve if who.long_sleeves else shade(who.skin, 0.92), 0.08)
    pen.disc(hand[0], hand[1], 0.055, 0.055, who.skin)


def reach(pen: Pen, who: Looks, hand: Point, tip: Point, spread: float = 1.0) -> None:
    """Draw a big hand with fingers on `hand` and a forearm that leaves the picture to `tip`."""
    dx, dy = hand[0] - tip[0], hand[1] - tip[1]
    far = hypot(dx, dy)
    u, v = dx / far, dy / far
    pen.limb([tip, (hand[0] - 0.06 * u, hand[1] - 0.06 * v)],
             who.shirt if who.long_sleeves else shade(who.skin, 0.93), 0.085)  # fmt: skip
    pen.disc(hand[0], hand[1], 0.05, 0.05, who.skin)
    for k in (-1.5, -0.5, 0.5, 1.5):
        x, y = hand[0] - v * k * 0.025 * spread, hand[1] + u * k * 0.025 * spread
        length = 0.095 - 0.012 * abs(k)
        pen.limb([(x, y), (x + u * length, y + v * length)], shade(who.skin, 0.95 - 0.04 * k),
                 0.022)  # fmt: skip
