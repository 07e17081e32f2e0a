"""Instruments that are held: violin, guitar, trumpet, flute, accordion."""

from math import cos, sin

from companion.miniature.faces.people import mix, rgb, shade
from companion.miniature.scenes.action import FULL, HALF, Action
from companion.miniature.scenes.pen import Pen, metal, paint, wood
from companion.miniature.scenes.people import arm, body, head, shoulder

DARK = rgb("#1c1714")


def fiddle(pen: Pen, tone) -> None:
    """Draw a violin along x: body from 0 to 0.38, scroll at 0.68."""
    pen.fill([(0, -0.05), (0.04, -0.11), (0.12, -0.11), (0.17, -0.07), (0.22, -0.07),
              (0.28, -0.095), (0.35, -0.085), (0.38, -0.03), (0.38, 0.03), (0.35, 0.085),
              (0.28, 0.095), (0.22, 0.07), (0.17, 0.07), (0.12, 0.11), (0.04, 0.11), (0, 0.05)],
             shade(tone, 0.6))  # fmt: skip
    pen.fill([(0.015, -0.045), (0.05, -0.09), (0.12, -0.09), (0.17, -0.05), (0.22, -0.05),
              (0.28, -0.075), (0.34, -0.065), (0.36, 0), (0.34, 0.065), (0.28, 0.075),
              (0.22, 0.05), (0.17, 0.05), (0.12, 0.09), (0.05, 0.09), (0.015, 0.045)],
             tone)  # fmt: skip
    for s in (-1, 1):
        pen.line([(0.15, s * 0.05), (0.24, s * 0.035)], DARK, 0.012)
    pen.fill([(0.02, -0.02), (0.12, -0.03), (0.12, 0.03), (0.02, 0.02)], DARK)
    pen.fill([(0.22, -0.022), (0.62, -0.014), (0.62, 0.014), (0.22, 0.022)], DARK)
    pen.disc(0.66, 0, 0.035, 0.03, shade(tone, 0.6))
    pen.line([(0.17, -0.04), (0.17, 0.04)], rgb("#e5cf9a"), 0.015)
    pen.line([(0.1, 0), (0.6, 0)], rgb("#cfcfcf"), 0.006)


class Violin(Action):
    """A violin under the chin, and a bow; or close to the strings."""

    shots = (FULL, HALF, HALF, (0.2, -1.4, 1.15))

    def __init__(self, rng):
        super().__init__(rng)
        self.tone, self.tilt = wood(rng), rng.uniform(-0.15, 0.45)
        self.stick = wood(rng)

    def move(self, pen, t, level):
        """Draw the player; the bow strokes wider and faster while it sounds."""
        p, who, seat = self.performer(pen, t), self.who, self.seat
        body(p, who, seat, turn=0.5)
        v = p.at(0.08, -1.45 + seat, self.tilt + 0.03 * self.swing(t, 0.5), 1.35)
        c, s = cos(self.tilt), sin(self.tilt)
        grip = (0.08 + 0.70 * c - 0.05 * s, -1.45 + seat + 0.70 * s + 0.05 * c)
        fiddle(v, self.tone)
        arm(p, who, shoulder(who, 1, seat), grip)
        head(p, who, (0.02, -1.63 + seat), 0.5)
        stroke = (0.04 + 0.30 * level) * self.swing(t)
        b = v.at(0.19, 0.0, -1.15 - self.tilt + 0.06 * self.swing(t, 2))
        b.line([(-0.50 + stroke, -0.03), (0.22 + stroke, -0.03)], self.stick, 0.02)
        b.line([(-0.46 + stroke, 0), (0.20 + stroke, 0)], rgb("#efeade"), 0.012)
        x, y = -0.5 + stroke, 0.0
        a = -1.15 + 0.06 * self.swing(t, 2)
        hand = (0.08 + 1.35 * (0.19 * c + x * cos(a) - y), -1.45 + seat + 1.35 * (
            0.19 * s + x * sin(a)))  # fmt: skip
        arm(p, who, shoulder(who, -1, seat), hand)

    def alone(self, pen):
        """Draw it on a stand."""
        pen.line([(-0.2, 0), (0, -0.5), (0.2, 0)], DARK, 0.03)
        fiddle(pen.at(0, -0.25, -1.5, 1.3), self.tone)


class Guitar(Action):
    """A guitar: classical, steel or electric; standing with a strap or sitting."""

    shots = (FULL, HALF, (0.1, -1.15, 1.5), (0.1, -1.12, 1.1))

    def __init__(self, rng):
        super().__init__(rng)
        self.tone = paint(rng, 0.05, 0.95) if self.design == 2 else wood(rng)
        self.tilt, self.neck = rng.uniform(-0.55, -0.05), wood(rng)

    def guitar(self, pen):
        """Draw the guitar along x: its bridge near 0, head at 0.95."""
        dark = shade(self.tone, 0.55)
        if self.design == 2:
            pen.fill([(-0.24, -0.14), (-0.05, -0.17), (0.08, -0.12), (0.26, -0.19), (0.2, -0.06),
                      (0.18, 0.06), (0.3, 0.16), (0.08, 0.12), (-0.05, 0.18), (-0.26, 0.17)],
                     self.tone)  # fmt: skip
            pen.fill([(-0.1, -0.02), (0.16, -0.09), (0.12, 0.1), (-0.12, 0.12)], rgb("#eee9dc"))
            for x in (-0.02, 0.09):
                pen.box(x, -0.05, x + 0.035, 0.05, DARK)
        else:
            for grow, tone in ((0.0, dark), (-0.02, self.tone)):
                pen.disc(-0.06, 0, 0.21 + grow, 0.21 + grow, tone)
                pen.disc(0.17, 0, 0.16 + grow, 0.155 + grow, tone)
            pen.disc(0.12, 0, 0.075, 0.075, dark)
            pen.disc(0.12, 0, 0.06, 0.06, DARK)
            pen.box(-0.10, -0.07, -0.07, 0.07, DARK)
        pen.fill(
            [(0.2, -0.035), (0.82, -0.028), (0.82, 0.028), (0.2, 0.035)], shade(self.neck, 0.6)
        )
        for k in range(6):
            pen.line([(0.35 + 0.08 * k, -0.03), (0.35 + 0.08 * k, 0.03)], rgb("#c8c0b0"), 0.008)
        pen.fill([(0.8, -0.035), (0.98, -0.05), (0.98, 0.05), (0.8, 0.035)], self.neck)
        for s in (-1, 1):
            for k in range(3):
                pen.disc(0.85 + 0.045 * k, s * 0.06, 0.013, 0.013, rgb("#d9d9d9"))
        for y in (-0.014, 0.014):
            pen.line([(-0.08, y), (0.84, y)], rgb("#dcdcdc"), 0.006)

    def move(self, pen, t, level):
        """Draw the player; the right hand strums across the strings."""
        p, who, seat = self.performer(pen, t), self.who, self.seat
        body(p, who, seat, turn=self.turn)
        y = -1.10 + 0.8 * seat
        p.line([(0.17, -1.38 + seat), (-0.2, y)], DARK, 0.05)
        self.guitar(p.at(-0.08, y, self.tilt, 1.0))
        c, s = cos(self.tilt), sin(self.tilt)
        along = 0.60 + 0.10 * self.swing(t, 0.3)
        arm(p, who, shoulder(who, 1, seat), (-0.08 + along * c, y + along * s + 0.05))
        strum = (0.02 + 0.14 * level) * self.swing(t, 2)
        arm(p, who, shoulder(who, -1, seat), (-0.02, y - 0.02 + strum))

    def alone(self, pen):
        """Draw it leaning in a stand."""
        pen.line([(-0.2, 0), (0, -0.3), (0.2, 0)], DARK, 0.03)
        self.guitar(pen.at(0, -0.28, -1.5))


class Trumpet(Action):
    """A trumpet, seen from the side."""

    shots = (FULL, HALF, (0.35, -1.45, 1.3))

    def __init__(self, rng):
        super().__init__(rng)
        self.tone = metal(rng)

    def trumpet(self, p):
        """Draw it along x: mouthpiece at 0, bell at 0.72."""
        dark = shade(self.tone, 0.65)
        p.line([(0, 0), (0.6, 0)], self.tone, 0.028)
        p.line([(0.14, 0.14), (0.48, 0.14)], self.tone, 0.028)
        p.line([(0.14, 0.14), (0.10, 0.07), (0.14, 0)], self.tone, 0.026)
        p.line([(0.48, 0.14), (0.53, 0.07), (0.48, 0)], self.tone, 0.026)
        p.fill([(0.52, -0.025), (0.64, -0.06), (0.72, -0.13), (0.72, 0.13), (0.64, 0.06),
                (0.52, 0.025)], self.tone)  # fmt: skip
        p.disc(0.72, 0, 0.03, 0.13, dark)
        p.fill([(-0.01, -0.03), (0.03, -0.01), (0.03, 0.01), (-0.01, 0.03)], dark)
        for k in range(3):
            x = 0.25 + 0.06 * k
            p.box(x, -0.05, x + 0.045, 0.19, dark if k % 2 else shade(self.tone, 0.8))
            p.line([(x + 0.022, -0.09), (x + 0.022, -0.05)], dark, 0.02)

    def move(self, pen, t, level):
        """Draw the player; the bell rises with the sound, and the fingers press."""
        p, who, seat = self.performer(pen, t), self.who, self.seat
        body(p, who, seat, side=True)
        lift = -0.05 - 0.20 * level + 0.03 * self.swing(t, 0.5)
        v = p.at(0.16, -1.565 + seat, lift, 1.1)
        arm(p, who, shoulder(who, 1, seat, True), (0.48, -1.42 + seat + 0.45 * lift))
        self.trumpet(v)
        press = 0.03 * level * self.swing(t, 2)
        arm(p, who, shoulder(who, -1, seat, True), (0.52, -1.54 + seat + 0.5 * lift + press))

    def alone(self, pen):
        """Draw it standing on its bell, on a stool."""
        pen.box(-0.25, -0.6, 0.25, -0.5, DARK)
        pen.line([(0, -0.5), (0, 0)], DARK, 0.06)
        self.trumpet(pen.at(0, -1.4, 1.57, 1.1))


class Flute(Action):
    """A flute held to one side, or a recorder held down."""

    shots = (FULL, HALF, (-0.2, -1.4, 1.2))

    def __init__(self, rng):
        super().__init__(rng)
        self.tone = wood(rng) if self.design == 2 else mix(metal(rng), rgb("#d5d9df"), 0.7)

    def flute(self, p):
        """Draw it along x, its mouth end at 0."""
        p.line([(-0.09, 0), (0.62, 0)], self.tone, 0.036)
        p.line([(-0.09, -0.009), (0.62, -0.009)], shade(self.tone, 1.3), 0.01)
        for k in range(7):
            p.disc(0.16 + 0.06 * k, -0.012, 0.016, 0.022, shade(self.tone, 0.55))
        p.box(0.1, -0.022, 0.115, 0.022, shade(self.tone, 0.6))

    def move(self, pen, t, level):
        """Draw the player; flute and fingers move with the sound."""
        p, who, seat = self.performer(pen, t), self.who, self.seat
        down = self.design == 2
        body(p, who, seat, turn=-0.1 if down else -0.35, mouth=0.1)
        angle = (1.45 if down else 2.98) + 0.12 * level * self.swing(t, 0.7) + self.lean
        x, y = (0.0 if down else -0.05), -1.56 + seat
        press = 0.03 * level * self.swing(t, 2)
        for k, (s, far) in enumerate(((1, 0.24), (-1, 0.44))):
            reach_y = y + far * 1.1 * sin(angle) + 0.04 + press * (1 - 2 * k)
            hand = (x + far * 1.1 * cos(angle) + (0.05 * s if down else 0), reach_y)
            arm(p, who, shoulder(who, s, seat), hand)
        self.flute(p.at(x, y, angle, 1.15))

    def alone(self, pen):
        """Draw it on a small table."""
        pen.box(-0.4, -0.7, 0.4, -0.64, shade(rgb("#7a5230"), 1.0))
        pen.line([(0, -0.64), (0, 0)], DARK, 0.07)
        self.flute(pen.at(-0.25, -0.72))


class Accordion(Action):
    """An accordion: piano keys, bellows that open and close, buttons."""

    shots = (FULL, HALF, (0.05, -1.15, 1.25))

    def __init__(self, rng):
        super().__init__(rng)
        self.tone, self.fold = paint(rng, 0.1, 0.85), paint(rng, 0.15, 0.9)
        self.high = rng.uniform(0.40, 0.56)

    def accordion(self, p, wide):
        """Draw it about the origin with bellows `wide` metres wide; return its outer end."""
        h, tone = self.high / 2, self.tone
        p.box(-0.27, -h, -0.08, h, tone)
        p.box(-0.33, -h * 1.05, -0.24, h * 1.05, rgb("#f1eee6"))
        count = 10
        for k in range(count):
            y = h * 1.05 * (2 * k / count - 1)
            p.line([(-0.33, y), (-0.24, y)], rgb("#77736b"), 0.008)
            p.box(-0.29, y + 0.01, -0.24, y + 0.025, DARK)
        for k in range(3):
            p.disc(-0.16, h * 0.5 * (k - 1), 0.03, 0.03, shade(tone, 1.6))
        folds = 9
        for k in range(folds):
            x0, x1 = -0.08 + wide * k / folds, -0.08 + wide * (k + 1) / folds
            drop = 0.10 * wide * k / folds
            middle, low, high = (x0 + x1) / 2, 0.95 * h, 1.05 * h
            p.fill([(x0, drop - low), (middle, drop - high), (x1, drop - low),
                    (x1, drop + low), (middle, drop + high), (x0, drop + low)],
                   self.fold if k % 2 else shade(self.fold, 0.6))  # fmt: skip
        end = -0.08 + wide
        p.box(end, -h + 0.08 * wide, end + 0.13, h + 0.08 * wide, tone)
        for k in range(8):
            y = h * (k / 4.5 - 0.8) + 0.08 * wide
            p.disc(end + 0.05, y, 0.012, 0.012, rgb("#f4f0e4"))
            p.disc(end + 0.09, y, 0.012, 0.012, rgb("#f4f0e4"))
        return end + 0.13

    def move(self, pen, t, level):
        """Draw the player; the bellows pull wider while it sounds."""
        p, who, seat = self.performer(pen, t), self.who, self.seat
        body(p, who, seat, turn=self.turn)
        wide = 0.22 + 0.22 * (0.3 + 0.7 * level) * (1 + self.swing(t, 0.5))
        y = -1.12 + seat
        v = p.at(-0.02, y, 0.06 * self.swing(t, 0.5))
        for s in (-1, 1):
            p.line([(s * 0.15, -1.38 + seat), (s * 0.14, y)], DARK, 0.05)
        end = self.accordion(v, wide)
        arm(p, who, shoulder(who, 1, seat), (end - 0.02, y + 0.02))
        press = 0.05 * level * self.swing(t, 2)
        arm(p, who, shoulder(who, -1, seat), (-0.33, y + 0.08 * self.swing(t, 0.3) + press))

    def alone(self, pen):
        """Draw it closed on a chair."""
        pen.box(-0.3, -0.5, 0.3, -0.42, rgb("#6a4a2c"))
        for x in (-0.27, 0.22):
            pen.box(x, -0.42, x + 0.05, 0, rgb("#54391f"))
        self.accordion(pen.at(-0.05, -0.5 - self.high / 2), 0.2)
