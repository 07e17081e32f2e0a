"""Who is seen and where: the geometry and colours of an actor, the light and pose of a clip."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

Colour = tuple[int, int, int]

SKINS = ["#f6d7c3", "#efc3a4", "#e0ac86", "#cf9a70", "#b9815a", "#9a6542", "#7b4c30", "#5d3823"]
HAIRS = ["#1d1714", "#33231a", "#553725", "#7d5230", "#a8783f", "#d2ae68", "#8c3b1f", "#9a9a9a"]
IRISES = ["#3b2616", "#5a3a20", "#4f6b46", "#4a7290", "#6d7f86"]
CLOTHES = ["#2f4858", "#7a3b3b", "#3d5a3a", "#5b4a7a", "#8a6d3b", "#424242", "#b0a999", "#2a6f7a"]
CURTAINS = ["#6f8f76", "#7a9480", "#84988a", "#74897c"]
STYLES = {
    "Male": ("bald", "buzz", "short", "parted", "curly", "short", "parted"),
    "Female": ("bob", "long", "bun", "curly", "fringe", "long", "bob"),
}


@dataclass(frozen=True)
class Person:
    """An actor's looks. Lengths are in half heights of the head, colours are RGB."""

    width: float
    jaw: float
    eye_gap: float
    eye_size: float
    eye_y: float
    nose: float
    nose_width: float
    mouth_y: float
    mouth_width: float
    lip: float
    brow_y: float
    brow_tilt: float
    brow_thick: float
    corner: float
    skin: Colour
    hair: Colour
    brow: Colour
    iris: Colour
    lips: Colour
    clothes: Colour
    style: str
    collar: str
    glasses: str
    beard: str
    earrings: bool
    wrinkles: float
    expressive: float


@dataclass(frozen=True)
class Scene:
    """One clip's camera and light. Angles in radians, shifts in half heights of the head."""

    scale: float
    shift: tuple[float, float]
    tilt: float
    yaw: float
    sway: tuple[float, float, float]
    phases: tuple[float, float, float]
    gaze: tuple[float, float]
    blink: float
    curtain: Colour
    second: Colour
    pattern: str
    edge: float
    light: tuple[float, float, float]
    grain: int


@lru_cache(maxsize=256)
def rgb(code: str) -> Colour:
    """Return the three numbers of `#rrggbb`."""
    red, green, blue = (int(code[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def shade(colour: Colour, factor: float) -> Colour:
    """Return a darker (below 1) or lighter colour."""
    red, green, blue = colour
    # Written out, because it is called for almost everything that is drawn.
    return (
        int(min(255, max(0, red * factor))),
        int(min(255, max(0, green * factor))),
        int(min(255, max(0, blue * factor))),
    )


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Return `one` with `share` of the other colour."""
    red, green, blue = (int(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def person(sex: str, age: int, rng: np.random.Generator) -> Person:
    """Draw the looks of an actor.

    Args:
        sex: "Male" or "Female".
        age: years; wrinkles and grey hair follow it.
        rng: of this actor alone.
    """
    male = sex == "Male"
    skin = mix(rgb(str(rng.choice(SKINS))), rgb(str(rng.choice(SKINS))), rng.uniform(0, 0.3))
    hair = rgb(str(rng.choice(HAIRS[:7] if sum(skin) > 480 else HAIRS[:3])))
    grey = np.clip((age - 38) / 35, 0, 1) * rng.uniform(0.5, 1)
    hair = shade(mix(hair, rgb("#bdbab5"), grey), rng.uniform(0.85, 1.15))
    lips = mix(skin, rgb("#b04048"), rng.uniform(0.25, 0.4) if male else rng.uniform(0.4, 0.75))
    beard = str(rng.choice(["none"] * 3 + ["stubble"] * 2 + ["full"])) if male else "none"
    return Person(
        width=rng.uniform(0.70, 0.84),
        jaw=rng.uniform(0.66, 0.88) if male else rng.uniform(0.56, 0.74),
        eye_gap=rng.uniform(0.31, 0.35),
        eye_size=rng.uniform(0.155, 0.18),
        eye_y=rng.uniform(-0.10, -0.05),
        nose=rng.uniform(0.32, 0.44),
        nose_width=rng.uniform(0.11, 0.17),
        mouth_y=rng.uniform(0.54, 0.58),
        mouth_width=rng.uniform(0.28, 0.33),
        lip=rng.uniform(0.035, 0.075),
        brow_y=rng.uniform(-0.29, -0.25),
        brow_tilt=rng.normal(0, 0.018),
        brow_thick=rng.uniform(0.06, 0.085) if male else rng.uniform(0.045, 0.065),
        corner=rng.normal(0, 0.012),
        skin=skin,
        hair=hair,
        brow=shade(hair, 0.7) if sum(hair) < 500 else shade(hair, 0.6),
        iris=rgb(str(rng.choice(IRISES))),
        lips=shade(lips, 0.92),
        clothes=shade(rgb(str(rng.choice(CLOTHES))), rng.uniform(0.8, 1.2)),
        style=str(rng.choice(STYLES[sex])),
        collar=str(rng.choice(["round", "v", "shirt"])),
        glasses=str(rng.choice(["none"] * 5 + ["round", "square"])),
        beard=beard,
        earrings=bool(not male and rng.random() < 0.4),
        wrinkles=float(np.clip((age - 30) / 40, 0, 1)),
        expressive=rng.uniform(0.8, 1.15),
    )


def scene(rng: np.random.Generator) -> Scene:
    """Draw pose, background and light of a clip."""
    curtain = rgb(str(rng.choice(CURTAINS)))
    return Scene(
        scale=rng.uniform(0.96, 1.04),
        shift=(rng.normal(0, 0.04), rng.normal(0, 0.02)),
        tilt=rng.normal(0, 0.03),
        yaw=rng.normal(0, 0.2),
        sway=(rng.uniform(0.005, 0.03), rng.uniform(0.005, 0.02), rng.uniform(0.005, 0.03)),
        phases=tuple(rng.uniform(0, 2 * np.pi, 3)),
        gaze=(rng.normal(0, 0.10), rng.normal(0, 0.06)),
        blink=rng.uniform(0.1, 3.0),
        curtain=shade(curtain, rng.uniform(0.9, 1.1)),
        second=shade(curtain, rng.uniform(0.8, 1.15)),
        pattern=str(rng.choice(["plain", "fade", "wall", "stripes", "window"])),
        edge=rng.uniform(0.15, 0.85),
        light=(rng.uniform(-1, 1), rng.uniform(0.05, 0.2), rng.normal(0, 0.03)),
        grain=int(rng.integers(2**31)),
    )
