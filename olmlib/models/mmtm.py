"""Two branches that see each other through gates: MMTM (Vaezi Joze et al., CVPR 2020).

A branch's feature maps are scaled by gates which are computed from the pooled maps of both
branches. These gates are the only way from one modality to the other, so fixing a branch's gates
cuts it off from the other modality; CUR (`olmlib.methods.cur`) does that.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from olmlib.check import checked
from olmlib.config import LateFusionConfig
from olmlib.models.encoders import Encoder, encoders, initialise
from olmlib.models.network import Network, module_dict, module_list
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

    steps: Tensor

    def __init__(self, channels: dict[str, int], ratio=4, scale=1.0):
        super().__init__()
        self.scale = scale
        hidden = 2 * sum(channels.values()) // ratio
        self.squeeze = nn.Linear(sum(channels.values()), hidden)
        self.excite = module_dict({m: nn.Linear(hidden, C) for m, C in channels.items()})
        # CUR's code updates both means from the first branch's gate, keeps them as attributes that
        # no checkpoint has, and updates them in evaluation too.
        self.register_buffer("steps", torch.tensor(0))
        for m, C in channels.items():
            self.register_buffer(f"mean_gate_{m}", torch.full((C,), scale / 2))

    def forward(
        self,
        maps: dict[str, Tensor],
        size: int,
        blocked: str | None = None,
    ) -> dict[str, Tensor]:
        """Return the gated maps.

        Args:
            maps: modality -> `(B * T, C, H, W)`, with a T of its own. A gate is one per clip.
            size: B.
            blocked: this modality's gates are their mean over the training so far, so its maps
                learn nothing of the other modality.
        """
        pooled = [pool(x, size) for x in maps.values()]
        hidden = self.squeeze(torch.cat(pooled, dim=1)).relu()
        gates = {m: self.scale * self.excite[m](hidden).sigmoid() for m in maps}
        if blocked is not None:
            gates[blocked] = self.mean_gate(blocked).to(gates[blocked]).expand_as(gates[blocked])
        elif self.training:
            self._remember(gates)
        return {
            m: x * gates[m].repeat_interleave(len(x) // size, 0)[..., None, None]
            for m, x in maps.items()
        }

    def mean_gate(self, modality: str) -> Tensor:
        """Return `(C,)`, the mean over training steps of the modality's own gates."""
        return self.get_buffer(f"mean_gate_{modality}")

    @torch.no_grad()
    def _remember(self, gates: dict[str, Tensor]) -> None:
        self.steps += 1
        for m, gate in gates.items():
            mean = self.mean_gate(m)
            mean += (gate.float().mean(0) - mean) / self.steps


class TwoBranch(Network):
    """Two ResNets, each with its own head, joined by three MMTM blocks.

    Args:
        num_classes: C.
        config: two encoders, width and initialisation.
        scale: of the gates, see `MMTM`.

    Attributes:
        blocked: modality whose gates are constant in training; in eval mode none ever is.

    Raises:
        ValueError: not two modalities.
    """

    encoders: Mapping[str, Encoder]

    @checked
    def __init__(self, num_classes: int, config: LateFusionConfig, scale=1.0):
        super().__init__()
        if len(config.encoders) != 2:
            raise ValueError(f"two branches need two modalities, not {', '.join(config.encoders)}")
        self.heads = (*config.encoders, "fused")
        self.encoders = encoders(config)
        dims = {m: encoder.dim for m, encoder in self.encoders.items()}
        self.blocks = module_list(
            MMTM({m: d // 2 ** (3 - stage) for m, d in dims.items()}, scale=scale)
            for stage in range(FIRST, 4)
        )
        self.classifiers = module_dict({m: nn.Linear(d, num_classes) for m, d in dims.items()})
        self.blocked: str | None = None
        initialise(self, config.init)

    def forward(self, batch: dict[str, Tensor]) -> Outputs:
        """Classify a batch; `logits` has both modalities and their mean, `fused`.

        Each branch has met the other modality in its gates: none of these logits is unimodal.
        """
        size = len(batch[self.heads[0]])
        blocked = self.blocked if self.training else None
        trunks = {m: encoder.trunk for m, encoder in self.encoders.items()}
        maps = {m: trunks[m].stem(e.images(batch[m])) for m, e in self.encoders.items()}
        for stage in range(4):
            maps = {m: trunks[m].stages[stage](x) for m, x in maps.items()}
            if stage >= FIRST:
                maps = self.blocks[stage - FIRST](maps, size, blocked)
        features = {m: pool(x, size) for m, x in maps.items()}
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
