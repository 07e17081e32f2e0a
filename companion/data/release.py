"""What the data sets have in common: named clips with a label, a split and two files."""

import csv
import hashlib
import io
import math
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from companion.data import media

if TYPE_CHECKING:
    import pandas as pd

MISSING_ALLOWED = 0.01


class ReleaseError(ValueError):
    """A release that cannot be read as it is; the message says which file and what to do."""


@dataclass(frozen=True)
class Clip:
    """One recording.

    Attributes:
        id: name, unique in its release.
        label: position in the release's classes.
        split: "train" or "test"; "dev" where the release says that too.
        group: actor, speaker, or the video on YouTube that it was cut from.
        audio: file with the sound.
        video: file with the picture; it may be the same one.
    """

    id: str
    label: int
    split: str
    group: str
    audio: Path
    video: Path


@dataclass(frozen=True)
class Report:
    """What `Release.check` found.

    Attributes:
        name: of the release.
        table: a row per split and modality: found, missing, empty, Git-LFS pointer (counts), and
            what else is wrong with a file, where one is not as it should be.
        used: clips whose two files were found.
        total: clips of the release.
        classes: their number.
        digest: SHA-256 of the sorted used ids, to tell whether two people have the same data.
    """

    name: str
    table: "pd.DataFrame"
    used: int
    total: int
    classes: int
    digest: str

    def __str__(self) -> str:
        """Return the table with a line on what it means."""
        line = (
            f"{self.name}: {self.used} of {self.total} clips usable, {self.classes} classes, "
            f"ids {self.digest[:16]}"
        )
        return f"{self.table.to_string(index=False)}\n{line}"


@dataclass(frozen=True)
class Release:
    """The clips of a data set, in a fixed order, and how to read one.

    A data set whose clips are not a sound file and a video file overrides `waveform` and `frames`.

    Attributes:
        name: of the data set.
        classes: their names; a label is a position here.
        clips: all of them, in the order of the published lists.
        perishable: listed clips may be gone for good, so that `check` warns where it would raise.
    """

    name: str
    classes: tuple[str, ...]
    clips: tuple[Clip, ...]
    perishable: bool = field(default=False, kw_only=True)

    def __post_init__(self):
        """Refuse duplicate ids and labels without a class."""
        twice = [name for name, n in Counter(c.id for c in self.clips).items() if n > 1]
        if twice:
            raise ReleaseError(f"{self.name}: duplicate id {twice[0]} ({len(twice)} in all)")
        for clip in self.clips:
            if not 0 <= clip.label < len(self.classes):
                raise ReleaseError(f"{self.name}: label {clip.label} of {clip.id} has no class")

    def part(self, clips: Iterable[Clip]) -> "Release":
        """Return this release with some of its clips, as it is sent to a worker process."""
        return replace(self, clips=tuple(clips))

    def present(self) -> "Release":
        """Return this release with the classes of its train list only, in the same order.

        A miniature has some of the classes; labels are then counted over those. Where the train
        list names every class, nothing changes; so it is with the real lists of CREMA-D and
        Kinetics-Sounds (a test checks it). It looks at lists and not at files: a missing file never
        changes a label.

        Raises:
            ReleaseError: a class has clips in the test list and none in the train list.
        """
        kept = sorted({clip.label for clip in self.clips if clip.split == "train"})
        place = {old: new for new, old in enumerate(kept)}
        unknown = [clip for clip in self.clips if clip.label not in place]
        if unknown:
            raise ReleaseError(
                f"{self.name}: {len(unknown)} test clips are of classes without a train clip, the "
                f"first is {unknown[0].id} ({self.classes[unknown[0].label]})"
            )
        if len(kept) == len(self.classes):
            return self
        clips = tuple(replace(clip, label=place[clip.label]) for clip in self.clips)
        return replace(self, classes=tuple(self.classes[i] for i in kept), clips=clips)

    def waveform(self, clip: Clip, sample_rate: int) -> np.ndarray:
        """Return the sound of `clip`, `(samples,)` float32; see `media.waveform`."""
        return media.waveform(clip.audio, sample_rate)

    def frames(self, clip: Clip, count: int, size: int) -> np.ndarray:
        """Return frames of `clip`, `(count, size, size, 3)` uint8; see `media.frames`."""
        return media.frames(clip.video, count, size)

    def check(self, strict: bool = True) -> Report:
        """Look for every file, without decoding it.

        Args:
            strict: raise if more than 1 % of the clips lack a file. A `perishable` release warns
                instead, as long as each split has a clip left.

        Raises:
            ReleaseError: too many files missing, empty or Git-LFS pointers; names the first.
        """
        paths = dict.fromkeys(p for clip in self.clips for p in (clip.audio, clip.video))
        problems = {path: media.problem(path) for path in paths}
        kinds = ["missing", "empty", media.POINTER]
        # Rare: a folder, a link that leads nowhere, a file that may not be read.
        kinds += sorted({kind for kind in problems.values() if kind} - {*kinds})
        rows = []
        faults: dict[str, str] = {}
        for split in dict.fromkeys(clip.split for clip in self.clips):
            for modality in ("audio", "video"):
                count: Counter[str | None] = Counter()
                for clip in self.clips:
                    if clip.split == split:
                        path = getattr(clip, modality)
                        count[problems[path]] += 1
                        if problems[path]:
                            faults.setdefault(clip.id, f"{path}: {problems[path]}")
                row = {"split": split, "modality": modality, "found": count[None]}
                rows.append(row | {kind: count[kind] for kind in kinds})
        used = sorted(clip.id for clip in self.clips if clip.id not in faults)
        digest = hashlib.sha256("\n".join(used).encode()).hexdigest()
        total = len(self.clips)
        # Late: processes that decode clips have no need of it, and it takes most of a second.
        import pandas as pd

        report = Report(self.name, pd.DataFrame(rows), len(used), total, len(self.classes), digest)
        if strict and len(faults) > MISSING_ALLOWED * total:
            advice = ""
            if (report.table["Git-LFS pointer"] > 0).any():
                advice = "\nA ZIP download holds pointers only: clone with Git LFS, `git lfs pull`."
            first = "\n  ".join(list(faults.values())[:5])
            text = (
                f"{len(faults)} of {total} clips lack a file, more than "
                f"{MISSING_ALLOWED:.0%}:\n  {first}{advice}\n{report}"
            )
            # No dead video explains a split without a single file: that is the wrong folder.
            if not self.perishable or (report.table["found"] == 0).any():
                raise ReleaseError(text)
            share = math.ceil(1000 * len(faults) / total) / 1000
            text += f"\nTo prepare the others, set max_rejected to {share} or more in params.yaml"
            warnings.warn(text, stacklevel=2)
        return report


def read_list(path: Path, columns: str, advice: str) -> list[tuple[str, list[str]]]:
    """Read a published list: CSV without header.

    Args:
        path: of the list, UTF-8.
        columns: their names, joined by commas; those in brackets may be left out.
        advice: where to get the list, for the error if it is missing.

    Returns:
        The place, "FILE, line N", and the stripped fields of every line that is not blank.

    Raises:
        ReleaseError: missing, empty, a Git-LFS pointer, not CSV, or another number of columns.
    """
    text = read_text(path, advice)
    names = columns.split(",")
    numbers = range(sum("[" not in name for name in names), len(names) + 1)
    lines = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            place = f"{path}, line {reader.line_num}"
            row = [value.strip() for value in row]
            if row in ([], [""]):
                continue
            if len(row) not in numbers:
                raise ReleaseError(
                    f"{place}: expected {columns} (fields end with a comma, one that has a comma "
                    f"stands in quotes), found {len(row)} columns: {','.join(row)}"
                )
            lines.append((place, row))
    except csv.Error as error:
        raise ReleaseError(f"{path}, line {reader.line_num + 1}: not CSV: {error}") from None
    if not lines:
        raise ReleaseError(f"{path} is empty: expected lines of {columns}. {advice}")
    return lines


def read_text(path: Path, advice: str) -> str:
    """Return the text of a list, without the mark that some editors put before it.

    Args:
        path: of the list, UTF-8.
        advice: where to get it.

    Raises:
        ReleaseError: missing, a folder, unreadable, a Git-LFS pointer, or in another encoding; says
            in which line.
    """
    fault = media.problem(path)
    if fault == media.POINTER:
        raise ReleaseError(f"{path}, line 1: a Git-LFS pointer, not the list; git lfs pull")
    if fault == "missing":
        raise ReleaseError(f"{path} not found. {advice}")
    if fault and fault != "empty":
        raise ReleaseError(f"{path} is {fault}. {advice}")
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ReleaseError(
            f"{path}, line {line}: not CSV in UTF-8: {error}. Save it as that"
        ) from None


def hold_out_groups(groups: Iterable[str], seed: int, share: float = 0.15) -> set[str]:
    """Choose the actors or speakers of a test split that shares nobody with training.

    Args:
        groups: group of each clip.
        seed: of the choice, >= 0.
        share: of the groups, rounded to at least one.

    Raises:
        ReleaseError: fewer than two groups.
    """
    names = sorted(set(groups))
    if len(names) < 2:
        raise ReleaseError(f"an actor-disjoint split needs two actors, found {len(names)}")
    count = min(max(1, round(share * len(names))), len(names) - 1)
    return set(np.random.default_rng(seed).permutation(names)[:count].tolist())
