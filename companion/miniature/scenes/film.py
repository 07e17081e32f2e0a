"""Pictures of people and things in the middle of audible actions, drawn from rules."""

from functools import partial

import numpy as np
from PIL import Image

from companion.miniature.scenes import camera
from companion.miniature.scenes.action import Action
from companion.miniature.scenes.camera import SECONDS, SIZE, Lens, Occluder, View
from companion.miniature.scenes.deeds import Basketball, Bowling, ChoppingWood, MowingLawn
from companion.miniature.scenes.instruments import Accordion, Flute, Guitar, Trumpet, Violin
from companion.miniature.scenes.keyboards import Organ, Piano, Xylophone
from companion.miniature.scenes.machines import MACHINES
from companion.miniature.scenes.moves import Heartbeat, RippingPaper, TapDancing
from companion.miniature.scenes.percussion import Drums, Typing
from companion.miniature.scenes.places import INDOORS, OUTDOORS
from companion.miniature.scenes.things import Birds, ChurchBell, Dog
from companion.miniature.scenes.vehicles import Helicopter, Siren, Train

__all__ = ["ACTIONS", "SIZE", "Scene"]

_DRAWN: dict[str, type[Action]] = {
    "violin": Violin,
    "guitar": Guitar,
    "piano": Piano,
    "drums": Drums,
    "trumpet": Trumpet,
    "accordion": Accordion,
    "xylophone": Xylophone,
    "flute": Flute,
    "organ": Organ,
    "bowling": Bowling,
    "basketball": Basketball,
    "chopping_wood": ChoppingWood,
    "mowing_lawn": MowingLawn,
    "tap_dancing": TapDancing,
    "ripping_paper": RippingPaper,
    "typing": Typing,
    "dog": Dog,
    "church_bell": ChurchBell,
    "helicopter": Helicopter,
    "siren": Siren,
    "heartbeat": Heartbeat,
    "birds": Birds,
    "train": Train,
}
ACTIONS: tuple[str, ...] = tuple(_DRAWN)
# Of AVE alone: in the background of the other releases they would draw all of those anew.
_ALL = _DRAWN | MACHINES
_LARGE = ("church_bell", "helicopter", "train", "siren", "bowling", "mowing_lawn")


class Scene:
    """One clip of ten seconds: what does not move is prepared once.

    Args:
        action: one of `ACTIONS`, or a machine of `machines.MACHINES`.
        rng: of this clip alone; everything about the picture follows from it.
    """

    def __init__(self, action: str, rng: np.random.Generator):
        if action not in _ALL:
            raise ValueError(f"no action {action!r}; there are {', '.join(_ALL)}")
        main = _ALL[action](rng)
        indoors = bool(rng.random() >= main.outside)
        kind, seed = str(rng.choice(INDOORS if indoors else OUTDOORS)), int(rng.integers(2**31))
        self.cast = [(main, 0.0, 0.0, 1.0)]
        if main.spacing and rng.random() < camera.ENSEMBLE:
            self._ensemble(action, rng)
        things = self._things(action, indoors, rng)
        self.views = [self._view(rng, kind, seed, things)]
        self.cuts = [(SECONDS + 1.0, 0)]  # (until when, which view)
        if rng.random() < camera.SECOND_CAMERA:
            self.views.append(self._view(rng, kind, seed, things))
            self.cuts.insert(0, (rng.uniform(2, 8), 1))
        self.away = (-1.0, -1.0)
        if rng.random() < camera.CUTAWAY:
            length = rng.uniform(*camera.CUTAWAY_SECONDS)
            start = rng.uniform(0, SECONDS - length)
            self.away = (start, start + length)
            self.elsewhere = camera.cutaway(rng, indoors)
        self.lens, self.occluder = Lens(rng), Occluder(rng)
        self.views[self._which(0.0)].ground()

    def frame(self, t: float, level: float) -> Image.Image:
        """Draw one frame.

        Args:
            t: seconds since the clip began, in [0, 10].
            level: how loud the action is, in [0, 1]; bow, hand, ball or mouth follow it.

        Returns:
            An RGB picture of `SIZE`.
        """
        level = min(1.0, max(0.0, float(level)))
        away = self.away[0] <= t < self.away[1]
        view = self.elsewhere if away else self.views[self._which(t)]
        picture, pen = view.open(t)
        if not away:
            for actor, x, y, size in self.cast[::-1]:
                actor.move(pen.at(x, y, size=size), t, level)
        self.occluder.draw(picture, view.shake(t))
        return self.lens(picture, t)

    def _which(self, t):
        """Return the index of the view at `t` seconds."""
        return next(view for end, view in self.cuts if t < end)

    def _ensemble(self, action, rng):
        """Add one to three performers beside and behind the first."""
        main = self.cast[0][0]
        for k in range(int(rng.choice([1, 1, 2, 3]))):
            other = _ALL[action](rng)
            other.design, other.seat = main.design, main.seat
            side = (1, -1, 2)[k] * (1 if main.phase > 3 else -1)
            x = side * main.spacing * rng.uniform(0.9, 1.2)
            self.cast.append((other, x, -rng.uniform(0.02, 0.2), rng.uniform(0.82, 0.98)))

    def _things(self, action, indoors, rng):
        """Return what stands behind: things of other actions, and people."""
        things = []
        choices = [a for a in ACTIONS if a != action and not (indoors and a in _LARGE)]
        for k in range(2):
            x = (1 - 2 * k) * rng.uniform(0.7, 1.7)
            if rng.random() < camera.DISTRACTOR:
                other = str(rng.choice(choices))
                size = 0.6 if other in _LARGE else 0.85
                things.append(partial(_alone, _DRAWN[other](rng), x, -0.15, size))
            if rng.random() < camera.BYSTANDER:
                things.append(camera.bystander(rng, 0.8 * x))
        return things

    def _view(self, rng, kind, seed, things):
        """Return one camera's view of the cast."""
        main = self.cast[0][0]
        x, y, width = main.shots[int(rng.integers(len(main.shots)))]
        if len(self.cast) > 1:
            far = [x for _, x, _, _ in self.cast]
            x += 0.7 * sum(far) / len(far)
            width *= 1 + 0.18 * (len(far) - 1)
        return View(rng, (x, y, width), kind, seed, things, self._still)

    def _still(self, pen):
        """Draw what stands still of every performer, the first one last."""
        for actor, x, y, size in self.cast[::-1]:
            actor.still(pen.at(x, y, size=size))


def _alone(actor, x, y, size, pen):
    actor.alone(pen.at(x, y, size=size))
