"""What `benchmarks.gpu` measures with: the paper's sizes for a GPU, small ones for a CPU."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from olmlib.config import LateFusionConfig, NetworkConfig, TrainConfig, TransformerConfig
from olmlib.data.arrays import Prepared
from olmlib.data.clips import Data
from olmlib.data.sequences import Sequences
from olmlib.data.synthetic import synthetic


@dataclass(frozen=True)
class Sizes:
    """How large everything is.

    Attributes:
        device: what is measured.
        tables: name -> shapes of a data set of Table 1, as `olmlib.data.arrays.synthetic` has them.
        batch: clips per step of Table 1.
        width: of the ResNets.
        transformer: network of Table 3.
        lengths: modality -> frames of the longest clip of Table 3.
        batch3: clips per step of Table 3.
        steps: of an epoch of `train.fit`, by data set.
        rounds: most repetitions of steps that are timed.
        seconds: after these, no more repetitions.
        parity: what is compared with the CPU: `olmlib.data.arrays.synthetic`'s shapes.
        workers: of the loader, as in profile `paper`.
    """

    device: str
    tables: dict[str, dict]
    batch: int
    width: int
    transformer: TransformerConfig
    lengths: dict[str, int]
    batch3: int
    steps: dict[str, int]
    rounds: int
    seconds: float
    parity: dict
    workers: int

    @property
    def names(self) -> tuple[str, ...]:
        """The data sets: those of Table 1 that differ in shape, and that of Table 3."""
        return (*self.tables, "mer2023")

    def data(self, name: str, folder: Path) -> Data:
        """Return synthetic clips of the shapes of a data set, written to `folder` once."""
        if name == "mer2023":
            return sequences(folder / name, self.lengths, self.batch3, self.transformer.inputs)
        if (folder / name / "meta.json").exists():
            return Prepared(folder / name)
        return synthetic(folder / name, clips=5 * self.batch, **self.tables[name])

    def model(self, name: str, method: str) -> NetworkConfig:
        """Return the network of a data set; a lone fused head is what `joint` needs of Table 3."""
        if name != "mer2023":
            return LateFusionConfig(width=self.width)
        fusion = "attention" if method == "joint" else "irfb"
        return TransformerConfig(**{**vars(self.transformer), "fusion": fusion})

    def train(self, name: str, **changes) -> TrainConfig:
        """Return the training of a data set in profile `paper`, one epoch long."""
        common = {"epochs": 1, "device": self.device, "schedule": "constant", "lr": 1e-4} | changes
        if name == "mer2023":
            return TrainConfig(
                batch_size=self.batch3, optimizer="adam", valence_weight=1.0, **common
            )
        return TrainConfig(batch_size=self.batch, **common)


def transformer(d_model: int, n_layers: int, width: int, **sizes) -> TransformerConfig:
    """Return the network of Table 3 over visual and audio features of one width."""
    inputs = {"visual": width, "audio": width}
    return TransformerConfig(
        modalities=("visual", "audio"), inputs=inputs, d_model=d_model, n_layers=n_layers, **sizes
    )


PAPER = Sizes(
    device="cuda",
    tables={
        "cremad": {"bins": 257, "frames": 299, "n_frames": 1, "size": 224},
        "ks": {"bins": 257, "frames": 1004, "n_frames": 3, "size": 224},
    },
    batch=64,
    width=64,
    transformer=transformer(768, 6, 1024),
    lengths={"visual": 200, "audio": 1500},
    batch3=32,
    steps={"cremad": 60, "ks": 30, "mer2023": 20},
    rounds=4,
    seconds=3,
    parity={"bins": 65, "frames": 75, "size": 64, "classes": 3},
    workers=4,
)
SMALL = Sizes(
    device="cpu",
    tables={
        "cremad": {"bins": 33, "frames": 40, "n_frames": 1, "size": 32},
    },
    batch=12,
    width=8,
    transformer=transformer(16, 1, 8, n_heads=2, ffn_dim=16, n_bottleneck=2),
    lengths={"visual": 4, "audio": 9},
    batch3=8,
    steps={"cremad": 2, "mer2023": 2},
    rounds=1,
    seconds=0,
    parity={"bins": 33, "frames": 40, "size": 32, "classes": 3},
    workers=0,
)


def repeated(data: Data, count: int) -> Data:
    """Let the train split have `count` clips, its own again and again."""
    plain = data.rows
    data.rows = lambda split: np.resize(plain(split), count) if split == "train" else plain(split)
    return data


def sequences(folder: Path, lengths: dict[str, int], batch: int, widths: dict) -> Sequences:
    """Return prepared noise: one batch to train on, half of one as dev and as test split."""
    if (folder / "meta.json").exists():
        return Sequences(folder)
    folder.mkdir(parents=True)
    rng, count = np.random.default_rng(0), 2 * batch
    for m, longest in lengths.items():
        # The first clip of each batch has full length, the shortest seven tenths of it.
        share = np.linspace(1, 0.7, batch)
        start = np.append(0, np.cumsum(np.ceil(longest * np.tile(share, 2)).astype(np.int64)))
        rows = rng.standard_normal((start[-1], widths[m]), np.float32).astype(np.float16)
        np.save(folder / f"{m}.npy", rows)
        np.save(folder / f"{m}_start.npy", start)
    order = np.arange(count)
    records = pd.DataFrame({"row": order, "id": order.astype(str), "label": order % 6})
    records["split"] = np.where(order < batch + batch // 2, "train", "test")
    # Fold 0 is the dev split.
    records["group"], records["fold"] = "noise", np.where(order < batch, 1, 0)
    records["valence"] = order % 3 - 1.0
    records.to_csv(folder / "records.csv", index=False)
    meta = {"classes": list("abcdef"), "digest": "noise", "folds": 2, "widths": widths}
    (folder / "meta.json").write_text(json.dumps(meta))
    return Sequences(folder)
