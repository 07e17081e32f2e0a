"""A miniature CREMA-D in the official layout (datasets.md 3), from the shipped speech.

    AudioWAV/*.wav            16 kHz, one channel, 16 bit, as in the release
    VideoFlash/*.flv          flv1 and MP3, 240x180 at 10 pictures a second (release: 480x360 at 30)
    VideoDemographics.csv  SentenceFilenames.csv  processedResults/summaryTable.csv
    train.csv  test.csv       as published with OGM-GE: name,EMO without header, byte-order mark
    build.json                ours: what the folder was made from

What it is and is not: `cremad.md` beside this file.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from joblib import Parallel, delayed
from tqdm import tqdm

from olmlib import params
from olmlib.miniature import folder, media, plan, voices
from olmlib.miniature.faces import Portrait
from olmlib.miniature.people import scene
from olmlib.sources import closure

FPS = 10
CHUNK = 8


def cremad(source: Path, out: Path, config: params.Miniature, workers: int = 1) -> Path:
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
        ValueError: too many or too few actors or clips; the message has the limits.
        folder.NotOurs: `out` holds files that are not ours, such as the real release.
        RuntimeError: another process is making the same folder.
    """
    sources = voices.Sources(Path(source) / "cremad")
    chosen = plan.clips(sources, config.actors, config.clips, config.seed)
    tables = _tables(chosen, config.seed)
    files = [*tables, *(name for clip in chosen for name in _media(clip))]
    identity = _identity(sources, config)
    about = {"release": "cremad (miniature)", "config": config.model_dump()}
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out.with_name(f".{out.name}.lock"), timeout=0):
            missing = folder.claim(out, identity, files, about)
            if missing:
                _make(out, sources, chosen, config.seed, tables, missing, workers)
                folder.finish(out, identity, files, about)
    except Timeout:
        raise RuntimeError(f"another process is making {out}: wait until it has ended") from None
    return out


def _make(out, sources, chosen, seed, tables, missing, workers) -> None:
    for name in missing & tables.keys():
        folder.save(out / name, lambda part, data=tables[name]: part.write_bytes(data))
    todo = [clip for clip in chosen if missing & set(_media(clip))]
    chunks = [todo[i : i + CHUNK] for i in range(0, len(todo), CHUNK)]
    jobs = (delayed(_write)(out, sources, chunk, seed, missing) for chunk in chunks)
    # `disable=None` is quiet where nobody watches: in logs and in the pipeline.
    with tqdm(total=len(todo), desc="clips", unit="clip", disable=None) as bar:
        for done in Parallel(workers, return_as="generator_unordered")(jobs):
            bar.update(done)


def _write(out, sources, chunk, seed, missing) -> int:
    for clip in chunk:
        speech, sound, pictures = perform(clip, sources, seed)
        wav, flv = _media(clip)
        if wav in missing:
            folder.save(out / wav, lambda part, s=sound: media.write_wav(part, s, voices.RATE))
        if flv in missing:
            folder.save(
                out / flv,
                lambda part, p=pictures, s=sound: media.write_flv(part, p, FPS, s, voices.RATE),
            )
    return len(chunk)


def perform(clip: plan.Clip, sources: voices.Sources, seed: int):
    """Play one clip.

    Returns:
        The clean speech and the recorded sound, both `(samples,)` at 16 kHz, and an iterator over
        the pictures, `FPS` a second, which draws each when it is asked for.
    """
    speech = voices.pad(sources.speech(clip.take), plan.generator(seed, clip.name, "pad"))
    sound = voices.record(speech, plan.generator(seed, clip.name, "room"))
    return speech, sound, pictures(clip, speech, seed)


def pictures(clip: plan.Clip, speech: np.ndarray, seed: int) -> Iterable:
    """Draw the pictures of a clip, `FPS` a second, until the speech ends."""
    portrait = Portrait(clip.actor.person, scene(plan.generator(seed, clip.name, "scene")))
    opening = mouth(clip, speech, seed)
    for i, wide in enumerate(opening):
        units = clip.face.at(i / max(len(opening) - 1, 1))
        yield portrait.frame(units, float(wide), i / FPS)


def mouth(clip: plan.Clip, speech: np.ndarray, seed: int) -> np.ndarray:
    """Return how far speech opens the mouth in each picture, `(frames,)` in [0, 1].

    It follows the loudness; the factor stands for the vowel, which opens more in "a" than in "u".
    """
    frames = max(2, round(len(speech) / voices.RATE * FPS))
    loud = voices.loudness(speech, frames, FPS)
    vowel = plan.generator(seed, clip.name, "mouth").uniform(0.5, 1.0, frames)
    return loud**0.7 * vowel


def _media(clip: plan.Clip) -> tuple[str, str]:
    return f"AudioWAV/{clip.name}.wav", f"VideoFlash/{clip.name}.flv"


def _identity(sources: voices.Sources, config: params.Miniature) -> str:
    """Return the hash of what the bytes depend on: sizes, seed, sources, and this package."""
    code = closure("olmlib.miniature.cremad")
    parts = {
        "config": config.model_dump(),
        "code": {name: code[name] for name in code if name.startswith("olmlib.miniature")},
        "data": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sources.files()},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _tables(chosen: list[plan.Clip], seed: int) -> dict[str, bytes]:
    """Return the CSV files of the release, quoted and headed as the official ones."""
    actors = {clip.actor.number: clip.actor for clip in chosen}
    demographics = [("ActorID", "Age", "Sex", "Race", "Ethnicity")]
    demographics += [
        (number, actor.speaker.age, actor.speaker.sex, "Unknown", "Unknown")
        for number, actor in sorted(actors.items())
    ]
    names = [("Stimulus_Number", "Filename")]
    names += [(i, clip.name) for i, clip in enumerate(chosen, start=1)]
    summary = [
        ("", "FileName", "VoiceVote", "VoiceLevel", "FaceVote", "FaceLevel", "MultiModalVote")
        + ("MultiModalLevel",)
    ]
    summary += [
        (str(i), clip.name, *plan.votes(clip, seed)) for i, clip in enumerate(chosen, start=1)
    ]
    train, test = plan.split(chosen, seed)
    tables = {
        "VideoDemographics.csv": _csv(demographics, csv.QUOTE_NONNUMERIC),
        "SentenceFilenames.csv": _csv(names, csv.QUOTE_NONNUMERIC),
        "processedResults/summaryTable.csv": _csv(summary, csv.QUOTE_ALL),
    }
    for part, listed in (("train", train), ("test", test)):
        rows = [(name, name.split("_")[2]) for name in listed]
        tables[f"{part}.csv"] = "\ufeff".encode() + _csv(rows, csv.QUOTE_MINIMAL)
    return tables


def _csv(rows: list[tuple], quoting: int) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
