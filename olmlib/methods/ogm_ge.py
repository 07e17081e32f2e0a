"""OGM-GE (Peng et al., CVPR 2022): slow the encoder of the modality that leads, batch by batch.

Each modality's share of the fused logits says how probable it alone finds the right classes. The
modality that finds them more probable has the gradient of its encoder multiplied by a k below 1,
the smaller the further it leads (on-the-fly gradient modulation); the loss and the other encoder
stay as they are. Gaussian noise of the gradient's own spread is then added in both encoders, since
smaller gradients also carry less of the noise that helps SGD to generalise (generalisation
enhancement). It costs a softmax over two small matrices and a random number per kernel weight,
about a tenth of a step. Use it with SGD: Adam divides a gradient by its own size and so undoes most
of k.
"""

import torch
from torch import Tensor

from olmlib.check import NotNegative, Probability, checked
from olmlib.methods.base import Method


class Scheme(Method):
    """Scale the gradients of the encoders' kernels by k_m and add noise.

    Args:
        seed: unused; the noise is drawn from torch's generator, which `train` seeds in each epoch.
        alpha: how hard the leading modality is slowed, 0.8 on CREMA-D and 0.1 on VGGSound in the
            released code.
        start, until: the method acts while the share of epochs that lie behind is in this range,
            ends included: by default in epochs 0 to 50 of 100, counted from 0 as the code does.
        ge: whether to add the noise.

    Raises:
        ValueError: not start <= until, or a value that an option cannot have.
    """

    @checked
    def __init__(
        self,
        seed: int = 0,
        alpha: NotNegative = 0.8,
        start: Probability = 0.0,
        until: Probability = 0.5,
        ge: bool = True,
    ):
        super().__init__(seed)
        if start > until:
            raise ValueError(f"start {start} lies behind until {until}")
        self.alpha, self.start, self.until, self.ge = alpha, start, until, ge
        self.active = False
        self.modalities: tuple[str, ...] = ()
        self.rho = self.k = torch.ones(2)

    def build(self, num_classes, config):
        """Return the plain network of two or more modalities.

        Raises:
            ValueError: a lone modality, which leads nobody.
        """
        model = super().build(num_classes, config)
        if len(model.modalities) < 2:
            raise ValueError("OGM-GE compares modalities: give it two or more")
        return model

    def on_epoch_start(self, training, epoch, steps):
        """Find out whether the method acts in this epoch."""
        self.active = self.start <= (epoch - 1) / training.config.epochs <= self.until

    def loss(self, outputs, labels):
        """Return the fused head's cross-entropy, and measure k on the way."""
        self.modalities = tuple(outputs.features)
        scores = torch.stack([outputs.logits[m].detach() for m in self.modalities])
        self.rho = discrepancy_ratios(scores, labels)
        self.k = coefficients(self.rho, self.alpha) if self.active else torch.ones_like(self.rho)
        return super().loss(outputs, labels)

    @torch.no_grad()
    def after_backward(self, model):
        """Modulate the gradients of both encoders: of kernels and matrices, not of vectors."""
        if not self.active:
            return
        for m, k in zip(self.modalities, self.k, strict=True):
            for weight in model.encoders[m].parameters():
                if weight.ndim >= 2:
                    modulate(weight.grad, k, self.ge)

    def record(self):
        """Return the ratios and the coefficients that acted; the fused head's are 1."""
        one = self.k.new_ones(1)
        return {"rho": torch.cat([self.rho, one]), "k": torch.cat([self.k, one])}


def discrepancy_ratios(scores: Tensor, labels: Tensor) -> Tensor:
    """Return rho, how far each modality leads; above 1 it is ahead.

    `p_m` is the sum over the batch of the probabilities that modality m gives the right classes.
    `rho_m` is the mean of `p_m / p_l` over all other modalities l, so two have `p_a / p_v` and its
    inverse. The paper has two; more are as in BalanceBenchmark, with its division put right.

    Args:
        scores: `(M, B, C)` or `(M, B, T, C)`, logits of each modality alone, without graph.
        labels: `(B,)` or `(B, T)`.

    Returns:
        `(M,)`, positive.
    """
    scores, labels = scores.flatten(1, -2), labels.flatten()
    M, B, _ = scores.shape
    right = scores.float().softmax(-1).gather(-1, labels.expand(M, B)[..., None])
    p = right.sum((1, 2))
    return (p[:, None] / p).fill_diagonal_(0).sum(1) / (M - 1)


def coefficients(rho: Tensor, alpha: float) -> Tensor:
    """Return k, `1 - tanh(alpha rho)` where a modality leads and 1 elsewhere (Eq. 10).

    It jumps: a modality that is ahead by next to nothing is slowed to `1 - tanh(alpha)` at once.

    Args:
        rho: `(M,)`.
        alpha: above 0.

    Returns:
        `(M,)`, in [0, 1].
    """
    return torch.where(rho > 1, 1 - torch.tanh(alpha * rho), 1.0)


def modulate(grad: Tensor, k: Tensor | float, ge: bool) -> None:
    """Scale a gradient in place and add noise of the spread that it had before.

    Args:
        grad: `(out, in, height, width)` or any other shape of more than one value.
        k: `()`.
        ge: whether to add the noise.
    """
    std = grad.std() + 1e-8
    grad.mul_(k)
    if ge:
        grad.add_(std * torch.randn_like(grad))
