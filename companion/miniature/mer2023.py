"""A miniature MER2023 in the official processed layout, from the shipped speech.

    label-6way.npz  transcription.csv
    video/<clip>.mp4                                H.264 and AAC, 240x180 at 2 pictures a second
    features/chinese-hubert-large-FRA/<clip>.npy    and manet_FRA, chinese-macbert-large-4-FRA
    openface_hog/<clip>/<clip>.npy
    build.json                                      ours: what the folder was made from

What it is and is not, and the extractors that stand in for the real ones: `mer2023.md`.
"""

import io
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from companion.data import sections
from companion.miniature import cremad, extractors, folder, media, plan, release
from companion.miniature.faces import expressions
from companion.miniature.faces.people import person
from companion.miniature.sounds import shipped, voices

EMOTIONS = ("neutral", "angry", "happy", "sad", "worried", "surprise")
TEST_SHARE = 0.4
PROTOTYPES = {
    "neutral": expressions.PROTOTYPES["NEU"],
    "angry": expressions.PROTOTYPES["ANG"],
    "happy": expressions.PROTOTYPES["HAP"],
    "sad": expressions.PROTOTYPES["SAD"],
    "worried": expressions.PROTOTYPES["FEA"] | {"AU26": 0.0, "S1": 0.5, "AU4": 0.8},
    "surprise": {"AU1": 1.0, "AU2": 1.0, "AU5": 0.8, "AU26": 1.0, "AU53": 0.5},
}
# Valence of an emotion at full strength, in [-5, 5]: its sign and order follow the release's means.
VALENCE = {
    "neutral": 0.0,
    "angry": -2.6,
    "happy": 2.6,
    "sad": -2.2,
    "worried": -1.4,
    "surprise": 0.4,
}
# Factor on the strength of a face in CREMA-D, so that the voice says more than the face.
RESTRAINT = 0.8
# Deviation of a clip's valence from that of its emotion; ratings come in quarters, as released.
SPREAD, STEP = 0.6, 0.25
FPS = 2
HOG_EVERY = 3  # pictures: its rows are long


@dataclass(frozen=True)
class Utterance:
    """One clip: its official name, its part, transcript, valence, and what is played."""

    name: str
    split: str
    sentence: str
    valence: float
    played: plan.Performance

    @property
    def emotion(self) -> str:
        """The label."""
        return self.played.take.emotion


def mer2023(source: Path, out: Path, config: sections.Miniature, workers: int = 1) -> Path:
    """Write the release, or what is missing of it.

    Args:
        source: the shipped sources, `data/`.
        out: folder of the release.
        config: number of clips, and the seed.
        workers: processes; the bytes do not depend on it.

    Returns:
        `out`.

    Raises:
        FileNotFoundError: the shipped sources are not there.
        ValueError: too many or too few clips; the message has the limits.
        folder.NotOurs: `out` holds files that are not ours, such as the real release.
        RuntimeError: another process is making the same folder.
    """
    sources = voices.Sources(Path(source) / "mer2023")
    sentences = sources.folder / "sentences.csv"
    chosen = clips(sources, config.clips, config.seed)
    return release.make(
        out,
        about={"release": "mer2023 (miniature)", "config": config.model_dump()},
        identity=release.identity(
            "companion.miniature.mer2023", config, [*sources.files(), sentences]
        ),
        tables=_tables(chosen),
        clips=chosen,
        media=_files,
        write=partial(_write, sources=sources, seed=config.seed),
        workers=workers,
        source=lambda clip: clip.played.take.voice,
    )


def clips(sources: voices.Sources, count: int, seed: int) -> list[Utterance]:
    """Choose takes at random, and two fifths of each emotion's for MER-MULTI.

    Args:
        sources: the shipped speech.
        count: number of clips; each take is used once at most.
        seed: of everything.

    Returns:
        Clips, sorted by name.

    Raises:
        ValueError: too many clips, or too few for four of each emotion in the test part.
    """
    rng = plan.generator(seed, "mer2023")
    takes = [sources.takes[i] for i in rng.permutation(len(sources.takes))[:count]]
    piles = {e: [take for take in takes if take.emotion == e] for e in EMOTIONS}
    fewest = 16 * len(EMOTIONS)
    if count > len(sources.takes) or min(map(len, piles.values())) < 16:
        raise ValueError(
            f"{count} clips asked for: there are {len(sources.takes)} takes, and at least "
            f"{fewest} clips, 16 of each emotion, are needed"
        )
    rows = shipped.table(sources.folder / "sentences.csv")
    texts = {row["sentence"]: row["text"] for row in rows}
    actors = {
        speaker.voice: plan.Actor(number, speaker, person(speaker.sex, speaker.age, looks))
        for number, speaker in enumerate(sources.speakers, start=1)
        if (looks := plan.generator(seed, speaker.voice, "looks"))
    }
    tested = {
        take for pile in piles.values() for take in pile[: max(4, round(TEST_SHARE * len(pile)))]
    }
    chosen = []
    for number, take in enumerate(takes):
        name, actor = f"sample_{number:08d}", actors[take.voice]
        draws = plan.generator(seed, name, "face")
        face = expressions.draw(
            take.emotion, "LO", RESTRAINT * actor.person.expressive, draws, PROTOTYPES
        )
        valence = plan.generator(seed, name, "valence").normal(VALENCE[take.emotion], SPREAD)
        valence = float(np.clip(round(valence / STEP) * STEP, -5, 5))
        split = "test1" if take in tested else "train"
        played = plan.Performance(name, actor, take, face)
        chosen.append(Utterance(name, split, texts[take.sentence], valence, played))
    return chosen


def _files(clip: Utterance) -> tuple[str, ...]:
    name = clip.name
    return (
        f"video/{name}.mp4",
        f"features/chinese-hubert-large-FRA/{name}.npy",
        f"features/manet_FRA/{name}.npy",
        f"features/chinese-macbert-large-4-FRA/{name}.npy",
        f"openface_hog/{name}/{name}.npy",
    )


def _write(
    out: Path, clip: Utterance, missing: set[str], sources: voices.Sources, seed: int
) -> None:
    _, sound, drawn = cremad.perform(clip.played, sources, seed, FPS)
    pictures = list(drawn)
    faces = [extractors.face(picture) for picture in pictures]
    video, *names = _files(clip)
    if video in missing:
        folder.save(
            out / video,
            lambda part: media.write_mp4(part, pictures, FPS, sound, voices.RATE),
        )
    features = (
        extractors.audio(sound, voices.RATE),
        extractors.visual(faces),
        extractors.text(clip.sentence),
        extractors.histograms(faces[::HOG_EVERY]),
    )
    for name, array in zip(names, features, strict=True):
        if name in missing:
            folder.save_bytes(out / name, _npy(array))


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _tables(chosen: list[Utterance]) -> dict[str, bytes]:
    """Return labels and transcripts; MER-NOISE and MER-SEMI are empty."""
    corpora: dict[str, dict[str, dict]] = {
        f"{part}_corpus": {} for part in ("train", "test1", "test2", "test3")
    }
    for clip in chosen:
        corpora[f"{clip.split}_corpus"][clip.name] = {"emo": clip.emotion, "val": clip.valence}
    labels = io.BytesIO()
    save: Any = np.savez  # numpy's own types allow no dictionary of arrays
    save(labels, **{name: np.array(corpus, object) for name, corpus in corpora.items()})
    rows = [("name", "sentence"), *((clip.name, clip.sentence) for clip in chosen)]
    return {"label-6way.npz": labels.getvalue(), "transcription.csv": release.table(rows)}
