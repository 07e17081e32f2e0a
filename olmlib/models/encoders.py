"""ResNet encoders, one per modality, from torchvision's classes."""

from collections.abc import Mapping

from torch import Tensor, channels_last, device, nn
from torchvision.models.resnet import BasicBlock, ResNet

from olmlib.config import LateFusionConfig
from olmlib.models.network import module_dict


class _Trunk(ResNet):
    """A ResNet of basic blocks without its linear layer, `width` channels in the first stage."""

    def __init__(self, channels: int, width: int, blocks: int):
        # Of full width, only to be replaced: on this device nothing is drawn nor stored.
        with device("meta"):
            super().__init__(BasicBlock, [1, 1, 1, 1])
        self.inplanes = width
        self.conv1 = nn.Conv2d(channels, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        for stage in range(4):
            layer = self._make_layer(
                BasicBlock, width * 2**stage, blocks, stride=1 if stage == 0 else 2
            )
            setattr(self, f"layer{stage + 1}", layer)
        del self.avgpool, self.fc  # `forward` goes without them
        self.to(memory_format=channels_last)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, channels, H, W)` to feature maps `(B, 8 * width, H / 32, W / 32)`."""
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return x

    def stem(self, x: Tensor) -> Tensor:
        """Map `(B, channels, H, W)` to what the first stage sees, `(B, width, H / 4, W / 4)`."""
        x = x.contiguous(memory_format=channels_last)
        return self.maxpool(self.relu(self.bn1(self.conv1(x))))

    @property
    def stages(self) -> tuple[nn.Module, ...]:
        """The four stages in order, for models that do something between them."""
        return self.layer1, self.layer2, self.layer3, self.layer4


class Encoder(nn.Module):
    """One modality's encoder, whose trunk sees images.

    Args:
        channels: of an image.
        width: channels in the trunk's first stage.
        blocks: of each of its four stages: 1 is ResNet-10, 2 is ResNet-18.

    Attributes:
        dim: width of the features.
    """

    def __init__(self, channels: int, width: int = 64, blocks: int = 2):
        super().__init__()
        self.dim = 8 * width
        self.trunk = _Trunk(channels, width, blocks)

    def images(self, clips: Tensor) -> Tensor:
        """Return a batch of clips as images for the trunk, those of a clip in a row."""
        return clips


class SpectrogramEncoder(Encoder):
    """Spectrograms to features: through the trunk, then a mean over frequency and time."""

    def __init__(self, width: int = 64, blocks: int = 2):
        super().__init__(1, width, blocks)

    def forward(self, spectrograms: Tensor) -> Tensor:
        """Map `(B, 1, F, T)` to `(B, dim)`."""
        return self.trunk(spectrograms).mean((2, 3))


class FrameEncoder(Encoder):
    """Frames to features: each frame through the trunk, then a mean over frames and space."""

    def __init__(self, width: int = 64, blocks: int = 2):
        super().__init__(3, width, blocks)

    def images(self, clips: Tensor) -> Tensor:
        """Return frames `(B, 3, T, H, W)` as `(B * T, 3, H, W)`."""
        return clips.transpose(1, 2).flatten(0, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Map `(B, 3, T, H, W)`, ImageNet-normalised, to `(B, dim)`."""
        maps = self.trunk(self.images(frames))
        return maps.unflatten(0, (len(frames), -1)).mean((1, 3, 4))


ENCODERS: dict[str, type[SpectrogramEncoder | FrameEncoder]] = {
    "spectrogram": SpectrogramEncoder,
    "frames": FrameEncoder,
}


def encoders(config: LateFusionConfig) -> Mapping[str, Encoder]:
    """Return a fresh encoder per modality."""
    return module_dict(
        {m: ENCODERS[kind](config.width, config.blocks) for m, kind in config.encoders.items()}
    )


def initialise(model: nn.Module, scheme: str) -> nn.Module:
    """Initialise all layers in place and return the model.

    Args:
        model: any model of convolutions, batch norms and linear layers.
        scheme: `ogm_ge` (linear Xavier-normal with zero bias, BN scale 1) or `olm` (linear as torch
            does it, BN scale N(1, 0.02)); convolutions are Kaiming-normal, fan-out, in both.
    """
    for layer in model.modules():
        if isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.ones_(layer.weight)
            if scheme == "olm":
                nn.init.normal_(layer.weight, 1.0, 0.02)
            nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.Linear) and scheme == "ogm_ge":
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    return model
