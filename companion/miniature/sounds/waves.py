"""What sounds are made of: noise, oscillators, struck bodies, and where they stand in a track."""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

RATE = 16_000
SECONDS = 10
SAMPLES = RATE * SECONDS


def noise(
    samples: int, rng: np.random.Generator, low: float, high: float, colour: float = 0.0
) -> np.ndarray:
    """Return noise of one band.

    Args:
        samples: length.
        rng: of this sound.
        low, high: band edges, Hz; the spectrum falls by about 18 dB an octave beyond them.
        colour: 0 white, 1 pink, 2 brown, within the band.

    Returns:
        `(samples,)` float32, root of mean square 1.
    """
    length = next_fast_len(samples, real=True)
    count = length // 2 + 1
    # The spectrum of white noise is white noise, so nothing has to be transformed to get it.
    spectrum = rng.standard_normal(2 * count, dtype=np.float32).view(np.complex64)
    hertz = np.arange(count, dtype=np.float32) * np.float32(RATE / length)
    hertz[0] = hertz[1]
    under, over = (low / hertz) ** 2, (hertz / high) ** 2
    shape = 1 / np.sqrt((1 + under * under * under) * (1 + over * over * over))
    spectrum *= shape * hertz ** np.float32(-colour / 2) if colour else shape
    sound = irfft(spectrum, length)[:samples]
    return sound / np.sqrt(np.mean(sound**2))


def tone(hertz: np.ndarray | float, samples: int, weights: tuple[float, ...]) -> np.ndarray:
    """Return an oscillator with harmonics.

    Args:
        hertz: pitch, one number or `(samples,)`.
        samples: length.
        weights: of the first, second, ... harmonic; one above 7.5 kHz is left out.

    Returns:
        `(samples,)` float32, the sum of the weights at most.
    """
    pitch = np.broadcast_to(np.asarray(hertz, np.float64), samples)
    phase = np.cumsum(pitch) * (2 * np.pi / RATE)
    phase = (phase % (2 * np.pi)).astype(np.float32)
    top = pitch.max()
    sound = np.zeros(samples, np.float32)
    # sin kx = 2 cos x sin (k-1)x - sin (k-2)x is much cheaper than a sine for each harmonic.
    first, before, now = 2 * np.cos(phase), np.zeros(samples, np.float32), np.sin(phase)
    for k, weight in enumerate(weights, start=1):
        if k * top > 7_500:
            break
        if weight:
            sound += np.float32(weight) * now
        before, now = now, first * now - before
    return sound


def ring(
    modes: tuple[tuple[float, float, float], ...], seconds: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the sound of a struck body: a sum of sines that die away.

    Args:
        modes: frequency (Hz), seconds until a mode has fallen by 60 dB, weight.
        seconds: length.
        rng: phases are random, frequencies and weights miss by a little.

    Returns:
        `(samples,)` float32.
    """
    time = np.arange(int(seconds * RATE), dtype=np.float32) / RATE
    sound = np.zeros(len(time), np.float32)
    for hertz, decay, weight in modes:
        off, louder, phase = rng.uniform((0.98, 0.7, 0), (1.02, 1.3, 0.3))
        wave = np.sin(np.float32(2 * np.pi * hertz * off) * time + np.float32(phase))
        sound += np.float32(weight * louder) * wave * np.exp(np.float32(-6.9 / decay) * time)
    return sound


def burst(
    seconds: float, rng: np.random.Generator, low: float, high: float, decay: float
) -> np.ndarray:
    """Return a click or a thud: noise of one band that falls by 60 dB in `decay` seconds."""
    samples = int(seconds * RATE)
    time = np.arange(samples, dtype=np.float32) / RATE
    return noise(samples, rng, low, high) * np.exp(np.float32(-6.9 / decay) * time)


def curve(points: list[tuple[float, float]], samples: int = SAMPLES) -> np.ndarray:
    """Return straight lines through (seconds, value), `(samples,)` float32."""
    times, values = zip(*points, strict=True)
    return np.interp(np.arange(samples) / RATE, times, values).astype(np.float32)


def wander(rng: np.random.Generator, hertz: float, samples: int = SAMPLES) -> np.ndarray:
    """Return a random smooth curve of mean 0 and deviation of about 1, `hertz` turns a second."""
    knots = max(4, int(samples / RATE * hertz * 2) + 2)
    places = np.linspace(0, samples, knots)
    return np.interp(np.arange(samples), places, 1.2 * rng.normal(size=knots)).astype(np.float32)


def place(track: np.ndarray, sound: np.ndarray, seconds: float, gain: float = 1.0) -> None:
    """Add `sound` to `track` from `seconds` on; what sticks out at either end is lost."""
    start = int(seconds * RATE)
    if start < 0:
        sound, start = sound[-start:], 0
    part = sound[: max(len(track) - start, 0)]
    track[start : start + len(part)] += np.float32(gain) * part


def resample(sound: np.ndarray, ratio: float, samples: int | None = None) -> np.ndarray:
    """Play `sound` `ratio` times as fast, so `ratio` times as high.

    Args:
        sound: `(n,)`.
        ratio: above 0.
        samples: wanted at most.

    Returns:
        `(n / ratio,)` or `(samples,)` float32, whichever is shorter.
    """
    count = int((len(sound) - 1) / ratio)
    if samples is not None:
        count = min(count, samples)
    if ratio == 1:
        return sound[:count]
    return np.interp(np.arange(count) * ratio, np.arange(len(sound)), sound).astype(np.float32)


def convolved(sound: np.ndarray, echo: np.ndarray) -> np.ndarray:
    """Return `sound` as an echo repeats it, `(n + m - 1,)`.

    The same as `scipy.signal.fftconvolve`, which takes longer to load than ten clips to make.
    """
    whole = len(sound) + len(echo) - 1
    length = next_fast_len(whole, real=True)
    return irfft(rfft(sound, length) * rfft(echo, length), length)[:whole]


def resonance(sound: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return what a simple resonator leaves of a sound: a first-order Butterworth band pass.

    The same as `scipy.signal.sosfilt` gives, which takes longer to load than ten clips to make.

    Args:
        sound: `(samples,)`.
        low, high: where it has fallen by 3 dB, Hz, at least 50 apart, so that what it rings beyond
            the end fits into the quarter of a second that is added.
    """
    length = next_fast_len(len(sound) + RATE // 4, real=True)
    # The bilinear transform: an analogue filter's frequencies are tangents of the digital one's.
    warped = np.tan(np.pi / length * np.arange(length // 2 + 1))
    bottom, top = np.tan(np.pi / RATE * np.array([low, high]))
    damped = 1j * (top - bottom) * warped
    response = damped / (bottom * top - warped**2 + damped)
    return irfft(rfft(sound.astype(np.float64), length) * response, length)[: len(sound)]


def fade(sound: np.ndarray, seconds: float) -> np.ndarray:
    """Return `sound` with its first and last `seconds` faded."""
    samples = min(int(seconds * RATE), len(sound) // 2)
    ramp = np.linspace(0, 1, samples, dtype=np.float32)
    sound = sound.copy()
    sound[:samples] *= ramp
    sound[len(sound) - samples :] *= ramp[::-1]
    return sound


def level(sound: np.ndarray) -> float:
    """Return how loud a track is where it is loudest: RMS of its loudest twentieth, by 50 ms."""
    power = (sound[: len(sound) // 800 * 800].reshape(-1, 800).astype(np.float64) ** 2).mean(1)
    return float(np.sqrt(np.sort(power)[-max(1, len(power) // 20) :].mean()))
