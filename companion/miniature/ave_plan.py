"""Which clips a miniature AVE has: what happens, when, and what is heard and seen besides.

The constants below are all that sets its difficulty.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from companion.data import ave_lists, sections
from companion.miniature.events import counts
from companion.miniature.plan import generator

# Each action's category, and its number of clips in the release: the sizes of the miniature's
# classes stand in the same proportion. In the order of the release's labels.
CLASSES = {
    "church_bell": ("Church bell", 188),
    "dog": ("Bark", 171),
    "helicopter": ("Helicopter", 178),
    "violin": ("Violin, fiddle", 187),
    "flute": ("Flute", 172),
    "truck": ("Truck", 138),
    "motorcycle": ("Motorcycle", 99),
    "guitar": ("Acoustic guitar", 186),
    "train": ("Train horn", 176),
    "clock": ("Clock", 160),
    "chainsaw": ("Chainsaw", 160),
    "accordion": ("Accordion", 154),
}
TEST_SHARE, VAL_SHARE = 1 / 3, 0.16
# Chance that the event fills the clip, as in the release, and how long it is otherwise.
WHOLE, SHORT_SECONDS = 2 / 3, (2, 8)
# What is outside the event, and how often: another scene and no sound of the action; the action is
# heard while another scene is shown; the performer is seen and cannot be heard.
OUTSIDE = {"nothing": 0.4, "heard": 0.3, "seen": 0.3}
# Chance that another action is heard where the performer is only seen.
OVERLAID = 0.5
# Decibels that the background noise lies below the action, lowest and highest.
NOISE = (-8.0, 16.0)
# Chance that another action is heard all the time, and its level in decibels.
DISTRACTOR, DISTRACTOR_LEVEL = 0.25, (-18.0, -6.0)


@dataclass(frozen=True)
class Planned:
    """One clip of ten seconds.

    Attributes:
        row: its line in `Annotations.txt`.
        youtube: its made-up YouTube id, eleven characters.
        action: what happens, a key of `CLASSES`.
        part: "train", "val" or "test".
        start, end: seconds from and to which it is heard and seen.
        outside: a key of `OUTSIDE`, what the rest of the clip is like.
        other: the action that is heard or seen instead.
        overlaid: whether `other` is heard while the performer is only seen.
        lead: share of the event before its loudest moment.
        noise: decibels that the background lies below the action.
        distracted: level of `other` in decibels where it is heard all the time, else None.
    """

    row: int
    youtube: str
    action: str
    part: str
    start: int
    end: int
    outside: Literal["nothing", "heard", "seen"]
    other: str
    overlaid: bool
    lead: float
    noise: float
    distracted: float | None

    @property
    def line(self) -> str:
        """Return the clip's line in the lists."""
        return f"{CLASSES[self.action][0]}&{self.youtube}&good&{self.start}&{self.end}\n"

    @property
    def video(self) -> str:
        """Return the relative name of its video."""
        return f"AVE/{self.youtube}.mp4"


def plan(size: sections.SegmentMiniature) -> list[Planned]:
    """Return the clips, in the order of `Annotations.txt`: by category, as in the release.

    Raises:
        ValueError: too few or too many clips.
    """
    if size.clips > 9_999:
        raise ValueError(f"{size.clips} clips asked for: ids have four digits")
    weights = {action: count for action, (_, count) in CLASSES.items()}
    listed = []
    for action, count in counts(weights, size.clips).items():
        test, val = (max(1, round(share * count)) for share in (TEST_SHARE, VAL_SHARE))
        listed += [(action, "test")] * test + [(action, "val")] * val
        listed += [(action, "train")] * (count - test - val)
    # Dealt at random, so that an id says nothing about its class or its list.
    numbers = generator(size.seed, "ave", "order").permutation(len(listed))
    return [
        _clip(row, f"olm-av-{number:04d}", action, part, size.seed)
        for row, (number, (action, part)) in enumerate(zip(numbers, listed, strict=True))
    ]


def _clip(row: int, youtube: str, action: str, part: str, seed: int) -> Planned:
    rng = generator(seed, youtube, "event")
    # Every draw is made whether it is used or not, so that one knob changes one thing only.
    whole, overlaid, distracted = rng.random(3)
    length = int(rng.integers(SHORT_SECONDS[0], SHORT_SECONDS[1] + 1))
    first = int(rng.integers(0, ave_lists.SEGMENTS - length + 1))
    outside = str(rng.choice(list(OUTSIDE), p=list(OUTSIDE.values())))
    other = str(rng.choice([name for name in CLASSES if name != action]))
    lead, noise, level = rng.random(), rng.uniform(*NOISE), rng.uniform(*DISTRACTOR_LEVEL)
    start, end = (0, ave_lists.SEGMENTS) if whole < WHOLE else (first, first + length)
    return Planned(
        row=row,
        youtube=youtube,
        action=action,
        part=part,
        start=start,
        end=end,
        outside=outside,  # type: ignore[arg-type]
        other=other,
        overlaid=bool(overlaid < OVERLAID),
        lead=lead,
        noise=noise,
        distracted=level if distracted < DISTRACTOR else None,
    )


def filmed(clips: list[Planned], videos: int) -> set[str]:
    """Return the relative names of the clips that are written as MP4.

    Class after class has its turn, first with the test clip whose event is shortest: there a
    network can be watched on a clip that it has not learnt from.
    """
    piles: dict[str, list[Planned]] = {}
    for clip in sorted(clips, key=lambda c: (c.part != "test", c.end - c.start, c.youtube)):
        piles.setdefault(clip.action, []).append(clip)
    deepest = max(len(pile) for pile in piles.values())
    turns = [pile[i] for i in range(deepest) for pile in piles.values() if i < len(pile)]
    return {clip.video for clip in turns[:videos]}


def loudest_at(clip: Planned, samples: int) -> int:
    """Return the sample at which the action is to be loudest, well within the event."""
    share = 0.2 + 0.6 * clip.lead
    return int(samples * (clip.start + share * (clip.end - clip.start)) / ave_lists.SEGMENTS)


def inside(clip: Planned) -> np.ndarray:
    """Return whether each segment is part of the event, `(10,)`."""
    second = np.arange(ave_lists.SEGMENTS)
    return (clip.start <= second) & (second < clip.end)
