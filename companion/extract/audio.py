"""HuBERT: what a self-supervised speech model hears, 50 rows a second."""

import numpy as np
import torch

from companion.extract.hub import pretrained

MODEL = "TencentGameMate/chinese-hubert-large"
RATE = 16_000


class Hubert:
    """The last hidden layer of HuBERT (Hsu et al., TASLP 2021).

    Args:
        model: name on the Hugging Face hub, or a folder with the model and its preprocessor.
        device: where it runs.

    Raises:
        MissingExtra: `transformers` is not installed.
        OSError: no such model, or no network to fetch it.
    """

    def __init__(self, model=MODEL, device="cpu"):
        self.prepare = pretrained("Wav2Vec2FeatureExtractor", model)
        self.model = pretrained("HubertModel", model).to(device).eval()
        self.device = device

    @torch.inference_mode()
    def __call__(self, sound: np.ndarray) -> np.ndarray:
        """Describe a clip.

        Args:
            sound: `(samples,)` in [-1, 1] at 16 kHz, at least 400 samples.

        Returns:
            `(T, D)` float32; D is 1024 for the large model, T about samples / 320.

        Raises:
            ValueError: too short for one row.
        """
        if len(sound) < 400:
            raise ValueError(f"{len(sound)} samples are too few: HuBERT's first row needs 400")
        values = self.prepare(sound, sampling_rate=RATE, return_tensors="pt").input_values
        return self.model(values.to(self.device)).last_hidden_state[0].float().cpu().numpy()
