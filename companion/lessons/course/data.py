"""Made recordings for the assignments: two modalities, of which one is learnt faster."""

from pathlib import Path

import numpy as np
import pandas as pd

from olmlib.data.features import Features, seal
from olmlib.data.folder import REJECTED

# Width of each modality's features, and how far apart the classes are in units of the noise. Audio
# is short and clear: it is fitted in a few epochs. What vision has is spread over many numbers.
WIDTHS = {"audio": 8, "visual": 200}
CLEAR = {"audio": 3.4, "visual": 3.2}
COUNTS = {"train": 240, "dev": 120, "test": 600}


def recordings(folder: str | Path, seed: int, classes: int = 6) -> Features:
    """Make and prepare recordings whose class means and noise are drawn from `seed`.

    Args:
        folder: is made; made anew where it is there.
        seed: of everything that is drawn; another one gives other numbers and the same lesson.
        classes: C.
    """
    rng = np.random.default_rng(seed)
    split = np.repeat(list(COUNTS), list(COUNTS.values()))
    labels = rng.permutation(np.arange(len(split)) % classes)
    features = {}
    for modality, width in WIDTHS.items():
        means = rng.normal(size=(classes, width))
        means *= CLEAR[modality] / np.linalg.norm(means, axis=1, keepdims=True)
        features[modality] = means[labels] + rng.normal(size=(len(labels), width))
    records = pd.DataFrame({"id": [f"clip{i:04d}" for i in range(len(labels))], "label": labels})
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    meta = {"name": "made recordings", "classes": [f"class {c}" for c in range(classes)]}
    return seal(
        folder,
        features,
        records.assign(split=split, group="one"),
        pd.DataFrame(columns=REJECTED),
        meta,
    )
