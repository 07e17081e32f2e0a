"""What people do loudly: bowling, basketball, chopping, mowing, tap dancing, ripping paper."""

from math import cos, sin

from companion.miniature.faces.people import rgb, shade
from companion.miniature.scenes.action import FULL, Action
from companion.miniature.scenes.pen import paint, wood
from companion.miniature.scenes.people import arm, body, shoulder

DARK = rgb("#1b1917")


class Bowling(Action):
    """A ball rolls to the pins, along a lane or on open ground; a thrower seen from behind."""

    shots = ((0, -0.55, 2.6), (0, -0.35, 1.9), (0, -0.6, 3.2))
    spacing = 0.0
    outside = 0.25

    def __init__(self, rng):
        super().__init__(rng)
        self.lane, self.ball, self.gutter = wood(rng), paint(rng, 0.1, 0.9), paint(rng, 0.1, 0.5)
        self.pin = rgb("#f4f1ea") if rng.random() < 0.7 else wood(rng)
        self.ring = rgb("#c03030") if rng.random() < 0.6 else paint(rng)
        self.period = rng.uniform(2.2, 4.0)
        self.aim = rng.normal(0, 0.06)
        self.lanes = rng.random() < 0.6

    def still(self, pen):
        """Draw the lanes and the wall behind the pins."""
        for k in (-1, 1, 0) if self.lanes else (0,):
            far, near = 0.95 * k, 2.1 * k
            pen.fill([(far - 0.42, -0.75), (far + 0.42, -0.75), (near + 0.98, 0.6),
                      (near - 0.98, 0.6)], self.gutter)  # fmt: skip
            pen.fill([(far - 0.36, -0.75), (far + 0.36, -0.75), (near + 0.85, 0.6),
                      (near - 0.85, 0.6)], self.lane)  # fmt: skip
            for j in range(-3, 4):
                pen.line([(far + 0.09 * j, -0.75), (near + 0.22 * j, 0.6)],
                         shade(self.lane, 0.88), 0.01)  # fmt: skip
            if self.lanes:
                pen.box(far - 0.45, -1.25, far + 0.45, -0.78, rgb("#26262b"))
                pen.box(far - 0.47, -1.6, far + 0.47, -1.22, shade(self.ring, 0.8 + 0.1 * k))
                if k:
                    self.pins(pen.at(far, 0), 0.0, False)

    def pins(self, pen, fallen, scatter=True):
        """Draw the pins, the farthest row first; `fallen` in [0, 1] tips them over."""
        for row in (3, 2, 1, 0):
            for k in range(row + 1):
                x, y = (k - row / 2) * 0.17, -0.62 - 0.05 * row
                tip = fallen * (0.4 + ((5 * row + 3 * k) % 4) / 3) * (1 if (row + k) % 2 else -1)
                p = pen.at(x + 0.15 * tip, y - 0.10 * abs(tip), 1.3 * tip, 1.15)
                p.fill([(-0.035, 0), (-0.055, -0.09), (-0.022, -0.2), (-0.034, -0.26), (0, -0.3),
                        (0.034, -0.26), (0.022, -0.2), (0.055, -0.09), (0.035, 0)],
                       self.pin if row % 2 else shade(self.pin, 0.93))  # fmt: skip
                p.line([(-0.025, -0.2), (0.025, -0.2)], self.ring, 0.025)

    def move(self, pen, t, level):
        """Draw ball, pins and thrower; the pins fly while it is loud."""
        step = (t / self.period + self.phase) % 1.0
        self.pins(pen, level if step > 0.5 else 0.25 * level)
        u = min(1.0, step / 0.62)
        y = 0.45 - 1.08 * u**0.7
        r = 0.26 - 0.17 * u**0.7
        x = self.aim * (1 - u) * 4 + 0.04 * self.swing(t, 0.3)
        if step < 0.75:
            pen.disc(x, y + 0.02, r * 1.1, r * 0.3, shade(self.lane, 0.6))
            pen.disc(x, y - r, r, r, self.ball)
            pen.disc(x - 0.3 * r, y - 1.4 * r, 0.25 * r, 0.2 * r, shade(self.ball, 1.6))
            for k in range(3):
                a = 12 * t + 0.7 * k
                pen.disc(x + 0.4 * r * cos(a), y - r + 0.4 * r * sin(a), 0.1 * r, 0.1 * r, DARK)
        if self.design:
            s = 1 if self.aim > 0 else -1
            p = pen.at(-s * 0.72, 0.55, 0.12 * s * (1 - step), 0.85 * self.who.size)
            body(p, self.who, back=True, feet=((-0.22, 0), (0.2, -0.1)))
            swing = 1.6 - 2.6 * min(1, step * 3)
            for k in (-1, 1):
                hand = (k * 0.3, -0.95) if k != s else (s * 0.28, -0.9 - 0.3 * max(0, -swing))
                arm(p, self.who, shoulder(self.who, k), hand)


class Basketball(Action):
    """Someone dribbles, or the ball drops through a hoop."""

    shots = (FULL, (0.2, -0.95, 2.3), (0.2, -0.8, 1.9))

    def __init__(self, rng):
        super().__init__(rng)
        self.ball = shade(rgb("#d9702a"), rng.uniform(0.7, 1.15)) if rng.random() < 0.8 else (
            paint(rng, 0.3, 0.9))  # fmt: skip
        self.board, self.far = paint(rng, 0.5, 1), rng.uniform(-1.1, 1.1)
        self.hoop = self.design == 2 or rng.random() < 0.4
        if self.design == 2:
            self.shots = ((0, -1.3, 2.6), (0, -1.6, 1.9), (0, -1.2, 3.0))

    def still(self, pen):
        """Draw the basket."""
        if self.hoop:
            self.basket(pen.at(self.far if self.design < 2 else 0, -0.15,
                               size=0.7 if self.design < 2 else 0.85))  # fmt: skip

    def basket(self, p):
        """Draw pole, board, ring and net."""
        p.line([(0, 0), (0, -2.6)], rgb("#5c6066"), 0.09)
        p.box(-0.62, -3.15, 0.62, -2.35, rgb("#3d4046"))
        p.box(-0.58, -3.11, 0.58, -2.39, self.board)
        p.line([(-0.2, -2.5), (-0.2, -2.85), (0.2, -2.85), (0.2, -2.5)], rgb("#c23a2a"), 0.03)
        for k in range(7):
            x = -0.23 + 0.077 * k
            p.line([(x, -2.38), (0.6 * x, -2.0)], rgb("#f2f2f2"), 0.014)
        for y, w in ((-2.27, 0.21), (-2.13, 0.17)):
            p.line([(-w, y), (w, y)], rgb("#f2f2f2"), 0.012)
        p.line([(-0.25, -2.4), (0.25, -2.4)], rgb("#e2542a"), 0.05)

    def sphere(self, pen, x, y, r, turn):
        """Draw the ball with its seams."""
        p = pen.at(x, y, turn, r)
        p.disc(0, 0, 1, 1, self.ball)
        dark = shade(self.ball, 0.3)
        p.line([(-1, 0), (1, 0)], dark, 0.09)
        p.line([(0, -1), (0, 1)], dark, 0.09)
        for s in (-1, 1):
            p.line([(s * 0.7, -0.7), (s * 0.42, 0), (s * 0.7, 0.7)], dark, 0.09)

    def move(self, pen, t, level):
        """Draw ball and player; the ball is on the floor when it is loudest."""
        who = self.who
        if self.design == 2:
            fall = abs(self.swing(t, 0.35))
            y = -2.4 + 2.2 * (1 - fall) * (0.35 + 0.65 * level) - 0.5 * fall
            self.sphere(pen, 0.9 * fall * (1 if self.turn > 0 else -1), y, 0.16, 3 * t)
            p = pen.at(-0.75, 0.35, size=0.8 * who.size)
            body(p, who, turn=0.6, back=True)
            for s in (-1, 1):
                arm(p, who, shoulder(who, s), (s * 0.22 + 0.1, -1.65 - 0.2 * fall))
            return
        p = self.performer(pen, t)
        side = self.design == 1
        stride = 0.18 * self.swing(t, 0.5)
        feet = ((-0.15 + stride, 0), (0.2 - stride, 0)) if side else None
        body(p, who, 0.08, side, turn=0.4, feet=feet)
        x, low = (0.5, -0.13) if side else (0.42, -0.13)
        y = low - (0.72 * (1 - level) + 0.06 * (1 + self.swing(t, 2)))
        arm(p, who, shoulder(who, -1, 0.08, side), (-0.15 if side else -0.4, -0.95))
        arm(p, who, shoulder(who, 1, 0.08, side), (x - 0.02, min(-0.72, y - 0.15)))
        p.disc(x, 0, 0.12, 0.03, rgb("#3a3833"))
        self.sphere(p, x, y, 0.15, 2 * t)

    def alone(self, pen):
        """Draw ball and basket."""
        self.basket(pen)
        self.sphere(pen, 0.6, -0.13, 0.13, 0.4)


class ChoppingWood(Action):
    """An axe falls on a log that stands on a block."""

    shots = ((0.25, -0.95, 2.9), (0.35, -0.85, 2.3), (0.5, -0.6, 1.7))
    spacing = 1.6
    outside = 0.9

    def __init__(self, rng):
        super().__init__(rng)
        self.log, self.grip = wood(rng), wood(rng)
        self.pile = int(rng.integers(0, 4))

    def trunk(self, p, x, y, r, h):
        """Draw a piece of a trunk, standing, its top at `y`."""
        p.box(x - r, y, x + r, y + h, shade(self.log, 0.6))
        p.disc(x, y + h, r, r * 0.3, shade(self.log, 0.6))
        p.disc(x, y, r, r * 0.32, rgb("#dcb988"))
        p.disc(x, y, r * 0.55, r * 0.18, rgb("#c49c66"))

    def still(self, pen):
        """Draw block and split wood."""
        for k in range(5 * self.pile):
            x, y = -1.25 + 0.2 * (k % 5) + 0.1 * (k // 5 % 2), -0.1 - 0.17 * (k // 5)
            pen.disc(x, y, 0.1, 0.1, shade(self.log, 0.6))
            pen.disc(x, y, 0.08, 0.08, rgb("#d8b482"))
        self.trunk(pen, 0.72, -0.42, 0.27, 0.42)
        for x, a in ((0.2, 0.3), (1.15, -0.5), (1.3, 0.2)):
            p = pen.at(x, 0.05, a)
            p.box(-0.18, -0.09, 0.18, 0, shade(self.log, 0.6))
            p.box(-0.18, -0.09, 0.18, -0.04, rgb("#dcb988"))

    def move(self, pen, t, level):
        """Draw log, axe and worker; the axe is down when it is loudest."""
        who, p = self.who, self.performer(pen, t)
        down = level if level > 0.15 else 0.15 * (1 + self.swing(t, 0.5)) / 2
        if level > 0.6:
            for s in (-1, 1):
                half = pen.at(0.72 + s * 0.12, -0.44, s * 0.6 * level)
                half.box(-0.07, -0.3, 0.07, 0, shade(self.log, 0.7))
                half.box(-0.02 if s > 0 else -0.07, -0.3, 0.07 if s < 0 else 0.02, 0,
                         rgb("#dcb988"))  # fmt: skip
        else:
            self.trunk(pen, 0.72, -0.74, 0.13, 0.3)
        body(p.at(0, 0, 0.18 * down), who, 0.06 * down, side=self.design > 0, turn=0.6,
             feet=((-0.2, 0), (0.2, 0)))  # fmt: skip
        hands = (0.36 * sin(0.2 + 1.9 * down) + 0.05, -1.38 - 0.45 * cos(0.2 + 1.9 * down))
        angle = -2.2 + 2.45 * down
        q = p.at(hands[0], hands[1], angle)
        q.line([(-0.12, 0), (0.55, 0)], self.grip, 0.045)
        q.fill([(0.46, -0.03), (0.46, 0.17), (0.52, 0.20), (0.62, 0.17), (0.58, -0.05)],
               rgb("#8d949c"))  # fmt: skip
        q.line([(0.46, 0.18), (0.62, 0.18)], rgb("#dfe4e8"), 0.03)
        for s in (1, -1):
            reach_x = hands[0] + 0.08 * s * cos(angle)
            arm(p, who, shoulder(who, s, 0, True), (reach_x, hands[1] + 0.08 * s * sin(angle)))

    def alone(self, pen):
        """Draw block and wood."""
        self.still(pen.at(-0.7, 0))


class MowingLawn(Action):
    """Someone pushes a mower, or rides one, over grass."""

    shots = ((0.35, -0.85, 2.9), (0.45, -0.8, 2.4), (0.9, -0.45, 1.8))
    spacing = 0.0
    outside = 1.0

    def __init__(self, rng):
        super().__init__(rng)
        self.tone = paint(rng, 0.3, 0.95)
        self.grass = shade(rgb("#6a9a3f"), rng.uniform(0.7, 1.2))
        self.speed = rng.uniform(0.02, 0.1) * (1 if rng.random() < 0.5 else -1)

    def still(self, pen):
        """Draw the lawn, cut and uncut."""
        pen.box(-6, -0.12, 6, 0.10, self.grass)
        for k in range(60):
            x = -3 + 0.1 * k
            pen.fill([(x, -0.1), (x + 0.05, -0.22), (x + 0.08, -0.1)], shade(self.grass, 0.8))
        pen.box(-6, 0.10, 6, 0.22, shade(self.grass, 1.12))

    def move(self, pen, t, level):
        """Draw mower and walker; it shakes and throws grass with the sound."""
        x = self.speed * (t - 5) * 2
        shake = 0.02 * level * self.swing(t, 5)
        for k in range(int(9 * level)):
            a = 3.1 * k + 7 * t
            pen.disc(x + 0.72 - 0.2 * (a % 1.7), -0.15 - 0.3 * ((1.7 * a) % 1), 0.03, 0.02,
                     shade(self.grass, 1.25))  # fmt: skip
        m = pen.at(x + 1.05, shake)
        p = pen.at(x, 0, 0.05, self.who.size)
        if self.design == 2:
            self.rider(pen.at(x + 0.5, shake), level, t)
            return
        stride = 0.26 * self.swing(t, 0.6)
        body(p, self.who, side=True, feet=((stride, 0), (-stride, 0)))
        m.line([(-0.15, -0.25), (-0.72, -0.98)], DARK, 0.035)
        m.line([(-0.22, -0.25), (-0.72, -0.90)], DARK, 0.025)
        if self.design == 1:
            m.fill([(-0.75, -0.6), (-0.25, -0.5), (-0.25, -0.15), (-0.6, -0.12)], rgb("#33383b"))
        m.fill([(-0.3, -0.12), (-0.28, -0.3), (0.22, -0.32), (0.38, -0.12)], self.tone)
        m.box(-0.15, -0.48, 0.15, -0.3, rgb("#3a3d40"))
        m.disc(0, -0.48, 0.13, 0.04, rgb("#6b6f73"))
        self.wheels(m, t, (-0.24, 0.28), 0.12)
        for k in (0, 1):
            arm(p, self.who, shoulder(self.who, 1 - 2 * k, side=True), (0.36, -0.96 + 0.04 * k))

    def wheels(self, p, t, places, r):
        """Draw wheels that turn."""
        for x in places:
            p.disc(x, -r, r, r, DARK)
            p.disc(x, -r, 0.55 * r, 0.55 * r, rgb("#c8c4b4"))
            a = 3 * t
            p.line([(x - 0.5 * r * cos(a), -r - 0.5 * r * sin(a)),
                    (x + 0.5 * r * cos(a), -r + 0.5 * r * sin(a))], DARK, 0.02)  # fmt: skip

    def rider(self, p, level, t):
        """Draw a small tractor with its driver."""
        body(p.at(-0.25, -0.15), self.who, 0.34, side=True)
        p.fill([(-0.75, -0.25), (-0.75, -0.6), (-0.4, -0.62), (0.0, -0.38), (0.1, -0.7),
                (0.7, -0.66), (0.78, -0.2)], self.tone)  # fmt: skip
        p.box(-0.2, -0.2, 0.35, -0.08, shade(self.tone, 0.6))
        p.line([(0.05, -0.55), (0.0, -0.85)], DARK, 0.03)
        p.line([(-0.1, -0.88), (0.1, -0.82)], DARK, 0.04)
        root = shoulder(self.who, 1, 0.34, True)
        arm(p.at(-0.25, -0.15), self.who, root, (0.25, -0.70))
        self.wheels(p, t, (-0.5,), 0.26)
        self.wheels(p, t, (0.6,), 0.17)

    def alone(self, pen):
        """Draw the mower left on its own."""
        pen.line([(-0.15, -0.25), (-0.72, -0.98)], DARK, 0.035)
        pen.fill([(-0.3, -0.12), (-0.28, -0.3), (0.22, -0.32), (0.38, -0.12)], self.tone)
        pen.box(-0.15, -0.48, 0.15, -0.3, rgb("#3a3d40"))
        self.wheels(pen, 0.0, (-0.24, 0.28), 0.12)
