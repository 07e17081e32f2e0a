"""MacBERT: what a language model makes of a transcript, a row per subword."""

import numpy as np
import torch

from companion.extract.hub import pretrained

MODEL = "hfl/chinese-macbert-large"
LAYERS = 4


class MacBert:
    """The sum of the last four layers of MacBERT (Cui et al., EMNLP Findings 2020).

    Args:
        model: name on the Hugging Face hub, or a folder with the model and its tokenizer.
        device: where it runs.

    Raises:
        MissingExtra: `transformers` is not installed.
        OSError: no such model, or no network to fetch it.
    """

    def __init__(self, model=MODEL, device="cpu"):
        self.tokenizer = pretrained("AutoTokenizer", model)
        self.model = pretrained("BertModel", model).to(device).eval()
        self.device = device

    @torch.inference_mode()
    def __call__(self, sentence: str) -> np.ndarray:
        """Describe a transcript.

        Returns:
            `(T, D)` float32, a row per subword without the special tokens; one row of zeros where
            there is no transcript.
        """
        batch = self.tokenizer(
            sentence.strip(),
            return_tensors="pt",
            return_special_tokens_mask=True,
            truncation=True,
            max_length=self.model.config.max_position_embeddings,
        )
        special = batch.pop("special_tokens_mask")[0].bool()
        if special.all():
            return np.zeros((1, self.model.config.hidden_size), np.float32)
        layers = self.model(**batch.to(self.device), output_hidden_states=True).hidden_states
        states = torch.stack(layers[-LAYERS:]).sum(0)[0]
        return states.float().cpu().numpy()[~special.numpy()]
