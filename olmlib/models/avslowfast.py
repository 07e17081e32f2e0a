"""AVSlowFast-lite: audio flows into the visual pathway at two depths.

A small relative of AVSlowFast (Xiao et al., arXiv 2001.08740), made for one to three frames, where
no Slow and Fast pathway exist; its numbers are to be called AVSlowFast-lite, never AVSlowFast.
"""

import torch
from torch import Tensor, channels_last, nn
from torch.nn.functional import cosine_similarity, normalize

from companion import params
from olmlib.models.encoders import AudioEncoder, VisualEncoder, fold_frames, initialise
from olmlib.models.late_fusion import MODALITIES, split_logits
from olmlib.models.mmtm import pool
from olmlib.models.outputs import Outputs

MEETINGS = (1, 2)  # audio joins after these stages, counted from 0: layer2 and layer3
RATIO = 8  # Fast frames per Slow frame; also how much thinner the Fast pathway is
SMALLEST = 8  # channels of a first stage, see `companion.params.Model`
MARGIN, SCALE = 0.99, 0.5
LEAST_VARIANCE, MOST_SIMILAR = 0.01, 0.99999


def lateral_stride(reduction: int, ratio=32) -> int:
    """Return the time stride with which audio maps come down to the Slow pathway's frames.

    Args:
        reduction: of audio time so far, by pooling and strides.
        ratio: spectrogram frames per Slow frame; 32 in the released configurations.
    """
    return ratio // reduction


class AudioLateral(nn.Module):
    """Audio to frames: `A2F`, two (conv1d of 5, batch norm, ReLU) over time, `C_a -> 64 -> C_v`.

    Args:
        audio, visual: channels `C_a` and `C_v`.
        stride: in time, of the last convolution. The released code comes down to one vector per
            Slow frame so (`lateral_stride`); AVSlowFast-lite takes the mean over time instead.
    """

    def __init__(self, audio: int, visual: int, stride=1):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(audio, 64, 5, padding=2, bias=False),
            nn.BatchNorm1d(64),
            nn.ReLU(),
            nn.Conv1d(64, visual, 5, stride=stride, padding=2, bias=False),
            nn.BatchNorm1d(visual),
            nn.ReLU(),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Map `(B, C_a, F, T_a)` to `(B, C_v, ceil(T_a / stride))`, first over frequency (A1)."""
        return self.layers(maps.mean(2))


class FastLateral(nn.Module):
    """Fast to Slow: `F2S`, a convolution over 5 frames of stride 8, batch norm, ReLU."""

    def __init__(self, fast: int):
        super().__init__()
        self.dim = 2 * fast
        self.layers = nn.Sequential(
            nn.Conv3d(fast, self.dim, (5, 1, 1), (RATIO, 1, 1), (2, 0, 0), bias=False),
            nn.BatchNorm3d(self.dim),
            nn.ReLU(),
        )

    def forward(self, maps: Tensor, size: int) -> Tensor:
        """Map folded Fast maps `(B * T, C, H, W)` to folded `(B * ceil(T / 8), 2 C, H, W)`."""
        frames = maps.unflatten(0, (size, -1)).transpose(1, 2)
        return fold_frames(self.layers(frames))


class Synchrony(nn.Module):
    """The AVS loss of one depth: frames are close to their own sound, far from another clip's."""

    def __init__(self, audio: int, visual: int):
        super().__init__()
        self.audio, self.visual = nn.Linear(audio, 64), nn.Linear(visual, 64)

    def forward(self, audio: Tensor, visual: Tensor, valid: Tensor) -> Tensor:
        """Return the loss `()` of pooled maps `(B, C_a)`, `(B, C_v)`; `valid` as of `usable`."""
        sound = self.audio(audio)
        return contrastive(self.visual(visual), sound, sound.roll(1, 0), valid)


def contrastive(reference: Tensor, positive: Tensor, negative: Tensor, valid: Tensor) -> Tensor:
    """Return the mean over valid pairs of `(|r - p|^2 + max(0, 0.99 - |r - n|)^2) / 2`.

    Args:
        reference, positive, negative: `(B, D)`; r, p and n are these at length 0.5.
        valid: `(B,)`, 1 for the pairs that count; none gives 0.
    """
    r, p, n = (SCALE * normalize(x.float(), dim=1) for x in (reference, positive, negative))
    near = (r - p).square().sum(1)
    far = (MARGIN - (r - n).norm(dim=1)).clamp(min=0).square()
    valid = valid.float()
    return ((near + far) / 2 * valid).sum() / valid.sum().clamp(min=1)


def usable(spectrogram: Tensor) -> Tensor:
    """Return `(B,)`: which clips `(B, 1, F, T)` have a sound, and not that of the clip before."""
    x = spectrogram.flatten(1).float()
    return (x.var(1) > LEAST_VARIANCE) & (cosine_similarity(x, x.roll(1, 0)) < MOST_SIMILAR)


class AVSlowFastLite(nn.Module):
    """A visual ResNet-18, an audio one of half its width, and laterals from audio to visual.

    After layer2 and layer3 the audio maps, as one vector per clip (`AudioLateral`), are added to
    the maps of every frame. The head sees the pooled maps of both pathways, audio first.
    DropPathway leaves these sums out for whole batches, in training only; as in the released code
    the audio pathway still runs and feeds the head, and nothing is rescaled in evaluation.

    Args:
        num_classes: C.
        config: width and initialisation. The audio pathway has `max(8, width / 2)` channels, so at
            width 8 it is not thinner: fewer are not safe on every processor (`params.Model`).
        drop: P_d, probability that a training batch goes without the laterals.
        sync: have projections for the AVS loss.
        frames: of the clips. From 8 on there is a Fast pathway, which sees them all with
            `max(8, width / 8)` channels and joins the Slow one, which sees every eighth frame.

    Attributes:
        dropped: whether the last batch went without the laterals.
        sync: the AVS loss `()` of the last training batch, a sum over depths, where it is wanted.
    """

    def __init__(self, num_classes: int, config: params.Model, drop=0.8, sync=False, frames=1):
        super().__init__()
        self.heads = (*MODALITIES, "fused")
        self.drop = drop
        slow = VisualEncoder(config.width)
        audio = AudioEncoder(max(SMALLEST, config.width // 2))
        self.encoders = nn.ModuleDict({"audio": audio, "visual": slow})
        self.fast = VisualEncoder(max(SMALLEST, config.width // 8)) if frames >= RATIO else None
        self.fast_laterals, self.audio_laterals = nn.ModuleList(), nn.ModuleList()
        for stage in MEETINGS:
            channels = _channels(slow, stage)
            if self.fast is not None:
                self.fast_laterals.append(FastLateral(_channels(self.fast, stage)))
                channels += self.fast_laterals[-1].dim
                _widen(slow.trunk.stages[stage + 1][0], channels)
            self.audio_laterals.append(AudioLateral(_channels(audio, stage), channels))
        depths = (*MEETINGS, 3) if sync else ()
        self.projections = nn.ModuleList(
            Synchrony(_channels(audio, stage), _channels(slow, stage)) for stage in depths
        )
        dims = [audio.dim, slow.dim + (self.fast.dim if self.fast is not None else 0)]
        self.fusion = nn.Linear(sum(dims), num_classes)
        self.dropped = False
        self.sync: Tensor | None = None
        initialise(self, config.init)

    def forward(self, batch: dict[str, Tensor]) -> Outputs:
        """Classify a batch; the unimodal logits are the blocks of the fused ones.

        `visual` logits come from the visual pathway's features, which have met the audio in the
        laterals: only the `audio` logits are truly unimodal.

        Raises:
            ValueError: 8 frames or more, but the model was built for fewer, or the reverse.
        """
        frames = batch["visual"]
        size, T = len(frames), frames.shape[2]
        if (T >= RATIO) != (self.fast is not None):
            raise ValueError(f"clips of {T} frames; build AVSlowFastLite with frames={T}")
        self.dropped = self.drops()
        kept = 0.0 if self.dropped else 1.0
        audio, slow = self.encoders["audio"].trunk, self.encoders["visual"].trunk
        a = audio.stem(batch["audio"])
        v = slow.stem(fold_frames(frames if self.fast is None else frames[:, :, ::RATIO]))
        f = None if self.fast is None else self.fast.trunk.stem(fold_frames(frames))
        depths = []
        for stage in range(4):
            a, v = audio.stages[stage](a), slow.stages[stage](v)
            if f is not None:
                f = self.fast.trunk.stages[stage](f)
            if stage in (*MEETINGS, 3):
                depths.append((a, v))
            if stage in MEETINGS:
                v = self._meet(MEETINGS.index(stage), a, v, f, kept)
        self.sync = self._synchrony(depths, batch["audio"]) if self.training else None
        features = {"audio": pool(a, size), "visual": pool(v, size)}
        if f is not None:
            features["visual"] = torch.cat([features["visual"], pool(f, size)], dim=1)
        fused = self.fusion(torch.cat([features[m] for m in MODALITIES], dim=1))
        return Outputs(split_logits(self.fusion, features) | {"fused": fused}, features)

    def drops(self) -> bool:
        """Draw whether this batch goes without the laterals; in eval mode none does.

        From torch's CPU generator, which the training loop seeds at each epoch, so that a resumed
        run draws the same and a GPU need not be asked.
        """
        return self.training and torch.rand(()).item() < self.drop

    def _meet(self, meeting: int, a: Tensor, v: Tensor, f: Tensor | None, kept: float) -> Tensor:
        """Return the visual maps joined by Fast maps and, where `kept` is 1, by audio."""
        size = len(a)
        if f is not None:
            v = torch.cat([v, self.fast_laterals[meeting](f, size)], dim=1)
        # The lateral runs even where it is dropped, so that its batch norm sees every batch.
        lateral = kept * self.audio_laterals[meeting](a).mean(2)
        return v + lateral.repeat_interleave(len(v) // size, 0)[..., None, None]

    def _synchrony(self, depths: list[tuple[Tensor, Tensor]], spectrogram: Tensor) -> Tensor | None:
        if not self.projections:
            return None
        # Visual maps that have met the audio would make the task trivial.
        untouched = depths if self.dropped else depths[:1]
        valid, size = usable(spectrogram), len(spectrogram)
        return sum(
            projection(pool(a, size), pool(v, size), valid)
            for projection, (a, v) in zip(self.projections, untouched, strict=False)
        )


def _channels(encoder: AudioEncoder | VisualEncoder, stage: int) -> int:
    return encoder.dim // 2 ** (3 - stage)


def _widen(block: nn.Module, channels: int) -> None:
    """Give the first block of a stage more input channels."""
    for parent, name in ((block, "conv1"), (block.downsample, "0")):
        old = getattr(parent, name)
        new = nn.Conv2d(
            channels, old.out_channels, old.kernel_size, old.stride, old.padding, bias=False
        )
        setattr(parent, name, new.to(memory_format=channels_last))
