"""The ten seconds that are heard in a clip: an action, its room, noise and what else is near."""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from companion.miniature.events import EventClip
from companion.miniature.plan import generator
from companion.miniature.sounds.impacts import STRUCK
from companion.miniature.sounds.instruments import Library
from companion.miniature.sounds.machines import RUNNING
from companion.miniature.sounds.music import PLAYED
from companion.miniature.sounds.signals import CALLING
from companion.miniature.sounds.waves import RATE, SAMPLES, SECONDS, curve, level, noise, wander

ACTIONS = tuple(sorted((*PLAYED, *STRUCK, *CALLING)))
# Level of an action before the microphone's gain, as the RMS of its loudest twentieth.
NOMINAL = 0.12
BACKGROUNDS = ("hiss", "wind", "street", "crowd", "hum")


def action(name: str, library: Library, rng: np.random.Generator) -> np.ndarray:
    """Perform an action for ten seconds, close to a perfect microphone.

    Args:
        name: one of `ACTIONS`, or a machine of `machines.RUNNING`.
        library: the shipped notes.
        rng: of this performance alone.

    Returns:
        `(SAMPLES,)` float32, its `waves.level` is 1.
    """
    sound = (
        PLAYED[name](library, rng) if name in PLAYED else (STRUCK | CALLING | RUNNING)[name](rng)
    )
    return sound / np.float32(level(sound))


def perform(clip: EventClip, library: Library, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Play one clip.

    Returns:
        The clean sound of the action, silent before and after the event, which the pictures
        follow even where it is not heard; and what the microphone recorded, both `(SAMPLES,)`
        float32 at 16 kHz, the second in [-1, 1].
    """
    clean = action(clip.action, library, generator(seed, clip.name, "action"))
    if clip.seconds < SECONDS:
        clean = _excerpt(clean, clip.seconds, clip.lead)
    near = clean if clip.audible else np.zeros(SAMPLES, np.float32)
    if clip.other:
        other = action(clip.other, library, generator(seed, clip.name, "other"))
        near = near + np.float32(10 ** (clip.other_level / 20)) * other
    return clean, record(near, -clip.noise, generator(seed, clip.name, "room"))


def record(sound: np.ndarray, noise_level: float, rng: np.random.Generator) -> np.ndarray:
    """Put sound in a room or outdoors, before a cheap microphone.

    Args:
        sound: `(SAMPLES,)`, of level 1.
        noise_level: of the background, decibels relative to 1.
        rng: of this clip alone.

    Returns:
        `(SAMPLES,)` float32 in [-1, 1].
    """
    tail, wet = rng.uniform(0.1, 1.0), 10 ** (rng.uniform(-24, -4) / 20)
    time = np.arange(int(tail * RATE), dtype=np.float32) / RATE
    echo = rng.standard_normal(len(time), dtype=np.float32) * np.exp(np.float32(-6.9 / tail) * time)
    echo *= wet / np.sqrt((echo**2).sum())
    echo[0] += 1
    behind = background(rng) * np.float32(10 ** (noise_level / 20))
    length = next_fast_len(SAMPLES + len(echo), real=True)
    spectrum = rfft(sound, length) * rfft(echo, length) + rfft(behind, length)
    heard = irfft(spectrum * _microphone(length, rng), length)[:SAMPLES]
    heard *= np.float32(NOMINAL * 10 ** (rng.normal(0, 3) / 20))
    return np.float32(0.95) * np.tanh(heard / np.float32(0.95))


def _microphone(length: int, rng: np.random.Generator) -> np.ndarray:
    hertz = np.arange(length // 2 + 1, dtype=np.float32) * np.float32(RATE / length)
    hertz[0] = hertz[1]
    low, high, tilt = rng.uniform(20, 110), rng.uniform(3_500, 9_000), rng.normal(0, 0.15)
    response = 1 / np.sqrt((1 + (low / hertz) ** 2) * (1 + (hertz / high) ** 4))
    return response * (hertz / 1_000) ** np.float32(tilt)


def background(rng: np.random.Generator) -> np.ndarray:
    """Return ten seconds of hiss, wind, traffic, a crowd or a humming room, of level 1."""
    kind = BACKGROUNDS[rng.integers(len(BACKGROUNDS))]
    if kind == "hiss":
        sound = noise(SAMPLES, rng, 30, 8_000, rng.uniform(0.2, 1.2))
    elif kind == "wind":
        sound = noise(SAMPLES, rng, 25, rng.uniform(200, 600), 1.5)
        sound *= np.exp(0.7 * wander(rng, 0.6))
    elif kind == "street":
        sound = noise(SAMPLES, rng, 40, 1_200, 1.2)
        for _ in range(int(rng.integers(1, 4))):
            at, width = rng.uniform(0, 10), rng.uniform(0.8, 2.5)
            swell = 1 / (1 + ((np.arange(SAMPLES) / RATE - at) / width) ** 2)
            sound += swell.astype(np.float32) * noise(SAMPLES, rng, 80, 2_500, 0.8)
    elif kind == "crowd":
        sound = noise(SAMPLES, rng, 150, 3_000, 1.0)
        for low, high in ((200, 900), (700, 1_800), (1_500, 3_500)):
            # Syllables come at about four a second; several voices blur them.
            sound += noise(SAMPLES, rng, low, high) * np.exp(0.8 * wander(rng, 4)) * 350 / low
    else:
        mains = float(rng.choice((50, 60)))
        time = np.arange(SAMPLES) / RATE
        sound = noise(SAMPLES, rng, 30, 6_000, 1.0)
        for k in (1, 2, 3, 5):
            weight = rng.uniform(0.1, 0.6) / k
            sound += (weight * np.sin(2 * np.pi * k * mains * time)).astype(np.float32)
    return (sound / level(sound)).astype(np.float32)


def _excerpt(sound: np.ndarray, seconds: float, lead: float) -> np.ndarray:
    """Silence all but `seconds` around the loudest moment, so that something is left to hear."""
    loudest = np.abs(sound).argmax() / RATE
    start = min(max(loudest - lead * seconds, 0), SECONDS - seconds)
    end = start + seconds
    sound = sound * curve([(start - 0.05, 0), (start, 1), (end, 1), (end + 0.05, 0)])
    return sound / np.float32(level(sound))


def pulse(sound: np.ndarray, frames: int, fps: int) -> np.ndarray:
    """Return how loud the loudest 25 ms around each frame of a video are.

    The maximum and not the mean, so that no stroke falls between two frames.

    Args:
        sound: `(SAMPLES,)` at 16 kHz, before noise.
        frames: their number.
        fps: frames per second; frame i stands at i / fps.

    Returns:
        `(frames,)` in [0, 1], 1 at the loudest twentieth.
    """
    hops = np.sqrt((sound[: len(sound) // 400 * 400].reshape(-1, 400) ** 2).mean(1))
    per = 40 / fps
    spans = [(int(max(0, (i - 0.5) * per)), int((i + 0.5) * per) + 1) for i in range(frames)]
    loud = np.array([hops[a:b].max(initial=0.0) for a, b in spans])
    return np.clip(loud / max(np.quantile(loud, 0.95), 1e-6), 0, 1)
