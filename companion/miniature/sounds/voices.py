"""The shipped speech: which takes there are, and how one sounds in a room."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from companion.miniature.sounds import shipped
from companion.miniature.sounds.waves import convolved

RATE = 16_000
# Mean level of a neutral take in `data/`, as the root of its mean square.
NOMINAL = 0.06


@dataclass(frozen=True)
class Take:
    """One acted sentence of the shipped speech; `start` and `stop` are samples at 16 kHz."""

    voice: str
    sentence: str
    emotion: str
    level: str
    start: int
    stop: int


@dataclass(frozen=True)
class Speaker:
    """Who is heard: sex "Male" or "Female", age in years."""

    voice: str
    sex: str
    age: int


class Sources:
    """The speech below `data/cremad`.

    Args:
        folder: holds `cues.csv`, `voices.csv` and `speech/*.opus`.

    Attributes:
        takes: all takes, in the order of `cues.csv`.
        speakers: all speakers, in the order of `voices.csv`.

    Raises:
        FileNotFoundError: the shipped sources are not there.
        ValueError: one of them is not as it was shipped.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.takes = tuple(
            Take(
                row["voice"],
                row["sentence"],
                row["emotion"],
                row["level"],
                int(row["start"]),
                int(row["stop"]),
            )
            for row in shipped.table(self.folder / "cues.csv")
        )
        self.speakers = tuple(
            Speaker(row["voice"], row["sex"], int(row["age"]))
            for row in shipped.table(self.folder / "voices.csv")
        )

    def files(self) -> list[Path]:
        """Return every file that a miniature is made from, in a fixed order."""
        tables = [self.folder / "cues.csv", self.folder / "voices.csv"]
        return tables + [self.path(speaker.voice) for speaker in self.speakers]

    def path(self, voice: str) -> Path:
        """Return the file of one voice."""
        return self.folder / "speech" / f"{voice}.opus"

    def speech(self, take: Take) -> np.ndarray:
        """Return the sound of a take, `(samples,)` float32 at 16 kHz."""
        return _decode(self.path(take.voice))[take.start : take.stop]


@lru_cache(maxsize=2)
def _decode(path: Path) -> np.ndarray:
    return shipped.decoded(path, RATE)


def pad(speech: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add 0.15 to 0.5 s of silence before and after, as a camera that runs records it."""
    before, after = (rng.uniform(0.15, 0.5, 2) * RATE).astype(int)
    return np.pad(speech, (before, after))


def record(speech: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Put speech in a room: echo, a microphone's gain, hum and coloured noise.

    The noise stands at 14 to 32 dB below a neutral take, whatever the take's own level, so a loud
    voice rises above it and a sad one sinks into it.

    Args:
        speech: `(samples,)` at 16 kHz.
        rng: of this clip alone.

    Returns:
        `(samples,)` float32 in [-1, 1], as long as `speech`.
    """
    samples = len(speech)
    gain = 10 ** (rng.normal(0, 1.5) / 20)
    tail = rng.uniform(0.05, 0.3)
    time = np.arange(int(2 * tail * RATE)) / RATE
    echo = rng.normal(size=len(time)) * np.exp(-6.9 * time / tail / 2)
    echo *= rng.uniform(0.1, 0.4) / np.sqrt((echo**2).sum())
    heard = gain * (speech + convolved(speech, echo)[:samples])
    colour = rng.uniform(0.2, 1.0)
    length = next_fast_len(samples, real=True)
    spectrum = rfft(rng.normal(size=length))
    spectrum /= np.maximum(np.arange(len(spectrum)) * RATE / length, 60) ** colour
    noise = irfft(spectrum, length)[:samples]
    noise *= NOMINAL * 10 ** (-rng.uniform(14, 32) / 20) / np.sqrt(np.mean(noise**2))
    hum = rng.uniform(0, 0.004) * np.sin(
        2 * np.pi * rng.choice((50, 60)) * np.arange(samples) / RATE + rng.uniform(0, 6.28)
    )
    return np.clip(heard + noise + hum, -1, 1).astype(np.float32)


def loudness(speech: np.ndarray, frames: int, fps: float) -> np.ndarray:
    """Return how loud `speech` is around each frame of a video.

    Args:
        speech: `(samples,)` at 16 kHz, before noise.
        frames: their number.
        fps: frames per second; frame i stands at i / fps.

    Returns:
        `(frames,)` in [0, 1], 1 at the loudest twentieth.
    """
    power = np.cumsum(np.pad(speech.astype(np.float64) ** 2, (1, 0)))
    centres = np.arange(frames) / fps * RATE
    low = np.clip(centres - 0.04 * RATE, 0, len(speech)).astype(int)
    high = np.clip(centres + 0.04 * RATE, 0, len(speech)).astype(int)
    level = np.sqrt((power[high] - power[low]) / np.maximum(high - low, 1))
    return np.clip(level / max(np.quantile(level, 0.95), 1e-6), 0, 1)
