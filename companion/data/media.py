"""From media files to arrays: decoded sound, video frames, log spectrograms."""

from pathlib import Path

import numpy as np
from PIL import Image

from companion.data import picture, sound, spectrum
from companion.data.files import POINTER, BadClip, place, problem

__all__ = ["FRONTENDS", "POINTER", "BadClip", "frames", "problem", "spectrogram", "waveform"]

FRONTENDS = ("librosa", "mmcosine", "olm_code")
# A rate outside these bounds in a WAV header is damage, not a recording.
RATES = (4_000, 384_000)


def waveform(path: Path, sample_rate: int) -> np.ndarray:
    """Read the sound of a file as one channel at `sample_rate`.

    Args:
        path: WAV or another format of libsndfile, or a container such as MP4, of which the default
            sound track is read; any number of channels, 4 to 384 kHz. Where the track starts after
            the picture, or pauses, there is silence.
        sample_rate: wanted samples per second; another rate is resampled (soxr, high quality).

    Returns:
        `(samples,)` float32, usually in [-1, 1], finite.

    Raises:
        BadClip: missing, unreadable, empty, a Git-LFS pointer, not sound, a video without sound,
            truncated, without samples, at a senseless rate, or with samples that are not finite.
    """
    samples, rate = sound.read(path)
    if not len(samples):
        raise BadClip(f"{place(path)} has no samples")
    if not RATES[0] <= rate <= RATES[1]:
        raise BadClip(f"{place(path)} claims {rate} samples per second")
    if not np.isfinite(samples).all():
        raise BadClip(f"{place(path)} holds NaN or infinite samples")
    mono = samples.mean(1)
    if rate == sample_rate:
        return mono
    # Late, because loading it takes longer than decoding a hundred clips.
    from companion.data.compiled import librosa

    return librosa.resample(mono, orig_sr=rate, target_sr=sample_rate, res_type="soxr_hq")


def frames(path: Path, count: int, size: int) -> np.ndarray:
    """Decode `count` frames at evenly spaced times, always the same ones.

    The video is cut into `count` parts of equal length, and the frame that is shown in the middle
    of each is taken, so one frame is the middle of the clip. Several frames of a video of at least
    `count` seconds are taken at one frame per second, as the paper does: each is the first of the
    second that holds the middle of its part; three of ten seconds are the first of seconds 1, 5 and
    8. A cover picture is no video; what the container says of turning and mirroring is done.
    Sound in the file is ignored and need not be there.

    Args:
        path: FLV, MP4 or another container that FFmpeg reads.
        count: number of frames; a video with fewer repeats some.
        size: S; frames are resized to S x S without keeping the aspect, as the published codes do,
            so that it does not matter whether their pixels are square.

    Returns:
        `(count, S, S, 3)` uint8, RGB.

    Raises:
        BadClip: missing, unreadable, empty, a Git-LFS pointer, not a video, without frames,
            truncated, or damaged.
    """
    images = picture.read(path, count)
    small = [image.resize((size, size), Image.Resampling.BILINEAR) for image in images]
    return np.stack([np.asarray(image) for image in small])


def spectrogram(sound: np.ndarray, frontend: str, sample_rate: int, seconds: float) -> np.ndarray:
    """Return the log spectrogram of exactly `seconds`.

    The sound is repeated until it is long enough, cut, and clipped to [-1, 1]. The front ends:
    "librosa" (default; Hann 512, hop 159, no padding, magnitude, standardised per clip),
    "mmcosine" (the same sizes through scipy: Tukey window, power density, standardised per clip),
    "olm_code" (the released code at 22,050 Hz: hop 353, centred, magnitude, not standardised).

    Args:
        sound: `(samples,)`, at `sample_rate`, at least one sample.
        frontend: one of `FRONTENDS`.
        sample_rate: samples per second; "olm_code" needs 22,050.
        seconds: length, so `seconds * sample_rate` samples are seen.

    Returns:
        `(257, F)` float32. With 16 kHz and hop 159, F is 299 for 3 s and 1004 for 10 s;
        with "olm_code" 188 for 3 s.

    Raises:
        ValueError: unknown front end, a rate that is not the front end's, too short a length.
        BadClip: no samples, or samples that are not finite.
    """
    if frontend not in FRONTENDS:
        raise ValueError(f"frontend {frontend!r} is not one of {', '.join(FRONTENDS)}")
    if frontend == "olm_code" and sample_rate != 22_050:
        raise ValueError(f"frontend olm_code needs sample_rate 22050, not {sample_rate}")
    samples = round(seconds * sample_rate)
    if samples < spectrum.WINDOW:
        raise ValueError(
            f"{seconds} s are {samples} samples, less than one window of {spectrum.WINDOW}"
        )
    if not sound.size:
        raise BadClip("no samples")
    if not np.isfinite(sound).all():
        raise BadClip("NaN or infinite samples")
    sound = np.clip(np.resize(sound, samples), -1, 1).astype(np.float32)
    log = spectrum.log(sound, frontend, sample_rate)
    if frontend == "olm_code":
        return log
    return ((log - log.mean()) / (log.std() + 1e-9)).astype(np.float32)
