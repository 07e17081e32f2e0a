"""Which clips a miniature CREMA-D has, how it is split, and what its crowd voted."""

import hashlib
from collections import Counter
from dataclasses import dataclass

import numpy as np

from companion.miniature.faces.expressions import Expression, draw
from companion.miniature.faces.people import Person, person
from companion.miniature.sounds.voices import Sources, Speaker, Take

EMOTIONS = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
TEST_SHARE = 1 / 3
RATERS = 10
# Chance that a rater hears the acted emotion: a guess at what people reach, not a measurement.
HEARD = {"LO": 0.35, "MD": 0.50, "HI": 0.65, "XX": 0.50}


@dataclass(frozen=True)
class Actor:
    """One actor: number as in the release, voice and looks."""

    number: int
    speaker: Speaker
    person: Person


@dataclass(frozen=True)
class Performance:
    """One clip: its official name, who plays, what is heard and how the face moves."""

    name: str
    actor: Actor
    take: Take
    face: Expression


def generator(seed: int, *words: str) -> np.random.Generator:
    """Return random numbers that depend on the seed and the words, and on no order of work."""
    digest = hashlib.sha256("/".join((str(seed), *words)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


def clips(sources: Sources, actors: int, count: int, seed: int) -> list[Performance]:
    """Choose takes so that emotions are balanced within each actor, as far as `count` allows.

    Args:
        sources: the shipped speech; each actor has a voice of their own.
        actors: their number.
        count: number of clips; each take is used once at most.
        seed: of everything.

    Returns:
        Clips, sorted by name.

    Raises:
        ValueError: the sources have too few voices or takes, or an emotion would have no clip.
    """
    if actors > len(sources.speakers):
        raise ValueError(f"{actors} actors asked for, {len(sources.speakers)} voices there")
    rng = generator(seed, "cast")
    order = rng.permutation(len(sources.speakers))[:actors]
    cast = [_actor(1001 + i, sources.speakers[j], seed) for i, j in enumerate(order)]
    piles = {}
    for actor in cast:
        for emotion in EMOTIONS:
            takes = [
                t for t in sources.takes if (t.voice, t.emotion) == (actor.speaker.voice, emotion)
            ]
            piles[actor.number, emotion] = [takes[i] for i in rng.permutation(len(takes))]
    depth = max(len(pile) for pile in piles.values())
    chosen = [
        (actor, piles[actor.number, emotion][r])
        for r in range(depth)
        for j in range(len(EMOTIONS))
        for i, actor in enumerate(cast)
        if r < len(piles[actor.number, emotion := EMOTIONS[(i + j) % len(EMOTIONS)]])
    ]
    if not 6 * max(actors, len(EMOTIONS)) <= count <= len(chosen):
        raise ValueError(
            f"{count} clips asked for: {actors} actors can have "
            f"{6 * max(actors, len(EMOTIONS))} to {len(chosen)}"
        )
    return sorted((_clip(a, t, seed) for a, t in chosen[:count]), key=lambda clip: clip.name)


def _actor(number: int, speaker: Speaker, seed: int) -> Actor:
    looks = person(speaker.sex, speaker.age, generator(seed, str(number), "looks"))
    return Actor(number, speaker, looks)


def _clip(actor: Actor, take: Take, seed: int) -> Performance:
    name = f"{actor.number}_{take.sentence}_{take.emotion}_{take.level}"
    rng = generator(seed, name, "face")
    return Performance(
        name, actor, take, draw(take.emotion, take.level, actor.person.expressive, rng)
    )


def split(chosen: list[Performance], seed: int) -> tuple[list[str], list[str]]:
    """Split at random over clips, so that actors are in both parts, as in the published lists.

    Returns:
        Names of the train and of the test part, each in random order.

    Raises:
        ValueError: too few clips for each actor and each emotion to be in both parts.
    """
    rng = generator(seed, "split")
    size = round(TEST_SHARE * len(chosen))
    wanted = {c.actor.number for c in chosen} | {c.take.emotion for c in chosen}
    for _ in range(10_000):
        order = [chosen[i] for i in rng.permutation(len(chosen))]
        parts = order[size:], order[:size]
        if all(
            {c.actor.number for c in part} | {c.take.emotion for c in part} == wanted
            for part in parts
        ):
            train, test = ([c.name for c in part] for part in parts)
            return train, test
    raise ValueError(
        f"{len(chosen)} clips are too few for every actor and emotion to be in both parts"
    )


def votes(clip: Performance, seed: int) -> list[str]:
    """Simulate what `RATERS` people per presentation voted, in the columns of summaryTable.csv.

    A rater of the voice hears the acted emotion with the chance `HEARD`; a rater of the face sees
    the shown emotion, the more often the stronger the expression. Each clip multiplies both chances
    by random factors. A rater of both follows voice or face, half the time each, and corrects a
    third of the wrong votes. Half of the other votes are for neutral. Nobody was asked: this is a
    rule.

    Returns:
        Vote and level for voice, face and both; a vote is a letter, or letters with `:` if tied;
        a level is the mean intensity, 0 to 100.
    """
    rng = generator(seed, clip.name, "votes")
    acted, shown = clip.take.emotion, clip.face.shown
    # Clips differ in how plain they are, so a majority of raters can be wrong.
    heard, seen = rng.uniform(0.2, 1.2, 2)
    heard *= HEARD[clip.take.level]
    seen *= 0.75 if shown == "NEU" else 0.2 + 0.65 * min(clip.face.strength, 1.0)

    def voice() -> str:
        return _rate(acted, heard, rng)

    def face() -> str:
        return _rate(shown, seen, rng)

    def both() -> str:
        vote = voice() if rng.random() < 0.5 else face()
        return acted if vote != acted and rng.random() < 1 / 3 else vote

    row = []
    for rater in (voice, face, both):
        counts = Counter(rater() for _ in range(RATERS))
        most = max(counts.values())
        row.append(":".join(sorted(e[0] for e, n in counts.items() if n == most)))
        level = 40 + 35 * clip.face.strength + rng.normal(0, 8)
        row.append(f"{np.clip(level, 0, 100):.2f}".rstrip("0").rstrip("."))
    return row


def _rate(emotion: str, chance: float, rng: np.random.Generator) -> str:
    if rng.random() < chance:
        return emotion
    if rng.random() < 0.5:
        return "NEU"
    return str(rng.choice([e for e in EMOTIONS if e != emotion]))
