"""Make feature files of the real MER2023: `python -m companion.extract RELEASE --modality audio`.

RELEASE holds `video/<clip>.mp4` (or .avi), perhaps `audio/<clip>.wav`, `transcription.csv`, and for
the visual modalities `openface/`, into which OpenFace writes if it is installed. Features go where
the loader looks for them. Files that are there are left alone, so it can be stopped and started
again.
"""

import argparse
import csv
import io
import sys
from collections.abc import Callable
from glob import escape
from pathlib import Path

import numpy as np
from tqdm import tqdm

from companion.data import media
from companion.data.release import ReleaseError, read_text
from companion.extract import audio, openface, text, visual
from companion.extract.hub import MissingExtra
from olmlib.files import whole

FOLDERS = {
    "audio": "features/chinese-hubert-large-FRA",
    "visual": "features/manet_FRA",
    "text": "features/chinese-macbert-large-4-FRA",
    "hog": "openface_hog",
}
VIDEOS = (".mp4", ".avi")


class NoFace(Exception):  # noqa: N818 - the name says what it is
    """A clip in which no face was found: its file stays away, and the loader rejects the clip."""


def describer(release: Path, modality: str, model: str | None, device: str) -> Callable:
    """Return a function from a clip's name to its features `(T, d)`.

    Raises:
        MissingExtra: `transformers` is not installed.
        FileNotFoundError: no transcription.csv, or no checkpoint of MANet.
        ReleaseError: transcription.csv is not CSV in UTF-8, or lacks a column.
    """
    if modality == "audio":
        hubert = audio.Hubert(model or audio.MODEL, device)
        return lambda clip: hubert(media.waveform(_sound(release, clip), audio.RATE))
    if modality == "text":
        sentences = _sentences(release / "transcription.csv")
        bert = text.MacBert(model or text.MODEL, device)
        return lambda clip: bert(sentences.get(clip, ""))
    if modality == "visual":
        manet = visual.load(model or "manet.pt", device)
        return lambda clip: visual.describe(manet, _faces(release, clip))
    return lambda clip: openface.hog(_openface(release, clip) / f"{clip}.hog")[0]


def target(release: Path, modality: str, clip: str) -> Path:
    """Return where the loader looks for the features of a clip."""
    folder = release / FOLDERS[modality]
    return (folder / clip if modality == "hog" else folder) / f"{clip}.npy"


def extract(release: Path, modality: str, model: str | None = None, device="cpu") -> list[str]:
    """Make the feature files of a modality that are missing.

    Args:
        release: folder of the release.
        modality: audio, visual, text or hog.
        model: name or folder of the pretrained model, or MANet's checkpoint.
        device: where it runs.

    Returns:
        A line per clip that has no features, with the reason.

    Raises:
        FileNotFoundError: no clips.
    """
    clips = sorted({p.stem for p in (release / "video").glob("[!.]*") if _is_video(p)})
    if not clips:
        raise FileNotFoundError(f"no {' or '.join(VIDEOS)} in {release / 'video'}")
    todo = [clip for clip in clips if not target(release, modality, clip).is_file()]
    if not todo:
        return []
    describe = describer(release, modality, model, device)
    failed = []
    for clip in tqdm(todo, desc=modality, unit="clip", disable=None):
        try:
            _save(target(release, modality, clip), describe(clip))
        except (media.BadClip, NoFace, ValueError, RuntimeError) as error:
            failed.append(f"{clip}: {error}")
    return failed


def _save(path: Path, features: np.ndarray) -> None:
    with whole(path) as part, part.open("wb") as file:
        np.save(file, features)


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEOS


def _video(release: Path, clip: str) -> Path:
    named = [p for p in (release / "video").glob(f"{escape(clip)}.*") if p.stem == clip]
    videos = sorted(filter(_is_video, named), key=lambda p: VIDEOS.index(p.suffix.lower()))
    if not videos:
        raise media.BadClip(f"video/{clip} is no longer there")
    return videos[0]


def _sound(release: Path, clip: str) -> Path:
    wav = release / "audio" / f"{clip}.wav"
    return wav if wav.is_file() else _video(release, clip)


def _sentences(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: the release has it, with name,sentence")
    text = read_text(path, "The release has it, with name,sentence")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if not {"name", "sentence"} <= set(reader.fieldnames or ()):
        found = ",".join(reader.fieldnames or ())
        raise ReleaseError(f"{path}, line 1: expected columns name,sentence, found {found}")
    return {row["name"]: row["sentence"] or "" for row in reader}


def _openface(release: Path, clip: str) -> Path:
    folder = release / "openface"
    if not (folder / f"{clip}.hog").is_file():
        openface.run(_video(release, clip), folder)
    return folder


def _faces(release: Path, clip: str) -> list:
    faces = openface.faces(_openface(release, clip) / f"{clip}_aligned")
    if not faces:
        raise NoFace("OpenFace found no face")
    return faces


def main(arguments: list[str] | None = None) -> None:
    """Make the features that the arguments ask for, or say in one line why not."""
    parser = argparse.ArgumentParser(prog="python -m companion.extract", description=__doc__)
    parser.add_argument("release", type=Path)
    parser.add_argument("--modality", required=True, choices=list(FOLDERS))
    parser.add_argument("--model", help="another pretrained model, or MANet's checkpoint")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args(arguments)
    try:
        failed = extract(args.release, args.modality, args.model, args.device)
    except (OSError, ValueError, MissingExtra) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    if failed:
        sys.exit(f"{len(failed)} clips have no {args.modality} features:\n" + "\n".join(failed))


if __name__ == "__main__":
    main()
