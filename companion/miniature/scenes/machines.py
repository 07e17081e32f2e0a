"""Machines that run: motorcycles, trucks, chainsaws and clocks."""

from math import cos, pi, sin

from companion.miniature.faces.people import mix, rgb, shade
from companion.miniature.scenes.action import FULL, HALF, Action
from companion.miniature.scenes.pen import metal, paint, wood
from companion.miniature.scenes.people import arm, body, head, legs, shoulder, torso

DARK = rgb("#191717")
GLASS = rgb("#46586a")
SMOKE = rgb("#c9c9c6")


class Motorcycle(Action):
    """A motorcycle with its rider: a cruiser, a sports machine or one for the woods."""

    shots = ((0, -0.75, 2.6), (0, -0.7, 2.1), (0.1, -0.85, 3.4))
    outside = 0.95
    spacing = 0.0

    def __init__(self, rng):
        super().__init__(rng)
        self.tone, self.steel = paint(rng, 0.1, 0.95), metal(rng)
        self.speed = rng.choice([0.0, 0.0, 0.1, -0.1])

    def move(self, pen, t, level):
        """Draw it; it shakes and smokes with the sound."""
        p = pen.at(self.speed * (t - 5), 0.02 * level * self.swing(t, 5))
        for k in range(int(4 * level)):
            far = (0.7 * t + 0.3 * k) % 1.2
            p.disc(-0.85 - far, -0.3 - 0.2 * far, 0.08 + 0.15 * far, 0.07 + 0.12 * far, SMOKE)
        for x in (-0.68, 0.68):
            p.disc(x, -0.32, 0.32, 0.32, DARK)
            p.disc(x, -0.32, 0.21, 0.21, shade(self.steel, 0.8))
            for k in range(3):
                a = 9 * t + k * pi / 3
                u, v = 0.2 * cos(a), 0.2 * sin(a)
                p.line([(x - u, -0.32 - v), (x + u, -0.32 + v)], DARK, 0.02)
        rider = p.at(-0.22, -0.02, 0.25 if self.design == 1 else 0.05, 0.95)
        legs(rider, self.who, ((0.28, -0.2), (0.34, -0.22)), 0.1, side=True)
        p.line([(0.68, -0.32), (0.42, -0.95)], self.steel, 0.06)
        p.line([(-0.68, -0.32), (-0.2, -0.45), (0.35, -0.45)], DARK, 0.07)
        p.line([(-0.1, -0.28), (-0.9, -0.28)], self.steel, 0.08)
        p.box(-0.2, -0.62, 0.25, -0.3, shade(self.steel, 0.6))
        p.disc(0.15, -0.78, 0.28, 0.14, self.tone)
        p.fill([(-0.75, -0.85), (-0.1, -0.72), (-0.1, -0.62), (-0.6, -0.68)], DARK)
        if self.design == 1:
            p.fill([(0.3, -0.95), (0.72, -0.7), (0.5, -0.45), (0.2, -0.6)], self.tone)
        torso(rider, self.who, 0.1, side=True)
        head(rider, self.who, (0.03, -1.54), 0.9)
        rider.disc(0.02, -1.6, 0.15, 0.13, self.tone)
        arm(rider, self.who, shoulder(self.who, 1, 0.1, True), (0.62, -0.98))
        p.line([(0.34, -1.0), (0.46, -0.92)], DARK, 0.05)
        p.disc(0.55, -0.82, 0.08, 0.09, rgb("#fff3c0"))


class Truck(Action):
    """A truck: with a box, a tank or a load of wood; its wheels turn and its stack smokes."""

    shots = ((0, -1.2, 5.2), (0, -1.1, 4.2), (0.3, -1.3, 6.5))
    outside = 1.0
    spacing = 0.0

    def __init__(self, rng):
        super().__init__(rng)
        self.tone, self.load = paint(rng, 0.15, 0.95), paint(rng, 0.3, 0.95)
        self.bark, self.speed = wood(rng), rng.choice([0.0, 0.1, 0.2, -0.1])
        self.stack = shade(metal(rng), 0.8)

    def move(self, pen, t, level):
        """Draw it; it shakes and smokes with the sound."""
        p = pen.at(self.speed * (t - 5), (0.01 + 0.05 * level) * self.swing(t, 4))
        for k in range(int(4 * level)):
            far = (0.5 * t + 0.35 * k) % 1.4
            p.disc(0.75 - far, -2.45 - 0.5 * far, 0.12 + 0.2 * far, 0.1 + 0.16 * far, SMOKE)
        p.box(-2.5, -0.62, 1.9, -0.42, DARK)
        if self.design == 0:
            p.box(-2.5, -2.3, 0.6, -0.6, self.load)
            for x in (-1.7, -0.95, -0.2):
                p.line([(x, -2.25), (x, -0.65)], shade(self.load, 0.8), 0.04)
        elif self.design == 1:
            p.disc(-0.95, -1.25, 1.5, 0.62, shade(self.load, 1.1))
            p.line([(-2.4, -1.25), (0.5, -1.25)], shade(self.load, 0.7), 0.08)
        else:
            for row, count in ((0, 4), (1, 3), (2, 2)):
                for k in range(count):
                    y = -0.85 - 0.36 * row
                    p.line([(-2.45, y - 0.06 * k), (0.5, y - 0.06 * k)], self.bark, 0.3)
                p.disc(-2.45, -0.85 - 0.36 * row, 0.1, 0.18, shade(self.bark, 1.5))
        p.line([(0.75, -0.6), (0.75, -2.45)], self.stack, 0.1)
        p.fill([(0.85, -2.0), (1.55, -2.0), (1.85, -1.3), (1.95, -0.45), (0.85, -0.45)], self.tone)
        p.fill([(1.2, -1.85), (1.5, -1.85), (1.72, -1.3), (1.2, -1.3)], GLASS)
        p.disc(1.9, -0.7, 0.07, 0.09, rgb("#fff3c0"))
        for x in (-2.05, -1.4, 1.3):
            p.disc(x, -0.38, 0.38, 0.38, DARK)
            p.disc(x, -0.38, 0.18, 0.18, rgb("#a4a7aa"))
            a = 3 * t * (0.3 + abs(self.speed))
            p.disc(x + 0.1 * cos(a), -0.38 + 0.1 * sin(a), 0.04, 0.04, DARK)


class Chainsaw(Action):
    """Someone cuts a log or a tree with a chainsaw; chips fly with the sound."""

    shots = (FULL, HALF, (0.3, -0.95, 2.0))
    outside = 0.95

    def __init__(self, rng):
        super().__init__(rng)
        self.tone, self.bark = paint(rng, 0.25, 0.95), wood(rng)
        self.high = -0.55 if self.design else -0.85

    def still(self, pen):
        """Draw what is cut: a log on a stand, or a tree."""
        if self.design:
            for x in (0.35, 1.05):
                pen.line([(x - 0.2, 0), (x + 0.15, -0.6)], shade(self.bark, 0.6), 0.07)
                pen.line([(x + 0.2, 0), (x - 0.15, -0.6)], shade(self.bark, 0.6), 0.07)
            pen.line([(0.0, -0.5), (1.5, -0.5)], self.bark, 0.3)
            pen.disc(0.02, -0.5, 0.08, 0.15, shade(self.bark, 1.5))
        else:
            pen.line([(0.95, 0), (0.95, -4)], self.bark, 0.42)

    def move(self, pen, t, level):
        """Draw the worker and the saw."""
        p, who, seat = self.performer(pen, t), self.who, 0.0
        shake = 0.02 * level * self.swing(t, 6)
        y = self.high - 0.2 + 0.06 * self.swing(t, 0.3) + shake
        body(p, who, seat, turn=0.6)
        saw = p.at(0.32, y, 0.15 if self.design else 0.0)
        saw.fill([(0.1, -0.05), (0.72, -0.05), (0.78, 0), (0.72, 0.05), (0.1, 0.05)],
                 rgb("#8d9196"))  # fmt: skip
        for k in range(8):
            x = 0.14 + 0.075 * ((k + 9 * t * (level > 0.1)) % 8)
            saw.disc(x, -0.055, 0.016, 0.016, DARK)
        saw.box(-0.2, -0.13, 0.14, 0.1, self.tone)
        saw.line([(-0.2, 0.0), (-0.32, -0.08), (-0.2, -0.13)], DARK, 0.04)
        saw.line([(-0.05, -0.12), (0.02, -0.24), (0.12, -0.12)], DARK, 0.04)
        arm(p, who, shoulder(who, -1, seat), (0.04, y - 0.05))
        arm(p, who, shoulder(who, 1, seat), (0.34, y - 0.24))
        for k in range(int(14 * level)):
            far = (1.7 * t + 0.37 * k) % 1.0
            x, drop = 0.5 - 0.6 * far - 0.03 * (k % 5), 0.9 * far * far
            p.disc(x, y + 0.1 + drop - 0.05 * (k % 3), 0.025, 0.02, shade(self.bark, 1.6))

    def alone(self, pen):
        """Draw what is cut."""
        self.still(pen)


class Clock(Action):
    """A clock: on a wall, a tall one with a pendulum, or an alarm clock with two bells."""

    spacing = 0.0
    outside = 0.05

    def __init__(self, rng):
        super().__init__(rng)
        self.frame, self.face = wood(rng), mix(paint(rng, 0.6, 1), rgb("#f5f2e8"), 0.7)
        self.brass, self.hour = metal(rng), rng.uniform(0, 2 * pi)
        self.shots = (
            ((0, -1.5, 1.5), (0, -1.5, 1.1)),
            ((0, -1.1, 2.6), (0, -1.5, 1.6)),
            ((0, -0.95, 1.1), (0, -0.95, 0.8)),
        )[self.design]

    def move(self, pen, t, level):
        """Draw it; the pendulum or the hammer swings while it is heard, and the hand jumps."""
        swing = level * self.swing(t, 1)
        if self.design == 1:
            pen.box(-0.3, -2.1, 0.3, 0, self.frame)
            pen.box(-0.2, -1.1, 0.2, -0.15, shade(self.frame, 0.5))
            bob = (0.35 * swing, -0.35)
            pen.line([(0, -1.15), bob], self.brass, 0.03)
            pen.disc(*bob, 0.11, 0.11, self.brass)
            p = pen.at(0, -1.5, size=0.24)
        elif self.design == 2:
            pen.box(-0.7, -0.7, 0.7, -0.62, shade(self.frame, 0.8))
            pen.line([(-0.14, -0.62), (0.14, -1.24)], DARK, 0.03)
            pen.line([(0.14, -0.62), (-0.14, -1.24)], DARK, 0.03)
            for s in (-1, 1):
                pen.disc(s * 0.15, -1.22, 0.11, 0.08, self.brass)
            pen.line([(0, -1.1), (0.08 * swing, -1.3)], DARK, 0.03)
            p = pen.at(0, -0.95, size=0.25)
        else:
            p = pen.at(0, -1.5 + 0.01 * swing, size=0.4)
        p.disc(0, 0, 1.12, 1.12, self.frame if self.design < 2 else self.brass)
        p.disc(0, 0, 1, 1, self.face)
        for k in range(12):
            u, v = sin(k * pi / 6), -cos(k * pi / 6)
            p.line([(0.82 * u, 0.82 * v), (0.93 * u, 0.93 * v)], DARK, 0.05)
        for angle, length, width in (
            (self.hour, 0.5, 0.09),
            (12 * self.hour, 0.75, 0.06),
            (pi / 30 * int(t + 30 * self.phase), 0.85 if level > 0 else 0.8, 0.03),
        ):
            p.line([(0, 0), (length * sin(angle), -length * cos(angle))], DARK, width)
        p.disc(0, 0, 0.06, 0.06, DARK)


MACHINES: dict[str, type[Action]] = {
    "motorcycle": Motorcycle,
    "truck": Truck,
    "chainsaw": Chainsaw,
    "clock": Clock,
}
