"""The features that speak: eyes, brows, nose, folds and lips, moved by action units."""

import numpy as np

from companion.miniature.faces.canvas import circle, closed, graph
from companion.miniature.faces.people import mix, rgb, shade
from companion.miniature.faces.strokes import Strokes

MOUTH, TEETH, WHITE = rgb("#4a1c1f"), rgb("#f1ece2"), rgb("#f4f1ec")


class Features(Strokes):
    """What action units move; a method draws one part, `side` is -1 for the picture's left."""

    def eye(self, side):
        """Draw an eye: AU5, 7 and 43 open and close it, AU6 and 9 push the lower lid."""
        p, u = self.p, self.u
        x, y, a = side * p.eye_gap, p.eye_y, p.eye_size
        tight = 0.45 * u["AU7"] + 0.30 * u["AU6"] + 0.20 * u["AU9"]
        top = a * 0.56 * (1 + 0.65 * u["AU5"] - 0.25 * u["AU7"] - 0.55 * u["AU43"])
        top = max(top * (1 - self.shut), 0.004)
        low = max(a * 0.42 * (1 + 0.15 * u["AU5"] - tight) * (1 - 0.6 * self.shut), 0.004)
        slant = -0.02 * side * u["AU4"] + 0.02 * side * u["AU1"]
        inner, outer = (x - side * a, y + 0.02 - side * slant), (x + side * a, y + side * slant)
        upper = [inner, (x - side * 0.35 * a, y - top), (x + side * 0.4 * a, y - top), outer]
        lower = [(x + side * 0.4 * a, y + low), (x - side * 0.35 * a, y + low)]
        self.fill(
            [(x - 1.3 * a, y - 0.05), (x, y - 1.15 * a), (x + 1.3 * a, y - 0.05), (x, y + 0.9 * a)],
            shade(p.skin, 0.92),
            near=1,
        )
        almond = closed(np.array(upper + lower))
        self.fill(almond, WHITE, smooth=False, near=1)
        gx, gy = x + 0.35 * a * self.gaze[0] * 4, y - 0.01 + 0.2 * a * self.gaze[1]
        r = 0.50 * a
        lid, lower_lid = graph(upper), graph([inner, *lower[::-1], outer])
        for radius, colour in ((r, p.iris), (0.5 * r, rgb("#0d0b0a"))):
            disc = circle() * radius + (gx, gy)
            bound_top = np.interp(disc[:, 0], *lid)
            bound_low = np.maximum(np.interp(disc[:, 0], *lower_lid), bound_top)
            disc[:, 1] = np.minimum(np.maximum(disc[:, 1], bound_top), bound_low)
            self.fill(disc, colour, smooth=False, near=1)
        if top > 0.03:
            self.disc(gx + 0.04, gy - 0.04, 0.016, 0.016, rgb("#ffffff"), 1)
        self.stroke(upper, shade(p.brow, 0.5), 0.028, 1)
        self.stroke([inner, *lower[::-1], outer], self.line, 0.012, 1)
        crease = 0.05 * (1 - 0.6 * u["AU5"]) + 0.03 * u["AU43"]
        self.stroke([(px, py - crease - 0.01) for px, py in upper], self.shadow, 0.014, 1)
        bag = u["AU6"] + 0.6 * u["AU7"] + 0.5 * u["AU9"] + 0.4 * p.wrinkles
        if bag > 0.25:
            y2 = y + low + 0.06
            tone = mix(p.skin, self.line, min(0.75 * bag, 0.9))
            self.stroke([(x - a, y2 - 0.02), (x, y2 + 0.03), (x + a, y2 - 0.03)], tone, 0.016, 1)
        if u["AU6"] + 0.3 * p.wrinkles > 0.35:
            for dy in (-0.05, 0.0, 0.05):
                self.stroke(
                    [(x + side * 1.15 * a, y + 0.5 * dy), (x + side * 1.55 * a, y + 1.6 * dy)],
                    self.shadow,
                    0.012,
                    1,
                )

    def brow(self, side):
        """Draw a brow and the lines that AU1, 2 and 4 fold above and between."""
        p, u = self.p, self.u
        y = p.brow_y + p.eye_y + 0.04 - 0.04 * u["AU5"] + 0.05 * u["AU9"]
        inner = y - 0.15 * u["AU1"] + 0.14 * u["AU4"] + p.brow_tilt
        middle = y - 0.05 - 0.06 * u["AU1"] - 0.09 * u["AU2"] + 0.08 * u["AU4"]
        outer = y + 0.01 - 0.12 * u["AU2"] + 0.02 * u["AU4"] + 0.05 * u["AU1"] - p.brow_tilt
        x, t = p.eye_gap, p.brow_thick
        near, far = x - 0.19 - 0.05 * u["AU4"], x + 0.22
        self.fill(
            [
                (side * near, inner - 0.5 * t),
                (side * x, middle - 0.55 * t),
                (side * far, outer),
                (side * x, middle + 0.45 * t),
                (side * near, inner + 0.5 * t),
            ],
            p.brow,
            near=1,
        )
        if u["AU4"] > 0.3:
            tone = mix(p.skin, self.line, min(u["AU4"], 1) * 0.8)
            self.stroke([(side * 0.05, inner - 0.10), (side * 0.065, inner + 0.05)], tone, 0.018, 1)
        lines = max(u["AU1"], u["AU2"]) + 0.35 * p.wrinkles
        if lines > 0.35 and side == 1 and p.style != "fringe":
            reach = 0.18 + 0.2 * min(u["AU2"], 1)
            tone = mix(p.skin, self.line, min(0.6 * lines, 0.7))
            for k in range(2):
                h = y - 0.22 - 0.09 * k
                self.stroke([(-reach, h + 0.02), (0, h - 0.02), (reach, h + 0.02)], tone, 0.013, 1)

    def nose(self):
        """Draw the nose, wrinkled by AU9."""
        p, u = self.p, self.u
        tip = p.eye_y + p.nose - 0.05 * u["AU9"]
        w = p.nose_width * (1 + 0.25 * u["AU9"] + 0.12 * u["AU10"])
        self.fill(
            [(-0.05, p.eye_y), (0.05, p.eye_y), (0.9 * w, tip), (0, tip + 0.06), (-0.9 * w, tip)],
            shade(p.skin, 0.93),
            near=1.4,
        )
        self.stroke(
            [(0.04, p.eye_y + 0.03), (0.06, tip - 0.10), (0.03, tip - 0.02)],
            self.shadow,
            0.016,
            1.4,
        )
        self.stroke(
            [
                (-w, tip - 0.04),
                (-0.75 * w, tip + 0.03),
                (0, tip + 0.05),
                (0.75 * w, tip + 0.03),
                (w, tip - 0.04),
            ],
            self.line,
            0.018,
            1.4,
        )
        for s in (-1, 1):
            self.disc(s * 0.5 * w, tip + 0.02, 0.032, 0.016, shade(p.skin, 0.4), 1.4)
            if u["AU9"] > 0.25:
                tone = mix(p.skin, self.line, min(u["AU9"], 1))
                for k in range(3):
                    y = p.eye_y + 0.02 + 0.065 * k
                    self.stroke([(0.0, y + 0.03), (s * (0.08 + 0.02 * k), y)], tone, 0.016, 1.3)

    def folds(self):
        """Draw the folds from nose to mouth, deep in AU9, 10 and 12."""
        p, u = self.p, self.u
        depth = 0.8 * u["AU10"] + 0.6 * u["AU12"] + 0.6 * u["AU9"] + 0.4 * p.wrinkles
        if depth > 0.2:
            tone = mix(p.skin, self.line, min(0.85 * depth, 0.85))
            tip = p.eye_y + p.nose
            wide = 0.07 * u["AU12"] + 0.03 * u["AU20"]
            for s in (-1, 1):
                self.stroke(
                    [
                        (s * (p.nose_width + 0.03), tip - 0.05 - 0.05 * u["AU9"]),
                        (s * (p.mouth_width + 0.04 + wide), tip + 0.10),
                        (s * (p.mouth_width + 0.08 + wide), p.mouth_y - 0.03),
                    ],
                    tone,
                    0.018,
                    1.1,
                )

    def lips(self):
        """Draw lips, teeth and tongue: AU10 to AU26 and speech."""
        p, u = self.p, self.u
        wide = p.mouth_width * (
            1
            + 0.32 * u["AU20"]
            + 0.30 * u["AU12"]
            - 0.16 * u["AU23"]
            - 0.10 * u["AU17"]
            - 0.10 * self.mouth
        )
        corner = p.mouth_y + p.corner - 0.13 * u["AU12"] + 0.13 * u["AU15"] + 0.03 * u["AU20"]
        lift = 0.10 * u["AU10"] + 0.03 * u["AU9"]
        push = 0.05 * u["AU17"]
        gap = 0.12 * self.mouth * (1 - 0.4 * u["AU23"]) + 0.14 * u["AU26"] + 0.06 * u["AU12"]
        gap += 0.05 * u["AU10"] + 0.05 * u["AU20"] * u["AU26"]
        top = p.mouth_y - lift - push + 0.02 * u["AU12"]
        low = top + gap + 0.4 * lift
        thick = p.lip * (1 - 0.65 * min(u["AU23"], 1)) * (1 - 0.25 * u["AU20"])
        left, right = (-wide, corner), (wide, corner)
        bow = 0.35 * thick
        square = 0.5 + 0.12 * u["AU10"] + 0.08 * u["AU20"]
        side_top = top + (corner - top) * 0.35 - 0.03 * u["AU10"]
        side_low = low + (corner - low) * 0.35
        if p.beard in ("moustache", "full"):
            y = top - thick
            self.fill(
                [
                    (-wide - 0.05, y + 0.06),
                    (-0.5 * wide, y - 0.08),
                    (0, y - 0.06),
                    (0.5 * wide, y - 0.08),
                    (wide + 0.05, y + 0.06),
                    (0, y + 0.03),
                ],
                mix(p.skin, p.hair, 0.9),
                near=1.2,
            )
        outer = [
            left,
            (-square * wide, side_top - thick),
            (-0.16 * wide, top - thick),
            (0, top - thick + bow),
            (0.16 * wide, top - thick),
            (square * wide, side_top - thick),
            right,
            (square * wide, side_low + 1.1 * thick),
            (0, low + 1.35 * thick),
            (-square * wide, side_low + 1.1 * thick),
        ]
        self.fill(outer, p.lips, near=1.2)
        inner = [
            (-0.93 * wide, corner),
            (-square * wide, side_top),
            (0, top),
            (square * wide, side_top),
            (0.93 * wide, corner),
            (square * wide, side_low),
            (0, low),
            (-square * wide, side_low),
        ]
        if gap > 0.02:
            self.fill(inner, MOUTH, near=1.2)
            show = min(0.55 * gap, 0.03 + 0.05 * u["AU12"] + 0.06 * u["AU10"])
            teeth = [(x, y + 0.004) for x, y in inner[1:4]]
            teeth += [(0.8 * x, min(y + show, low)) for x, y in teeth[::-1]]
            self.fill(teeth, TEETH, smooth=False, near=1.2)
            if u["AU20"] > 0.4 or gap > 0.16:
                y = low - 0.25 * gap
                self.disc(0, y + 0.02, 0.5 * wide, 0.16 * gap, mix(MOUTH, p.lips, 0.6), 1.2)
        else:
            self.stroke(
                [left, (-square * wide, side_top), (0, top), (square * wide, side_top), right],
                shade(p.lips, 0.5),
                0.022,
                1.2,
            )
        self.corners(wide, corner, low + 1.35 * thick)

    def corners(self, wide, corner, below):
        """Draw the corners of the mouth and the chin under AU17."""
        u, p = self.u, self.p
        for s in (-1, 1):
            dy = 0.05 * (u["AU15"] - u["AU12"])
            self.stroke(
                [(s * wide, corner), (s * (wide + 0.035), corner + dy)], self.line, 0.022, 1.2
            )
            if u["AU23"] > 0.4:
                self.stroke(
                    [(s * (wide + 0.05), corner - 0.05), (s * (wide + 0.05), corner + 0.06)],
                    mix(p.skin, self.line, 0.6),
                    0.016,
                    1.2,
                )
        if u["AU17"] > 0.2:
            tone = mix(p.skin, self.line, min(u["AU17"] + 0.2, 0.8))
            self.stroke(
                [(-0.13, below + 0.10), (0, below + 0.05), (0.13, below + 0.10)], tone, 0.02, 1.1
            )
