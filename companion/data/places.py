"""Features of pictures by a network that was trained to name scenes: Places-CNN.

The paper takes "Places-CNN" (Zhou et al., NeurIPS 2014) and says neither which layer nor how depth
goes in. Here it is the second fully connected layer (fc7) of AlexNet, after its ReLU. Weights that
PyTorch reads are those of Places365, trained on other pictures and 365 scenes, not on the 205 of
2014; `Extractor.scenes` tells which.
"""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models import alexnet

from companion.data import files
from companion.data.release import ReleaseError
from olmlib.data.arrive import MEAN, STD

SOURCE = (
    "AlexNet's weights for Places365 are alexnet_places365.pth.tar of places2.csail.mit.edu "
    "(repository CSAILVision/places365); name the file as prepare.checkpoint in params.yaml"
)
BATCH = 32


class Small(nn.Module):
    """The miniature's own network: three convolutions and three linear layers, as AlexNet's ends.

    Args:
        num_classes: scenes.
    """

    def __init__(self, num_classes: int):
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(3, 16, 5, 2), *_convolution(16, 32, 3, 1), *_convolution(32, 48, 3, 1)
        )
        self.classifier = nn.Sequential(
            *(nn.Dropout(0.2), nn.Linear(48 * 16, 128), nn.ReLU()),
            *(nn.Dropout(0.2), nn.Linear(128, 64), nn.ReLU()),
            nn.Linear(64, num_classes),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Map `(B, 3, 64, 64)`, ImageNet-normalised, to logits `(B, C)`."""
        return self.classifier(self.features(pictures).flatten(1))


def _convolution(before: int, after: int, side: int, stride: int) -> list[nn.Module]:
    kernel = nn.Conv2d(before, after, side, stride, side // 2, bias=False)
    return [kernel, nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]


@dataclass(frozen=True)
class Architecture:
    """A network that a checkpoint can hold.

    Attributes:
        make: from the number of scenes to the network; `classifier` ends with its last layer.
        side: of the pictures that it takes.
    """

    make: Any
    side: int


ARCHITECTURES = {
    "alexnet": Architecture(lambda scenes: alexnet(num_classes=scenes), 224),
    "small": Architecture(Small, 64),
}


@dataclass(frozen=True)
class Extractor:
    """A network without its last layer.

    Attributes:
        arch: name of its architecture.
        scenes: how many scenes it was trained to name: 365, or 205 of the network of 2014.
        network: whose classifier ends with fc7 and its ReLU; in eval mode.
        side: of the pictures that it takes.
    """

    arch: str
    scenes: int
    network: nn.Module
    side: int

    @torch.no_grad()
    def features(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Return fc7 of pictures.

        Args:
            pictures: n of them, `(H, W, 3)` uint8 of any size; resized without keeping the aspect
                and cut to the middle, as Places365's own code does.

        Returns:
            `(n, d)` float32, not negative; d is 4096 of AlexNet and 64 of the miniature's.
        """
        parts = []
        for i in range(0, len(pictures), BATCH):
            batch = torch.cat([prepared(p, self.side) for p in pictures[i : i + BATCH]])
            parts.append(self.network(batch).numpy())
        return np.concatenate(parts)


def prepared(picture: np.ndarray, side: int) -> Tensor:
    """Return a picture as a network takes it, `(1, 3, side, side)`, ImageNet-normalised."""
    large = round(side * 256 / 224)
    image = Image.fromarray(picture).resize((large, large), Image.Resampling.BILINEAR)
    cut = (large - side) // 2
    pixels = np.asarray(image)[cut : cut + side, cut : cut + side]
    return (torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255 - MEAN) / STD


def load(path: Path) -> Extractor:
    """Read a checkpoint, once per process as long as the file stays the same.

    Args:
        path: as Places365 publishes them: a dictionary with `arch` and `state_dict`, whose names
            may say `module.`; or a `state_dict` alone, of AlexNet.

    Raises:
        ReleaseError: missing, a Git-LFS pointer, no checkpoint, of an architecture that is not in
            `ARCHITECTURES`, or with other layers; says which.
    """
    fault = files.problem(path)
    if fault:
        raise ReleaseError(f"{path} is {fault}. {SOURCE}")
    state = path.stat()
    return _read(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=1)
def _read(path: Path, changed: int, size: int) -> Extractor:
    try:
        # Nothing but tensors, numbers and texts: a pickle could run any code.
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ReleaseError(f"{path} is no checkpoint of tensors: {first}. {SOURCE}") from None
    if not isinstance(content, dict):
        raise ReleaseError(f"{path} holds a {type(content).__name__}, no state_dict. {SOURCE}")
    arch = content.get("arch", "alexnet")
    weights = content.get("state_dict", content)
    if arch not in ARCHITECTURES:
        raise ReleaseError(
            f"{path} is of architecture {arch!r}; features can be made by "
            f"{', '.join(ARCHITECTURES)}. {SOURCE}"
        )
    weights = {str(name).replace("module.", ""): value for name, value in weights.items()}
    last = weights.get("classifier.6.weight")
    if not isinstance(last, Tensor) or last.ndim != 2:
        raise ReleaseError(
            f"{path} has no classifier.6.weight (scenes, fc7), the last layer of {arch}: its "
            f"layers are {', '.join(list(weights)[:4])}, … {SOURCE}"
        )
    network = ARCHITECTURES[arch].make(len(last))
    _refuse_other_layers(path, arch, network.state_dict(), weights)
    network.load_state_dict(weights)
    network.classifier = network.classifier[:-1]
    return Extractor(arch, len(last), network.eval(), ARCHITECTURES[arch].side)


def _refuse_other_layers(path: Path, arch: str, wanted: dict, found: dict) -> None:
    lines = []
    for name in dict.fromkeys([*wanted, *found]):
        if name not in found:
            lines.append(f"{name} is missing")
        elif name not in wanted:
            lines.append(f"{name} is no layer of {arch}")
        elif getattr(found[name], "shape", None) != wanted[name].shape:
            shape = tuple(getattr(found[name], "shape", ()))
            lines.append(f"{name} is {shape}, expected {tuple(wanted[name].shape)}")
    if lines:
        shown = "; ".join(lines[:3]) + ("; …" if len(lines) > 3 else "")
        raise ReleaseError(f"{path} has other layers than {arch}: {shown}. {SOURCE}")
