"""Kinetics-Sounds in the layout that its users share, real or miniature.

    my_train.txt   my_test.txt   k31/video_{train,test}/*.mp4   k31/audio_{train,test}/*.wav

There is no official release: these are the lists of OGM-GE, PMR and the official OLM code, 14,799
and 2,597 clips of 31 classes of Kinetics-400, where the paper counts 15,000 and 1,900 (and 1,900
more for a dev split that nobody published). Where the test clips come from is not known.
"""

import re
from pathlib import Path

from companion.data.release import Clip, Release, ReleaseError, read_list

# The published lists hold numbers without names. These are the 31 classes that issue 3 of the
# repository IBM/AdaMML names, in alphabetical order; clips that Kinetics lists as well agree.
CLASSES = (
    "blowing nose",
    "blowing out candles",
    "bowling",
    "chopping wood",
    "dribbling basketball",
    "laughing",
    "mowing lawn",
    "playing accordion",
    "playing bagpipes",
    "playing bass guitar",
    "playing clarinet",
    "playing drums",
    "playing guitar",
    "playing harmonica",
    "playing keyboard",
    "playing organ",
    "playing piano",
    "playing saxophone",
    "playing trombone",
    "playing trumpet",
    "playing violin",
    "playing xylophone",
    "ripping paper",
    "shoveling snow",
    "shuffling cards",
    "singing",
    "stomping grapes",
    "tap dancing",
    "tapping guitar",
    "tapping pen",
    "tickling",
)
SECONDS = "10"
# A YouTube id may hold "_" and "-" itself, so only its length tells where it ends.
_ID = {
    "train": (re.compile(r"([\w-]{11})_\d{6}_\d{6}", re.ASCII), "YOUTUBEID_START_END, six digits"),
    "test": (re.compile(r"([\w-]{11})_(?:0|[1-9]\d*)", re.ASCII), "YOUTUBEID_NUMBER, not padded"),
}


def load(root: str | Path, split: str = "published") -> Release:
    """Read the lists of the release under `root`; media files are opened later.

    Args:
        root: folder with `my_train.txt`, `my_test.txt` and `k31/`.
        split: "published"; no other, since nobody knows who acts in a clip.

    Returns:
        The clips with all 31 classes, whichever the lists have; `group` is the YouTube id.

    Raises:
        ReleaseError: a list is missing, empty or wrong, or a YouTube video is in both; says where.
    """
    root = Path(root)
    if split != "published":
        raise ReleaseError(f"split {split!r}: Kinetics-Sounds has no actors, only 'published'")
    clips: dict[str, Clip] = {}
    places: dict[str, str] = {}
    videos: dict[str, Clip] = {}
    for part in ("train", "test"):
        for place, row in _read(root, part):
            clip = _clip(root, part, row, place)
            if clip.id in clips:
                raise ReleaseError(f"{place}: duplicate id {clip.id}, first in {places[clip.id]}")
            first = videos.setdefault(clip.group, clip)
            if first.split != part:
                raise ReleaseError(
                    f"{place}: {clip.id} is cut from the YouTube video {clip.group}, and so is "
                    f"{first.id} in {places[first.id]}: the lists must not share a video"
                )
            clips[clip.id], places[clip.id] = clip, place
    return Release("ks", CLASSES, tuple(clips.values()))


def _read(root: Path, part: str) -> list[tuple[str, list[str]]]:
    return read_list(
        root / f"my_{part}.txt",
        "id,10,label",
        f"Put the published list there (data/KineticSound/my_{part}.txt of the repository "
        "GeWu-Lab/OGM-GE_CVPR2022), beside k31/ with the clips, which you cut from the videos of "
        "Kinetics-400 (cvdfoundation/kinetics-dataset) yourself; or make a miniature with the "
        "`miniature` stage",
    )


def _clip(root: Path, part: str, row: list[str], place: str) -> Clip:
    name, seconds, label = row
    pattern, form = _ID[part]
    match = pattern.fullmatch(name)
    if not match:
        raise ReleaseError(f"{place}: {name!r} is not {form}, as the {part} list has them")
    if seconds != SECONDS:
        raise ReleaseError(f"{place}: {name} lasts {seconds!r}, all clips last {SECONDS} seconds")
    if not re.fullmatch("[0-9]+", label) or int(label) >= len(CLASSES):
        raise ReleaseError(f"{place}: label {label!r} of {name} is not in 0 ... {len(CLASSES) - 1}")
    return Clip(
        id=name,
        label=int(label),
        split=part,
        group=match[1],
        audio=root / "k31" / f"audio_{part}" / f"{name}.wav",
        video=root / "k31" / f"video_{part}" / f"{name}.mp4",
    )
