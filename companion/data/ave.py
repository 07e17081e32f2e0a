"""AVE, audio-visual event localization (Tian et al., ECCV 2018), real or miniature.

    Annotations.txt   trainSet.txt  valSet.txt  testSet.txt     Category&VideoID&Quality&Start&End
    visual_feature.h5 (N, 10, 7, 7, 512)   audio_feature.h5 (N, 10, 128)
    AVE/*.mp4
    train_order.h5, val_order.h5, test_order.h5, labels.h5, mil_labels.h5, labels_closs.h5

Every clip has ten segments of a second, one event in some of them, and background in the others.
The last two lines may be absent: order and label files are compared with the lists where they are
there, and stand in for `trainSet.txt` and so on where those are not. Row i of a feature file is
line i of `Annotations.txt`. A video may have several events, on lines of their own, so that a clip
is told by category and video.
"""

import hashlib
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from companion.data import ave_lists, files, sections
from companion.data.ave_lists import CLASSES, KEY, PARTS, SEGMENTS, SOURCE, Event
from companion.data.hdf5 import Array
from companion.data.release import ReleaseError, Report
from olmlib.data.segments import segment_labels

ROWS = (
    "Its rows are the lines of Annotations.txt, in that order; features extracted file by file "
    f"have fewer, since a video with two events has one file. {SOURCE}"
)


@dataclass(frozen=True)
class Release:
    """The clips and where their features lie.

    Attributes:
        root: of the release.
        classes: names of the events, without background.
        clips: all of them, in the order of the feature files.
        shapes: modality -> shape of a segment's features.
        names: modality -> file below `root`.
        rows: of the feature files.
        name: of the data set.
    """

    root: Path
    classes: tuple[str, ...]
    clips: tuple[Event, ...]
    shapes: dict[str, tuple[int, ...]]
    names: dict[str, str]
    rows: int
    name: str = "ave"

    def features(self, modality: str, dtype: type[np.generic] = np.float32) -> Array:
        """Return the features of a modality, `(N, 10, ...)`, of which nothing is read yet.

        Args:
            modality: "audio" or "visual".
            dtype: to read them as; the release stores 64 bits.

        Raises:
            ReleaseError: the file is missing, not whole, or of another shape.
        """
        shape = self.rows, SEGMENTS, *self.shapes[modality]
        sizes = f"A segment's shape is prepare.{modality} in params.yaml"
        return Array(self.root / self.names[modality], KEY, shape, f"{sizes}. {ROWS}", dtype)

    def video(self, clip: Event) -> Path:
        """Return the video of a clip, whether it is there or not."""
        return self.root / "AVE" / f"{clip.group}.mp4"

    def labels(self) -> np.ndarray:
        """Return the label of every clip's segments, `(len(clips), 10)`; background is the last."""
        columns = np.array([(c.label, c.start, c.end) for c in self.clips], np.int64)
        label, start, end = columns.T
        return segment_labels(label, start, end, SEGMENTS, len(self.classes))

    def present(self) -> "Release":
        """Return this release with the classes of its train list only, in the same order.

        A miniature has some of the classes; labels are then counted over those. The real lists name
        every class, and nothing changes.

        Raises:
            ReleaseError: a class is in another list and not in the train list.
        """
        kept = sorted({clip.label for clip in self.clips if clip.split == "train"})
        place = {old: new for new, old in enumerate(kept)}
        unknown = [clip for clip in self.clips if clip.label not in place]
        if unknown:
            raise ReleaseError(
                f"{self.root}: {len(unknown)} clips are of classes without a train clip, the first "
                f"is {unknown[0].id}"
            )
        clips = tuple(replace(clip, label=place[clip.label]) for clip in self.clips)
        return replace(self, classes=tuple(self.classes[i] for i in kept), clips=clips)

    def check(self) -> Report:
        """Look at the shapes of features and labels, and for every video, without decoding any.

        Returns:
            A row per split and modality: clips found and missing. A clip counts as used if it has
            features; its video is for a picture only.

        Raises:
            ReleaseError: a feature file is missing or not as it should be, or a label file is of
                another shape.
        """
        for modality in self.names:
            self.features(modality)
        for name, (differ, first) in self.published().items():
            if differ:
                warnings.warn(
                    f"{self.root / name}: {differ} of {len(self.clips)} clips are labelled "
                    f"otherwise than the lists say, the first is {first}; the lists are used",
                    stacklevel=2,
                )
        lines = []
        for split in PARTS.values():
            clips = [clip for clip in self.clips if clip.split == split]
            lines += [(split, modality, len(clips), 0) for modality in self.names]
            there = sum(files.problem(self.video(clip)) is None for clip in clips)
            lines.append((split, "video", there, len(clips) - there))
        import pandas as pd  # late, as in `companion.data.release`

        table = pd.DataFrame(lines, columns=["split", "modality", "found", "missing"])
        digest = hashlib.sha256("\n".join(sorted(c.id for c in self.clips)).encode()).hexdigest()
        total = len(self.clips)
        return Report("AVE", table, total, total, len(self.classes), digest)

    def published(self) -> dict[str, tuple[int, str]]:
        """Compare the label files that are there with the lists.

        Returns:
            File -> how many clips it labels otherwise, and the id of the first of them, or "".

        Raises:
            ReleaseError: a file is not whole or of another shape.
        """
        # Label files count over all 28 classes, whichever a miniature has.
        place = np.array([*(CLASSES.index(name) for name in self.classes), len(CLASSES)])
        ours = place[self.labels()]
        rows = [clip.row for clip in self.clips]
        compared = {}
        columns = len(CLASSES) + 1
        shapes: dict[str, tuple[int, ...]] = {
            "labels.h5": (SEGMENTS, columns),
            "mil_labels.h5": (columns,),
            "labels_closs.h5": (SEGMENTS,),
        }
        for name, shape in shapes.items():
            if not (self.root / name).exists():
                continue
            theirs = Array(self.root / name, KEY, (self.rows, *shape), ROWS)[:][rows]
            if name == "labels_closs.h5":
                differ = (theirs != (ours < len(CLASSES))).any(1)
            elif name == "mil_labels.h5":
                wanted = np.eye(columns)[place[[clip.label for clip in self.clips]]]
                differ = (theirs != wanted).any(1)
            else:
                differ = (theirs != np.eye(columns)[ours]).any((1, 2))
            first = self.clips[int(differ.argmax())].id if differ.any() else ""
            compared[name] = int(differ.sum()), first
        return compared


def load(root: str | Path, config: sections.PrepareSegments) -> Release:
    """Read the lists under `root`; feature files are opened later.

    Args:
        root: folder of the release.
        config: shapes of a segment's features.

    Returns:
        The clips with all 28 classes, whichever the lists have.

    Raises:
        ReleaseError: a list is missing, empty or wrong, an order file does not fit, or a clip is in
            no split or in two; says where.
    """
    clips = ave_lists.read(root := Path(root))
    return Release(
        root=root,
        classes=CLASSES,
        clips=clips,
        shapes={"audio": (config.audio,), "visual": config.visual},
        names={"audio": "audio_feature.h5", "visual": "visual_feature.h5"},
        rows=len(clips),
    )
