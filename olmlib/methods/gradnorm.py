"""GradNorm (Chen et al., ICML 2018): loss weights that keep the heads' gradients in proportion.

Every head has a loss of its own, and the network minimises their weighted sum. After each step the
weights move so that the weighted gradients of the heads, measured at weights W that they share,
have equal norms, apart from a bonus: a head whose loss has fallen less than the others' since the
start may push harder, the more so the larger `alpha` is. It costs a partial backward pass per head,
from the loss to W. Here W is the last convolution of each encoder (of an MLP, its last matrix), so
these passes stop right behind the heads and a step takes about a tenth longer than Concat's.

The paper balances tasks and says nothing of modalities; which heads and which W to take for a late
fusion is our choice (B9 in `book/paper_vs_code.md`).
"""

from math import log
from typing import Literal

import torch
from torch import Tensor, nn

from olmlib.check import NotNegative, Positive, checked
from olmlib.losses import cross_entropy
from olmlib.methods.base import Method
from olmlib.models.build import build
from olmlib.models.encoders import Encoder
from olmlib.models.late_fusion import LateFusion

# In half precision the gradients of single losses are so small that they would round to zero. A
# power of two changes no bit in single precision.
_SCALE = 2.0**10


class Scheme(Method):
    """Minimise `sum_i w_i L_i` over the heads and let the `w_i`, of sum M, follow GradNorm.

    Args:
        seed: unused.
        alpha: how strongly slow heads are favoured; 0 asks for equal norms, it does not switch off.
        lr_w: learning rate of the Adam that moves the weights.
        floor: a weight is never smaller than this before the weights are brought to sum M.
        l0: what the losses are compared with: `log_classes`, the loss of a uniform guess, or
            `first`, those of the first batch, which the paper uses where they are stable.
        site: the shared weights W: `encoders`, the last convolution of both; `features`, in place
            of weights, the pooled features; `classifier`, the fusion matrix, with unimodal heads
            that are its blocks (`split_logits`) and not heads of their own.

    Attributes:
        w: `(M,)`, the loss weights, in the order of the model's heads.

    Raises:
        ValueError: a value that an option cannot have.
    """

    # Of the current step.
    losses: Tensor
    norms: Tensor
    rates: Tensor

    @checked
    def __init__(
        self,
        seed: int = 0,
        alpha: NotNegative = 1.5,
        lr_w: Positive = 0.025,
        floor: NotNegative = 1e-3,
        l0: Literal["log_classes", "first"] = "log_classes",
        site: Literal["encoders", "features", "classifier"] = "encoders",
    ):
        super().__init__(seed)
        self.alpha, self.lr_w, self.floor, self.l0, self.site = alpha, lr_w, floor, l0, site

    def build(self, num_classes, config):
        """Return the late fusion with auxiliary heads, or with block-split ones."""
        model = build(num_classes, config, aux_heads=self.site != "classifier")
        if not isinstance(model, LateFusion):
            kind = type(model).__name__
            raise ValueError(f"GradNorm balances the heads of a late fusion, not of {kind}")
        self.model = model
        self.w = torch.ones(len(self.model.heads), dtype=torch.float64)
        # One optimiser for the whole training: a new one per step would forget Adam's moments.
        self.optimizer = torch.optim.Adam([self.w], lr=self.lr_w)
        uniform = torch.full_like(self.w, log(num_classes))
        self.initial: Tensor | None = uniform if self.l0 == "log_classes" else None
        return self.model

    def loss(self, outputs, labels):
        """Return `sum_i w_i L_i`, and measure each head's gradient norm on the way."""
        losses = torch.stack([cross_entropy(s, labels) for s in outputs.logits.values()])
        shared = self._shared(outputs)
        norms = torch.stack([gradient_norm(value, shared) for value in losses])
        self.losses, self.norms = (x.detach().double().cpu() for x in (losses, norms))
        # Not `@`, which mixed precision would compute in half, too coarse and too small a range.
        return (self.w.to(losses) * losses).sum()

    def after_step(self, outputs, labels):
        """Move the weights: one step of Adam, then back to sum M."""
        if self.initial is None:
            self.initial = self.losses
        self.rates = relative_rates(self.losses, self.initial)
        slope = slopes(self.w, self.norms, self.rates, self.alpha)
        # Half precision may overflow, and one infinite norm would spoil Adam's moments for good.
        if torch.isfinite(slope).all():
            self.w.grad = slope
            self.optimizer.step()
            self.w.copy_(renormalised(self.w, self.floor))

    def record(self):
        """Return the weights after this step, the unweighted gradient norms and the rates."""
        return {"weight": self.w.clone(), "grad_norm": self.norms, "rate": self.rates}

    def state_dict(self):
        """Return the weights, Adam's moments and the losses at the start."""
        optimizer = self.optimizer.state_dict()
        return {"w": self.w.clone(), "optimizer": optimizer, "initial": self.initial}

    def load_state_dict(self, state):
        """Restore them."""
        self.w.copy_(state["w"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.initial = None if state["initial"] is None else state["initial"].cpu()

    def _shared(self, outputs) -> list[Tensor]:
        match self.site:
            case "encoders":
                return [last_weights(encoder) for encoder in self.model.encoders.values()]
            case "features":
                return list(outputs.features.values())
            case "classifier":
                return [self.model.fusion.get_parameter("weight")]


def last_weights(encoder: nn.Module) -> Tensor:
    """Return the kernels of an encoder's last convolution, or the last matrix of an MLP.

    Raises:
        ValueError: an encoder without weights.
    """
    if isinstance(encoder, Encoder):
        return [*encoder.trunk.layer4.children()][-1].get_parameter("conv2.weight")
    matrices = [p for p in encoder.parameters() if p.ndim == 2]
    if not matrices:
        raise ValueError("the heads share no weights: give the encoders a hidden layer")
    return matrices[-1]


def gradient_norm(loss: Tensor, shared: list[Tensor]) -> Tensor:
    """Return n_i, the norm of one loss's gradient at the shared weights.

    The graph stays for the network's own backward pass. Autograd visits only what lies between the
    loss and `shared`; for a convolution's kernel that is the kernel's gradient alone.

    Args:
        loss: `()`.
        shared: tensors of any shape; one that the loss does not depend on counts as 0.

    Returns:
        `()`, at least 0.
    """
    grads = torch.autograd.grad(_SCALE * loss, shared, retain_graph=True, allow_unused=True)
    norms = [g.float().norm() / _SCALE for g in grads if g is not None]
    return torch.stack(norms).norm()


def relative_rates(losses: Tensor, initial: Tensor) -> Tensor:
    """Return r_i, each head's inverse training rate `L_i / L_i(0)` over the heads' mean.

    Args:
        losses: `(M,)`, now.
        initial: `(M,)`, at the start.

    Returns:
        `(M,)`, of mean 1; above 1 the head has learnt more slowly than the others.
    """
    ratios = losses / initial
    return ratios / ratios.mean()


def targets(w: Tensor, norms: Tensor, rates: Tensor, alpha: float) -> Tensor:
    """Return the norms wanted of the weighted gradients, `mean_j(w_j n_j) * r_i^alpha`.

    Args:
        w, norms, rates: `(M,)`.
        alpha: exponent.

    Returns:
        `(M,)`.
    """
    return (w * norms).mean() * rates**alpha


def slopes(w: Tensor, norms: Tensor, rates: Tensor, alpha: float) -> Tensor:
    """Return the gradient of `L_grad = sum_i |w_i n_i - target_i|` with respect to w.

    The targets are constants of L_grad, and `w_i n_i` is linear in `w_i`, so no second backward
    pass through the network is needed: the slope is `n_i`, signed.

    Args:
        w, norms, rates: `(M,)`.
        alpha: exponent of the targets.

    Returns:
        `(M,)`.
    """
    return (w * norms - targets(w, norms, rates, alpha)).sign() * norms


def renormalised(w: Tensor, floor: float = 1e-3) -> Tensor:
    """Return w `(M,)`, not under `floor`, scaled to sum M so that the step's size stays."""
    w = w.clamp(min=floor)
    return w * len(w) / w.sum()
