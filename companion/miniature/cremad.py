"""A miniature CREMA-D in the official layout, from the shipped speech.

    AudioWAV/*.wav            16 kHz, one channel, 16 bit, as in the release
    VideoFlash/*.flv          flv1 and MP3, 240x180 at 5 pictures a second (release: 480x360 at 30)
    VideoDemographics.csv  SentenceFilenames.csv  processedResults/summaryTable.csv
    train.csv  test.csv       as published with OGM-GE: name,EMO without header, byte-order mark
    build.json                ours: what the folder was made from

What it is and is not: `cremad.md` beside this file.
"""

import csv
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np

from companion.data import sections
from companion.miniature import folder, media, plan, release
from companion.miniature.faces.people import scene
from companion.miniature.faces.portrait import Portrait
from companion.miniature.sounds import voices

FPS = 5


def cremad(source: Path, out: Path, config: sections.Miniature, workers: int = 1) -> Path:
    """Write the release, or what is missing of it.

    Args:
        source: the shipped sources, `data/`.
        out: folder of the release.
        config: numbers of actors and clips, and the seed.
        workers: processes; the bytes do not depend on it.

    Returns:
        `out`.

    Raises:
        FileNotFoundError: the shipped sources are not there.
        ValueError: too many, too few or no actors or clips; the message has the limits.
        folder.NotOurs: `out` holds files that are not ours, such as the real release.
        RuntimeError: another process is making the same folder.
    """
    if config.actors is None:
        raise ValueError("a CREMA-D miniature needs the number of its actors: set `actors`")
    sources = voices.Sources(Path(source) / "cremad")
    chosen = plan.clips(sources, config.actors, config.clips, config.seed)
    return release.make(
        out,
        about={"release": "cremad (miniature)", "config": config.model_dump()},
        identity=release.identity("companion.miniature.cremad", config, sources.files()),
        tables=_tables(chosen, config.seed),
        clips=chosen,
        media=_media,
        write=partial(_write, sources=sources, seed=config.seed),
        workers=workers,
        source=lambda clip: clip.take.voice,
    )


def _write(out, clip, missing, sources, seed) -> None:
    speech, sound, pictures = perform(clip, sources, seed)
    wav, flv = _media(clip)
    if wav in missing:
        folder.save(out / wav, lambda part: media.write_wav(part, sound, voices.RATE))
    if flv in missing:
        folder.save(
            out / flv, lambda part: media.write_flv(part, pictures, FPS, sound, voices.RATE)
        )


def perform(clip: plan.Performance, sources: voices.Sources, seed: int, fps=FPS):
    """Play one clip.

    Args:
        clip: what is played.
        sources: the shipped speech.
        seed: of the miniature.
        fps: pictures a second.

    Returns:
        The clean speech and the recorded sound, both `(samples,)` at 16 kHz, and an iterator over
        the pictures, which draws each when it is asked for.
    """
    speech = voices.pad(sources.speech(clip.take), plan.generator(seed, clip.name, "pad"))
    sound = voices.record(speech, plan.generator(seed, clip.name, "room"))
    return speech, sound, pictures(clip, speech, seed, fps)


def pictures(clip: plan.Performance, speech: np.ndarray, seed: int, fps: int) -> Iterable:
    """Draw the pictures of a clip, `fps` a second, until the speech ends."""
    portrait = Portrait(clip.actor.person, scene(plan.generator(seed, clip.name, "scene")))
    opening = mouth(clip, speech, seed, fps)
    for i, wide in enumerate(opening):
        units = clip.face.at(i / max(len(opening) - 1, 1))
        yield portrait.frame(units, float(wide), i / fps)


def mouth(clip: plan.Performance, speech: np.ndarray, seed: int, fps=FPS) -> np.ndarray:
    """Return how far speech opens the mouth in each picture, `(frames,)` in [0, 1].

    It follows the loudness; the factor stands for the vowel, which opens more in "a" than in "u".
    """
    frames = max(2, round(len(speech) / voices.RATE * fps))
    loud = voices.loudness(speech, frames, fps)
    vowel = plan.generator(seed, clip.name, "mouth").uniform(0.5, 1.0, frames)
    return loud**0.7 * vowel


def _media(clip: plan.Performance) -> tuple[str, str]:
    return f"AudioWAV/{clip.name}.wav", f"VideoFlash/{clip.name}.flv"


def _tables(chosen: list[plan.Performance], seed: int) -> dict[str, bytes]:
    """Return the CSV files of the release, quoted and headed as the official ones."""
    actors = {clip.actor.number: clip.actor for clip in chosen}
    demographics: list[tuple] = [("ActorID", "Age", "Sex", "Race", "Ethnicity")]
    demographics += [
        (number, actor.speaker.age, actor.speaker.sex, "Unknown", "Unknown")
        for number, actor in sorted(actors.items())
    ]
    names: list[tuple] = [("Stimulus_Number", "Filename")]
    names += [(i, clip.name) for i, clip in enumerate(chosen, start=1)]
    summary: list[tuple] = [
        ("", "FileName", "VoiceVote", "VoiceLevel", "FaceVote", "FaceLevel", "MultiModalVote")
        + ("MultiModalLevel",)
    ]
    summary += [
        (str(i), clip.name, *plan.votes(clip, seed)) for i, clip in enumerate(chosen, start=1)
    ]
    train, test = plan.split(chosen, seed)
    tables = {
        "VideoDemographics.csv": release.table(demographics, csv.QUOTE_NONNUMERIC),
        "SentenceFilenames.csv": release.table(names, csv.QUOTE_NONNUMERIC),
        "processedResults/summaryTable.csv": release.table(summary, csv.QUOTE_ALL),
    }
    for part, listed in (("train", train), ("test", test)):
        rows = [(name, name.split("_")[2]) for name in listed]
        tables[f"{part}.csv"] = "\ufeff".encode() + release.table(rows)
    return tables
