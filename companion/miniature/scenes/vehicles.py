"""Helicopters, police cars and trains."""

from math import cos, sin

from companion.miniature.faces.people import mix, rgb, shade
from companion.miniature.scenes.action import Action
from companion.miniature.scenes.pen import Point, paint, pick

DARK = rgb("#191717")
GLASS = rgb("#46586a")


class Helicopter(Action):
    """A helicopter in the air or on the ground."""

    shots = ((0, -1.5, 4.6), (0, -1.4, 3.6), (0.2, -1.6, 6.5))
    outside = 1.0
    spacing = 0.0

    def __init__(self, rng):
        super().__init__(rng)
        self.tone, self.band = paint(rng, 0.1, 0.95), paint(rng, 0.2, 1)
        self.high = 0.0 if rng.random() < 0.3 else rng.uniform(0.6, 1.6)
        self.drift = rng.uniform(-0.08, 0.08)

    def move(self, pen, t, level):
        """Draw it; the rotor's reach flickers, and blurs with the sound."""
        x = self.drift * (t - 5) if self.high else 0.0
        p = pen.at(x, -self.high + 0.05 * self.swing(t, 0.3), 0.04 * self.swing(t, 0.2) + 0.05)
        tone = self.tone
        p.fill([(-0.4, -1.0), (-2.0, -1.2), (-2.05, -1.05), (-0.4, -0.6)], tone)
        p.fill([(-1.9, -1.1), (-2.25, -1.65), (-2.0, -1.65), (-1.7, -1.1)], self.band)
        a = 21 * t
        p.line([(-2.1 - 0.3 * cos(a), -1.4 - 0.3 * sin(a)),
                (-2.1 + 0.3 * cos(a), -1.4 + 0.3 * sin(a))], DARK, 0.05)  # fmt: skip
        p.disc(0, -0.75, 0.85, 0.48, tone)
        if self.design == 1:
            p.box(-0.9, -1.1, 0.2, -0.4, tone)
        p.fill([(0.1, -1.13), (0.55, -1.05), (0.83, -0.72), (0.15, -0.68)], GLASS)
        p.box(-0.4, -1.0, -0.02, -0.68, GLASS)
        p.line([(-0.85, -0.52), (0.8, -0.52)], self.band, 0.09)
        for u in (-0.4, 0.4):
            p.line([(u, -0.32), (u, -0.05)], DARK, 0.05)
        p.line([(-0.8, -0.03), (0.75, -0.03), (0.9, -0.12)], DARK, 0.06)
        p.line([(0, -1.2), (0, -1.45)], DARK, 0.1)
        wide = 2.1 * (0.25 + 0.75 * abs(cos(17 * t)))
        grey = mix(rgb("#3a3d42"), rgb("#b5bac0"), 0.6 * level)
        p.disc(0, -1.47, 2.1 * level, 0.05, grey)
        p.line([(-wide, -1.5), (wide, -1.44)], DARK, 0.05)


class Siren(Action):
    """A police car, an ambulance or a fire engine with its lights flashing."""

    shots = ((0, -0.75, 3.6), (0, -0.8, 2.8), (0.2, -0.9, 5.0))
    outside = 1.0
    spacing = 0.0

    def __init__(self, rng):
        super().__init__(rng)
        base = (rgb("#23262b"), rgb("#f1f1ee"), rgb("#c5262b"))[self.design]
        self.tone = base if rng.random() < 0.6 else paint(rng, 0.2, 0.95)
        self.stripe = pick(rng, ["#f2f2f0", "#2a55b0", "#e2c530", "#d3452f"])
        self.pair = ((rgb("#2f6bff"), rgb("#ff3030")), (rgb("#3a7bff"), rgb("#3a7bff")),
                     (rgb("#ff3030"), rgb("#ffb030")))[int(rng.integers(3))]  # fmt: skip
        self.speed = rng.choice([0.0, 0.0, 0.12, -0.12])

    def move(self, pen, t, level):
        """Draw the car; its lights flash in turn, brighter with the sound."""
        p = pen.at(self.speed * (t - 5), 0.01 * self.swing(t, 3))
        tone, on = self.tone, int(4 * t + self.phase) % 2
        if self.design == 0:
            p.fill([(-1.35, -0.25), (-1.35, -0.72), (-0.85, -0.78), (-0.5, -1.2), (0.45, -1.2),
                    (0.85, -0.76), (1.35, -0.66), (1.4, -0.25)], tone)  # fmt: skip
            p.box(-0.8, -0.76, 0.5, -0.3, self.stripe)
            p.fill([(-0.68, -0.8), (-0.42, -1.12), (-0.05, -1.12), (-0.05, -0.8)], GLASS)
            p.fill([(0.03, -0.8), (0.03, -1.12), (0.4, -1.12), (0.68, -0.8)], GLASS)
            top, wheels = -1.2, (-0.85, 0.88)
        else:
            p.box(-1.5, -1.6, 0.6, -0.25, tone)
            p.fill([(0.6, -1.4), (1.0, -1.35), (1.3, -0.85), (1.5, -0.75), (1.5, -0.25),
                    (0.6, -0.25)], tone)  # fmt: skip
            p.fill([(0.7, -1.28), (0.96, -1.24), (1.2, -0.85), (0.7, -0.85)], GLASS)
            p.box(-1.5, -0.75, 0.6, -0.55, self.stripe)
            if self.design == 1:
                p.box(-0.62, -1.35, -0.48, -0.9, rgb("#d02a2a"))
                p.box(-0.78, -1.19, -0.32, -1.06, rgb("#d02a2a"))
            else:
                p.line([(-1.5, -1.68), (0.5, -1.68)], rgb("#c9ccd0"), 0.08)
            top, wheels = (-1.4 if self.design == 1 else -1.62), (-0.95, 1.0)
        x = -0.05 if self.design == 0 else (0.8 if self.design == 1 else 0.4)
        for k, s in enumerate((-1, 1)):
            bright = k == on
            glow = shade(self.pair[k], 1.0 if bright else 0.4)
            if bright:
                reach = 0.16 + 0.22 * level
                p.disc(
                    x + s * 0.16, top - 0.06, reach, reach * 0.8, mix(glow, rgb("#dfe6f5"), 0.35)
                )
            p.box(x + min(0, s * 0.32), top - 0.14, x + max(0, s * 0.32), top, glow)
        for u in wheels:
            p.disc(u, -0.24, 0.26, 0.26, DARK)
            p.disc(u, -0.24, 0.14, 0.14, rgb("#aeb2b6"))
        p.disc(1.38, -0.55, 0.06, 0.07, rgb("#fff3c0"))


class Train(Action):
    """A train that comes past: steam, diesel or electric."""

    shots = ((0, -0.9, 4.2), (0, -0.8, 3.2), (0.3, -1.0, 6.0))
    outside = 1.0
    spacing = 0.0

    def __init__(self, rng):
        super().__init__(rng)
        self.tone, self.band, self.wagon = (paint(rng, 0.15, 0.9) for _ in range(3))
        self.speed = rng.uniform(0.3, 1.0)
        self.start = rng.uniform(-1.5, 1.0)

    def still(self, pen):
        """Draw the track."""
        pen.box(-9, -0.05, 9, 0.14, rgb("#7b7268"))
        for k in range(-30, 31):
            pen.box(k * 0.3, 0, k * 0.3 + 0.16, 0.09, rgb("#4d3f33"))
        pen.line([(-9, -0.02), (9, -0.02)], rgb("#b9bcc0"), 0.04)

    def move(self, pen, t, level):
        """Draw engine and wagons; a steam engine smokes more while it is loud."""
        p = pen.at(self.start + self.speed * (t - 5) * 0.35 + 0.4, 0.008 * self.swing(t, 4))
        tone = self.tone
        for k in range(1, 4):
            x = -2.35 * k
            p.box(x - 1.1, -1.25, x + 1.1, -0.22, self.wagon)
            p.box(x - 1.1, -0.5, x + 1.1, -0.4, self.band)
            for j in range(4):
                p.box(x - 0.95 + 0.5 * j, -1.08, x - 0.6 + 0.5 * j, -0.68, GLASS)
            p.line([(x + 1.1, -0.3), (x + 1.3, -0.3)], DARK, 0.06)
            for u in (-0.75, 0.75):
                p.disc(x + u, -0.15, 0.16, 0.16, DARK)
        if self.design == 0:
            for k in range(1 + int(5 * level)):
                far = (0.3 * t + 0.25 * k) % 1.3
                p.disc(0.75 - 1.2 * far, -1.75 - 0.5 * far, 0.14 + 0.25 * far, 0.12 + 0.2 * far,
                       rgb("#d9d9d6"))  # fmt: skip
            p.box(-0.9, -1.45, -0.25, -0.25, tone)
            p.box(-0.98, -1.55, -0.15, -1.43, shade(tone, 0.6))
            p.box(-0.75, -1.3, -0.4, -0.95, GLASS)
            p.box(-0.25, -1.05, 1.0, -0.4, tone)
            p.disc(1.0, -0.72, 0.1, 0.33, shade(tone, 0.7))
            p.fill([(0.62, -1.05), (0.66, -1.45), (0.58, -1.6), (0.94, -1.6), (0.86, -1.45),
                    (0.9, -1.05)], DARK)  # fmt: skip
            p.disc(0.2, -1.08, 0.14, 0.12, self.band)
            p.fill([(1.0, -0.35), (1.35, -0.02), (0.9, -0.02)], DARK)
            wheels: tuple[Point, ...] = ((-0.55, 0.28), (0.05, 0.28), (0.6, 0.2))
        else:
            nose = 1.5 if self.design == 2 else 1.15
            p.fill([(-1.1, -1.3), (0.8, -1.3), (nose, -0.6), (nose, -0.2), (-1.1, -0.2)], tone)
            p.fill([(0.62, -1.18), (0.8, -1.18), (0.9 + (nose - 1.1), -0.85), (0.62, -0.85)], GLASS)
            p.line([(-1.1, -0.55), (nose, -0.55)], self.band, 0.14)
            for u in (-0.9, -0.45, 0.0):
                p.box(u, -1.12, u + 0.32, -0.8, GLASS)
            p.disc(nose - 0.06, -0.4, 0.06, 0.06, rgb("#fff3c0"))
            if self.design == 2:
                p.line([(-0.5, -1.3), (-0.2, -1.6), (-0.5, -1.85)], DARK, 0.04)
                p.line([(-9, -1.87), (9, -1.87)], DARK, 0.02)
            wheels = ((-0.75, 0.17), (-0.3, 0.17), (0.4, 0.17), (0.85, 0.17))
        a = 4 * t * self.speed
        for u, r in wheels:
            p.disc(u, -r, r, r, DARK)
            x, y = 0.8 * r * cos(a), 0.8 * r * sin(a)
            p.line([(u - x, -r - y), (u + x, -r + y)], rgb("#9a9da0"), 0.03)
