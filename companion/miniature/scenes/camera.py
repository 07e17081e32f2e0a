"""How hard the action scenes are, and the camera that makes them so: views, lens, occluders."""

from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from companion.miniature.faces.people import rgb, shade
from companion.miniature.scenes.pen import Pen, paint
from companion.miniature.scenes.people import body, looks
from companion.miniature.scenes.places import INDOORS, OUTDOORS, place

SIZE = (160, 120)
FACTOR = 2  # drawn larger and averaged down, for smooth edges
MARGIN = 14  # pixels of the large picture around it, for the camera's shake
SECONDS = 10.0

# Difficulty. Set once, with visual-only models, before any method is compared.
CUTAWAY = 0.1  # share of clips with some seconds of audience, a face or another place
CUTAWAY_SECONDS = (1.5, 4.0)
SECOND_CAMERA = 0.2  # share of clips that change to another view of the same action
ENSEMBLE = 0.1  # share of clips with two to four performers, where the action has some
DISTRACTOR = 0.1  # chance of each of two things of other actions in the background
BYSTANDER = 0.1  # chance of each of two people who only stand there
ZOOM = (0.70, 1.05)  # factor on the width of a view; above 1, things are smaller
OFFSET = 0.06  # standard deviation of the view's middle, in widths of the picture
TILT = 0.03  # standard deviation of the camera's roll, radians
SHAKE = (0.5, 4.0)  # amplitude of the hand, pixels of the large picture
OCCLUSION = 0.1  # share of clips with something in front
BLUR = 0.1  # share of clips out of focus
BLUR_RADIUS = (0.5, 1.4)  # pixels
DARKNESS = (0.8, 1.15)  # brightness of the picture
HAZE = (-4.0, 12.0)  # grey levels added to all of the picture
CAST = 0.05  # standard deviation of the tint
GRAIN = (1.0, 5.0)  # standard deviation of the noise, grey levels
GREY = 0.04  # share of clips without colour
BARS = 0.05  # share of clips with black bars at the sides or above and below

WIDTH, HEIGHT = SIZE[0] * FACTOR, SIZE[1] * FACTOR


class View:
    """One camera position: a matrix, and all that stands still, drawn when first asked for.

    Args:
        rng: of the clip.
        shot: `(x, y, width)` in metres, what the action wants to be seen of it.
        kind: the place.
        seed: of the place; views of one clip share it.
        things: drawn in front of the place, as functions of a pen in metres.
        still: the part of the action that does not move, as a function of a pen.
    """

    def __init__(self, rng, shot, kind, seed, things=(), still=None):
        x, y, width = shot
        width *= rng.uniform(*ZOOM)
        scale, roll = WIDTH / width, rng.normal(0, TILT)
        side = -1 if rng.random() < 0.5 else 1
        x += np.clip(rng.normal(0, OFFSET), -0.3, 0.3) * width
        y += np.clip(rng.normal(0, OFFSET), -0.25, 0.25) * 0.75 * width
        u, v = scale * cos(roll), scale * sin(roll)
        self.matrix = (side * u, -v, WIDTH / 2 - side * u * x + v * y,
                       side * v, u, HEIGHT / 2 - side * v * x - u * y)  # fmt: skip
        self.floor, self.shift = -rng.uniform(0.05, 0.45), rng.uniform(-1.0, 1.0)
        self.depth, self.focus = rng.uniform(0.7, 1.0), rng.uniform(0, 2.2)
        self.kind, self.seed, self.things, self.still = kind, seed, things, still
        self.amplitude = rng.uniform(*SHAKE)
        self.rates, self.phases = rng.uniform(1.0, 5.0, 4), rng.uniform(0, 2 * pi, 4)
        self.pan = rng.uniform(-1, 1, 2) * (MARGIN - 8) * (rng.random() < 0.5)
        self._ground: Image.Image | None = None

    def pen(self, picture: Image.Image, dx: float, dy: float) -> Pen:
        """Return a pen in metres; the picture's corner lies at `(dx, dy)`."""
        a, b, x, c, d, y = self.matrix
        return Pen(picture, (a, b, x - dx, c, d, y - dy))

    def ground(self) -> Image.Image:
        """Return all that stands still, with a margin."""
        if self._ground is None:
            picture = Image.new("RGB", (WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN))
            pen = self.pen(picture, -MARGIN, -MARGIN)
            place(self.kind, pen.at(self.shift, self.floor, size=self.depth),
                  np.random.default_rng(self.seed))  # fmt: skip
            for thing in self.things:
                thing(pen)
            if self.focus > 0.8:
                picture = picture.filter(ImageFilter.BoxBlur(self.focus))
                pen = self.pen(picture, -MARGIN, -MARGIN)
            if self.still:
                self.still(pen)
            self._ground = picture
        return self._ground

    def shake(self, t: float) -> tuple[int, int]:
        """Return how far the hand has moved the camera, pixels of the large picture."""
        swing = [sin(r * t + f) for r, f in zip(self.rates, self.phases, strict=True)]
        way = 2 * t / SECONDS - 1
        dx = self.amplitude * (swing[0] + 0.5 * swing[1]) + self.pan[0] * way
        dy = self.amplitude * (swing[2] + 0.5 * swing[3]) + self.pan[1] * way
        return tuple(min(MARGIN, max(-MARGIN, round(d))) for d in (dx, dy))

    def open(self, t: float) -> tuple[Image.Image, Pen]:
        """Return a new large picture with what stands still, and a pen on it."""
        dx, dy = self.shake(t)
        box = (MARGIN + dx, MARGIN + dy, MARGIN + dx + WIDTH, MARGIN + dy + HEIGHT)
        picture = self.ground().crop(box)
        return picture, self.pen(picture, dx, dy)


class Lens:
    """Light, tint, focus, bars and grain of a clip, from large pictures to small ones.

    Args:
        rng: of the clip.
    """

    def __init__(self, rng: np.random.Generator):
        x = np.linspace(-1, 1, SIZE[0])[None, :]
        y = np.linspace(-1, 1, SIZE[1])[:, None]
        side, fall = rng.uniform(-1, 1), rng.uniform(0, 0.35)
        level = 1 - fall * (0.5 - 0.5 * (side * x - 0.6 * y)) - rng.uniform(0, 0.3) * (x**2 + y**2)
        lamp = rng.uniform(*DARKNESS) * level[..., None] * (1 + rng.normal(0, CAST, 3))
        if rng.random() < BARS:
            far, near = (x, rng.uniform(0.6, 0.85)) if rng.random() < 0.5 else (y, 0.75)
            lamp = lamp * (np.abs(far) < near)[..., None]
        # Multiplication stops at 1; brighter light and the haze wait for the last step.
        self.gain = max(1.0, float(lamp.max()))
        self.lamp = Image.fromarray((255 * np.clip(lamp / self.gain, 0, 1)).astype(np.uint8))
        noise = rng.normal(32, rng.uniform(*GRAIN), (SIZE[1] + 40, SIZE[0] + 40, 1)) / self.gain
        noise = noise + rng.normal(0, 0.6, (1, 1, 3))
        self.noise = Image.fromarray(np.clip(noise, 0, 64).astype(np.uint8))
        self.haze = round(rng.uniform(*HAZE)) - 32
        self.blur = rng.uniform(*BLUR_RADIUS) if rng.random() < BLUR else 0.0
        self.grey = rng.random() < GREY

    def __call__(self, picture: Image.Image, t: float) -> Image.Image:
        """Return the picture as the camera stores it at `t` seconds."""
        picture = picture.reduce(FACTOR)
        if self.blur:
            picture = picture.filter(ImageFilter.BoxBlur(self.blur))
        picture = ImageChops.multiply(picture, self.lamp)
        if self.grey:
            picture = picture.convert("L").convert("RGB")
        k = round(1000 * t)
        x, y = (k * 7919) % 40, (k * 104729) % 39
        noise = self.noise.crop((x, y, x + SIZE[0], y + SIZE[1]))
        return ImageChops.add(picture, noise, 1 / self.gain, self.haze)


class Occluder:
    """Something between camera and action: heads, a pole, leaves, a finger, a caption.

    Args:
        rng: of the clip.
    """

    def __init__(self, rng: np.random.Generator):
        self.kind = int(rng.integers(6)) if rng.random() < OCCLUSION else -1
        self.tone = paint(rng, 0.05, 0.6)
        self.at = rng.uniform(-0.9, 0.9)
        self.who, self.spots = looks(rng), rng.uniform(-1, 1, (7, 2))

    def draw(self, picture: Image.Image, shake: tuple[int, int]) -> None:
        """Draw it; what is near moves more than the picture."""
        if self.kind < 0:
            return
        half = WIDTH / 2
        pen = Pen(picture, (half, 0, half - 2 * shake[0], 0, half, HEIGHT / 2 - 2 * shake[1]))
        tone = self.tone
        if self.kind == 0:
            for x, y in self.spots[:3]:
                pen.disc(x, 0.72 + 0.1 * y, 0.16, 0.19, shade(self.who.hair, 0.6))
                pen.disc(x, 1.05 + 0.1 * y, 0.34, 0.22, shade(self.who.shirt, 0.5))
        elif self.kind == 1:
            pen.line([(self.at, -1), (self.at + 0.05, 1)], tone, 0.10 + 0.05 * self.spots[0, 0])
        elif self.kind == 2:
            for x, y in self.spots:
                pen.disc(self.at + 0.3 * x, -0.6 + 0.25 * y, 0.13, 0.08, shade(rgb("#4c7038"), 0.8))
        elif self.kind == 3:
            s = 1 if self.at > 0 else -1
            pen.limb([(s * 1.05, 0.85), (s * 0.75, 0.5)], shade(self.who.skin, 0.8), 0.35)
        elif self.kind == 4:
            for k, wide in enumerate((0.9, 0.6)):
                for j in range(int(11 * wide)):
                    x = -0.75 + 0.13 * j
                    pen.box(x, 0.5 + 0.11 * k, x + 0.10, 0.57 + 0.11 * k, rgb("#f4f4f0"))
        else:
            pen.line([(self.at, 1), (self.at, 0.1)], rgb("#26272a"), 0.03)
            pen.fill([(self.at - 0.25, -0.15), (self.at + 0.25, -0.15), (self.at + 0.28, 0.15),
                      (self.at - 0.28, 0.15)], rgb("#2b2c30"))  # fmt: skip


def audience(rng: np.random.Generator):
    """Return a function that draws rows of heads from behind."""
    crowd = [(looks(rng), rng.uniform(-0.1, 0.1)) for _ in range(12)]

    def draw(pen: Pen) -> None:
        for k, (who, x) in enumerate(crowd):
            p = pen.at(0.55 * (k % 6 - 2.5) + x + 0.25 * (k // 6), 0.55 + 0.4 * (k // 6))
            body(p, who, 0.25, back=True)

    return draw


def bystander(rng: np.random.Generator, x: float):
    """Return a function that draws someone who stands at `x` metres and listens."""
    who, turn, y = looks(rng), rng.uniform(-0.6, 0.6), rng.uniform(-0.15, 0.0)
    return lambda pen: _standing(pen.at(x, y, size=0.92 * who.size), who, turn)


def _standing(pen, who, turn):
    body(pen, who, turn=turn)
    for s in (-1, 1):
        root = (s * 0.19 * who.girth, -1.35)
        pen.limb([root, (s * 0.30, -1.08), (s * 0.27, -0.82)], shade(who.shirt, 0.8), 0.10)
        pen.disc(s * 0.27, -0.80, 0.05, 0.05, who.skin)


def cutaway(rng: np.random.Generator, indoors: bool) -> View:
    """Return a view of something else: an audience, a face, an empty place."""
    kinds = INDOORS if indoors else OUTDOORS
    kind, seed = str(rng.choice(kinds)), int(rng.integers(2**31))
    choice = int(rng.integers(4))
    if choice == 0:
        return View(rng, (0, -0.6, 2.8), kind, seed, (audience(rng),))
    if choice == 1:
        who, turn = looks(rng), rng.uniform(-0.6, 0.6)
        return View(rng, (0, -1.55, 0.9), kind, seed, still=lambda pen: _standing(pen, who, turn))
    if choice == 2:
        return View(rng, (0, -1.0, 4.0), str(rng.choice(OUTDOORS)), seed)
    return View(rng, (0, -0.9, 2.8), kind, seed, (bystander(rng, -0.5), bystander(rng, 0.6)))
