"""CMBS's attention: which channels and which locations of a picture the sound asks for."""

import torch
from torch import Tensor, nn

from olmlib.models.ave.blocks import attended
from olmlib.models.ave.config import CMBSConfig


class VisualAttention(nn.Module):
    """Three attentions after each other, and a gate, from `(B, T, L, D_v)` to `(B, T, D_v)`.

    The locations of a picture attend to each other; what comes of it says which channels the sound
    wants, which locations matter at all, and with the sound, which locations to look at.
    """

    def __init__(self, config: CMBSConfig):
        super().__init__()
        d, sound, inside = config.visual, config.audio, config.squeeze
        self.beta = config.beta
        self.input = nn.Sequential(nn.Linear(d, d), nn.ReLU(), nn.Dropout(config.visual_dropout))
        self.query, self.key = nn.Linear(d, config.key), nn.Linear(d, config.key)
        self.value, self.norm = nn.Linear(d, d), nn.LayerNorm(d)
        self.dropout = nn.Dropout(config.visual_dropout)
        self.whole, self.place = dense(d, inside), dense(d, inside)
        self.own_score = nn.Linear(inside, 1)
        self.sound_channels, self.channels = dense(sound, d), dense(d, d)
        self.gate = nn.Sequential(dense(d, inside), nn.Linear(inside, d), nn.Sigmoid())
        self.sound_places, self.places = dense(sound, inside), dense(d, inside)
        self.score = nn.Linear(inside, 1)

    def forward(self, maps: Tensor, audio: Tensor) -> Tensor:
        """Return what is seen.

        Args:
            maps: `(B, T, L, D_v)`.
            audio: `(B, T, D_a)`.
        """
        related, wanted = self._maps(maps, audio)
        seen = attended(self._where(wanted, audio), wanted)
        return seen * (1 + self.beta * attended(self._own(related), related).sigmoid())

    def where(self, maps: Tensor, audio: Tensor) -> Tensor:
        """Return which locations the sound has chosen, `(B, T, L)`, of sum 1."""
        return self._where(self._maps(maps, audio)[1], audio)

    def _maps(self, maps: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Return the picture whose locations know each other, and that with the wanted channels."""
        maps = self.input(maps)
        # Unscaled, as released.
        among = (self.query(maps) @ self.key(maps).transpose(-1, -2)).softmax(-1)
        related = self.norm(maps + self.dropout(among @ self.value(maps)))
        both = self.sound_channels(audio).unsqueeze(-2) * self.channels(related)
        return related, maps * (1 + self.gate(both.mean(-2))).unsqueeze(-2)

    def _own(self, related: Tensor) -> Tensor:
        both = self.whole(related.mean(-2)).unsqueeze(-2) * self.place(related)
        return chosen(self.own_score(both))

    def _where(self, wanted: Tensor, audio: Tensor) -> Tensor:
        both = self.sound_places(audio).unsqueeze(-2) * self.places(wanted)
        return chosen(self.score(both))


def dense(d: int, out: int) -> nn.Sequential:
    """Return a linear layer with ReLU."""
    return nn.Sequential(nn.Linear(d, out), nn.ReLU())


def chosen(scores: Tensor) -> Tensor:
    """Return the weights of locations, `(..., L)` of sum 1, from their scores `(..., L, 1)`."""
    return torch.tanh(scores).squeeze(-1).softmax(-1)
