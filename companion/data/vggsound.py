"""VGGSound (Chen et al., ICASSP 2020) in its official layout, real or miniature.

    vggsound.csv   stat.csv   test.csv   video/*.mp4

The list names 199,176 clips of YouTube (183,730 train, 15,446 test), and videos die: everybody has
different survivors. The paper had 168,618 + 13,954 of them and never said which, so that its subset
cannot be reproduced. `Release.check` tells how many of the list are here and gives the SHA-256 of
their ids, by which two people see whether they have the same.
"""

import re
from pathlib import Path

from companion.data.release import Clip, Release, ReleaseError, read_list

LISTS = "data/{} of the repository hche11/VGGSound"
_YOUTUBE = re.compile(r"[\w-]{11}", re.ASCII)
# The start has six digits in the file names.
_START = re.compile("[0-9]{1,6}")


def load(root: str | Path, split: str = "published") -> Release:
    """Read the lists of the release under `root`; media files are opened later.

    Labels are positions in the alphabetical order of the names in `stat.csv`. OGM-GE and the
    official OLM code number classes by their first clip found on disk instead, which differs from
    one set of survivors to the next.

    Args:
        root: folder with `vggsound.csv`, `stat.csv` (309 classes; another number is accepted, as a
            miniature has, and `Release.check` tells it), and the clips as `video/ID_START.mp4`,
            START with six digits or, where that file is missing, without padding (OGM-GE's naming).
            If `test.csv` is there, it must name the test clips of `vggsound.csv`.
        split: "published"; no other, since nobody knows who acts in a clip.

    Returns:
        All listed clips, found or not; one file holds sound and picture, `group` is the YouTube id.

    Raises:
        ReleaseError: a list is missing, empty, wrong or at odds with another; says where.
    """
    root = Path(root)
    if split != "published":
        raise ReleaseError(f"split {split!r}: VGGSound has no actors, only 'published'")
    labels = _labels(root / "stat.csv")
    folder = root / "video"
    # One listing is far quicker than asking for 400,000 names one by one.
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    clips: dict[str, Clip] = {}
    places: dict[str, str] = {}
    for place, row in _read(root / "vggsound.csv", "youtube_id,start_seconds,label,split"):
        clip = _clip(folder, there, labels, row, place)
        if clip.id in clips:
            raise ReleaseError(f"{place}: duplicate clip {clip.id}, first in {places[clip.id]}")
        clips[clip.id], places[clip.id] = clip, place
    for part in ("train", "test"):
        if not any(clip.split == part for clip in clips.values()):
            raise ReleaseError(f"{root / 'vggsound.csv'} has no {part} clip of {len(clips)}")
    if (root / "test.csv").exists():
        _compare(root / "test.csv", {c.id for c in clips.values() if c.split == "test"})
    return Release("vggsound", tuple(labels), tuple(clips.values()), perishable=True)


def _read(path: Path, columns: str) -> list[tuple[str, list[str]]]:
    return read_list(
        path,
        columns,
        f"Put the published list there ({LISTS.format(path.name)}), beside video/ with the clips; "
        "or make a miniature with the `miniature` stage",
    )


def _labels(path: Path) -> dict[str, int]:
    places: dict[str, str] = {}
    # The group came later: older copies of the list have two columns.
    for place, row in _read(path, "class,count,[group]"):
        if row[0] in places:
            raise ReleaseError(f"{place}: duplicate class {row[0]!r}, first in {places[row[0]]}")
        if not re.fullmatch("[0-9]+", row[1]):
            raise ReleaseError(f"{place}: count {row[1]!r} of {row[0]!r} is not a number")
        places[row[0]] = place
    return {name: label for label, name in enumerate(sorted(places))}


def _clip(
    folder: Path, there: set[str], labels: dict[str, int], row: list[str], place: str
) -> Clip:
    youtube, start, label, split = row
    if not _YOUTUBE.fullmatch(youtube):
        raise ReleaseError(f"{place}: {youtube!r} is not a YouTube id of 11 characters")
    if not _START.fullmatch(start):
        raise ReleaseError(f"{place}: start {start!r} of {youtube} is not a whole second")
    if label not in labels:
        raise ReleaseError(
            f"{place}: label {label!r} of {youtube} is not one of the {len(labels)} classes of "
            "stat.csv; both lists must be of the same release"
        )
    if split not in ("train", "test"):
        raise ReleaseError(f"{place}: split {split!r} of {youtube} is not train or test")
    name = f"{youtube}_{int(start):06d}"
    unpadded = f"{youtube}_{int(start)}.mp4"
    file = f"{name}.mp4"
    path = folder / (unpadded if file not in there and unpadded in there else file)
    return Clip(name, labels[label], split, youtube, audio=path, video=path)


def _compare(path: Path, listed: set[str]) -> None:
    """Refuse a test list that is not the test part of the main list."""
    named = {row[0].removesuffix(".mp4") for _, row in _read(path, "file,label")}
    if named != listed:
        raise ReleaseError(
            f"{path} names {len(named)} clips and vggsound.csv has {len(listed)} test clips; "
            f"{len(named - listed)} are in the first only, {len(listed - named)} in the second "
            f"only, such as {min(named ^ listed)}; both lists must be of the same release"
        )
