"""SUN RGB-D V1 (Song et al., CVPR 2015), scene classification, in its official layout.

    SUNRGBD/<sensor>/<collection>/<frame>/{image/*.jpg,depth/*.png,depth_bfx/*.png,scene.txt,…}
    SUNRGBDtoolbox/traintestSUNRGBD/allsplit.mat

Frames of `xtion/sun3ddata` lie two levels deeper. Of 10,335 frames 9,504 are of the nineteen scenes
of the official task; the others are dropped, not merged.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from companion.data import depth as depths
from companion.data import files
from companion.data.files import BadClip, place
from companion.data.release import ReleaseError, Report
from companion.data.sections import PICTURES, PrepareFeatures
from companion.data.sunrgbd_lists import LISTS, SOURCE, SPLIT, group, read

CLASSES = (
    *("bathroom", "bedroom", "classroom", "computer_room", "conference_room", "corridor"),
    *("dining_area", "dining_room", "discussion_area", "furniture_store", "home_office"),
    *("kitchen", "lab", "lecture_theatre", "library", "living_room", "office", "rest_space"),
    "study_space",
)
# Entries of the official lists, and those of them that are of the nineteen scenes.
OFFICIAL = {"train": (5_285, 4_845), "test": (5_050, 4_659)}
FOLDERS = {"refined": "depth_bfx", "raw": "depth"}


@dataclass(frozen=True)
class Frame:
    """One colour picture with its depth.

    Attributes:
        id: path of its folder below `SUNRGBD/`.
        label: position in the release's classes.
        split: "train" or "test".
        group: what was filmed in one go, so that frames look alike.
        folder: where its files are.
    """

    id: str
    label: int
    split: str
    group: str
    folder: Path


@dataclass(frozen=True)
class Release:
    """The frames of the official scenes, and how to read one.

    Attributes:
        root: of the release.
        classes: their names; a label is a position here.
        clips: all frames of them, in the order of the official lists.
        depth: folder of the depth that is read.
        encoding: of `depth.ENCODINGS`, how depth becomes a picture.
        checkpoint: of the network that makes the features.
        dropped: scene -> how many frames say so and are of no official scene.
        name: of the data set.
    """

    root: Path
    classes: tuple[str, ...]
    clips: tuple[Frame, ...]
    depth: str
    encoding: str
    checkpoint: Path
    dropped: dict[str, int] = field(default_factory=dict)
    name: str = "sunrgbd"

    modalities = PICTURES

    def part(self, clips: "tuple[Frame, ...]") -> "Release":
        """Return this release with some of its frames, as it is sent to a worker process."""
        return replace(self, clips=tuple(clips))

    def path(self, frame: Frame, modality: str) -> Path:
        """Return the file of a modality.

        Raises:
            BadClip: there is none, or more than one.
        """
        name, ending = ("image", "jpg") if modality == "rgb" else (self.depth, "png")
        folder = frame.folder / name
        found = sorted(folder.glob(f"*.{ending}")) if folder.is_dir() else []
        if len(found) != 1:
            there = f"{len(found)} files" if found else "no file"
            raise BadClip(f"{frame.id}/{name} has {there} *.{ending}, expected one ({modality})")
        return found[0]

    def pictures(self, frame: Frame) -> dict[str, np.ndarray]:
        """Return modality -> what a network is shown of it, `(H, W, 3)` uint8.

        Raises:
            BadClip: a file is missing, cannot be read, or is not what it should be.
        """
        metres = depths.read(self.path(frame, "depth"))
        if self.encoding == "grey":
            picture = depths.grey(metres)
        else:
            picture = depths.normals(metres, _intrinsics(frame.folder / "intrinsics.txt"))
        return {"rgb": _colour(self.path(frame, "rgb")), "depth": picture}

    def check(self) -> Report:
        """Look for every file, without opening it.

        Whether too many frames lack one is checked later, when the features are made.

        Returns:
            A row per split and modality, found and missing, and one per dropped scene.

        Raises:
            ReleaseError: a modality has no file at all.
        """
        lines, whole = [], {frame.id for frame in self.clips}
        for split in LISTS:
            for modality in self.modalities:
                counts: Counter[bool] = Counter()
                for frame in (f for f in self.clips if f.split == split):
                    try:
                        found = not files.problem(self.path(frame, modality))
                    except BadClip:
                        found = False
                    counts[found] += 1
                    if not found:
                        whole.discard(frame.id)
                lines.append((split, modality, counts[True], counts[False]))
                if not counts[True]:
                    raise ReleaseError(f"no {split} frame of {self.root} has {modality}. {SOURCE}")
        for scene, number in sorted(self.dropped.items()):
            lines.append(("dropped", scene, number, 0))
        import pandas as pd  # late, as in `companion.data.release`

        table = pd.DataFrame(lines, columns=["split", "modality", "found", "missing"])
        digest = hashlib.sha256("\n".join(sorted(whole)).encode()).hexdigest()
        return Report("SUN RGB-D", table, len(whole), len(self.clips), len(self.classes), digest)


def load(root: str | Path, config: PrepareFeatures) -> Release:
    """Read the official lists and the scenes under `root`; pictures are opened later.

    Args:
        root: folder that holds `SUNRGBD/` and `SUNRGBDtoolbox/`.
        config: which depth, how it becomes a picture, and the checkpoint, which is looked for from
            `root` on.

    Raises:
        ReleaseError: a list is missing, of another layout, or names a frame twice; frames without a
            scene; numbers that are not the official ones where the lists are; says where.
    """
    root = Path(root)
    listed = read(root / SPLIT)
    frames: list[Frame] = []
    dropped: Counter[str] = Counter()
    faults = []
    for split, paths in listed.items():
        for path in paths:
            folder = root / "SUNRGBD" / path
            try:
                scene = _scene(folder / "scene.txt")
            except BadClip as error:
                faults.append(f"{folder}: {error.reason}")
                continue
            if scene in CLASSES:
                frames.append(Frame(path, CLASSES.index(scene), split, group(path), folder))
            else:
                dropped[scene] += 1
    total = sum(map(len, listed.values()))
    if faults:
        first = "\n  ".join(faults[:3])
        raise ReleaseError(
            f"{len(faults)} of {total} frames of {root / SPLIT} have no scene:\n  {first}\n{SOURCE}"
        )
    _compare(root, listed, frames, dropped)
    here = sorted({frame.label for frame in frames if frame.split == "train"})
    unknown = [frame for frame in frames if frame.label not in here]
    if unknown:
        raise ReleaseError(
            f"{root}: {len(unknown)} test frames are of scenes without a train frame, the first is "
            f"{unknown[0].id} ({CLASSES[unknown[0].label]})"
        )
    for split in LISTS:
        if not any(frame.split == split for frame in frames):
            raise ReleaseError(f"the {split} list of {root / SPLIT} has no frame of the 19 scenes")
    return Release(
        root,
        tuple(CLASSES[label] for label in here),
        tuple(replace(frame, label=here.index(frame.label)) for frame in frames),
        FOLDERS[config.depth],
        config.encoding,
        root / config.checkpoint,
        dict(dropped),
    )


def _scene(path: Path) -> str:
    files.refuse(path)
    try:
        scene = path.read_text("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadClip(f"{place(path)} cannot be read: {error}") from None
    if not scene:
        raise BadClip(f"{place(path)} is empty")
    return scene


def _compare(
    root: Path, listed: dict[str, list[str]], frames: list[Frame], dropped: Counter[str]
) -> None:
    """Refuse lists that are the official ones and give other numbers than these do."""
    for split, (entries, kept) in OFFICIAL.items():
        found = sum(frame.split == split for frame in frames)
        if len(listed[split]) == entries and found != kept:
            rare = ", ".join(f"{scene} {n}" for scene, n in dropped.most_common(5))
            raise ReleaseError(
                f"{root}: {found} of the {entries} frames of {LISTS[split]} are of the 19 scenes, "
                f"the official number is {kept}: a scene.txt is not as in the release. Dropped as "
                f"other scenes: {rare}"
            )


def _colour(path: Path) -> np.ndarray:
    files.refuse(path)
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except OSError as error:
        raise BadClip(f"{place(path)} is no whole image: {error}") from None


def _intrinsics(path: Path) -> np.ndarray:
    files.refuse(path)
    try:
        numbers = [float(word) for word in path.read_text("utf-8").split()]
    except (OSError, ValueError) as error:
        raise BadClip(f"{place(path)} cannot be read: {error}") from None
    if len(numbers) != 9 or not np.isfinite(numbers).all() or not numbers[0] * numbers[4]:
        raise BadClip(
            f"{place(path)} has {len(numbers)} numbers, expected 3 x 3 with focal lengths"
        )
    return np.array(numbers).reshape(3, 3)
