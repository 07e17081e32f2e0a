"""The shipped notes of nine instruments, and how one is played."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np

from companion.miniature.sounds import shipped
from companion.miniature.sounds.waves import RATE, resample


@dataclass(frozen=True)
class Note:
    """One shipped note; `start` and `stop` are samples of the instrument's file."""

    pitch: int
    start: int
    stop: int


class Library:
    """The notes below `data/sounds`.

    Args:
        folder: holds `notes.csv` and a file `*.opus` for each instrument.

    Attributes:
        notes: by instrument and variant, sorted by pitch; for drums, a pitch is a piece of the kit.

    Raises:
        FileNotFoundError: the shipped sources are not there.
        ValueError: one of them is not as it was shipped.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.notes: dict[str, dict[str, tuple[Note, ...]]] = {}
        rows = shipped.table(self.folder / "notes.csv")
        rows.sort(key=lambda row: (row["instrument"], row["variant"], int(row["pitch"])))
        for (instrument, variant), group in groupby(rows, itemgetter("instrument", "variant")):
            notes = (Note(*(int(row[k]) for k in ("pitch", "start", "stop"))) for row in group)
            self.notes.setdefault(instrument, {})[variant] = tuple(notes)

    def files(self) -> list[Path]:
        """Return every file that a miniature is made from, in a fixed order."""
        return [self.folder / "notes.csv", *(self.path(name) for name in sorted(self.notes))]

    def path(self, instrument: str) -> Path:
        """Return the file of one instrument."""
        return self.folder / f"{instrument}.opus"

    def variants(self, instrument: str) -> tuple[str, ...]:
        """Return the names of an instrument's variants, in a fixed order."""
        return tuple(sorted(self.notes[instrument]))

    def note(self, instrument: str, variant: str, pitch: float, seconds: float) -> np.ndarray:
        """Return a note of any pitch, from the nearest shipped one played faster or slower.

        Args:
            instrument, variant: as in `notes.csv`.
            pitch: MIDI number, 69 is 440 Hz.
            seconds: until the note is let go; a string or a pipe may end before.

        Returns:
            `(samples,)` float32 in [-1, 1] at 16 kHz, its end faded.
        """
        nearest = min(
            self.notes[instrument][variant], key=lambda n: (abs(n.pitch - pitch), -n.pitch)
        )
        whole = _decode(self.path(instrument))[nearest.start : nearest.stop]
        sound = resample(whole, 2 ** ((pitch - nearest.pitch) / 12), int((seconds + 0.06) * RATE))
        ramp = min(len(sound), RATE // 16)
        sound = sound.copy()
        sound[len(sound) - ramp :] *= np.linspace(1, 0, ramp, dtype=np.float32)
        return sound

    def piece(self, variant: str, pitch: int, tuning: float) -> np.ndarray:
        """Return one stroke on a piece of the drum kit, `(samples,)`, played `tuning` as fast."""
        note = next(n for n in self.notes["drums"][variant] if n.pitch == pitch)
        return resample(_decode(self.path("drums"))[note.start : note.stop], tuning)


@lru_cache(maxsize=16)
def _decode(path: Path) -> np.ndarray:
    return shipped.decoded(path, RATE)
