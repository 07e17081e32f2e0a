"""The miniature's own small feature extractors: frozen, without one learnt weight.

They stand where HuBERT, MANet, MacBERT and OpenFace stand for the real release
(`companion.extract`); `mer2023.md` explains each.
"""

import hashlib
from functools import lru_cache

import numpy as np
from PIL import Image
from scipy.fft import dctn

from companion.data import spectrum
from companion.miniature.hog import hog

WIDTH = 64
BANDS = WIDTH // 2
WINDOW = 1024
AUDIO_ROWS = 5  # a second
# The face in a picture of 240 x 180; nobody leaves it. Brows and eyes, then mouth, in its pixels.
FACE = (50, 20, 190, 160)
SIDE = 112
# Of the face that HOG sees: OpenFace's rows, nine times as long, would be two fifths of a training
# step.
HOG_SIDE = 48
REGIONS = ((24, 20, 88, 52), (28, 66, 84, 108))


def audio(sound: np.ndarray, rate: int, bands: int = BANDS, rows: int = AUDIO_ROWS) -> np.ndarray:
    """Return loudness and restlessness of mel bands, some rows a second.

    Args:
        sound: `(samples,)` in [-1, 1].
        rate: samples per second.
        bands: their number.
        rows: a second, a divisor of 100.

    Returns:
        `(T, 2 * bands)` float32: mean and standard deviation of the log energies within a row's
        time, each brought to about mean 0 and standard deviation 1 by constants.
    """
    hop = rate // 100
    power = np.abs(spectrum.stft(sound.astype(np.float32), WINDOW, hop, centred=True)) ** 2
    level = np.log10(_mel(rate, bands) @ power + 1e-6)
    frames = 100 // rows
    count = max(1, level.shape[1] // frames)
    parts = level[:, : count * frames].reshape(bands, count, -1)
    features = np.concatenate([(parts.mean(-1) + 2.5) / 1.25, (parts.std(-1) - 0.5) / 0.34])
    return features.T.astype(np.float32)


def face(picture: Image.Image) -> np.ndarray:
    """Return the face of a picture, `(112, 112)` grey levels in [0, 255]."""
    return np.asarray(
        picture.convert("L").crop(FACE).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    )


def visual(faces: list[np.ndarray]) -> np.ndarray:
    """Return the 32 coarsest cosine waves of the eyes' and of the mouth's region.

    Args:
        faces: T pictures of `face`.

    Returns:
        `(T, 64)` float32; each region is first brought to mean 0 and standard deviation 1, so that
        the light does not matter.
    """
    features = []
    for picture in faces:
        waves = []
        for left, top, right, bottom in REGIONS:
            region = picture[top:bottom, left:right].astype(np.float64)
            region = (region - region.mean()) / (region.std() + 1e-6)
            waves.append(dctn(region, norm="ortho")[:4, :8].ravel() / 10)
        features.append(np.concatenate(waves))
    return np.array(features, np.float32)


def text(sentence: str) -> np.ndarray:
    """Return a random but fixed vector per character, mixed with that of the pair it begins.

    Args:
        sentence: a transcript; empty if there is none.

    Returns:
        `(T, 64)` float32, a row per character; one row of zeros without a transcript.
    """
    if not sentence:
        return np.zeros((1, WIDTH), np.float32)
    pairs = [sentence[i : i + 2] for i in range(len(sentence))]
    vectors = [0.6 * _vector(character) for character in sentence]
    return np.array([a + 0.8 * _vector(b) for a, b in zip(vectors, pairs, strict=True)], np.float32)


def histograms(faces: list[np.ndarray]) -> np.ndarray:
    """Return `(T, 496)` float16, `hog` of each face with its dimensions in OpenFace's order."""
    size = (HOG_SIDE, HOG_SIDE)
    small = [Image.fromarray(face).resize(size, Image.Resampling.BILINEAR) for face in faces]
    return np.array([hog(np.asarray(picture)).ravel() for picture in small], np.float16)


@lru_cache(maxsize=2)
def _mel(rate: int, bands: int) -> np.ndarray:
    """Return what each band weighs of each frequency, the same as `librosa.filters.mel`.

    Slaney's scale, linear up to 1 kHz and logarithmic from there; every triangle has the same area.
    Importing librosa takes a process longer than making ten clips.

    Returns:
        `(bands, WINDOW // 2 + 1)` float32; nobody may write to it.
    """
    step = np.log(6.4) / 27  # octaves of the logarithmic part, a mel
    last = 15 + np.log(rate / 2 / 1000) / step
    mels = np.linspace(0, last, bands + 2)
    edges = np.where(mels < 15, 200 / 3 * mels, 1000 * np.exp(step * (mels - 15)))
    hertz = np.fft.rfftfreq(WINDOW, 1 / rate)
    rise = (hertz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - hertz) / np.diff(edges)[1:, None]
    area = 2 / (edges[2:] - edges[:-2])
    return (area[:, None] * np.maximum(0, np.minimum(rise, fall))).astype(np.float32)


@lru_cache(maxsize=1024)
def _vector(word: str) -> np.ndarray:
    """Return 64 numbers of one or two characters; nobody may write to them."""
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "little")
    return np.random.default_rng(seed).normal(size=WIDTH) / 2
