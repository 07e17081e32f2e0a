"""Pictures of notebooks 02 and 03: what Eq. 6-9 do to losses, coefficients and raw logits."""

from collections.abc import Callable
from functools import wraps

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.figures.style import CLASS_COLOURS, COLOURS, style

# The paper's order of heads, v, a, b, in which its formulas and our hand-checked numbers are given.
VAB = ("visual", "audio", "fused")
# Rules are no modalities, so neither has a modality's colour.
LITERAL, STABLE = CLASS_COLOURS[4], "0.1"


def drawn(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in this project's style, and close: a cell that ends in the figure shows it once."""

    @wraps(draw)
    def draw_and_close(*args, **kwargs):
        with style():
            fig = draw(*args, **kwargs)
        plt.close(fig)
        return fig

    return draw_and_close


@drawn
def rates(curves: pd.DataFrame, head: str, at: int, start: float) -> Figure:
    """Draw what G and C are: distances between loss curves (Eq. 6 and 7).

    Args:
        curves: columns `step`, `head`, `train_loss`, `dev_loss`, `G`, `C`, losses in nats.
        head: whose losses the left panel shows.
        at: the step at which the distances are marked.
        start: the loss from which G is measured, in nats.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    curve = curves[curves["head"] == head].set_index("step")
    left.plot(curve.index, curve["dev_loss"], color=COLOURS[head], label="dev loss")
    left.plot(curve.index, curve["train_loss"], "--", color=COLOURS[head], label="train loss")
    dev, train = (curve[name].loc[at] for name in ("dev_loss", "train_loss"))
    left.axhline(start, color="0.6", lw=0.8)
    _span(left, at * 0.92, dev, start, "G", "right")
    _span(left, at * 1.08, train, dev, "C", "left")
    left.set(xlabel="step", ylabel="loss (nats)", title=f"(A) Losses of the {head} head")
    left.legend(loc="lower left")
    for name in VAB:
        part = curves[curves["head"] == name]
        right.plot(part["step"], part["G"], color=COLOURS[name], label=f"G, {name}")
        right.plot(part["step"], part["C"], ":", color=COLOURS[name], label=f"C, {name}")
    right.set(xlabel="step", ylabel="rate (nats)", title="(B) G and C of every head")
    right.legend(ncols=3, loc="upper left", fontsize="small")
    right.set_ylim(top=1.35 * max(curves["G"].max(), curves["C"].max()))
    return fig


@drawn
def saturation(table: pd.DataFrame) -> Figure:
    """Draw how the factor of one head answers as its C goes to 0.

    Args:
        table: columns `C` (nats), `Eq. 8`, `bounded` (the factor by either rule, in `[0, 1]`).
    """
    fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
    ax.plot(table["C"], table["Eq. 8"], color=LITERAL, label="Eq. 8: softmax(G / C)")
    ax.plot(table["C"], table["bounded"], color=STABLE, label="stable: bounded log ratio")
    ax.axhline(1 / 3, color="0.6", lw=0.8)
    ax.text(table["C"].min(), 1 / 3 + 0.02, "1 / M", color="0.4", ha="left")
    ax.set(xscale="log", ylim=(0, 1.05), xlabel="C of the visual head (nats)")
    ax.set(ylabel="λ of the visual head", title="One head takes everything as its C goes to 0")
    ax.legend(loc="center right")
    return fig


@drawn
def collapse(table: pd.DataFrame) -> Figure:
    """Draw the collapse of the literal target and the remedy.

    Args:
        table: columns `panel` (`solve`, `paper` or `rescaled`), `step`, `head`, `w`, `scaled`; in
            panel `solve` the head is `literal` or `rescaled` and `scaled` the mean norm.
    """
    fig, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    solves = table[table["panel"] == "solve"]
    for name, colour in (("literal", LITERAL), ("rescaled", STABLE)):
        part = solves[solves["head"] == name]
        axes[0].plot(part["step"], part["scaled"], "o-", color=colour, label=f"{name} target")
    for step, value in solves[solves["head"] == "literal"][["step", "scaled"]].iloc[:4].to_numpy():
        axes[0].annotate(f"{value:.3g}", (step, value), textcoords="offset points", xytext=(6, 5))
    axes[0].set(yscale="log", ylim=(0.05, 20), xlim=(-0.3, None), xlabel="exact solve of Eq. 9")
    axes[0].set(ylabel="mean scaled norm (logits)", title="(A) Exact solves")
    axes[0].legend(loc="lower left")
    for ax, name, title in zip(
        axes[1:],
        ("paper", "rescaled"),
        ("(B) Algorithm 1, target λ·s̄", "(C) Algorithm 1, target M·λ·s̄"),
        strict=True,
    ):
        part = table[table["panel"] == name]
        for head in VAB:
            curve = part[part["head"] == head]
            ax.plot(curve["step"], curve["w"], color=COLOURS[head], label=head)
        mean = part.groupby("step")["scaled"].mean()
        ax.plot(mean.index, mean / mean.iloc[0], "k--", lw=1, label="mean norm / first")
        ax.set(ylim=(-0.05, 1.55), xlabel="SGD step", ylabel="coefficient w", title=title)
    axes[1].legend(loc="upper right")
    return fig


@drawn
def solvers(paths: pd.DataFrame, exact: dict[str, float]) -> Figure:
    """Draw SGD on Eq. 9 approaching, or missing, the closed form.

    Args:
        paths: columns `target` (`constant` or `refreshed`), `step`, `head`, `w`.
        exact: head -> its coefficient by the closed form.
    """
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained", sharey=True)
    titles = {"constant": "(A) Target kept constant", "refreshed": "(B) Target follows w"}
    for ax, (target, title) in zip(axes, titles.items(), strict=True):
        for head in VAB:
            curve = paths[(paths["target"] == target) & (paths["head"] == head)]
            ax.plot(curve["step"], curve["w"], color=COLOURS[head], label=f"{head}, SGD")
            ax.axhline(exact[head], color=COLOURS[head], ls="--", lw=1)
        ax.set(xlabel="SGD step", title=title)
    axes[0].set_ylabel("coefficient w")
    axes[1].plot([], [], "k--", lw=1, label="closed form")
    axes[1].legend(loc=(0.6, 0.5))
    return fig


@drawn
def medians(table: pd.DataFrame, marked: dict[str, float]) -> Figure:
    """Draw Eq. 9 of one head with per-sample norms, and two estimates of its minimum.

    Args:
        table: columns `w`, `loss`.
        marked: name of an estimate -> its w.
    """
    fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
    ax.plot(table["w"], table["loss"], color="0.3")
    for (name, w), colour in zip(marked.items(), (STABLE, LITERAL), strict=True):
        loss = np.interp(w, table["w"], table["loss"])
        ax.plot(w, loss, "o", color=colour, label=f"{name}: w = {w:.4g}, loss = {loss:.4g}")
    ax.set(xlabel="coefficient w", ylabel="Σ |w nᵢ − τᵢ| (logits)")
    ax.legend(loc="upper center")
    return fig


@drawn
def gradients(table: pd.DataFrame) -> Figure:
    """Draw how a coefficient changes the size of a sample's gradient.

    Args:
        table: columns `w`, `sample`, `gradient` (L2 norm, without unit).
    """
    fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
    colours = iter((STABLE, LITERAL))
    for name, part in table.groupby("sample", sort=False):
        ax.plot(part["w"], part["gradient"], color=next(colours), label=name)
    ax.set(xlabel="coefficient w", ylabel="‖∂CE(w s, y) / ∂s‖", ylim=(0, None))
    ax.legend(loc="upper left")
    return fig


@drawn
def loop(curves: pd.DataFrame) -> Figure:
    """Draw coefficients against what the network answers, one column per rule.

    Args:
        curves: columns `rule`, `step`, `head`, `w`, `size` (raw), `scaled` (w times size), as of
            `toy.simulate`, in logits.
    """
    rules = list(dict.fromkeys(curves["rule"]))
    quantities = {
        "w": "coefficient w",
        "size": "raw size ‖s‖ (logits)",
        "scaled": "scaled size w·‖s‖ (logits)",
    }
    fig, axes = plt.subplots(
        len(quantities),
        len(rules),
        figsize=(11, 7),
        sharex=True,
        sharey="row",
        layout="constrained",
    )
    for rule, column in zip(rules, axes.T, strict=True):
        for (name, label), ax in zip(quantities.items(), column, strict=True):
            for head in VAB:
                curve = curves[(curves["rule"] == rule) & (curves["head"] == head)]
                # From 1, for the logarithmic axis.
                ax.plot(curve["step"] + 1, curve[name], color=COLOURS[head], label=head)
            ax.set(xscale="log", yscale="log")
            if rule == rules[0]:
                ax.set_ylabel(label)
        column[0].set_title(rule, fontsize="medium")
        for bound in (0.1, 10):
            column[0].axhline(bound, color="0.6", lw=0.8, ls=":")
        column[0].axhspan(0.2, 5, color="0.93", zorder=0)
        column[-1].set_xlabel("step + 1")
    axes[0, -1].legend(loc="lower left", fontsize="small")
    return fig


def _span(ax: Axes, x: float, low: float, high: float, name: str, side: str) -> None:
    ax.annotate(
        "",
        (x, low),
        (x, high),
        arrowprops={"arrowstyle": "<->", "color": "k", "shrinkA": 0, "shrinkB": 0},
    )
    shift = -6 if side == "right" else 6
    ax.annotate(name, (x, (low + high) / 2), textcoords="offset points", xytext=(shift, 0), ha=side)
