"""Faces drawn from parameters: a person, a scene, action units, and how far the mouth is open."""

import numpy as np
from PIL import Image, ImageChops

from companion.miniature.faces.canvas import FACTOR, background, circle, light
from companion.miniature.faces.features import Features
from companion.miniature.faces.people import Person, Scene, mix, rgb, shade


class Portrait:
    """One clip's picture: what does not move is prepared once.

    Args:
        person: who is seen.
        scene: where and how.
    """

    def __init__(self, person: Person, scene: Scene):
        self.person, self.scene = person, scene
        self.background = background(scene)
        self.light, self.grain = light(scene)

    def frame(self, units: dict[str, float], mouth: float, time: float) -> Image.Image:
        """Draw one frame.

        Args:
            units: action unit -> strength, in [0, 1.6].
            mouth: how far speech opens the mouth, in [0, 1].
            time: seconds since the clip began; head and lids move with it.

        Returns:
            An RGB picture of `SIZE`.
        """
        picture = self.background.copy()
        _Face(picture, self.person, self.scene, units, mouth, time).draw()
        picture = ImageChops.multiply(picture.reduce(FACTOR), self.light)
        return ImageChops.add(picture, self.grain, offset=-8)


class _Face(Features):
    """A whole frame, from back to front."""

    def draw(self) -> None:
        """Draw everything."""
        self.hair_behind()
        self.body()
        self.head()
        for side in (-1, 1):
            self.eye(side)
        for side in (-1, 1):
            self.brow(side)
        self.nose()
        self.folds()
        self.lips()
        self.hair()
        self.glasses()
        self.flush()

    def hair_behind(self):
        """Draw the hair behind the head."""
        p = self.p
        if p.style in ("long", "bob", "fringe"):
            end = {"long": 1.7, "bob": 0.75, "fringe": 1.1}[p.style]
            w = p.width + 0.17
            self.fill(
                [
                    (-w, -0.2),
                    (-0.75 * w, -0.95),
                    (0, -1.22),
                    (0.75 * w, -0.95),
                    (w, -0.2),
                    (w + 0.06, end),
                    (0.3, end + 0.1),
                    (-0.3, end + 0.1),
                    (-w - 0.06, end),
                ],
                shade(p.hair, 0.8),
            )
        elif p.style == "bun":
            self.disc(0, -1.22, 0.30, 0.27, shade(p.hair, 0.85))
        elif p.style == "curly":
            for x, y in circle(14) * (p.width + 0.06, 0.95) + (0, -0.25):
                if y < 0.35:
                    self.disc(x, y, 0.24, 0.24, shade(p.hair, 0.85))

    def body(self):
        """Draw neck, shoulders and collar."""
        p, up = self.p, 0.16 * self.u["S1"]
        self.fill(
            [(-0.36, 0.6), (0.36, 0.6), (0.38, 1.45), (-0.38, 1.45)], shade(p.skin, 0.78), False
        )
        self.fill(
            [
                (-2.0, 3.5),
                (-1.55, 1.50 - 2 * up),
                (-0.85, 1.25 - 1.5 * up),
                (-0.37, 1.12),
                (0, 1.36),
                (0.37, 1.12),
                (0.85, 1.25 - 1.5 * up),
                (1.55, 1.50 - 2 * up),
                (2.0, 3.5),
            ],
            p.clothes,
        )
        if p.collar == "v":
            self.fill([(-0.34, 1.2), (0, 1.75), (0.34, 1.2), (0, 1.3)], shade(p.skin, 0.82), False)
        elif p.collar == "shirt":
            for s in (-1, 1):
                self.fill(
                    [(0, 1.42), (s * 0.38, 1.12), (s * 0.55, 1.32), (s * 0.18, 1.68)],
                    shade(p.clothes, 1.35),
                    False,
                )

    def head(self):
        """Draw ears, skin, cheeks and beard."""
        p, u = self.p, self.u
        drop = 0.10 * u["AU26"] + 0.09 * self.mouth
        for s in (-1, 1):
            self.disc(s * (p.width + 0.02), 0.05, 0.10, 0.17, shade(p.skin, 0.86), -0.5)
            if p.earrings:
                self.disc(s * (p.width + 0.04), 0.25, 0.035, 0.045, rgb("#d8b84a"), -0.5)
        w, j, chin = p.width, p.jaw, 1.0 + drop
        outline = [
            (-w, -0.1),
            (-0.9 * w, -0.6),
            (-0.5 * w, -0.98),
            (0, -1.1),
            (0.5 * w, -0.98),
            (0.9 * w, -0.6),
            (w, -0.1),
            (0.96 * w, 0.25),
            (j * 0.85, 0.66 + drop),
            (0.24, chin),
            (-0.24, chin),
            (-j * 0.85, 0.66 + drop),
            (-0.96 * w, 0.25),
        ]
        self.fill(outline, p.skin)
        blush = mix(p.skin, rgb("#d0605a"), 0.14)
        for s in (-1, 1):
            y = 0.27 - 0.06 * u["AU6"]
            self.disc(s * 0.44 * w / 0.77, y, 0.16, 0.11, blush, 0.6)
        if p.beard in ("stubble", "full"):
            colour = mix(p.skin, p.hair, 0.28 if p.beard == "stubble" else 0.85)
            self.fill(
                [
                    (-0.95 * w, 0.22),
                    (-j * 0.86, 0.66 + drop),
                    (-0.24, chin + 0.02),
                    (0.24, chin + 0.02),
                    (j * 0.86, 0.66 + drop),
                    (0.95 * w, 0.22),
                    (0.62 * w, 0.42),
                    (0.26, 0.40),
                    (-0.26, 0.40),
                    (-0.62 * w, 0.42),
                ],
                colour,
            )

    def hair(self):
        """Draw the hair over the forehead."""
        p, w = self.p, self.p.width
        if p.style == "bald":
            return
        line = {
            "buzz": -0.72,
            "short": -0.62,
            "parted": -0.60,
            "curly": -0.60,
            "bob": -0.58,
            "long": -0.60,
            "bun": -0.70,
            "fringe": -0.42,
        }[p.style]
        low = {"bob": 0.2, "long": 0.2, "fringe": 0.1, "curly": -0.05}.get(p.style, -0.18)
        rise = {"buzz": 1.15, "bun": 1.16}.get(p.style, 1.20)
        part = {"parted": 0.30, "bob": -0.25, "long": 0.05}.get(p.style, 0.0)
        drop = 0.16 if p.style in ("bob", "long", "parted") else 0.03
        self.fill(
            [
                (-w - 0.05, low),
                (-w - 0.05, -0.5),
                (-0.6 * w, -rise + 0.12),
                (0, -rise),
                (0.6 * w, -rise + 0.12),
                (w + 0.05, -0.5),
                (w + 0.05, low),
                (0.92 * w, -0.36),
                (0.62 * w, line + drop * (part < 0.2)),
                (part, line - 0.10 * (part != 0)),
                (-0.62 * w, line + drop),
                (-0.92 * w, -0.36),
            ],
            p.hair,
        )
        if p.style == "curly":
            for x, y in circle(16) * (w + 0.02, 0.52) + (0, -0.62):
                if y < -0.5:
                    self.disc(x, y, 0.17, 0.15, p.hair)
        elif p.style != "buzz":
            self.stroke(
                [(-0.5 * w, -rise + 0.22), (0, -rise + 0.13), (0.5 * w, -rise + 0.24)],
                shade(p.hair, 1.25),
                0.03,
            )

    def glasses(self):
        """Draw glasses, if worn."""
        p = self.p
        if p.glasses == "none":
            return
        r = 0.22 if p.glasses == "round" else 0.24
        frame = rgb("#2b2626")
        for s in (-1, 1):
            ring = circle() * (r, r * 0.9)
            if p.glasses == "square":
                ring = np.sign(ring) * np.abs(ring / r) ** 0.5 * (r, 0.78 * r)
            ring = np.vstack([ring, ring[:2]]) + (s * p.eye_gap, p.eye_y + 0.02)
            self.stroke(ring, frame, 0.026, 1, smooth=False)
            self.stroke(
                [(s * (p.eye_gap + r), p.eye_y), (s * p.width, p.eye_y - 0.02)], frame, 0.022, 0.6
            )
        self.stroke([(-p.eye_gap + r, p.eye_y), (p.eye_gap - r, p.eye_y)], frame, 0.022, 1)
