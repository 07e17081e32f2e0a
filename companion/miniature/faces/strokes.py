"""The pen: smooth strokes in the frame of reference of a head that moves."""

import math
from itertools import accumulate

import numpy as np
from PIL import ImageDraw

from companion.miniature.faces.canvas import FACTOR, SIZE, circle, closed, opened
from companion.miniature.faces.people import Colour, shade

UNIT = 132.0  # pixels of the large picture per half height of a head


class Strokes:
    """One frame: where the head is, and how to draw on it.

    A head is 2 high and its middle is (0, 0); y points down.

    Args:
        picture: the large picture, drawn upon.
        person, scene: who and where.
        units: action unit -> strength.
        mouth: how far speech opens the mouth.
        time: seconds since the clip began.
    """

    def __init__(self, picture, person, scene, units, mouth, time):
        self.picture = picture
        self.waiting: list[tuple[np.ndarray, float, Colour, int]] = []
        self.p, self.u, self.mouth = person, units, mouth
        swing = [
            a * math.sin(w * time + f)
            for a, w, f in zip(scene.sway, (2.1, 2.7, 1.7), scene.phases, strict=True)
        ]
        side = 1 if scene.tilt > 0 else -1
        tilt = scene.tilt + swing[0] + 0.22 * side * units["AU55"]
        self.scale = UNIT * scene.scale * (1 + 0.15 * units["AU57"] - 0.14 * units["AU58"])
        self.turn = self.scale * np.array(
            [[math.cos(tilt), math.sin(tilt)], [-math.sin(tilt), math.cos(tilt)]]
        )
        centre = np.array(SIZE) * FACTOR / 2 + (0, -0.04 * UNIT)
        nod = 0.16 * units["AU54"] - 0.13 * units["AU53"]
        neck = centre + UNIT * (np.array(scene.shift) + (swing[2], 0))
        self.origin = neck + UNIT * np.array([0.20 * side * units["AU55"], swing[1] + nod])
        self.yaw = 0.10 * scene.yaw + swing[2]
        self.pitch = 0.5 * nod
        self.gaze = scene.gaze
        self.shut = math.exp(-(((time - scene.blink) / 0.07) ** 2))
        self.shadow = shade(person.skin, 0.80)
        self.line = shade(person.skin, 0.55)

    def fill(self, points, colour, smooth=True, near=0.0):
        """Fill a closed outline; `near` moves it with the turn of the head."""
        points = closed(np.asarray(points)) if smooth else np.asarray(points)
        self.waiting.append((points, near, colour, 0))

    def stroke(self, points, colour, width, near=0.0, smooth=True):
        """Draw an open line, `width` in half heights of the head."""
        points = np.asarray(points)
        if smooth and len(points) > 2:
            points = opened(points)
        pixels = max(1, round(width * self.scale))
        self.waiting.append((points, near, colour, pixels))

    def disc(self, x, y, rx, ry, colour, near=0.0):
        """Fill an ellipse."""
        self.fill(circle() * (rx, ry) + (x, y), colour, smooth=False, near=near)

    def flush(self):
        """Put all strokes on the picture, in their order.

        Together, because numpy takes as long for one outline as for all of a face.
        """
        pen = ImageDraw.Draw(self.picture)
        sizes = [2 * len(points) for points, *_ in self.waiting]
        near = np.array([near for _, near, *_ in self.waiting])
        shifts = np.stack([near * self.yaw, np.maximum(near, 0) * self.pitch], 1) @ self.turn
        shifts = np.repeat(shifts + self.origin, np.array(sizes) // 2, axis=0)
        points = np.concatenate([points for points, *_ in self.waiting])
        # Pillow takes numbers of Python quicker than those of numpy.
        pixels = (points @ self.turn + shifts).ravel().tolist()
        ends = accumulate(sizes)
        for size, end, (_, _, colour, width) in zip(sizes, ends, self.waiting, strict=True):
            if width:
                pen.line(pixels[end - size : end], fill=colour, width=width, joint="curve")
            else:
                pen.polygon(pixels[end - size : end], fill=colour)
        self.waiting.clear()
