"""What all actions of the scenes have in common."""

from abc import ABC, abstractmethod
from math import pi, sin

import numpy as np

from companion.miniature.scenes.pen import Pen
from companion.miniature.scenes.people import SEAT, Looks, looks

Shot = tuple[float, float, float]  # middle x, middle y and width of the view, in metres

FULL: Shot = (0.1, -0.9, 2.6)
HALF: Shot = (0.1, -1.25, 1.6)


class Action(ABC):
    """Someone or something that makes a sound; feet at the origin, in metres.

    Attributes:
        shots: views a camera may take; the picture is three quarters as high as wide.
        outside: share of clips that take place outdoors.
        spacing: metres between two performers, 0 for things that are alone.

    Args:
        rng: of the clip; looks, design and tempo follow from it.
    """

    shots: tuple[Shot, ...] = (FULL, FULL, HALF, HALF)
    outside = 0.45
    spacing = 0.9

    def __init__(self, rng: np.random.Generator):
        self.rng = rng
        self.who: Looks = looks(rng)
        self.design = int(rng.integers(3))
        self.seat = SEAT if rng.random() < 0.4 else 0.0
        self.tempo = rng.uniform(0.7, 2.2)
        self.phase = rng.uniform(0, 2 * pi)
        self.turn = rng.uniform(-0.5, 0.5)
        self.lean = rng.normal(0, 0.03)

    @abstractmethod
    def move(self, pen: Pen, t: float, level: float) -> None:
        """Draw what moves at `t` seconds while the sound has loudness `level`, in [0, 1]."""

    def still(self, pen: Pen) -> None:  # noqa: B027, most have nothing that stands still
        """Draw what stands still behind it, once; most actions have nothing there."""

    def alone(self, pen: Pen) -> None:
        """Draw it unattended, as part of another action's background."""
        self.still(pen)
        self.move(pen, 0.0, 0.0)

    def swing(self, t: float, rate: float = 1.0) -> float:
        """Return a swing in [-1, 1] at the clip's own tempo."""
        return sin(2 * pi * self.tempo * rate * t + self.phase)

    def side(self, t: float) -> int:
        """Return which hand has its turn, 0 or 1."""
        return int(2 * self.tempo * t + self.phase) % 2

    def performer(self, pen: Pen, t: float) -> Pen:
        """Return a pen for the performer, who sways about the feet."""
        return pen.at(0, 0, self.lean + 0.02 * self.swing(t, 0.4), self.who.size)
