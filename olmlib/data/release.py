"""What every data set is to the rest: named clips with a label, a split and two files."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from olmlib.data import media

MISSING_ALLOWED = 0.01


class ReleaseError(ValueError):
    """A release that cannot be read as it is; the message says which file and what to do."""


@dataclass(frozen=True)
class Clip:
    """One recording.

    Attributes:
        id: name, unique in its release.
        label: position in the release's classes.
        split: "train" or "test".
        group: actor or speaker.
        audio: sound file.
        video: file with the picture.
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
        table: a row per split and modality: found, missing, empty, Git-LFS pointer (counts).
        used: clips whose two files were found.
        total: clips of the release.
        digest: SHA-256 of the sorted used ids, to tell whether two people have the same data.
    """

    name: str
    table: pd.DataFrame
    used: int
    total: int
    digest: str

    def __str__(self) -> str:
        """Return the table with a line on what it means."""
        line = f"{self.name}: {self.used} of {self.total} clips usable, ids {self.digest[:16]}"
        return f"{self.table.to_string(index=False)}\n{line}"


@dataclass(frozen=True)
class Release:
    """The clips of a data set, in a fixed order, and how to read one.

    A data set whose clips are not a sound file and a video file overrides `waveform` and `frames`.
    """

    name: str
    classes: tuple[str, ...]
    clips: tuple[Clip, ...]

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

    def waveform(self, clip: Clip, sample_rate: int) -> np.ndarray:
        """Return the sound of `clip`, `(samples,)` float32; see `media.waveform`."""
        return media.waveform(clip.audio, sample_rate)

    def frames(self, clip: Clip, count: int, size: int) -> np.ndarray:
        """Return frames of `clip`, `(count, size, size, 3)` uint8; see `media.frames`."""
        return media.frames(clip.video, count, size)

    def check(self, strict: bool = True) -> Report:
        """Look for every file (datasets.md 9.1), without decoding it.

        Args:
            strict: raise if more than 1 % of the clips lack a file.

        Raises:
            ReleaseError: too many files missing, empty or Git-LFS pointers; names the first.
        """
        rows, faults = [], {}
        for split in dict.fromkeys(clip.split for clip in self.clips):
            for modality in ("audio", "video"):
                count = Counter()
                for clip in self.clips:
                    if clip.split == split:
                        path = getattr(clip, modality)
                        fault = media.problem(path)
                        count[fault] += 1
                        if fault:
                            faults.setdefault(clip.id, f"{path}: {fault}")
                kinds = {"found": None} | dict.fromkeys(("missing", "empty", "Git-LFS pointer"))
                row = {"split": split, "modality": modality}
                rows.append(row | {k: count[k if k != "found" else None] for k in kinds})
        used = sorted(clip.id for clip in self.clips if clip.id not in faults)
        digest = hashlib.sha256("\n".join(used).encode()).hexdigest()
        report = Report(self.name, pd.DataFrame(rows), len(used), len(self.clips), digest)
        if strict and len(faults) > MISSING_ALLOWED * len(self.clips):
            advice = ""
            if (report.table["Git-LFS pointer"] > 0).any():
                advice = "\nA ZIP download holds pointers only: clone with Git LFS, `git lfs pull`."
            first = "\n  ".join(list(faults.values())[:5])
            raise ReleaseError(
                f"{len(faults)} of {len(self.clips)} clips lack a file, more than "
                f"{MISSING_ALLOWED:.0%}:\n  {first}{advice}\n{report}"
            )
        return report


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
