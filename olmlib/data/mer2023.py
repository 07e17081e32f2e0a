"""MER2023 (MER-MULTI) in its official processed layout, real or miniature (datasets.md 6).

    label-6way.npz   or   train-label.csv and test1-label.csv      transcription.csv
    features/<FOLDER>/<clip>.npy     openface_hog/<clip>/<clip>.npy

Train&Val is split into folds, MER-MULTI is the test split; MER-NOISE and MER-SEMI are not read.
"""

import csv
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from olmlib import params
from olmlib.data import restricted
from olmlib.data.release import ReleaseError

# The order of MER2023-Baseline and MERTools.
CLASSES = ("neutral", "angry", "happy", "sad", "worried", "surprise")
CORPORA = {"train_corpus": "train", "test1_corpus": "test"}
CSVS = {"train-label.csv": "train", "test1-label.csv": "test"}
NO_VALENCE = -10.0
SOURCE = (
    "Labels come with the challenge's release (huggingface.co, MERChallenge/MER2023, on request); "
    "the real labels of MER-MULTI are in MERTools' label-6way.npz or in test1-label.csv"
)


class BadFeature(Exception):
    """A feature file that cannot be used; the message is the reason in `rejected.csv`."""


@dataclass(frozen=True)
class Clip:
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
    clips: tuple[Clip, ...]
    features: dict[str, str]
    widths: dict[str, int]

    def path(self, clip: Clip, modality: str) -> Path:
        """Return the feature file of a clip, whether it is there or not."""
        folder = self.features[modality]
        if folder == "openface_hog":
            return self.root / folder / clip.id / f"{clip.id}.npy"
        return self.root / "features" / folder / f"{clip.id}.npy"

    def rows(self, clip: Clip, modality: str) -> np.ndarray:
        """Return the features of a clip, `(T, d)` float32; one vector becomes one row.

        Raises:
            BadFeature: the file is missing, empty, unreadable, or holds NaN or infinite values.
            ReleaseError: rows of another width: the folder is that of another extractor.
        """
        path = self.path(clip, modality)
        try:
            found = np.load(path, allow_pickle=False)
        except FileNotFoundError:
            raise BadFeature(f"no {modality} features: {path} not found") from None
        except (ValueError, EOFError, OSError) as error:
            raise BadFeature(f"{path} cannot be read: {error}") from None
        # Utterance-level files and single HuBERT frames are stored without their first dimension.
        found = found[None] if found.ndim == 1 else found
        if found.ndim != 2 or not len(found):
            raise BadFeature(f"{path} has shape {found.shape}, expected rows x width")
        if found.shape[1] != self.widths[modality]:
            raise ReleaseError(
                f"{path} has rows of width {found.shape[1]}, params.yaml says that {modality} has "
                f"{self.widths[modality]}: set prepare.widths, or prepare.features to its folder"
            )
        if not np.isfinite(found).all():
            raise BadFeature(f"{path} holds NaN or infinite values")
        return found.astype(np.float32)

    def check(self) -> pd.DataFrame:
        """Return a row per split and modality: clips found and missing.

        Raises:
            ReleaseError: a modality has not one file.
        """
        lines = []
        for split in ("train", "test"):
            clips = [clip for clip in self.clips if clip.split == split]
            for modality in self.features:
                found = sum(self.path(clip, modality).is_file() for clip in clips)
                lines.append((split, modality, found, len(clips) - found))
                if not found:
                    place = self.path(clips[0], modality)
                    raise ReleaseError(
                        f"no {split} clip has {modality} features; the first should be {place}. "
                        "`python -m olmlib.extract` makes them from the clips"
                    )
        return pd.DataFrame(lines, columns=["split", "modality", "found", "missing"])


def load(root: str | Path, config: params.PrepareSequences) -> Release:
    """Read the labels under `root`; feature files are opened later.

    Args:
        root: folder of the processed layout.
        config: folders, widths, number of folds and the seed that deals them.

    Raises:
        ReleaseError: labels are missing, placeholders, outside the six emotions, twice there, or
            too few; or the file asks for code to be run.
    """
    root = Path(root)
    clips = sorted(_labels(root), key=lambda clip: (clip.split == "test", clip.id))
    twice = [name for name, n in Counter(clip.id for clip in clips).items() if n > 1]
    if twice:
        raise ReleaseError(f"{root}: duplicate id {twice[0]} ({len(twice)} in all)")
    for split in ("train", "test"):
        if not any(clip.split == split for clip in clips):
            raise ReleaseError(f"the {split} split of {root} has no clip. {SOURCE}")
    return Release(root, tuple(_with_folds(clips, config)), config.features, config.widths)


def _labels(root: Path) -> list[Clip]:
    path = root / "label-6way.npz"
    if path.is_file():
        try:
            corpora = restricted.load(path)
        except ValueError as error:
            raise ReleaseError(str(error)) from None
        absent = CORPORA.keys() - corpora.keys()
        if absent:
            raise ReleaseError(f"{path} has no {', '.join(sorted(absent))}. {SOURCE}")
        tables = {
            (f"{path}, {name}", split): [(c, v["emo"], v["val"]) for c, v in corpora[name].items()]
            for name, split in CORPORA.items()
        }
    else:
        tables = {(str(root / name), split): _csv(root / name) for name, split in CSVS.items()}
    clips = []
    for (place, split), rows in tables.items():
        if rows and {(emo, float(val)) for _, emo, val in rows} == {("neutral", NO_VALENCE)}:
            raise ReleaseError(
                f"{place}: all {len(rows)} labels are the placeholder (neutral, -10) that "
                f"MER2023-Baseline writes. {SOURCE}"
            )
        clips += [_clip(name, emo, val, split, place) for name, emo, val in rows]
    return clips


def _csv(path: Path) -> list[tuple[str, str, str]]:
    if not path.is_file():
        raise ReleaseError(f"neither label-6way.npz nor {path} found. {SOURCE}")
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        wanted = {"name", "discrete", "valence"}
        if not wanted <= set(reader.fieldnames or ()):
            raise ReleaseError(f"{path}: expected columns name, discrete, valence")
        return [(row["name"], row["discrete"], row["valence"]) for row in reader]


def _clip(name: str, emotion: str, valence, split: str, place: str) -> Clip:
    if emotion not in CLASSES:
        known = ", ".join(CLASSES)
        raise ReleaseError(f"{place}: label {emotion!r} of {name} is not one of {known}")
    try:
        value = float(valence)
    except ValueError:
        raise ReleaseError(f"{place}: valence {valence!r} of {name} is no number") from None
    if value == NO_VALENCE:
        value = float("nan")
    elif not -5 <= value <= 5:
        raise ReleaseError(f"{place}: valence {value} of {name} is not in [-5, 5]")
    return Clip(name, CLASSES.index(emotion), value, split)


def _with_folds(clips: list[Clip], config: params.PrepareSequences) -> list[Clip]:
    train = [clip for clip in clips if clip.split == "train"]
    labels = [clip.label for clip in train]
    rarest = min(Counter(labels).values())
    if rarest < config.folds:
        raise ReleaseError(
            f"an emotion has {rarest} train clips, too few for {config.folds} folds: set "
            "prepare.folds to fewer"
        )
    dealer = StratifiedKFold(config.folds, shuffle=True, random_state=config.seed)
    fold = {}
    for number, (_, rows) in enumerate(dealer.split(labels, labels)):
        fold |= {train[i].id: number for i in rows}
    return [replace(clip, fold=fold.get(clip.id, -1)) for clip in clips]
