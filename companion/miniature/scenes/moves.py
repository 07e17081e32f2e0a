"""Feet, paper, stethoscope: tap dancing, ripping paper, heartbeat."""

from math import exp, pi, sin

from companion.miniature.faces.people import mix, rgb, shade
from companion.miniature.scenes.action import HALF, Action, Shot
from companion.miniature.scenes.pen import paint, wood
from companion.miniature.scenes.people import arm, body, head, reach, shoulder, torso

DARK = rgb("#1b1917")


class TapDancing(Action):
    """Feet that tap: one or several dancers, or their shoes alone."""

    shots = ((0, -0.85, 2.5), (0, -0.7, 2.0), (0, -0.4, 1.3))
    spacing = 0.75

    def __init__(self, rng):
        super().__init__(rng)
        self.seat = 0.0
        self.board = wood(rng) if rng.random() < 0.75 else None
        self.cane = rng.random() < 0.35
        self.tempo *= 1.3

    def still(self, pen):
        """Draw the board that is danced on."""
        if self.board:
            pen.fill([(-1.1, -0.08), (1.1, -0.08), (1.35, 0.22), (-1.35, 0.22)], self.board)
            pen.box(-1.35, 0.22, 1.35, 0.28, shade(self.board, 0.6))

    def move(self, pen, t, level):
        """Draw the dancer; one foot is up, and comes down with the sound."""
        who = self.who
        k, lift = self.side(t), 0.08 + 0.34 * (1 - level)
        sway = 0.10 * self.swing(t, 0.5)
        feet = [(-0.13, 0.0), (0.13, 0.0)]
        s = 2 * k - 1
        feet[k] = (s * (0.16 + 0.5 * lift), -lift)
        p = pen.at(sway, -0.04 * level * abs(self.swing(t, 2)), 0.05 * self.swing(t, 0.5), who.size)
        body(p, who, turn=self.turn, feet=(feet[0], feet[1]), mouth=0.5)
        for j, (x, y) in enumerate(feet):
            u = 2 * j - 1
            p.fill([(x - 0.07 * u, y - 0.10), (x + 0.02 * u, y - 0.10), (x + 0.20 * u, y - 0.01),
                    (x + 0.20 * u, y + 0.03), (x - 0.07 * u, y + 0.03)], who.shoes)  # fmt: skip
            p.line([(x + 0.10 * u, y + 0.03), (x + 0.20 * u, y + 0.03)], rgb("#dfe3e8"), 0.025)
        wave = 0.16 * self.swing(t)
        for u in (-1, 1):
            hand = ((0.46 * u, -1.2 + u * wave), (0.38 * u, -1.62 + u * wave),
                    (0.26 * u, -0.93 + wave))[self.design]  # fmt: skip
            arm(p, who, shoulder(who, u), hand)
            if self.cane and u > 0:
                p.line([hand, (hand[0] + 0.25, hand[1] + 0.7)], DARK, 0.025)

    def alone(self, pen):
        """Draw a pair of shoes."""
        for x in (-0.15, 0.15):
            pen.fill([(x - 0.07, -0.1), (x + 0.02, -0.1), (x + 0.2, 0), (x - 0.07, 0)],
                     self.who.shoes)  # fmt: skip


class RippingPaper(Action):
    """Hands tear a sheet in two: close by, or someone at a table."""

    shots: tuple[Shot, ...] = ((0, 0, 0.8), (0, 0, 0.65), (0, 0, 1.0))
    spacing = 0.0

    def __init__(self, rng):
        super().__init__(rng)
        self.paper = shade(rgb("#f5f2ea"), rng.uniform(0.85, 1.0)) if rng.random() < 0.7 else (
            paint(rng, 0.5, 1))  # fmt: skip
        self.table, self.period = wood(rng), rng.uniform(1.8, 3.5)
        self.teeth = rng.uniform(-0.012, 0.012, 9)
        self.text = rng.random() < 0.5
        if self.design:
            self.shots = (HALF, (0, -1.15, 1.2), (0, -1.2, 1.0))

    def still(self, pen):
        """Draw the table top under the hands."""
        if not self.design:
            pen.box(-2, -2, 2, 2, self.table)
            for y in (-0.3, -0.1, 0.15, 0.35):
                pen.line([(-2, y), (2, y)], shade(self.table, 0.9), 0.008)

    def sheet(self, p, gap, torn):
        """Draw both halves, torn from above down to the share `torn`, the ends `gap` apart."""
        w, h = 0.13, 0.17
        for s in (-1, 1):
            q = p.at(s * 0.3 * gap, 0.12 * gap, s * gap * 1.3)
            edge = [(self.teeth[k] - s * 0.002, -h + 2 * h * k / 8) for k in range(9)]
            q.fill([*edge, (s * w, h), (s * w, -h)], self.paper)
            if self.text:
                for k in range(6):
                    y = -h + 0.05 + 0.05 * k
                    q.line([(s * 0.02, y), (s * 0.11, y)], shade(self.paper, 0.6), 0.008)
            reached = max(2, int(9 * torn))
            q.line(edge[:reached], shade(self.paper, 0.45), 0.008)

    def move(self, pen, t, level):
        """Draw sheet and hands; they part with the sound."""
        step = (t / self.period + self.phase) % 1.0
        gap = 0.02 + 0.22 * step * (0.35 + 0.65 * level)
        who = self.who
        if not self.design:
            self.sheet(pen, gap, step)
            for s in (-1, 1):
                hand = (s * (0.17 + 0.45 * gap), -0.10 + 0.25 * gap)
                reach(pen, who, hand, (s * 0.55, 0.42), 0.8)
                pen.limb([(hand[0], hand[1] + 0.02), (hand[0] - s * 0.08, hand[1] - 0.03)],
                         shade(who.skin, 0.95), 0.03)  # fmt: skip
            return
        p = self.performer(pen, t)
        body(p, who, self.seat, turn=self.turn * 0.5)
        y = -1.12 + self.seat
        self.sheet(p.at(0, y, size=1.15), gap, step)
        for s in (-1, 1):
            arm(p, who, shoulder(who, s, self.seat), (s * (0.17 + 0.5 * gap), y - 0.1))
        if self.seat:
            pen.box(-1.1, -0.5, 1.1, -0.42, self.table)
            pen.box(-1.1, -0.42, 1.1, 0.3, shade(self.table, 0.6))

    def alone(self, pen):
        """Draw paper on a small table."""
        pen.box(-0.4, -0.7, 0.4, -0.64, self.table)
        pen.box(-0.05, -0.64, 0.05, 0, shade(self.table, 0.7))
        pen.box(-0.2, -0.72, 0.15, -0.70, self.paper)


def pulse(x: float) -> float:
    """Return the height of an ECG at `x` beats."""
    x = x % 1.0
    return (0.12 * exp(-(((x - 0.2) / 0.03) ** 2)) - 0.15 * exp(-(((x - 0.36) / 0.012) ** 2))
            + exp(-(((x - 0.4) / 0.014) ** 2)) - 0.3 * exp(-(((x - 0.44) / 0.014) ** 2))
            + 0.22 * exp(-(((x - 0.66) / 0.05) ** 2)))  # fmt: skip


class Heartbeat(Action):
    """An ECG monitor, a stethoscope on a chest, or someone who listens to a patient."""

    spacing = 0.0
    outside = 0.1

    def __init__(self, rng):
        super().__init__(rng)
        self.trace = rgb(str(rng.choice(["#4fe07a", "#5fd0f0", "#f0e050", "#f07070"])))
        self.case, self.rate = paint(rng, 0.4, 0.9), rng.uniform(0.9, 1.6)
        self.gown, self.tube = paint(rng, 0.4, 1), paint(rng, 0.05, 0.6)
        self.bare = rng.random() < 0.5
        self.shots = {0: ((0, -1.2, 1.2), (0, -1.2, 0.9), (0, -1.1, 1.7)),
                      1: ((0, -1.2, 1.0), (0, -1.25, 1.3)),
                      2: ((0.35, -1.2, 1.9), (0.35, -1.2, 1.6))}[self.design]  # fmt: skip

    def monitor(self, pen, t, level):
        """Draw the monitor; the trace runs, and its peaks grow with the sound."""
        pen.box(-0.42, -1.52, 0.42, -0.88, self.case)
        pen.box(-0.37, -1.47, 0.22, -0.93, rgb("#0b1210"))
        beat = self.rate * t
        for row, tone in enumerate((self.trace, mix(self.trace, rgb("#5fd0f0"), 0.8))):
            base, tall = -1.20 + 0.2 * row, (0.2, 0.07)[row] * (0.35 + 0.65 * level)
            pen.line([(-0.36 + 0.012 * k, base - tall * pulse(beat + 0.055 * k))
                      for k in range(48)], tone, 0.012)  # fmt: skip
        r = 0.03 + 0.02 * level
        for x in (0.29 - r * 0.45, 0.29 + r * 0.45):
            pen.disc(x, -1.38, r * 0.6, r * 0.6, rgb("#e04545"))
        pen.fill([(0.29 - r, -1.37), (0.29 + r, -1.37), (0.29, -1.37 + 1.3 * r)], rgb("#e04545"))
        for k in range(4):
            pen.disc(0.32, -1.2 + 0.08 * k, 0.025, 0.025, shade(self.case, 0.6))
        pen.line([(0, -0.88), (0, 0)], rgb("#8a8f94"), 0.05)

    def move(self, pen, t, level):
        """Draw what beats."""
        who = self.who
        if self.design == 0:
            self.monitor(pen, t, level)
            return
        beat = 0.02 * level * max(0.0, sin(2 * pi * self.rate * t))
        tone = who.skin if self.bare else self.gown
        if self.design == 1:
            patient = who.__class__(**{**who.__dict__, "shirt": tone, "stripes": False})
            p = pen.at(0, 1.05, size=1.55 + beat)
            for s in (-1, 1):
                p.limb([(s * 0.2 * who.girth, -1.36), (s * 0.30 * who.girth, -1.0)],
                       shade(tone, 0.85), 0.13)  # fmt: skip
            torso(p, patient)
            head(p, patient, turn=self.turn)
            if self.bare:
                pen.line([(-0.16, -0.86), (-0.05, -0.82)], shade(tone, 0.85), 0.015)
                pen.line([(0.05, -0.82), (0.16, -0.86)], shade(tone, 0.85), 0.015)
            spot = (0.10 + 0.02 * self.swing(t, 0.2), -1.02 - beat)
        else:
            patient = who.__class__(**{**who.__dict__, "shirt": tone, "stripes": False,
                                       "trousers": self.gown})  # fmt: skip
            body(pen.at(0, 0, size=1 + 0.5 * beat), patient, turn=0.3)
            doctor = who.__class__(**{**who.__dict__, "shirt": rgb("#eef1f2"), "style": "short",
                                      "hair": shade(who.hair, 0.6), "long_sleeves": True,
                                      "stripes": False})  # fmt: skip
            q = pen.at(0.8, 0, flip=True)
            body(q, doctor, side=True)
            spot = (0.08, -1.22 - beat)
            pen.line([(0.66, -1.58), (0.6, -1.3), (0.3, -1.1), spot], self.tube, 0.03)
            arm(q, doctor, shoulder(doctor, 1, side=True), (0.8 - spot[0] - 0.06, spot[1]))
            pen.disc(*spot, 0.045, 0.045, rgb("#d5dae0"))
            return
        pen.line([spot, (0.18, -0.82), (0.42, -0.78), (0.75, -1.1)], self.tube, 0.028)
        reach(pen, who, (spot[0] + 0.12, spot[1] + 0.06), (0.7, -0.7), 0.8)
        pen.disc(*spot, 0.06, 0.06, rgb("#aab0b8"))
        pen.disc(*spot, 0.045, 0.045, rgb("#dfe4ea"))

    def alone(self, pen):
        """Draw a monitor on its stand."""
        self.monitor(pen, 0.0, 0.3)
