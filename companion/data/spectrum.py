"""Log spectrograms of the three front ends, see `media.spectrogram`."""

import numpy as np
from scipy.signal import spectrogram

from companion.data.compiled import librosa

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
        power = spectrogram(sound, sample_rate, nperseg=WINDOW, noverlap=OVERLAP)[2]
        return np.log(power + 1e-7)
    # The official OLM code takes the paper's overlap for the hop.
    official = frontend == "olm_code"
    hop = OVERLAP if official else WINDOW - OVERLAP
    spectra = librosa.stft(sound, n_fft=WINDOW, hop_length=hop, center=official)
    return np.log(np.abs(spectra) + 1e-7)
