"""Drums, and hands at a computer."""

from math import cos, sin

from companion.miniature.faces.people import mix, rgb, shade
from companion.miniature.scenes.action import Action
from companion.miniature.scenes.pen import Pen, metal, paint, wood
from companion.miniature.scenes.people import SEAT, arm, body, reach, shoulder

DARK = rgb("#1a1817")


def drum(pen: Pen, x: float, y: float, r: float, h: float, tone, flat: float = 0.3) -> None:
    """Draw a drum that stands: its skin in the middle of `(x, y)`, `h` deep."""
    pen.box(x - r, y, x + r, y + h, tone)
    pen.disc(x, y + h, r, r * flat, shade(tone, 0.8))
    pen.line([(x - r, y + h), (x + r, y + h)], rgb("#b9bcc0"), 0.02)
    pen.disc(x, y, r * 1.03, r * flat * 1.1, rgb("#b9bcc0"))
    pen.disc(x, y, r * 0.95, r * flat, rgb("#eeeae2"))


class Drums(Action):
    """A drum kit with its player, one drum close by, or hand drums."""

    spacing = 1.0

    def __init__(self, rng):
        super().__init__(rng)
        self.tone, self.brass = paint(rng, 0.1, 0.9), mix(metal(rng), rgb("#d8a93c"), 0.5)
        self.pair = int(rng.integers(1, 3))
        self.logo = paint(rng, 0.2, 0.95)
        self.spacing = 0.0 if self.design < 2 else 0.9
        self.shots = {0: ((0, -0.9, 2.5), (0, -0.95, 2.0)), 1: ((0, -0.85, 1.3), (0, -0.85, 1.0)),
                      2: ((0, -0.85, 2.3), (0, -0.9, 1.7))}[self.design]  # fmt: skip

    def move(self, pen, t, level):
        """Draw drums and player; the stick whose turn it is falls with the sound."""
        who = self.who
        lifts = [(1 - level) * (1 if self.side(t) == k else 0.45) for k in (0, 1)]
        p = self.performer(pen, t)
        if self.design == 2:
            body(p, who, SEAT, turn=self.turn)
            for k in range(self.pair):
                x = 0.26 * (k - 0.5) * (self.pair - 1) * 2
                pen.fill([(x - 0.2, -0.72), (x + 0.2, -0.72), (x + 0.12, 0), (x - 0.12, 0)],
                         self.tone)  # fmt: skip
                for u in (-0.12, 0, 0.12):
                    pen.line([(x + u, -0.7), (x + u * 0.7, -0.1)], shade(self.tone, 1.6), 0.012)
                drum(pen, x, -0.78, 0.21, 0.07, shade(self.tone, 0.7))
            for k, s in enumerate((-1, 1)):
                hand = (s * (0.10 + 0.12 * self.pair), -0.80 - 0.3 * lifts[k])
                root = shoulder(who, s, SEAT)
                arm(pen, who, (root[0] * who.size, root[1] * who.size), hand)
            return
        if self.design == 1:
            drum(pen, 0, -0.78, 0.36, 0.24, self.tone, 0.38)
            for k in range(5):
                pen.line([(-0.28 + 0.14 * k, -0.7), (-0.28 + 0.14 * k, -0.5)], DARK, 0.015)
            for k, s in enumerate((-1, 1)):
                hand = (s * 0.36, -0.95 - 0.2 * lifts[k])
                reach(pen, who, hand, (s * 0.9, -0.55), 0.5)
                tip = (s * 0.07, -0.80 - 0.30 * lifts[k])
                pen.line([(s * 0.42, -0.97 - 0.18 * lifts[k]), tip], rgb("#dcc08a"), 0.022)
                pen.disc(tip[0], tip[1], 0.018, 0.018, rgb("#dcc08a"))
            return
        self.cymbals(pen, level)
        body(p, who, SEAT - 0.08, turn=self.turn)
        self.kit(pen)
        spots = ((-0.50, -0.78), (0.34, -0.98))
        if not self.side(0.4 * t):
            spots = ((-0.28, -0.98), (0.5, -0.78))
        for k, s in enumerate((-1, 1)):
            hand = (s * 0.34, -1.0 - 0.28 * lifts[k])
            root = shoulder(who, s, SEAT - 0.08)
            arm(pen, who, (root[0] * who.size, root[1] * who.size), hand)
            pen.line([hand, (spots[k][0], spots[k][1] - 0.35 * lifts[k])], rgb("#e6cd98"), 0.02)

    def cymbals(self, pen, level):
        """Draw cymbals on their stands, tilting with the sound."""
        for x, y, r in ((-0.78, -1.22, 0.27), (0.82, -1.28, 0.30), (-0.88, -0.85, 0.19)):
            pen.line([(x, y), (x, -0.02)], rgb("#8f9499"), 0.025)
            p = pen.at(x, y, 0.15 * (1 if x > 0 else -1) * (0.5 + level))
            p.disc(0, 0, r, 0.05, self.brass)
            p.disc(0, -0.02, 0.06, 0.04, shade(self.brass, 0.75))

    def kit(self, pen):
        """Draw bass drum, toms, snare and floor tom."""
        tone = self.tone
        drum(pen, -0.52, -0.70, 0.2, 0.15, tone)
        drum(pen, 0.56, -0.62, 0.23, 0.34, tone)
        for x in (-0.23, 0.23):
            drum(pen, x, -0.90, 0.18, 0.2, tone)
        pen.disc(0, -0.38, 0.42, 0.39, tone)
        pen.disc(0, -0.38, 0.37, 0.345, rgb("#e9e5dc"))
        pen.disc(0, -0.38, 0.16, 0.15, self.logo)
        for x in (-0.52, 0.42, 0.7):
            pen.line([(x, -0.5), (x - 0.05, 0)], rgb("#8f9499"), 0.025)

    def alone(self, pen):
        """Draw the drums without a player."""
        self.cymbals(pen, 0)
        self.kit(pen)


class Typing(Action):
    """Hands on a keyboard: close by, a laptop from the front, or a desk from the side."""

    spacing = 0.0
    outside = 0.2

    def __init__(self, rng):
        super().__init__(rng)
        self.tone, self.desk, self.screen = paint(rng, 0.05, 0.9), wood(rng), paint(rng, 0.4, 1)
        self.shots = {0: ((0, 0.05, 0.85), (0, 0.05, 0.65)), 1: ((0, -1.0, 1.9), (0, -1.0, 1.4)),
                      2: ((0.3, -0.95, 2.2), (0.4, -0.95, 1.6))}[self.design]  # fmt: skip

    def still(self, pen):
        """Draw desk and machine."""
        tone = self.tone
        if self.design == 0:
            pen.box(-2, -2, 2, 2, self.desk)
            pen.box(-0.34, -0.14, 0.34, 0.14, tone)
            cap = shade(tone, 1.5) if sum(tone) < 380 else shade(tone, 0.75)
            for row in range(4):
                for k in range(13):
                    x, y = -0.315 + 0.048 * k + 0.006 * row, -0.12 + 0.048 * row
                    pen.box(x, y, x + 0.04, y + 0.04, cap)
            pen.box(-0.14, 0.075, 0.15, 0.115, cap)
            pen.box(-0.4, -0.75, 0.4, -0.22, shade(tone, 0.8))
            pen.box(-0.36, -0.71, 0.36, -0.26, self.screen)
            for k in range(5):
                pen.box(-0.3, -0.66 + 0.08 * k, 0.05 + 0.04 * k, -0.63 + 0.08 * k, DARK)
        elif self.design == 2:
            pen.box(0.38, -0.74, 1.5, -0.68, self.desk)
            pen.box(1.35, -0.68, 1.42, 0, shade(self.desk, 0.7))
            pen.line([(0.5, -0.76), (0.84, -0.76)], tone, 0.04)
            pen.line([(0.84, -0.76), (1.0, -1.12)], tone, 0.04)

    def move(self, pen, t, level):
        """Draw the typist; the fingers fall with the sound."""
        who = self.who
        lifts = [(1 - level) * (1 if self.side(3 * t) == k else 0.4) for k in (0, 1)]
        if self.design == 0:
            for k, s in enumerate((-1, 1)):
                x = s * 0.14 + 0.05 * self.swing(t, 0.8 + 0.3 * k)
                hand = (x, 0.11 + 0.05 * lifts[k])
                reach(pen, who, hand, (s * 0.32, 0.75), 1.2)
            return
        p = self.performer(pen, t)
        if self.design == 1:
            body(p, who, SEAT, turn=self.turn * 0.4)
            pen.box(-1.2, -0.72, 1.2, -0.62, self.desk)
            pen.box(-1.2, -0.62, 1.2, 0.3, shade(self.desk, 0.7))
            for k, s in enumerate((-1, 1)):
                root = shoulder(who, s, SEAT)
                hand = (s * 0.16, -0.78 - 0.10 * lifts[k])
                arm(pen, who, (root[0] * who.size, root[1] * who.size), hand)
            pen.fill([(-0.22, -0.72), (0.22, -0.72), (0.24, -0.90), (-0.24, -0.90)], self.tone)
            pen.disc(0, -0.81, 0.03, 0.03, shade(self.tone, 1.7))
            return
        pen.box(-0.2, -0.48 * who.size, 0.2, -0.42 * who.size, DARK)
        pen.line([(-0.18, -0.9), (-0.18, 0)], DARK, 0.06)
        body(p, who, SEAT, side=True)
        for k in (0, 1):
            hand = (0.50 + 0.05 * cos(k), -0.82 - 0.10 * lifts[k] + 0.01 * sin(9 * t))
            arm(p, who, shoulder(who, 1 - 2 * k, SEAT, True), hand)

    def alone(self, pen):
        """Draw a laptop on a desk."""
        self.design = 2
        self.still(pen)
