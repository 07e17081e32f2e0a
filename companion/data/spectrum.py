"""Spectrograms, and the log ones of the three front ends, see `media.spectrogram`.

By scipy, which gives librosa's numbers: importing librosa takes a process longer than preparing a
hundred clips.
"""

import numpy as np
from scipy import signal

WINDOW, OVERLAP = 512, 353


def log(sound: np.ndarray, frontend: str, sample_rate: int) -> np.ndarray:
    """Return the log spectrogram of a sound, not standardised.

    Args:
        sound: `(samples,)` float32, at least `WINDOW` samples.
        frontend: one of `media.FRONTENDS`.
        sample_rate: samples per second.

    Returns:
        `(257, F)`.
    """
    if frontend == "mmcosine":
        power = signal.spectrogram(sound, sample_rate, nperseg=WINDOW, noverlap=OVERLAP)[2]
        return np.log(power + 1e-7)
    # The official OLM code takes the paper's overlap for the hop.
    official = frontend == "olm_code"
    hop = OVERLAP if official else WINDOW - OVERLAP
    return np.log(np.abs(stft(sound, WINDOW, hop, official)) + 1e-7)


def stft(sound: np.ndarray, window: int, hop: int, centred: bool) -> np.ndarray:
    """Return the short-time Fourier transform under a Hann window, as `librosa.stft` does.

    Args:
        sound: `(samples,)` float32, at least `window` samples unless it is centred.
        window: samples that a spectrum sees.
        hop: samples from one to the next.
        centred: whether the first spectrum lies around the first sample, zeros before it; else it
            begins there, and what does not fill a window at the end is left out.

    Returns:
        `(window // 2 + 1, F)` complex64.
    """
    if centred:
        # Not by scipy, which narrows the window for a sound that is shorter.
        sound = np.pad(sound, window // 2)
    overlap = window - hop
    spectra = signal.stft(sound, nperseg=window, noverlap=overlap, boundary=None, padded=False)[2]
    # scipy divides by the window's sum.
    return spectra * np.float32(signal.get_window("hann", window).sum())
