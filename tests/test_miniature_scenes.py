import numpy as np
import pytest
from PIL import ImageChops

from companion.miniature.scenes.camera import View
from companion.miniature.scenes.film import ACTIONS, SIZE, Scene

# Not those whose movement does not follow the sound, nor trains: only a steam engine shows it.
LEVELS = [a for a in ACTIONS if a not in ("bowling", "train")]


def clip(action: str, seed: int = 0) -> Scene:
    return Scene(action, np.random.default_rng(seed))


def steady(action: str, seed: int = 0) -> Scene:
    """A clip with its first view only: no cutaway, nothing in front."""
    scene = clip(action, seed)
    scene.away, scene.cuts, scene.occluder.kind = (-1.0, -1.0), [(11.0, 0)], -1
    return scene


def apart(one, other) -> int:
    """How many pixels differ."""
    return int((np.asarray(one) != np.asarray(other)).any(-1).sum())


def test_names_are_the_agreed_ones():
    assert ACTIONS == tuple(
        "violin guitar piano drums trumpet accordion xylophone flute organ bowling basketball "
        "chopping_wood mowing_lawn tap_dancing ripping_paper typing dog church_bell helicopter "
        "siren heartbeat birds train".split()
    )


@pytest.mark.parametrize("action", ACTIONS)
def test_every_clip_draws_at_any_time(action):
    for seed in range(2):
        scene = clip(action, seed)
        for t, level in ((0.0, 0.0), (4.9, 0.6), (10.0, 1.0)):
            picture = scene.frame(t, level)
            assert picture.size == SIZE and picture.mode == "RGB"
            assert np.asarray(picture).std() > 4  # never an empty picture


@pytest.mark.parametrize("action", ACTIONS)
def test_same_rng_same_pixels_in_any_order(action):
    one, other = clip(action, 5), clip(action, 5)
    times = (0.0, 3.3, 9.1)
    forward = [one.frame(t, 0.4) for t in times]
    backward = [other.frame(t, 0.4) for t in times[::-1]][::-1]
    assert all(apart(a, b) == 0 for a, b in zip(forward, backward, strict=True))


def test_clips_differ():
    for action in ACTIONS:
        one, other = clip(action, 1).frame(2, 0.5), clip(action, 2).frame(2, 0.5)
        assert ImageChops.difference(one, other).convert("L").getextrema()[1] > 40


@pytest.mark.parametrize("action", ACTIONS)
def test_frames_move(action):
    # Grain alone would change pixels too, so the lens is left out.
    scene = steady(action)
    scene.lens = lambda picture, t: picture
    assert apart(scene.frame(1.0, 0.5), scene.frame(2.3, 0.5)) > 50


@pytest.mark.parametrize("action", LEVELS)
def test_loudness_is_seen(action):
    changed = []
    for seed in range(2):
        scene = steady(action, seed)
        scene.lens = lambda picture, t: picture
        changed.append(apart(scene.frame(1.1, 0.0), scene.frame(1.1, 1.0)))
    assert max(changed) > 30


def test_loudness_beyond_its_range_is_clipped():
    scene = clip("drums")
    assert apart(scene.frame(1, 1.0), scene.frame(1, 7.0)) == 0


def test_unknown_action_is_refused():
    with pytest.raises(ValueError, match="kazoo.*violin"):
        clip("kazoo")


def test_shake_stays_inside_the_margin():
    rng = np.random.default_rng(0)
    for _ in range(50):
        view = View(rng, (0, -1, 2), "room", 1)
        assert np.abs([view.shake(t) for t in np.linspace(0, 10, 40)]).max() <= 14
