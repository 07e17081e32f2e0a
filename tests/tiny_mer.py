"""A tiny MER2023 in the official processed layout: noise around one vector per emotion."""

import numpy as np

from companion.data import sections
from companion.data.mer2023 import CLASSES

WIDTHS = {"audio": 6, "visual": 5, "text": 4, "hog": 7}
FEATURES = {"audio": "hubert-FRA", "visual": "manet_FRA", "text": "bert-FRA", "hog": "openface_hog"}


def config(**changes):
    values = {"folds": 2, "features": FEATURES, "widths": WIDTHS} | changes
    return sections.PrepareSequences(**values)


def labels(train=24, test=12):
    """Return the corpora as the release's npz holds them."""
    rng = np.random.default_rng(0)
    corpora = {"train_corpus": {}, "test1_corpus": {}, "test2_corpus": {}, "test3_corpus": {}}
    for number in range(train + test):
        corpus = "train_corpus" if number < train else "test1_corpus"
        value = float(np.round(4 * rng.uniform(-5, 5)) / 4)
        corpora[corpus][f"sample_{number:08d}"] = {"emo": CLASSES[number % 6], "val": value}
    return corpora


def path(root, name, modality):
    if modality == "hog":
        return root / "openface_hog" / name / f"{name}.npy"
    return root / "features" / FEATURES[modality] / f"{name}.npy"


def write(root, corpora=None):
    """Write the release and return its folder."""
    root.mkdir(parents=True, exist_ok=True)
    corpora = labels() if corpora is None else corpora
    np.savez(root / "label-6way.npz", **{k: np.array(v, object) for k, v in corpora.items()})
    rng = np.random.default_rng(1)
    centre = {m: rng.normal(size=(6, width)) for m, width in WIDTHS.items()}
    for corpus in ("train_corpus", "test1_corpus"):
        for name, label in corpora[corpus].items():
            for m, width in WIDTHS.items():
                rows = rng.normal(size=(rng.integers(1, 9), width))
                emotion = CLASSES.index(label["emo"]) if label["emo"] in CLASSES else 0
                file = path(root, name, m)
                file.parent.mkdir(parents=True, exist_ok=True)
                np.save(file, (rows + centre[m][emotion]).astype(np.float32))
    return root
