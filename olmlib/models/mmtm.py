"""Two branches that see each other through gates: MMTM (Vaezi Joze et al., CVPR 2020).

A branch's feature maps are scaled by gates which are computed from the pooled maps of both
branches. These gates are the only way from one modality to the other, so fixing a branch's gates
cuts it off from the other modality; CUR (`olmlib.methods.cur`) does that.
"""

import torch
from torch import Tensor, nn

from companion import params
from olmlib.models.encoders import fold_frames, initialise
from olmlib.models.late_fusion import MODALITIES, encoder
from olmlib.models.outputs import Outputs

FIRST = 1  # of the stages counted from 0: a block follows layer2, layer3 and layer4


def pool(maps: Tensor, size: int) -> Tensor:
    """Return `(B, C)`, the mean over frames and space of maps `(B * T, C, H, W)`; `size` is B."""
    return maps.mean((2, 3)).unflatten(0, (size, -1)).mean(1)


class MMTM(nn.Module):
    """One block: squeeze both modalities into one vector, excite each modality's channels.

    `k = ReLU(S [GAP(A) ; GAP(V)])`, then `A <- sigmoid(E_A k) A`, `V <- sigmoid(E_V k) V`.

    Args:
        channels: modality -> channels of its maps.
        ratio: the squeezed vector has `2 * (sum of channels) // ratio` entries.
        scale: of the gates; 1 in CUR's code, 2 in the publication of MMTM, where a gate can also
            strengthen a channel.
    """

    def __init__(self, channels: dict[str, int], ratio=4, scale=1.0):
        super().__init__()
        self.scale = scale
        hidden = 2 * sum(channels.values()) // ratio
        self.squeeze = nn.Linear(sum(channels.values()), hidden)
        self.excite = nn.ModuleDict({m: nn.Linear(hidden, C) for m, C in channels.items()})
        # CUR's code updates both means from the first branch's gate, keeps them as attributes that
        # no checkpoint has, and updates them in evaluation too.
        self.register_buffer("steps", torch.tensor(0))
        for m, C in channels.items():
            self.register_buffer(f"mean_gate_{m}", torch.full((C,), scale / 2))

    def forward(
        self,
        maps: dict[str, Tensor],
        blocked: str | None = None,
        means: dict[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Return the gated maps.

        Args:
            maps: modality -> `(B * T, C, H, W)`; audio has one frame. A gate is one per clip.
            blocked: this modality's gates are their mean over the training so far, so its maps
                learn nothing of the other modality.
            means: modality -> `(C,)`, seen in place of the *other* modality's pooled maps.
        """
        size = len(maps["audio"])
        pooled = self.pooled(maps)
        if means is None:
            shared = self._squeeze(pooled)
            hidden = dict.fromkeys(maps, shared)
        else:
            other = {m: means[m].expand_as(pooled[m]) for m in maps}
            hidden = {m: self._squeeze(other | {m: pooled[m]}) for m in maps}
        gates = {m: self.scale * self.excite[m](hidden[m]).sigmoid() for m in maps}
        if blocked is not None:
            gates[blocked] = self.mean_gate(blocked).to(gates[blocked]).expand_as(gates[blocked])
        elif self.training:
            self._remember(gates)
        return {
            m: x * gates[m].repeat_interleave(len(x) // size, 0)[..., None, None]
            for m, x in maps.items()
        }

    def pooled(self, maps: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return modality -> `(B, C)`, what the squeeze sees; arguments as of `forward`."""
        return {m: pool(x, len(maps["audio"])) for m, x in maps.items()}

    def mean_gate(self, modality: str) -> Tensor:
        """Return `(C,)`, the mean over training steps of the modality's own gates."""
        return self.get_buffer(f"mean_gate_{modality}")

    def _squeeze(self, pooled: dict[str, Tensor]) -> Tensor:
        return self.squeeze(torch.cat([pooled[m] for m in MODALITIES], dim=1)).relu()

    @torch.no_grad()
    def _remember(self, gates: dict[str, Tensor]) -> None:
        self.steps += 1
        for m, gate in gates.items():
            mean = self.mean_gate(m)
            mean += (gate.float().mean(0) - mean) / self.steps


class TwoBranch(nn.Module):
    """Audio and visual ResNet-18, each with its own head, joined by three MMTM blocks.

    Args:
        num_classes: C.
        config: width and initialisation.
        scale: of the gates, see `MMTM`.

    Attributes:
        blocked: modality whose gates are constant in training; in eval mode none ever is.
    """

    def __init__(self, num_classes: int, config: params.Model, scale=1.0):
        super().__init__()
        self.heads = (*MODALITIES, "fused")
        self.encoders = nn.ModuleDict({m: encoder(m, config) for m in MODALITIES})
        dims = {m: self.encoders[m].dim for m in MODALITIES}
        self.blocks = nn.ModuleList(
            MMTM({m: d // 2 ** (3 - stage) for m, d in dims.items()}, scale=scale)
            for stage in range(FIRST, 4)
        )
        self.classifiers = nn.ModuleDict({m: nn.Linear(d, num_classes) for m, d in dims.items()})
        self.blocked: str | None = None
        initialise(self, config.init)

    def forward(
        self, batch: dict[str, Tensor], means: list[dict[str, Tensor]] | None = None
    ) -> Outputs:
        """Classify a batch; `logits` has `audio`, `visual` and their mean, `fused`.

        Args:
            batch: `audio` `(B, 1, F, T)` and `visual` `(B, 3, T, H, W)`.
            means: per block, what each branch sees of the other one, see `MMTM.forward`.
        """
        blocked = self.blocked if self.training else None
        maps = {"audio": batch["audio"], "visual": fold_frames(batch["visual"])}
        trunks = {m: self.encoders[m].trunk for m in MODALITIES}
        maps = {m: trunks[m].stem(x) for m, x in maps.items()}
        for stage in range(4):
            maps = {m: trunks[m].stages[stage](x) for m, x in maps.items()}
            if stage >= FIRST:
                block = stage - FIRST
                maps = self.blocks[block](maps, blocked, means and means[block])
        features = {m: pool(x, len(batch["audio"])) for m, x in maps.items()}
        logits = {m: self.classifiers[m](h) for m, h in features.items()}
        return Outputs(logits | {"fused": sum(logits.values()) / 2}, features)

    def branch(self, modality: str) -> list[nn.Parameter]:
        """Return the parameters of a branch alone, theta: its encoder and its linear head."""
        parts = (self.encoders[modality], self.classifiers[modality])
        return [p for part in parts for p in part.parameters()]

    def fusion(self, modality: str) -> list[nn.Parameter]:
        """Return the parameters that bring the other modality into a branch, theta'.

        Its own excitations and the squeezes, which both branches share, of all blocks.
        """
        parts = [part for b in self.blocks for part in (b.squeeze, b.excite[modality])]
        return [p for part in parts for p in part.parameters()]
