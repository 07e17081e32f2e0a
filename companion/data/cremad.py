"""CREMA-D (Cao et al., IEEE TAFFC 2014) in its official layout, real or miniature.

    AudioWAV/*.wav   VideoFlash/*.flv   train.csv   test.csv

The lists are the published ones that all papers on imbalance use: two columns, name and acted
emotion, no header.
"""

import re
from dataclasses import replace
from pathlib import Path

from companion.data.release import Clip, Release, ReleaseError, hold_out_groups, read_list

# Index order of OGM-GE, PMR and the official OLM code; MMCosine sorts by name instead.
CLASSES = ("NEU", "HAP", "SAD", "FEA", "DIS", "ANG")
SENTENCES = "IEO TIE IOM IWW TAI MTI IWL ITH DFA ITS TSI WSI".split()
# The README of the release lists these; all are in the published train list.
BROKEN = ("1076_MTI_SAD_XX", "1076_MTI_NEU_XX", "1064_TIE_SAD_XX", "1064_IEO_DIS_MD")
_NAME = re.compile(
    rf"(?P<actor>\d{{4}})_(?:{'|'.join(SENTENCES)})_(?P<emotion>{'|'.join(CLASSES)})_(?:LO|MD|HI|XX)"
)


def load(
    root: str | Path, split: str = "published", drop_broken: bool = False, seed: int = 0
) -> Release:
    """Read the lists of the release under `root`; media files are opened later.

    Args:
        root: folder of the official layout, with `train.csv` and `test.csv`.
        split: "published" (random over clips: actors are shared), or "actor" (about 15 % of the
            actors are the test split and nobody is in both).
        drop_broken: leave out the four clips that the release's README calls broken.
        seed: of the actor split.

    Raises:
        ReleaseError: a list is missing, empty or wrong, or a split has no clip; says where.
    """
    root = Path(root)
    if split not in ("published", "actor"):
        raise ReleaseError(f"split {split!r} is not one of published, actor")
    seen: dict[str, str] = {}
    clips = [c for part in ("train", "test") for c in _read(root, part, seen)]
    if drop_broken:
        clips = [c for c in clips if c.id not in BROKEN]
    if split == "actor":
        held_out = hold_out_groups((c.group for c in clips), seed)
        clips = [replace(c, split="test" if c.group in held_out else "train") for c in clips]
    for part in ("train", "test"):
        if not any(c.split == part for c in clips):
            raise ReleaseError(f"the {part} split of {root} has no clip")
    return Release("cremad", CLASSES, tuple(clips))


def _read(root: Path, part: str, seen: dict[str, str]) -> list[Clip]:
    """Read one list; `seen` maps each clip to the place that named it first."""
    lines = read_list(
        root / f"{part}.csv",
        "name,emotion",
        f"Put the published list there (data/CREMAD/{part}.csv of the repository "
        "GeWu-Lab/OGM-GE_CVPR2022), beside AudioWAV/ and VideoFlash/ of the release "
        "CheyneyComputerScience/CREMA-D; or make a miniature with the `miniature` stage",
    )
    clips = []
    for place, row in lines:
        clips.append(_clip(root, part, row, place))
        name = clips[-1].id
        if name in seen:
            raise ReleaseError(f"{place}: duplicate id {name}, first in {seen[name]}")
        seen[name] = place
    return clips


def _clip(root: Path, part: str, row: list[str], place: str) -> Clip:
    name, label = row
    if label not in CLASSES:
        raise ReleaseError(f"{place}: label {label!r} of {name} is not one of {', '.join(CLASSES)}")
    match = _NAME.fullmatch(name)
    if not match:
        raise ReleaseError(f"{place}: {name!r} is not ACTOR_SENTENCE_EMOTION_LEVEL")
    if match["emotion"] != label:
        raise ReleaseError(f"{place}: label {label} disagrees with the file name {name}")
    return Clip(
        id=name,
        label=CLASSES.index(label),
        split=part,
        group=match["actor"],
        audio=root / "AudioWAV" / f"{name}.wav",
        video=root / "VideoFlash" / f"{name}.flv",
    )
