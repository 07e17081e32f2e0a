"""What is struck by hands and sticks: piano, organ, xylophone, drums, typing."""

from companion.miniature.faces.people import rgb, shade
from companion.miniature.scenes.action import FULL, Action
from companion.miniature.scenes.pen import Pen, metal, paint, wood
from companion.miniature.scenes.people import SEAT, arm, body, reach, shoulder

DARK, IVORY = rgb("#161413"), rgb("#f3efe6")


def keys(pen: Pen, x0: float, x1: float, y: float, deep: float, pressed: float = -9.0) -> None:
    """Draw a manual from above; keys within a hand of `pressed` are down, in metres."""
    pen.box(x0, y, x1, y + deep, IVORY)
    count = max(7, round((x1 - x0) / (deep * 0.16)))
    step = (x1 - x0) / count
    for k in range(count):
        x = x0 + k * step
        if abs(x - pressed) < 1.5 * step:
            pen.box(x, y, x + step, y + deep * 0.96, rgb("#cfc9bb"))
        pen.line([(x, y), (x, y + deep)], rgb("#8f8a80"), 0.004)
        if k % 7 in (1, 2, 4, 5, 6):
            pen.box(x - 0.3 * step, y, x + 0.3 * step, y + 0.6 * deep, DARK)


class Piano(Action):
    """A piano: a grand or an upright from the side, or its keys with two hands."""

    spacing = 0.0

    def __init__(self, rng):
        super().__init__(rng)
        self.tone = rgb("#191719") if rng.random() < 0.45 else wood(rng)
        self.rest = int(rng.integers(1, 8))
        self.shots = {
            0: ((0.9, -0.95, 2.9), (0.7, -0.9, 2.2)),
            1: ((0.5, -0.95, 2.4), (0.45, -0.95, 1.7)),
            2: ((0, 0, 1.0), (0, 0, 0.8), (0, 0.05, 1.3)),
        }[self.design]
        if self.design == 2:
            self.who = self.who.__class__(**{**self.who.__dict__, "size": 1.0})

    def still(self, pen):
        """Draw the instrument."""
        tone = self.tone
        if self.design == 0:
            pen.fill([(0.55, -0.98), (2.15, -0.98), (1.9, -1.95), (0.75, -1.15)], shade(tone, 1.4))
            pen.line([(1.6, -0.95), (1.55, -1.45)], tone, 0.03)
            pen.box(0.5, -0.98, 2.2, -0.66, tone)
            pen.box(0.36, -0.76, 0.6, -0.66, shade(tone, 0.8))
            pen.box(0.37, -0.78, 0.56, -0.75, IVORY)
            for x in (0.62, 2.05):
                pen.box(x, -0.66, x + 0.08, 0, tone)
        elif self.design == 1:
            pen.box(0.62, -1.25, 1.0, 0, tone)
            pen.box(0.40, -0.76, 0.66, -0.62, shade(tone, 0.8))
            pen.box(0.42, -0.78, 0.62, -0.75, IVORY)
            pen.box(0.58, -1.3, 1.02, -1.24, shade(tone, 0.7))
            pen.box(0.44, -0.62, 0.5, 0, shade(tone, 0.8))
            pen.fill([(0.5, -1.22), (0.62, -0.92), (0.66, -0.92), (0.54, -1.22)], rgb("#fbfaf5"))
        else:
            pen.box(-2, -1.5, 2, 1.5, shade(tone, 0.9))
            pen.box(-2, -0.30, 2, -0.27, shade(tone, 1.5))
            pen.box(-2, -0.14, 2, -0.12, rgb("#7a2530"))
            keys(pen, -1.1, 1.1, -0.12, 0.15)
            pen.box(-2, 0.04, 2, 0.12, shade(tone, 0.65))
            if self.rest % 2:
                pen.box(-0.35, -0.75, 0.3, -0.33, rgb("#f6f3ea"))
                for k in range(4):
                    pen.line([(-0.3, -0.68 + 0.09 * k), (0.25, -0.68 + 0.09 * k)], DARK, 0.012)

    def move(self, pen, t, level):
        """Draw the player; the hands fall on the keys with the sound."""
        who = self.who
        if self.design == 2:
            for k, s in enumerate((-1, 1)):
                x = s * 0.2 + 0.13 * self.swing(t, 0.3 + 0.1 * k)
                lift = 0.06 * (1 - level) * (1 if self.side(t) == k else 0.5)
                reach(pen, who, (x, 0.05 + lift), (x + s * 0.15, 0.75), 1.5)
            return
        p = self.performer(pen, t)
        pen.box(-0.22, -0.48 * who.size, 0.22, -0.42 * who.size, DARK)
        pen.line([(0, -0.45), (0, 0)], DARK, 0.08)
        body(p, who, SEAT, side=True)
        for k in (0, 1):
            lift = 0.14 * (1 - level) * (1 if self.side(t) == k else 0.3)
            arm(p, who, shoulder(who, 1 - 2 * k, SEAT, True), (0.50 - 0.04 * k, -0.83 - lift))

    def alone(self, pen):
        """Draw it closed; its keys alone become an upright."""
        if self.design == 2:
            self.design = 1
        self.still(pen)


class Organ(Action):
    """An organ: pipes and a player from behind, from the side, or its manuals."""

    spacing = 0.0
    outside = 0.05

    def __init__(self, rng):
        super().__init__(rng)
        self.tone, self.pipe = wood(rng), metal(rng)
        self.count = int(rng.integers(9, 17))
        self.heights = rng.uniform(-0.15, 0.15, 20)
        self.shape = int(rng.integers(3))
        self.rows = int(rng.integers(2, 5))
        self.shots = (((0, 0.0, 1.5), (0, 0.05, 1.1)) if self.design == 2 else
                      ((0, -1.35, 3.0), (0, -1.15, 2.2), (0, -1.1, 1.9)))  # fmt: skip

    def pipes(self, pen, y, wide, high):
        """Draw the row of pipes that stands on `y`."""
        step = wide / self.count
        for k in range(self.count):
            u = abs(2 * k / (self.count - 1) - 1)
            grow = (1 - 0.45 * u, 0.6 + 0.4 * u, 0.85 + self.heights[k])[self.shape]
            x, top = -wide / 2 + k * step, y - high * grow
            pen.box(x, top, x + 0.86 * step, y - 0.12, self.pipe)
            pen.box(x + 0.55 * step, top, x + 0.86 * step, y - 0.12, shade(self.pipe, 0.7))
            pen.fill([(x, y - 0.12), (x + 0.86 * step, y - 0.12), (x + 0.43 * step, y)], self.pipe)
            pen.box(x + 0.2 * step, y - 0.26, x + 0.66 * step, y - 0.2, DARK)

    def still(self, pen):
        """Draw case, pipes and manuals."""
        tone = self.tone
        if self.design == 2:
            pen.box(-2, -2, 2, 2, tone)
            for k in range(self.rows):
                keys(pen, -0.5, 0.5, 0.1 - 0.13 * k, 0.11)
                pen.box(-0.52, 0.21 - 0.13 * k, 0.52, 0.23 - 0.13 * k, shade(tone, 0.6))
            for s in (-1, 1):
                for k in range(12):
                    x, y = s * (0.6 + 0.11 * (k % 3)), 0.15 - 0.12 * (k // 3)
                    pen.disc(x, y, 0.035, 0.035, IVORY)
                    pen.disc(x, y, 0.014, 0.014, DARK)
            self.pipes(pen, 0.1 - 0.13 * self.rows, 1.8, 1.0)
            return
        pen.box(-1.15, -1.25, 1.15, 0, tone)
        self.pipes(pen, -1.2, 2.2, 1.9)
        for x in (-1.25, 1.1):
            pen.box(x, -2.9, x + 0.15, 0, shade(tone, 0.8))
        pen.box(-0.62, -1.2, 0.62, -0.55, shade(tone, 0.6))
        for k in range(min(3, self.rows)):
            keys(pen, -0.5, 0.5, -0.78 - 0.11 * k, 0.09)
        for s in (-1, 1):
            for k in range(8):
                pen.disc(s * (0.72 + 0.12 * (k % 2)), -0.7 - 0.11 * (k // 2), 0.03, 0.03, IVORY)

    def move(self, pen, t, level):
        """Draw the player from behind; hands press, feet walk on the pedals."""
        who = self.who
        if self.design == 2:
            for k, s in enumerate((-1, 1)):
                row = 0.13 * ((k + int(t * 0.3)) % self.rows)
                x = s * 0.2 + 0.1 * self.swing(t, 0.25 + 0.1 * k)
                lift = 0.07 * (1 - level) * (1 if self.side(t) == k else 0.4)
                reach(pen, who, (x, 0.25 - row + lift), (x + s * 0.25, 1.0), 1.4)
            return
        p = self.performer(pen, t)
        for k, s in enumerate((-1, 1)):
            lift = 0.12 * (1 - level) * (1 if self.side(t) == k else 0.3)
            hand = (s * 0.30 + 0.08 * self.swing(t, 0.3), -0.85 - lift)
            arm(p, who, shoulder(who, s, SEAT), hand)
        body(p, who, SEAT, back=True)
        pen.box(-0.5, -0.46 * who.size, 0.5, -0.36 * who.size, shade(self.tone, 0.7))
        for x in (-0.46, 0.38):
            pen.box(x, -0.36, x + 0.08, 0, shade(self.tone, 0.5))

    def alone(self, pen):
        """Draw pipes and case."""
        self.design = 0
        self.still(pen)


class Xylophone(Action):
    """A xylophone or marimba, player behind it; or its bars with two mallets."""

    def __init__(self, rng):
        super().__init__(rng)
        self.seat = 0.0
        self.count = int(rng.integers(8, 15))
        rainbow = rng.random() < 0.4
        tone = wood(rng) if rng.random() < 0.7 else metal(rng)
        self.bars = [paint(rng, 0.6, 1) if rainbow else shade(tone, 0.9 + 0.2 * (k % 2))
                     for k in range(self.count)]  # fmt: skip
        self.leg, self.ball = wood(rng), paint(rng, 0.2, 0.95)
        self.shots = (((0, -0.85, 1.5), (0.05, -0.85, 1.1)) if self.design == 2 else
                      (FULL, (0, -1.05, 1.9), (0, -1.05, 1.6)))  # fmt: skip

    def bar(self, k):
        """Return middle x and half height of a bar."""
        return -0.62 + 1.24 * (k + 0.5) / self.count, 0.20 - 0.11 * k / self.count

    def instrument(self, pen, y, tall):
        """Draw the bars, `tall` as a share of what is seen from above."""
        for s in (-1, 1):
            pen.line([(-0.68, y + s * 0.12 * tall), (0.68, y + s * 0.06 * tall)], self.leg, 0.05)
        w = 0.5 * 1.24 / self.count
        for k, tone in enumerate(self.bars):
            x, h = self.bar(k)
            h *= tall
            pen.box(x - 0.82 * w, y - h, x + 0.82 * w, y + h, tone)
            for s in (-1, 1):
                pen.disc(x, y + s * 0.7 * h, 0.01, 0.01, DARK)

    def move(self, pen, t, level):
        """Draw player and instrument; the mallet whose turn it is falls with the sound."""
        who, top = self.who, self.design == 2
        p = self.performer(pen, t)
        y = -0.86
        if not top:
            body(p, who, turn=self.turn)
            for x in (-0.64, 0.64):
                pen.line([(x, y), (x * 1.05, 0)], self.leg, 0.06)
            for k in range(self.count):
                x, h = self.bar(k)
                pen.line([(x, y), (x, y + 3.2 * h)], rgb("#8f9499"), 0.035)
        self.instrument(pen, y, 1.5 if top else 0.7)
        for k, s in enumerate((-1, 1)):
            spot, _ = self.bar(int((0.5 + 0.25 * s + 0.22 * self.swing(t, 0.35 + 0.1 * k))
                                   * self.count) % self.count)  # fmt: skip
            lift = 0.26 * (1 - level) * (1 if self.side(t) == k else 0.5)
            tip = (spot, y - 0.02 - lift)
            if top:
                hand = (spot + s * 0.14, y + 0.34 - 0.4 * lift)
                reach(pen, who, hand, (spot + s * 0.35, 0.3), 0.6)
            else:
                hand = (s * 0.28 + 0.3 * spot, -1.12 - 0.5 * lift)
                root = shoulder(who, s)
                arm(pen, who, (root[0] * who.size, root[1] * who.size), hand)
            pen.line([hand, tip], rgb("#d9c49a"), 0.018)
            pen.disc(tip[0], tip[1], 0.04, 0.04, self.ball)

    def alone(self, pen):
        """Draw it without a player."""
        for x in (-0.64, 0.64):
            pen.line([(x, -0.8), (x, 0)], self.leg, 0.06)
        self.instrument(pen, -0.8, 0.7)
