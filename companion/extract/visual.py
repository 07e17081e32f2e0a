"""MANet (Zhao, Liu and Wang, TIP 2021), which describes a face for emotion: 1024 numbers.

The names of the modules are those of the published checkpoints, so that these load as they are.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, conv1x1, conv3x3
from torchvision.transforms.functional import to_tensor

SIDE = 224
BATCH = 32


class ChannelGate(nn.Module):
    """Scale channels by what their means and their maxima say (CBAM, Woo et al., ECCV 2018)."""

    def __init__(self, channels: int):
        super().__init__()
        few = channels // 16
        # A Flatten comes first, because the checkpoints number the layers from it.
        layers = nn.Flatten(), nn.Linear(channels, few), nn.ReLU(), nn.Linear(few, channels)
        self.mlp = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to the same."""
        score = self.mlp(x.mean((2, 3), keepdim=True)) + self.mlp(x.amax((2, 3), keepdim=True))
        return x * score.sigmoid()[..., None, None]


class SpatialGate(nn.Module):
    """Scale places by what the maximum and the mean over channels say (CBAM)."""

    def __init__(self):
        super().__init__()
        self.spatial = nn.Sequential()
        self.spatial.add_module("conv", nn.Conv2d(2, 1, 7, padding=3, bias=False))
        self.spatial.add_module("bn", nn.BatchNorm2d(1))

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to the same."""
        seen = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], dim=1)
        return x * self.spatial(seen).sigmoid()


class AttentionBlock(BasicBlock):
    """A residual block whose branch ends in both gates of CBAM."""

    def __init__(self, inplanes: int, planes: int, stride=1, downsample=None):
        super().__init__(inplanes, planes, stride, downsample)
        self.cbam = nn.Sequential()
        self.cbam.add_module("ChannelGate", ChannelGate(planes))
        self.cbam.add_module("SpatialGate", SpatialGate())

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to half the side where the stride is 2."""
        branch = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        short = x if self.downsample is None else self.downsample(x)
        return (self.cbam(branch) + short).relu()


class MultiScaleBlock(nn.Module):
    """A residual block whose branch is a quarter of the channels wide, four deep, in both orders.

    Every quarter is convolved together with the result of the quarter before it; once from the
    first to the last, once from the last to the first.
    """

    def __init__(self, inplanes: int, planes: int, stride=1, downsample=None):
        super().__init__()
        self.width, self.downsample = planes // 4, downsample
        self.conv1, self.bn1 = conv3x3(inplanes, planes, stride), nn.BatchNorm2d(planes)
        for way in (1, 2):
            for quarter in (1, 2, 3, 4):
                name = f"{way}_2_{quarter}"
                self.add_module(f"conv{name}", conv3x3(self.width, self.width))
                self.add_module(f"bn{name}", nn.BatchNorm2d(self.width))

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to half the side where the stride is 2."""
        quarters = self.bn1(self.conv1(x)).relu().split(self.width, dim=1)
        down = self._chain("1", quarters, (1, 2, 3, 4))
        up = self._chain("2", quarters, (4, 3, 2, 1))
        short = x if self.downsample is None else self.downsample(x)
        return (down + up + short).relu()

    def _chain(self, way: str, quarters, order) -> Tensor:
        convolved: dict[int, Tensor] = {}
        before: Tensor | int = 0
        for n in order:
            conv, bn = getattr(self, f"conv{way}_2_{n}"), getattr(self, f"bn{way}_2_{n}")
            convolved[n] = bn(conv(before + quarters[n - 1]))
            before = convolved[n].relu()
        return torch.cat([convolved[n] for n in (1, 2, 3, 4)], dim=1)


class MANet(nn.Module):
    """A local branch, whose four quarters have weights of their own, and a multi-scale branch.

    Args:
        num_classes: of the checkpoint's two classifiers; the features are what these two read.
    """

    def __init__(self, num_classes=7):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1, self.relu = nn.BatchNorm2d(64), nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = _layer(BasicBlock, 64, 64, 1)
        self.layer2 = _layer(BasicBlock, 64, 128, 2)
        for n in (1, 2, 3, 4):
            self.add_module(f"layer3_1_p{n}", _layer(AttentionBlock, 128, 256, 2))
            self.add_module(f"layer4_1_p{n}", _layer(AttentionBlock, 256, 512, 1))
        self.layer3_2 = _layer(MultiScaleBlock, 128, 256, 2)
        self.layer4_2 = _layer(MultiScaleBlock, 256, 512, 2)
        self.fc_1, self.fc_2 = nn.Linear(512, num_classes), nn.Linear(512, num_classes)

    def forward(self, faces: Tensor) -> Tensor:
        """Return the features of both branches, what the classifiers would see.

        Args:
            faces: `(B, 3, 224, 224)` in [0, 1].

        Returns:
            `(B, 1024)`: local, then multi-scale.
        """
        x = self.maxpool(self.relu(self.bn1(self.conv1(faces))))
        x = self.layer2(self.layer1(x))
        height, width = x.shape[2] // 2, x.shape[3] // 2
        patches = [q for half in x.split(height, dim=2) for q in half.split(width, dim=3)]
        local = [
            getattr(self, f"layer4_1_p{n}")(getattr(self, f"layer3_1_p{n}")(patch)).mean((2, 3))
            for n, patch in enumerate(patches, start=1)
        ]
        # The patches are of one size, so the mean of their means is that of the whole map.
        whole = self.layer4_2(self.layer3_2(x)).mean((2, 3))
        return torch.cat([torch.stack(local).mean(0), whole], dim=1)


def load(path: str | Path, device="cpu") -> MANet:
    """Load a published checkpoint, such as that for RAF-DB, in eval mode.

    Args:
        path: of a file by `torch.save` with the weights, bare or under `state_dict`, with or
            without the `module.` of `DataParallel`.
        device: where the model runs.

    Raises:
        FileNotFoundError: no such file.
        ValueError: weights are missing, too many or of another shape; or the file holds objects
            that are no weights, which are not unpickled.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} not found: give MANet's checkpoint with --model; MA-Net's authors publish it"
        )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} is no file of weights: {error}") from error
    state = state.get("state_dict", state)
    state = {name.removeprefix("module."): value for name, value in state.items()}
    model = MANet(len(state["fc_1.bias"]) if "fc_1.bias" in state else 7)
    expected = model.state_dict()
    wrong = [f"missing {name}" for name in expected.keys() - state.keys()]
    wrong += [f"unexpected {name}" for name in state.keys() - expected.keys()]
    wrong += [
        f"{name} has shape {tuple(state[name].shape)}, expected {tuple(expected[name].shape)}"
        for name in expected.keys() & state.keys()
        if state[name].shape != expected[name].shape
    ]
    if wrong:
        first = "\n".join(sorted(wrong)[:5])
        raise ValueError(f"{path} does not fit MANet in {len(wrong)} places, the first:\n{first}")
    model.load_state_dict(state)
    return model.to(device).eval()


@torch.inference_mode()
def describe(model: MANet, faces: list[Image.Image]) -> np.ndarray:
    """Return `(T, 1024)` float32, a row per face; all that is done to a face is to resize it."""
    device = next(model.parameters()).device
    features = []
    for start in range(0, len(faces), BATCH):
        part = [to_tensor(face.resize((SIDE, SIDE))) for face in faces[start : start + BATCH]]
        features.append(model(torch.stack(part).to(device)).cpu())
    return torch.cat(features).numpy()


def _layer(block, inplanes: int, planes: int, stride: int) -> nn.Sequential:
    short = None
    if stride != 1 or inplanes != planes:
        short = nn.Sequential(conv1x1(inplanes, planes, stride), nn.BatchNorm2d(planes))
    return nn.Sequential(block(inplanes, planes, stride, short), block(planes, planes))
