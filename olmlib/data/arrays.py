"""Prepared data: memory-mapped arrays, and the batches a network is trained on.

A prepared folder holds `audio.npy` (N, 257, F) float16 log spectrograms (smaller where preparation
pooled them), `visual.npy` (N, n_frames, S, S, 3) uint8 RGB frames, and what every folder has, see
`olmlib.data.folder`.
"""

from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from olmlib.config import TrainConfig
from olmlib.data import arrive
from olmlib.data.arrive import Batch
from olmlib.data.clips import ClipSet
from olmlib.data.folder import PreparedFolder

_TRIES = 10
_ROWS = 4096


class Prepared(PreparedFolder):
    """A prepared folder of recordings; see its base for the other attributes.

    Attributes:
        audio: `(N, 257, F)` float16 memmap.
        visual: `(N, n_frames, S, S, 3)` uint8 memmap.
    """

    def __init__(self, folder: str | Path):
        """Open `folder`.

        Raises:
            FileNotFoundError: the folder is missing or was not finished.
            ValueError: arrays and records disagree.
        """
        super().__init__(folder)
        self.audio, self.visual = self.array("audio"), self.array("visual")
        if not len(self.records) == len(self.audio) == len(self.visual):
            raise self.disagree(
                f"{len(self.records)} records, {len(self.audio)} spectrograms, "
                f"{len(self.visual)} clips of frames"
            )

    def clips(self, rows: np.ndarray, augment: bool, config: TrainConfig, seed: int) -> "Clips":
        """Return some rows as the clips of a training, see `Clips`."""
        return Clips(self, rows, augment, config.crop_scale, config.flip, seed)

    def batch(self, rows: np.ndarray) -> Batch:
        """Return `rows` as they are stored, also "audio" `(B, 1, 257, F)` and "visual"."""
        audio = torch.from_numpy(self.audio[rows]).unsqueeze(1)
        return super().batch(rows) | {
            "audio": audio,
            "visual": torch.from_numpy(self.visual[rows]),
        }


class Clips(ClipSet):
    """Rows of prepared data as batches.

    In training, each frame gets its own random flip and resized crop, with torchvision's areas and
    aspect ratios. Random numbers depend on (seed, epoch, row) and on nothing else.
    """

    def __init__(
        self,
        prepared: Prepared,
        rows: np.ndarray,
        train: bool,
        crop_scale: tuple[float, float] = (0.08, 1.0),
        flip: bool = True,
        seed: int = 0,
    ):
        """Choose what to read and how.

        Args:
            prepared: the data.
            rows: `(n,)` row numbers, as of `Prepared.rows`.
            train: whether to augment.
            crop_scale: range of the crop's area, as a share of the frame, in `(0, 1]`.
            flip: whether to mirror half of the frames.
            seed: of the augmentation, >= 0.
        """
        low, high = crop_scale
        if not 0 < low <= high <= 1:
            raise ValueError(f"crop_scale is {crop_scale}, must be 0 < low <= high <= 1")
        self.prepared, self.rows, self.train = prepared, np.asarray(rows, np.int64), train
        self.crop_scale, self.flip, self.seed = (low, high), flip, seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Choose the random numbers of `epoch`."""
        self.epoch = epoch
        self._drawn: tuple[np.ndarray, np.ndarray] | None = None

    def __getitems__(self, indices: list[int]) -> Batch:
        """Return one batch.

        Returns:
            "audio": `(B, 1, 257, F)` float32; "visual": `(B, 3, n_frames, S, S)` float32,
            normalised with ImageNet statistics; "label": `(B,)` int64; "row": `(B,)` int64. With
            `late`, what `arrive.ready` makes these of.
        """
        rows = self.rows[np.asarray(indices, np.int64)]
        batch = self.prepared.batch(rows)
        if self.train:
            count = self.prepared.visual.shape[1]
            boxes = zip(arrive.BOXES, self._boxes(count), strict=True)
            batch |= {f"visual_{name}": torch.from_numpy(box[rows]) for name, box in boxes}
        return batch if self.late else arrive.ready(batch)

    def _boxes(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a random box of this epoch for each of `count` frames of every row of the data.

        Drawn for all rows at once: a generator per row would take longer than the crop itself.

        Returns:
            Half the size and the centre, `(N, count, 2)` float32 each, (x, y), in coordinates where
            the frame is [-1, 1]; a negative half-width mirrors.
        """
        if self._drawn is None:
            generator = np.random.default_rng([self.seed, self.epoch])
            # In parts: what all tries of all rows need at once is 18 times what is kept of them.
            sizes = np.diff([*range(0, len(self.prepared), _ROWS), len(self.prepared)])
            drawn = (generator.random((n, count, 2 * _TRIES + 3), np.float32) for n in sizes)
            halves, centres = zip(*map(self._fitted, drawn), strict=True)
            self._drawn = np.concatenate(halves), np.concatenate(centres)
        return self._drawn

    def _fitted(self, uniform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Turn uniform numbers `(N, count, 2 * tries + 3)` into the first boxes that fit."""
        u = uniform.reshape(-1, uniform.shape[-1])
        low, high = self.crop_scale
        area = low + (high - low) * u[:, :_TRIES]
        # By torch: the last digit of numpy's power is another one on processors with AVX-512.
        aspect = torch.pow(4 / 3, torch.from_numpy(2 * u[:, _TRIES : 2 * _TRIES] - 1)).numpy()
        share = np.sqrt(np.stack([area * aspect, area / aspect], -1))
        fits = (share <= 1).all(-1)
        share = np.where(fits.any(1)[:, None], share[np.arange(len(u)), fits.argmax(1)], 1)
        # A box of share w that starts at x0 has its centre at 2 * x0 + w - 1; x0 is in [0, 1 - w].
        centre = (2 * u[:, -3:-1] - 1) * (1 - share)
        share[:, 0] *= np.where(self.flip & (u[:, -1] < 0.5), -1, 1)
        shape = (*uniform.shape[:2], 2)
        return share.astype(np.float32).reshape(shape), centre.astype(np.float32).reshape(shape)


def loader(
    clips: ClipSet,
    batch_size: int,
    shuffle: bool = False,
    seed: int = 0,
    epoch: int = 0,
    workers: int = 0,
    drop_last: bool = False,
    pin: bool = False,
) -> DataLoader:
    """Return the batches of one epoch, and set `clips` to that epoch.

    The order depends on (seed, epoch) alone and takes nothing from torch's global generator: a
    resumed training sees what an unbroken one sees.

    Args:
        clips: what to read.
        batch_size: B; the last batch may be smaller unless `drop_last`.
        shuffle: random order, for training.
        seed: of the order, >= 0.
        epoch: chooses the order and the augmentation, >= 0.
        workers: processes that read ahead; 0: none.
        drop_last: leave out the last batch if it is smaller than `batch_size`.
        pin: put batches where a GPU can copy them from while the processor goes on.

    Raises:
        ValueError: there is no batch to give.
    """
    clips.set_epoch(epoch)
    order = np.arange(len(clips))
    if shuffle:
        order = np.random.default_rng([seed, epoch]).permutation(order)
    end = len(order) - len(order) % batch_size if drop_last else len(order)
    if end == 0:
        raise ValueError(f"{len(clips)} clips give no batch of {batch_size}")
    batches = [order[i : i + batch_size].tolist() for i in range(0, end, batch_size)]
    return DataLoader(
        clips,
        batch_sampler=batches,
        collate_fn=_same,
        num_workers=workers,
        pin_memory=pin,
        generator=torch.Generator().manual_seed(seed),
    )


def _same(batch):
    return batch
