"""Log spectrograms of the three front ends, see `media.spectrogram`.

librosa and scipy.signal are imported where they are needed: loading them would take each worker
process of a preparation longer than decoding a hundred clips.
"""

import numpy as np
import scipy.fft

WINDOW, OVERLAP = 512, 353
BLOCK = 64  # windows that are transformed at once


def log(sound: np.ndarray, frontend: str, sample_rate: int) -> np.ndarray:
    """Return the log spectrogram of a sound, not standardised.

    Args:
        sound: `(samples,)` float32, at least `WINDOW` samples.
        frontend: one of `media.FRONTENDS`.
        sample_rate: samples per second.

    Returns:
        `(257, F)`.
    """
    if frontend == "olm_code":
        import librosa

        # 353 is the paper's overlap, used there as the hop.
        return np.log(np.abs(librosa.stft(sound, n_fft=WINDOW, hop_length=OVERLAP)) + 1e-7)
    if frontend == "mmcosine":
        from scipy.signal import spectrogram

        power = spectrogram(sound, sample_rate, nperseg=WINDOW, noverlap=OVERLAP)[2]
        return np.log(power + 1e-7)
    return np.log(np.abs(stft(sound)) + 1e-7)


def stft(sound: np.ndarray) -> np.ndarray:
    """Return what `librosa.stft(sound, n_fft=512, hop_length=159, center=False)` returns.

    Every bit of it is the same, which a test compares, without loading librosa.

    Args:
        sound: `(samples,)` float32, at least `WINDOW` samples.

    Returns:
        `(257, F)` complex64.
    """
    hann = 0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, WINDOW + 1))[:-1]
    windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[:: WINDOW - OVERLAP]
    spectra = np.empty((len(windows), WINDOW // 2 + 1), np.complex64)
    # By blocks that stay in the processor's cache, as librosa does.
    for i in range(0, len(windows), BLOCK):
        spectra[i : i + BLOCK] = scipy.fft.rfft(hann * windows[i : i + BLOCK])
    return spectra.T
