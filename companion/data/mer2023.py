"""MER2023 (Lian et al., ACM MM 2023) in its official processed layout, real or miniature.

    label-6way.npz   or   train-label.csv and test1-label.csv      transcription.csv
    features/<FOLDER>/<clip>.npy     openface_hog/<clip>/<clip>.npy

Train&Val is split into folds, MER-MULTI is the test split; MER-NOISE and MER-SEMI are not read.
"""

import csv
import hashlib
import io
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np

from companion.data import files, media, restricted, sections
from companion.data.release import ReleaseError, Report, read_text

# The order of MER2023-Baseline and MERTools.
CLASSES = ("neutral", "angry", "happy", "sad", "worried", "surprise")
# Place, clip, emotion and valence: what a file says, whatever its type.
Entry = tuple[str, Any, Any, Any]
CORPORA = {"train_corpus": "train", "test1_corpus": "test"}
CSVS = {"train-label.csv": "train", "test1-label.csv": "test"}
NO_VALENCE = -10.0
SOURCE = (
    "Labels come with the challenge's release (huggingface.co, MERChallenge/MER2023, on request); "
    "the real labels of MER-MULTI are in MERTools' label-6way.npz or in test1-label.csv"
)
MEND = "Mend this entry, or leave it out; the release has the original"


class BadFeature(Exception):
    """A feature file that cannot be used; the message is the reason in `rejected.csv`."""


@dataclass(frozen=True)
class EmotionClip:
    """One clip.

    Attributes:
        id: its name.
        label: position in `CLASSES`.
        valence: in [-5, 5], NaN where nobody rated it.
        split: "train" or "test".
        fold: of train&val, from 0; -1 in the test split.
    """

    id: str
    label: int
    valence: float
    split: str
    fold: int = -1


@dataclass(frozen=True)
class Release:
    """The labelled clips and where their features lie.

    Attributes:
        root: of the release.
        clips: all of both splits, train first, sorted by name within each.
        features: modality -> name of its folder.
        widths: modality -> expected width of a row.
    """

    root: Path
    clips: tuple[EmotionClip, ...]
    features: dict[str, str]
    widths: dict[str, int]

    def path(self, clip: EmotionClip, modality: str) -> Path:
        """Return the feature file of a clip, whether it is there or not."""
        folder = self.features[modality]
        if folder == "openface_hog":
            return self.root / folder / clip.id / f"{clip.id}.npy"
        return self.root / "features" / folder / f"{clip.id}.npy"

    def seconds(self, clip: EmotionClip) -> float | None:
        """Return how long the clip lasts by its video, or None if that cannot be read."""
        for ending in (".mp4", ".avi"):
            path = self.root / "video" / f"{clip.id}{ending}"
            if media.problem(path):
                continue
            # Nothing but a picture's axis needs it, so a video that cannot be opened is no error.
            with suppress(av.FFmpegError), av.open(path.absolute()) as container:
                return container.duration / av.time_base if container.duration else None
        return None

    def read(self, clip: EmotionClip, modality: str) -> np.ndarray:
        """Return the features of a clip, `(T, d)` float32; one vector becomes one row.

        Raises:
            BadFeature: the file is missing, empty, a Git-LFS pointer, unreadable, or holds
                something other than finite numbers.
            ReleaseError: rows of another width: the folder is that of another extractor.
        """
        path = self.path(clip, modality)
        # For rejected.csv: the same words wherever the release lies.
        file = path.relative_to(self.root)
        fault = media.problem(path)
        if fault:
            reason = "a Git-LFS pointer: run `git lfs pull`" if fault == media.POINTER else fault
            raise BadFeature(f"{file} ({modality}) is {reason}")
        try:
            array = np.load(path, allow_pickle=False)
        except OSError as error:
            raise BadFeature(files.unreadable(path, error).reason) from None
        except Exception:
            # A damaged header raises nearly anything; of a file that is no .npy, numpy's message
            # advises to allow pickles, which would run whatever the file asks for.
            raise BadFeature(f"{file} cannot be read: it is no whole .npy of numbers") from None
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
            kind = getattr(array, "dtype", "an .npz")
            raise BadFeature(f"{file} holds {kind}, expected numbers")
        # Utterance-level files and single HuBERT frames are stored without their first dimension.
        array = array[None] if array.ndim == 1 else array
        if array.ndim != 2 or not len(array):
            raise BadFeature(f"{file} has shape {array.shape}, expected rows x width")
        if array.shape[1] != self.widths[modality]:
            raise ReleaseError(
                f"{path} has rows of width {array.shape[1]}, params.yaml says that {modality} has "
                f"{self.widths[modality]}: set prepare.widths, or prepare.features to its folder"
            )
        if not np.isfinite(array).all():
            raise BadFeature(f"{file} holds NaN or infinite values")
        with np.errstate(over="ignore"):  # for the arrays even less would be too large
            return array.astype(np.float32)

    def check(self) -> Report:
        """Look for every file, without opening it.

        Whether too many clips lack one is checked later, when the arrays are made.

        Returns:
            A row per split and modality: clips found and missing; and the hash of the ids that have
            every file.

        Raises:
            ReleaseError: a modality has no file at all.
        """
        lines = []
        for split in ("train", "test"):
            clips = [clip for clip in self.clips if clip.split == split]
            for modality in self.features:
                present = sum(self.path(clip, modality).is_file() for clip in clips)
                lines.append((split, modality, present, len(clips) - present))
                if not present:
                    place = self.path(clips[0], modality)
                    raise ReleaseError(
                        f"no {split} clip has {modality} features; the first should be {place}. "
                        "`python -m companion.extract` makes them from the clips"
                    )
        import pandas as pd  # late, as in `companion.data.release`

        table = pd.DataFrame(lines, columns=["split", "modality", "found", "missing"])
        used = sorted(
            clip.id
            for clip in self.clips
            if all(self.path(clip, modality).is_file() for modality in self.features)
        )
        digest = hashlib.sha256("\n".join(used).encode()).hexdigest()
        return Report("MER2023", table, len(used), len(self.clips), len(CLASSES), digest)


def load(root: str | Path, config: sections.PrepareSequences) -> Release:
    """Read the labels under `root`; feature files are opened later.

    Args:
        root: folder of the processed layout.
        config: folders, widths, number of folds and the seed that deals them.

    Raises:
        ReleaseError: labels are missing, placeholders, outside the six emotions, given twice, or
            too few; or the file asks for code to be run.
    """
    root = Path(root)
    clips = sorted(_labels(root), key=lambda clip: (clip.split == "test", clip.id))
    for split in ("train", "test"):
        if not any(clip.split == split for clip in clips):
            raise ReleaseError(f"the {split} split of {root} has no clip. {SOURCE}")
    return Release(root, tuple(_with_folds(clips, config)), config.features, config.widths)


def _labels(root: Path) -> list[EmotionClip]:
    path = root / "label-6way.npz"
    if path.is_file():
        tables = _npz(path)
    else:
        tables = {split: _csv(root / name) for name, split in CSVS.items()}
    clips = []
    places: dict[str, str] = {}
    for split, entries in tables.items():
        for place, name, *_ in entries:
            if name in places:
                raise ReleaseError(f"{place}: duplicate id {name}, first in {places[name]}")
            places[name] = place
        labelled = [_clip(*row, split) for row in entries]
        if labelled and all(c.label == 0 and np.isnan(c.valence) for c in labelled):
            raise ReleaseError(
                f"{entries[0][0]}: all {len(entries)} labels are the placeholder (neutral, -10) "
                f"that MER2023-Baseline writes. {SOURCE}"
            )
        clips += labelled
    return clips


def _npz(path: Path) -> dict[str, list[Entry]]:
    """Return split -> (place, clip, emotion, valence) of every entry."""
    fault = media.problem(path)
    if fault:
        advice = "run `git lfs pull`" if fault == media.POINTER else SOURCE
        raise ReleaseError(f"{path}: {fault}. {advice}")
    try:
        corpora = restricted.load(path)
    except ValueError as error:
        raise ReleaseError(f"{error}. {SOURCE}") from None
    absent = CORPORA.keys() - corpora.keys()
    if absent:
        raise ReleaseError(f"{path} has no {', '.join(sorted(absent))}. {SOURCE}")
    tables = {}
    for corpus, split in CORPORA.items():
        place, entries = f"{path}, {corpus}", corpora[corpus]
        if not isinstance(entries, dict):
            kind = type(entries).__name__
            raise ReleaseError(f"{place} is a {kind}, expected clip -> emo and val. {SOURCE}")
        for name, entry in entries.items():
            if not isinstance(entry, dict) or not {"emo", "val"} <= entry.keys():
                raise ReleaseError(f"{place}: {name} is {entry!r}, without emo and val. {MEND}")
        tables[split] = [(place, name, e["emo"], e["val"]) for name, e in entries.items()]
    return tables


def _csv(path: Path) -> list[Entry]:
    if media.problem(path) == "missing":
        raise ReleaseError(f"neither label-6way.npz nor {path} found. {SOURCE}")
    columns = ("name", "discrete", "valence")
    entries = []
    reader = csv.DictReader(io.StringIO(read_text(path, SOURCE), newline=""), strict=True)
    try:
        if not set(columns) <= set(reader.fieldnames or ()):
            raise ReleaseError(f"{path}: expected columns {', '.join(columns)}. {SOURCE}")
        for row in reader:
            place = f"{path}, line {reader.line_num}"
            if not "".join(value or "" for value in row.values() if isinstance(value, str)).strip():
                continue
            if None in row or None in row.values():
                raise ReleaseError(
                    f"{place}: {row['name']} has not as many fields as the header has. {MEND}"
                )
            name, emotion, valence = (row[column].strip() for column in columns)
            entries.append((place, name, emotion, valence))
    except csv.Error as error:
        raise ReleaseError(f"{path}, after line {reader.line_num}: not CSV: {error}") from None
    return entries


def _clip(place: str, name: str, emotion: str, valence, split: str) -> EmotionClip:
    # It becomes the name of a file.
    if not isinstance(name, str) or name in ("", "..") or Path(name).name != name or "\0" in name:
        raise ReleaseError(f"{place}: {name!r} is no name of a clip. {MEND}")
    if not isinstance(emotion, str) or emotion not in CLASSES:
        known = ", ".join(CLASSES)
        raise ReleaseError(f"{place}: label {emotion!r} of {name} is not one of {known}. {MEND}")
    try:
        value = float(valence)
    except (TypeError, ValueError):
        raise ReleaseError(
            f"{place}: valence {valence!r} of {name} is no number. Write -10 where nobody rated "
            f"it. {MEND}"
        ) from None
    if value == NO_VALENCE:
        value = float("nan")
    elif not -5 <= value <= 5:
        raise ReleaseError(f"{place}: valence {value} of {name} is not in [-5, 5]. {MEND}")
    return EmotionClip(name, CLASSES.index(emotion), value, split)


def _with_folds(clips: list[EmotionClip], config: sections.PrepareSequences) -> list[EmotionClip]:
    train = [clip for clip in clips if clip.split == "train"]
    labels = [clip.label for clip in train]
    rarest = min(Counter(labels).values())
    if rarest < config.folds:
        raise ReleaseError(
            f"an emotion has {rarest} train clips, too few for {config.folds} folds: set "
            "prepare.folds to fewer"
        )
    # Here, because making a miniature imports this module and needs no scikit-learn.
    from sklearn.model_selection import StratifiedKFold

    dealer = StratifiedKFold(config.folds, shuffle=True, random_state=config.seed)
    fold: dict[str, int] = {}
    for number, (_, indices) in enumerate(dealer.split(labels, labels)):
        fold |= {train[i].id: number for i in indices}
    return [replace(clip, fold=fold.get(clip.id, -1)) for clip in clips]
