"""What sounds without a performer: dogs, birds, church bells."""

from companion.miniature.faces.people import rgb, shade
from companion.miniature.scenes.action import Action
from companion.miniature.scenes.pen import metal, paint, pick, wood

DARK = rgb("#191717")
GLASS = rgb("#46586a")


class Dog(Action):
    """A dog that barks: standing, sitting, or its head."""

    shots = ((0, -0.35, 1.4), (0.1, -0.4, 1.1), (0, -0.4, 2.0))
    spacing = 0.9

    def __init__(self, rng):
        super().__init__(rng)
        self.coat = shade(pick(rng, ["#7a4a26", "#c8964e", "#2a2522", "#e4ddd0", "#8f8a84"]),
                          rng.uniform(0.8, 1.15))  # fmt: skip
        self.patch = shade(self.coat, 0.6) if rng.random() < 0.6 else rgb("#ece6da")
        self.ears, self.leg = int(rng.integers(3)), rng.uniform(0.6, 1.1)
        self.collar, self.long = paint(rng, 0.3, 0.9), rng.uniform(0.85, 1.15)

    def muzzle(self, p, level):
        """Draw the head in profile; the jaw drops with the sound."""
        coat, drop = self.coat, 0.45 * level
        p.at(0.05, 0.05, drop).fill([(0, 0), (0.25, -0.01), (0.24, 0.05), (0.02, 0.09)], coat)
        p.at(0.08, 0.04, 0.6 * drop).box(0, 0, 0.17 * min(1, 3 * level), 0.03, rgb("#c9525a"))
        p.disc(0, 0, 0.15, 0.14, coat)
        p.fill([(0.04, -0.09), (0.29, -0.02), (0.30, 0.04), (0.04, 0.07)], coat)
        p.disc(0.29, -0.01, 0.035, 0.03, DARK)
        p.disc(0.07, -0.05, 0.022, 0.024, DARK)
        ear = ([(-0.1, -0.1), (-0.04, -0.28), (0.04, -0.11)],
               [(-0.12, -0.1), (0.0, -0.12), (-0.02, 0.16), (-0.12, 0.14)],
               [(-0.1, -0.1), (-0.02, -0.22), (0.07, -0.16), (0.02, -0.08)])[self.ears]  # fmt: skip
        p.fill(ear, self.patch)

    def move(self, pen, t, level):
        """Draw the dog; it throws its head up and opens its jaw."""
        coat, leg = self.coat, 0.32 * self.leg
        hop = -0.03 * level
        top = -leg - 0.24
        wag = 0.5 * self.swing(t, 2)
        if self.design == 1:
            pen.fill([(-0.3, 0), (-0.32, -0.2), (-0.1, -0.45), (0.12, -0.58), (0.22, -0.4),
                      (0.2, 0), (0.1, 0), (0.05, -0.2), (-0.02, 0)], coat)  # fmt: skip
            pen.disc(-0.18, -0.14, 0.17, 0.14, coat)
            pen.line([(-0.3, -0.05), (-0.5, -0.12 - 0.1 * wag)], self.patch, 0.06)
            p = pen.at(0.18, -0.66 + hop, -0.35 * level, 1.1)
        else:
            w = 0.36 * self.long
            tail = (-w - 0.2 + 0.1 * wag, top - 0.28)
            pen.line([(-w, top + 0.04), (-w - 0.15, top - 0.15), tail], self.patch, 0.06)
            for k, x in enumerate((-w + 0.1, w - 0.02, -w + 0.02, w - 0.1)):
                tone = coat if k > 1 else shade(coat, 0.75)
                pen.limb([(x, top + 0.18), (x - 0.02, -leg / 2), (x, -0.02)], tone, 0.085)
            pen.disc(-0.5 * w, top + 0.12, 0.5 * w, 0.14, coat)
            pen.disc(0.5 * w, top + 0.11, 0.52 * w, 0.17, coat)
            pen.box(-0.6 * w, top - 0.01, 0.6 * w, top + 0.24, coat)
            pen.disc(-0.1, top + 0.06, 0.13, 0.08, self.patch)
            pen.limb([(w - 0.06, top + 0.08), (w + 0.08, top - 0.1)], coat, 0.17)
            p = pen.at(w + 0.1, top - 0.17 + hop, -0.4 * level, 1.05)
        p.line([(-0.12, 0.14), (0.0, 0.18)], self.collar, 0.05)
        self.muzzle(p, level)


class Birds(Action):
    """Birds on a branch, on a wire, or on a feeder; beaks open as they sing."""

    shots = ((0, -1.2, 1.1), (0, -1.2, 0.8), (0, -1.2, 1.5))
    outside = 0.8
    spacing = 0.0

    def __init__(self, rng):
        super().__init__(rng)
        self.coat, self.breast, self.wing = (paint(rng, 0.2, 0.95) for _ in range(3))
        self.beak = rgb("#e3a23a") if rng.random() < 0.5 else DARK
        self.count = int(rng.integers(1, 5))
        self.spots = []  # where each bird sits, its size, and whether it looks to the left
        for k in range(self.count):
            x = rng.uniform(-0.06, 0.06) + 0.26 * (k - (self.count - 1) / 2)
            self.spots.append((x, rng.uniform(0.8, 1.2), bool(rng.random() < 0.5)))
        self.bark, self.leaf = wood(rng), shade(rgb("#5c8a3d"), rng.uniform(0.6, 1.3))
        self.leaves = rng.uniform(-0.8, 0.8, 14)

    def still(self, pen):
        """Draw what they sit on."""
        if self.design == 0:
            pen.line([(-1.2, -1.0), (-0.4, -1.06), (0.5, -1.05), (1.2, -1.25)], self.bark, 0.07)
            pen.line([(0.3, -1.06), (0.7, -1.45)], self.bark, 0.04)
            for k, x in enumerate(self.leaves):
                pen.disc(x, -1.0 + 0.09 * (k % 3) - 0.5 * (k % 5 == 0), 0.07, 0.035, self.leaf)
        elif self.design == 1:
            for y in (-1.05, -0.8):
                pen.line([(-3, y - 0.1), (0, y), (3, y - 0.1)], DARK, 0.02)
        else:
            pen.box(-0.45, -1.06, 0.45, -1.0, self.bark)
            pen.box(-0.05, -1.0, 0.05, 0, shade(self.bark, 0.7))
            pen.fill([(-0.55, -1.55), (0, -1.8), (0.55, -1.55)], shade(self.bark, 0.8))
            for x in (-0.4, 0.36):
                pen.box(x, -1.55, x + 0.04, -1.06, self.bark)

    def move(self, pen, t, level):
        """Draw the birds."""
        for k, (x, size, flip) in enumerate(self.spots):
            hop = 0.02 * abs(self.swing(t + 0.3 * k, 0.7))
            p = pen.at(x, -1.05 - hop, -0.15 * level + 0.05 * self.swing(t, 0.3), size, flip)
            loud = level if (k + self.side(0.5 * t)) % 2 == 0 else 0.5 * level
            p.line([(-0.02, 0), (-0.01, -0.06)], DARK, 0.01)
            p.line([(0.03, 0), (0.03, -0.06)], DARK, 0.01)
            p.fill([(-0.06, -0.09), (-0.24, 0.0), (-0.22, 0.05), (-0.03, -0.05)], self.wing)
            p.disc(0, -0.11, 0.105, 0.075, self.coat)
            p.disc(0.04, -0.09, 0.065, 0.055, self.breast)
            p.disc(0.09, -0.19, 0.06, 0.055, self.coat)
            lift = 0.045 * level * abs(self.swing(t, 2))
            p.fill([(-0.16, -0.06 - lift), (0.03, -0.15), (0.03, -0.07)], self.wing)
            p.fill([(0.14, -0.205), (0.21, -0.20 - 0.05 * loud), (0.14, -0.185)], self.beak)
            p.fill([(0.14, -0.185), (0.20, -0.185 + 0.06 * loud), (0.14, -0.165)], self.beak)
            p.disc(0.11, -0.205, 0.012, 0.012, DARK)

    def alone(self, pen):
        """Draw one bird on the ground."""
        self.spots = self.spots[:1]
        self.move(pen.at(0, 1.05), 0.0, 0.0)


class ChurchBell(Action):
    """A tower with a swinging bell, the bell in its arch, or a bell on a beam."""

    spacing = 0.0

    def __init__(self, rng):
        super().__init__(rng)
        self.stone, self.roof = paint(rng, 0.4, 0.95), paint(rng, 0.15, 0.6)
        self.bronze, self.beam = shade(metal(rng), 0.8), wood(rng)
        self.outside = 0.5 if self.design == 2 else 0.95
        self.cross = rng.random() < 0.7
        self.shots = {0: ((0, -2.4, 4.4), (0, -3.0, 3.2)), 1: ((0, -2.9, 1.7), (0, -2.9, 1.3)),
                      2: ((0, -1.0, 2.4), (0, -1.2, 1.7))}[self.design]  # fmt: skip

    def still(self, pen):
        """Draw tower or frame."""
        tone = self.stone
        if self.design == 2:
            for x in (-0.75, 0.65):
                pen.box(x, -2.0, x + 0.1, 0, self.beam)
            pen.box(-0.9, -2.1, 0.9, -1.95, self.beam)
            return
        pen.box(-0.75, -3.6, 0.75, 0, tone)
        pen.box(0.4, -3.6, 0.75, 0, shade(tone, 0.82))
        for row in range(14):
            y = -3.5 + 0.25 * row
            pen.line([(-0.75, y), (0.75, y)], shade(tone, 0.88), 0.02)
        pen.fill([(-0.9, -3.6), (0, -4.9), (0.9, -3.6)], self.roof)
        if self.cross:
            pen.line([(0, -5.3), (0, -4.9)], DARK, 0.06)
            pen.line([(-0.13, -5.15), (0.13, -5.15)], DARK, 0.06)
        pen.disc(0, -3.1, 0.5, 0.42, rgb("#23252a"))
        pen.box(-0.5, -3.1, 0.5, -2.4, rgb("#23252a"))
        pen.disc(0, -1.75, 0.3, 0.3, rgb("#f0ece0"))
        pen.line([(0.12, -1.75), (0, -1.75), (0, -1.98)], DARK, 0.04)
        pen.box(-0.25, -0.8, 0.25, 0, self.beam)

    def move(self, pen, t, level):
        """Draw the bell; it swings wider while it rings."""
        y, size = (-1.95, 1.35) if self.design == 2 else (-3.35, 0.85)
        p = pen.at(0, y, (0.12 + 0.6 * level) * self.swing(t, 0.6), size)
        p.line([(0, 0.78), (0, 0.3)], DARK, 0.04)
        p.at(0, 0.3, -0.3 * self.swing(t, 0.6)).disc(0, 0.5, 0.07, 0.07, DARK)
        p.fill([(-0.08, 0.1), (0.08, 0.1), (0.2, 0.2), (0.26, 0.55), (0.4, 0.76), (0.4, 0.82),
                (-0.4, 0.82), (-0.4, 0.76), (-0.26, 0.55), (-0.2, 0.2)], self.bronze)  # fmt: skip
        p.fill([(-0.13, 0.2), (-0.05, 0.2), (-0.1, 0.7), (-0.24, 0.7)], shade(self.bronze, 1.4))
        p.line([(-0.29, 0.62), (0.29, 0.62)], shade(self.bronze, 0.65), 0.035)
        p.box(-0.3, -0.03, 0.3, 0.1, shade(self.beam, 0.8))
