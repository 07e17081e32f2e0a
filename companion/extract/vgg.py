"""VGG-19 and VGGish up to the layers that AVE's features are of; weights come from files.

The names of the modules are those of the published checkpoints, torchvision's `vgg19` and the
PyTorch port of VGGish (Hershey et al., ICASSP 2017), so that these load as they are.
"""

from pathlib import Path

import numpy as np
import torch
import torchvision
from torch import Tensor, nn

from olmlib.data import arrive

SIDE, RATE = 224, 16_000
# VGGish's examples: 96 spectra of 25 ms, 10 ms apart; 64 mel bands from 125 to 7,500 Hz.
WINDOW, HOP, FFT, SPECTRA, BANDS, HERTZ = 400, 160, 512, 96, 64, (125.0, 7_500.0)
SAMPLES = WINDOW + (SPECTRA - 1) * HOP


def vgg19(path: str | Path, device="cpu") -> nn.Module:
    """Load VGG-19 up to its last pooling, in eval mode: `(B, 3, 224, 224)` to `(B, 512, 7, 7)`.

    Args:
        path: of torchvision's weights; the classifier's may be in the file and are not used.
        device: where it runs.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it holds no weights, or those of another network.
    """
    return _loaded(torchvision.models.vgg19(weights=None).features, "features.", path, device)


class VGGish(nn.Module):
    """128 numbers of a second of sound."""

    def __init__(self):
        super().__init__()
        layers: list[nn.Module] = []
        width = 1
        for size in (64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool"):
            if isinstance(size, str):
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(width, size, 3, padding=1), nn.ReLU()]
                width = size
        self.features = nn.Sequential(*layers)
        wide = 512 * (SPECTRA // 16) * (BANDS // 16)
        dense = [nn.Linear(*sizes) for sizes in ((wide, 4096), (4096, 4096), (4096, 128))]
        self.embeddings = nn.Sequential(*(m for layer in dense for m in (layer, nn.ReLU())))

    def forward(self, mel: Tensor) -> Tensor:
        """Map `(B, 1, 96, 64)` log mel spectra to `(B, 128)`, at least 0."""
        maps = self.features(mel)
        # The weights are of TensorFlow, which has channels last.
        return self.embeddings(maps.permute(0, 2, 3, 1).flatten(1))


def vggish(path: str | Path, device="cpu") -> nn.Module:
    """Load VGGish in eval mode, without the PCA that AudioSet's features went through.

    Args:
        path: of the PyTorch port's weights; a PCA's may be in the file and are not used.
        device: where it runs.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it holds no weights, or those of another network.
    """
    return _loaded(VGGish(), "", path, device)


def log_mel(sound: np.ndarray) -> np.ndarray:
    """Return VGGish's view of a second of sound.

    Args:
        sound: `(samples,)` float32 at 16 kHz, at least 15,600.

    Returns:
        `(96, 64)` float32: log(m + 0.01) of 64 mel bands' magnitudes.
    """
    parts = np.lib.stride_tricks.sliding_window_view(sound[:SAMPLES], WINDOW)[::HOP]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    magnitude = np.abs(np.fft.rfft(parts * hann, FFT))
    return np.log(magnitude @ _bands() + 0.01).astype(np.float32)


def _bands() -> np.ndarray:
    """Return the weight of every frequency in every band: triangles on the mel scale."""
    mel = 1127 * np.log1p(np.fft.rfftfreq(FFT, 1 / RATE) / 700)
    low, high = 1127 * np.log1p(np.array(HERTZ) / 700)
    edges = np.linspace(low, high, BANDS + 2)
    rise = (mel[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - mel[:, None]) / np.diff(edges)[1:]
    weights = np.maximum(0, np.minimum(rise, fall))
    weights[0] = 0  # no band has the constant part
    return weights


@torch.inference_mode()
def seen(model: nn.Module, frames: np.ndarray, segments: int) -> np.ndarray:
    """Return pool5 of every segment, the mean over its frames.

    Args:
        model: of `vgg19`.
        frames: `(segments * k, 224, 224, 3)` uint8, in their order.
        segments: of the clip.

    Returns:
        `(segments, 7, 7, 512)` float32.
    """
    device = next(model.parameters()).device
    maps = []
    for part in np.split(frames, segments):
        ready = arrive.ready({"visual": torch.from_numpy(part)[None].to(device)})["visual"]
        maps.append(model(ready[0].transpose(0, 1)).mean(0).permute(1, 2, 0).cpu())
    return torch.stack(maps).numpy()


@torch.inference_mode()
def heard(model: nn.Module, sound: np.ndarray, segments: int) -> np.ndarray:
    """Return VGGish of every second.

    Args:
        model: of `vggish`.
        sound: `(samples,)` at 16 kHz; silence follows where it is too short.
        segments: seconds of the clip.

    Returns:
        `(segments, 128)` float32.
    """
    device = next(model.parameters()).device
    whole = np.zeros(segments * RATE, np.float32)
    whole[: len(sound)] = sound[: len(whole)]
    mel = np.stack([log_mel(second) for second in whole.reshape(segments, RATE)])
    return model(torch.from_numpy(mel)[:, None].to(device)).cpu().numpy()


def _loaded(model: nn.Module, prefix: str, path: str | Path, device) -> nn.Module:
    """Put the weights that a file has for `model` into it; their names begin with `prefix`."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: give the file of the weights with --weights")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} is no file of weights: {error}") from error
    wanted = model.state_dict()
    known = state if isinstance(state, dict) else {}
    found = {name: known.get(f"{prefix}{name}") for name in wanted}
    wrong = [n for n, v in wanted.items() if getattr(found.get(n), "shape", None) != v.shape]
    if wrong:
        raise ValueError(
            f"{path} does not fit: {len(wrong)} weights are missing or of another shape, the first "
            f"is {prefix}{wrong[0]}"
        )
    model.load_state_dict(found)
    return model.to(device).eval()
