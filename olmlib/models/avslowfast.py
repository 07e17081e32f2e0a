"""AVSlowFast-lite: audio flows into the visual pathway at two depths.

A small relative of AVSlowFast (Xiao et al., arXiv 2001.08740), made for one to three frames, where
no Slow and Fast pathway exist; its numbers are to be called AVSlowFast-lite, never AVSlowFast.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, normalize

from olmlib.check import checked
from olmlib.config import LateFusionConfig
from olmlib.models.encoders import Encoder, FrameEncoder, SpectrogramEncoder, initialise
from olmlib.models.late_fusion import split_logits
from olmlib.models.mmtm import pool
from olmlib.models.network import Network, module_dict
from olmlib.models.outputs import Outputs

MEETINGS = (1, 2)  # audio joins after these stages, counted from 0: layer2 and layer3
SMALLEST = 8  # channels of a first stage, see `olmlib.config.LateFusionConfig`
MARGIN, SCALE = 0.99, 0.5
LEAST_VARIANCE, MOST_SIMILAR = 0.01, 0.99999


class AudioLateral(nn.Module):
    """Audio to frames: `A2F`, two (conv1d of 5, batch norm, ReLU) over time, `C_a -> 64 -> C_v`.

    The released code comes down to one vector per Slow frame by a stride in time; here the mean
    over time is taken instead.

    Args:
        audio, visual: channels `C_a` and `C_v`.
    """

    def __init__(self, audio: int, visual: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(audio, 64, 5, padding=2, bias=False),
            nn.BatchNorm1d(64),
            nn.ReLU(),
            nn.Conv1d(64, visual, 5, padding=2, bias=False),
            nn.BatchNorm1d(visual),
            nn.ReLU(),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Map `(B, C_a, F, T_a)` to `(B, C_v)`: a mean over frequency first, over time last."""
        return self.layers(maps.mean(2)).mean(2)


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
    """Return `(B,)`: which clips `(B, 1, F, T)` make a pair with the clip before, their negative.

    Both have a sound, and not the same one.
    """
    x = spectrogram.flatten(1).float()
    before = x.roll(1, 0)
    heard = (x.var(1) > LEAST_VARIANCE) & (before.var(1) > LEAST_VARIANCE)
    return heard & (cosine_similarity(x, before) < MOST_SIMILAR)


class AVSlowFastLite(Network):
    """A visual ResNet, an audio one of half its width, and laterals from audio to visual.

    After layer2 and layer3 the audio maps, as one vector per clip (`AudioLateral`), are added to
    the maps of every frame. The head sees the pooled maps of both pathways, audio first.
    DropPathway leaves these sums out for whole batches, in training only; as in the released code
    the audio pathway still runs and feeds the head, and nothing is rescaled in evaluation.

    Args:
        num_classes: C.
        config: a modality of spectrograms and one of frames, width and initialisation. The audio
            pathway has `max(8, width / 2)` channels, so at width 8 it is not thinner: fewer are not
            safe on every processor (`LateFusionConfig`).
        drop: P_d, probability that a training batch goes without the laterals.
        avs: weight of the AVS loss, which `Outputs.losses` then has in training as `sync`, a sum
            over depths; 0 leaves out its projections too.

    Attributes:
        dropped: whether the last batch went without the laterals.

    Raises:
        ValueError: the modalities are not spectrograms and frames, in this order.
    """

    encoders: Mapping[str, Encoder]

    @checked
    def __init__(self, num_classes: int, config: LateFusionConfig, drop=0.8, avs=0.0):
        super().__init__()
        if list(config.encoders.values()) != ["spectrogram", "frames"]:
            raise ValueError(
                f"AVSlowFast-lite takes spectrograms and frames, not {dict(config.encoders)}"
            )
        self.heads = (*config.encoders, "fused")
        self.drop, self.avs = drop, avs
        visual = FrameEncoder(config.width, config.blocks)
        audio = SpectrogramEncoder(max(SMALLEST, config.width // 2), config.blocks)
        self.encoders = module_dict(dict(zip(config.encoders, (audio, visual), strict=True)))
        self.laterals = nn.ModuleList(
            AudioLateral(_channels(audio, stage), _channels(visual, stage)) for stage in MEETINGS
        )
        depths = (*MEETINGS, 3) if avs else ()
        self.projections = nn.ModuleList(
            Synchrony(_channels(audio, stage), _channels(visual, stage)) for stage in depths
        )
        self.fusion = nn.Linear(audio.dim + visual.dim, num_classes)
        self.dropped = False
        initialise(self, config.init)

    def forward(self, batch: dict[str, Tensor]) -> Outputs:
        """Classify a batch; the unimodal logits are the blocks of the fused ones.

        The visual logits come from the visual pathway's features, which have met the audio in the
        laterals: only the audio logits are truly unimodal.
        """
        names = self.modalities
        spectrograms, size = batch[names[0]], len(batch[names[0]])
        self.dropped = self.drops()
        kept = 0.0 if self.dropped else 1.0
        audio, visual = (encoder.trunk for encoder in self.encoders.values())
        a, v = (e.trunk.stem(e.images(batch[m])) for m, e in self.encoders.items())
        depths = []
        for stage in range(4):
            a, v = audio.stages[stage](a), visual.stages[stage](v)
            if stage in (*MEETINGS, 3):
                depths.append((a, v))
            if stage in MEETINGS:
                # It runs even where it is dropped, so that its batch norm sees every batch.
                lateral = kept * self.laterals[MEETINGS.index(stage)](a)
                v = v + lateral.repeat_interleave(len(v) // size, 0)[..., None, None]
        features = {m: pool(maps, size) for m, maps in zip(names, (a, v), strict=True)}
        fused = self.fusion(torch.cat(list(features.values()), dim=1))
        logits = split_logits(self.fusion, features) | {"fused": fused}
        return Outputs(logits, features, losses=self._losses(depths, spectrograms))

    def drops(self) -> bool:
        """Draw whether this batch goes without the laterals; in eval mode none does.

        From torch's CPU generator, which the training loop seeds at each epoch, so that a resumed
        run draws the same and a GPU need not be asked.
        """
        return self.training and torch.rand(()).item() < self.drop

    def _losses(self, depths: list[tuple[Tensor, Tensor]], spectrograms: Tensor) -> dict:
        if not (self.training and self.projections):
            return {}
        # Visual maps that have met the audio would make the task trivial.
        untouched = depths if self.dropped else depths[:1]
        valid, size = usable(spectrograms), len(spectrograms)
        terms = [
            projection(pool(a, size), pool(v, size), valid)
            for projection, (a, v) in zip(self.projections, untouched, strict=False)
        ]
        return {"sync": self.avs * sum(terms)}


def _channels(encoder: Encoder, stage: int) -> int:
    return encoder.dim // 2 ** (3 - stage)
