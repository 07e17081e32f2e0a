"""Which clips of actions a miniature has, and how hard each is to hear and to see.

The constants below are all that sets the difficulty of the Kinetics-Sounds and VGGSound miniatures.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from companion.miniature.plan import generator
from companion.miniature.sounds.waves import SECONDS

TEST_SHARE = 1 / 3
# Smallest class: clips to train on, to watch the training by, and to test.
LEAST = 4

# Decibels that the background lies below the action, lowest and highest.
NOISE = (6.0, 30.0)
# Chance that another action is heard too, and its level in decibels relative to the first.
DISTRACTOR, DISTRACTOR_LEVEL = 0.2, (-20.0, -8.0)
# Chance that the action cannot be heard, as where somebody put music over a video. In the share
# `OVERLAID` of these clips another action is heard instead, in the others only the background.
SILENT, OVERLAID = 0.05, 0.6
# Chance that the event is short, and how short, in seconds.
SHORT, SHORT_SECONDS = 0.1, (2.5, 5.0)
# Chance that the camera shows something else all the time, and that it does for a while only.
UNSEEN, CUTAWAY, CUTAWAY_SECONDS = 0.05, 0.1, (2.0, 4.0)


@dataclass(frozen=True)
class EventClip:
    """One clip of ten seconds: what happens, what is heard and what is shown.

    Attributes:
        name: of its files, without suffix.
        youtube: its made-up YouTube id, eleven characters.
        start: second of the "original" video where it starts.
        action: what happens, one of `sounds.ACTIONS`.
        split: "train" or "test".
        seconds: how long it happens.
        lead: share of that time before its loudest moment, as far as the clip's ends allow.
        audible: whether the action is heard.
        noise: decibels that the background lies below the action.
        other: another action that is heard, or "".
        other_level: decibels relative to the first.
        elsewhere: another action that is shown, or "".
        away: seconds from and to which it is shown.
    """

    name: str
    youtube: str
    start: int
    action: str
    split: str
    seconds: float
    lead: float
    audible: bool
    noise: float
    other: str
    other_level: float
    elsewhere: str
    away: tuple[float, float]


def counts(weights: Mapping[str, float], clips: int) -> dict[str, int]:
    """Share `clips` among classes in proportion to `weights`, largest remainders first.

    Raises:
        ValueError: a class would have fewer than `LEAST` clips.
    """
    total = sum(weights.values())
    exact = {name: clips * weight / total for name, weight in weights.items()}
    shares = {name: int(value) for name, value in exact.items()}
    order = sorted(exact, key=lambda name: (shares[name] - exact[name], name))
    for name in order[: clips - sum(shares.values())]:
        shares[name] += 1
    rare = min(shares, key=lambda name: shares[name])
    if shares[rare] < LEAST:
        need = int(np.ceil(LEAST * total / min(weights.values())))
        raise ValueError(
            f"{clips} clips asked for: {rare} would have {shares[rare]} of them, each class needs "
            f"{LEAST}; {need} clips are enough"
        )
    return shares


def clips(
    release: str,
    weights: Mapping[str, float],
    actions: tuple[str, ...],
    count: int,
    seed: int,
    names: Mapping[str, str],
) -> list[EventClip]:
    """Plan the clips of a release.

    Args:
        release: seven characters that its made-up YouTube ids start with.
        weights: relative size of each class, by its action.
        actions: what may be heard or seen beside the action of the class.
        count: number of clips, at most 9,999.
        seed: of everything.
        names: file name of a train and of a test clip, with fields `youtube`, `start`, `stop`.

    Returns:
        Clips, sorted by name. A third of each class is in the test list.

    Raises:
        ValueError: too few or too many clips.
    """
    if count > 9_999:
        raise ValueError(f"{count} clips asked for: ids have four digits")
    rng = generator(seed, release, "order")
    listed = []
    for action, size in counts(weights, count).items():
        test = max(1, round(TEST_SHARE * size))
        listed += [(action, "test" if i < test else "train") for i in range(size)]
    # Numbers are dealt at random, so that an id says nothing about its class or its list.
    chosen = []
    for number, i in enumerate(rng.permutation(count)):
        action, split = listed[i]
        youtube = f"{release}{number:04d}"
        chosen.append(_clip(youtube, action, split, actions, seed, names[split]))
    return sorted(chosen, key=lambda clip: clip.name)


def _clip(
    youtube: str, action: str, split: str, actions: tuple[str, ...], seed: int, name: str
) -> EventClip:
    rng = generator(seed, youtube, "event")
    start = int(rng.integers(0, 300))
    others = [other for other in actions if other != action]
    # Every draw is made whether it is used or not, so that one knob changes one thing only.
    silent, distracted, overlaid, short, hidden = rng.random(5)
    other, elsewhere = (str(o) for o in rng.choice(others, 2))
    length, lead = rng.uniform(*SHORT_SECONDS), rng.random()
    cut, cuts = rng.uniform(*CUTAWAY_SECONDS), rng.random()
    unseen = hidden < UNSEEN
    # What is neither heard nor seen would not be a clip of its class.
    audible = unseen or silent >= SILENT / max(1 - UNSEEN, 1e-6)
    heard = distracted < DISTRACTOR if audible else overlaid < OVERLAID
    begin = cuts * (SECONDS - cut)
    away = (0.0, float(SECONDS)) if unseen else (begin, begin + cut)
    return EventClip(
        name=name.format(youtube=youtube, start=start, stop=start + SECONDS),
        youtube=youtube,
        start=start,
        action=action,
        split=split,
        seconds=length if short < SHORT else float(SECONDS),
        lead=lead,
        audible=audible,
        noise=rng.uniform(*NOISE),
        other=other if heard else "",
        other_level=rng.uniform(*DISTRACTOR_LEVEL) if audible else 0.0,
        elsewhere=elsewhere if hidden < UNSEEN + CUTAWAY else "",
        away=away,
    )
