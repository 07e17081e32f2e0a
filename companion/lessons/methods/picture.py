"""The pictures of notebooks 05 and 06: what each method does to one toy batch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.figures.style import COLOURS
from companion.lessons.methods import steps, toy
from companion.lessons.olm.picture import drawn

GREY = "0.45"
# Lines that belong to no head are told apart by brightness and dashes.
NEUTRAL = ("0.1", "0.45", "0.65")
AUDIO_SIZE = "length of audio's features"
NAMES = {
    "joint": "Concat",
    "three_heads": "Three heads",
    "gradnorm": "GradNorm",
    "mmcosine": "MMCosine",
    "ogm_ge": "OGM-GE",
    "pmr": "PMR",
    "gblend": "G-Blend",
    "olm": "OLM",
}


@dataclass(frozen=True)
class Look:
    """How a panel is drawn.

    Attributes:
        title, x, y: its words, with units.
        dashes: variant -> line style; others are solid.
        axes: more arguments of `Axes.set`.
        legend: place of the panel's own legend, which names the variants.
    """

    title: str
    x: str
    y: str
    dashes: Mapping[str, str] = field(default_factory=dict)
    axes: Mapping = field(default_factory=dict)
    legend: Literal["", "upper left", "upper right"] = ""


REACH = "gradient at the features"
DOTS: dict[str, dict] = {"audio": {"ms": 10, "mfc": "none", "mew": 2}, "visual": {"ms": 5}}
LOOKS = {
    "joint": Look(
        "Concat", AUDIO_SIZE, REACH, {"alone": ":"}, {"ylim": (-0.05, 1.7)}, "upper right"
    ),
    "three_heads": Look(
        "Three heads", AUDIO_SIZE, REACH, {"alone": ":"}, {"ylim": (-0.05, 1.7)}, "upper right"
    ),
    "fusions": Look("Other fusions", AUDIO_SIZE, "answer to vision (times)"),
    "gradnorm": Look("GradNorm", "step", "loss weight w", {}, {"ylim": (0, 3)}),
    "mmcosine": Look(
        "MMCosine",
        AUDIO_SIZE,
        "logit of the true class",
        {"concat": "--"},
        {"ylim": (0, 14)},
        "upper left",
    ),
    "ogm_ge": Look(
        "OGM-GE",
        "ρ, own over other confidence",
        "k, factor of the gradient",
        {"α = 0.3": "--", "α = 0.8": "-."},
        {"ylim": (-0.03, 1.08)},
        "upper right",
    ),
    "pmr": Look(
        "PMR",
        "ρ, audio over visual confidence",
        "weight of the prototype loss",
        {"code": ":"},
        {"ylim": (-0.03, 1.35)},
        "upper left",
    ),
    "gblend": Look(
        "G-Blend",
        "O of the visual head (nats)",
        "loss weight w",
        {},
        {"xscale": "log", "ylim": (-0.03, 1.05)},
    ),
    "cur": Look("CUR", "step", "learning speed (log₁₀)"),
    "avslowfast": Look(
        "AVSlowFast-lite", "training batch", "share without laterals", {}, {"ylim": (0, 1.05)}
    ),
    "olm": Look(
        "OLM", "λ of the visual head", "coefficient w", {}, {"xlim": (0, 0.92), "ylim": (0, 8)}
    ),
    "side_by_side": Look("Side by side", REACH, "", {}, {"xscale": "log", "xlim": (1e-4, 10)}),
}


def panels() -> pd.DataFrame:
    """Return the numbers of all panels: columns `panel`, a key of `LOOKS`, and `toy.COLUMNS`."""
    numbers = {
        "joint": toy.joint("joint"),
        "three_heads": toy.joint("three_heads"),
        "fusions": toy.fusions(),
        "gradnorm": toy.gradnorm_path(),
        "mmcosine": toy.mmcosine(),
        "ogm_ge": toy.ogm_ge_coefficients(),
        "pmr": toy.pmr_coefficients(),
        "gblend": toy.gblend_weights(),
        "cur": steps.cur_speeds(),
        "avslowfast": steps.avslowfast_drops(),
        "olm": toy.olm_coefficients(),
        "side_by_side": toy.side_by_side(),
    }
    tables = [table.assign(panel=name) for name, table in numbers.items()]
    return pd.concat(tables, ignore_index=True)[["panel", *toy.COLUMNS]]


@drawn
def batch() -> Figure:
    """Draw the toy batch: features of both modalities, and the probability of the true class."""
    outputs = toy.batch()
    fig, axes = plt.subplots(
        1, 3, figsize=(10, 3.3), width_ratios=(1, 1, 1.3), layout="constrained"
    )
    for ax, letter, head in zip(axes, "AB", ("audio", "visual"), strict=False):
        for c, centre in enumerate(toy.CENTRES.tolist()):
            ax.plot(*([0, 3.5 * x] for x in centre), color="0.8", lw=1, zorder=0)
            place = 4.1 * np.array(centre) - (0, 0.6 if c else 0)
            ax.annotate(f"class {c}", place, ha="center", va="center", color=GREY)
        for marker, c in zip("o^s", range(toy.CLASSES), strict=True):
            features = outputs.features[head].detach()[toy.LABELS == c]
            ax.plot(*features.T, marker, color=COLOURS[head], ms=7, alpha=0.85)
        ax.set(xlim=(-5, 5), ylim=(-3.4, 4.8), aspect="equal", xlabel="feature 1")
        ax.set_title(f"({letter}) {head.capitalize()} features")
    axes[0].set_ylabel("feature 2")
    for name, s in outputs.logits.items():
        p = s.detach().softmax(1)[range(len(s)), toy.LABELS]
        axes[2].plot(range(1, len(p) + 1), p, "o-", color=COLOURS[name], label=name)
    axes[2].axhline(1 / toy.CLASSES, color="0.6", lw=0.8, ls=":")
    axes[2].annotate("chance", (3.5, 1 / toy.CLASSES - 0.06), ha="center", color=GREY)
    axes[2].set(ylim=(0, 1.05), xlabel="sample", ylabel="probability of the true class")
    axes[2].set_title("(C) Confidence")
    axes[2].legend(loc="lower right", ncols=3)
    return fig


@drawn
def panel(table: pd.DataFrame, *names: str) -> Figure:
    """Draw one method's panel, or a few side by side.

    Args:
        table: as of `panels`.
        names: keys of `LOOKS`.
    """
    size = (0.6 + 4.1 * len(names), 3.3)
    fig, axes = plt.subplots(1, len(names), figsize=size, squeeze=False, layout="constrained")
    for ax, name in zip(axes.flat, names, strict=True):
        _draw(ax, table[table["panel"] == name], name)
    _heads(fig, table[table["panel"].isin(names)])
    return fig


@drawn
def drawing(table: pd.DataFrame) -> Figure:
    """Draw all panels, one letter each; `table` as of `panels`."""
    fig, axes = plt.subplots(3, 4, figsize=(14, 9.6), layout="constrained")
    for letter, ax, name in zip("ABCDEFGHIJKL", axes.flat, LOOKS, strict=True):
        _draw(ax, table[table["panel"] == name], name)
        ax.set_title(f"({letter}) {LOOKS[name].title}")
    _heads(fig, table)
    return fig


def _draw(ax: Axes, table: pd.DataFrame, name: str) -> None:
    look = LOOKS[name]
    special = {"fusions": _fusions, "cur": _cur, "avslowfast": _drops, "side_by_side": _dots}
    special.get(name, _lines)(ax, table, look)
    ax.set(title=look.title, xlabel=look.x, ylabel=look.y, **look.axes)
    if look.legend:
        ax.legend(loc=look.legend, fontsize="small")


def _lines(ax: Axes, table: pd.DataFrame, look: Look) -> None:
    """Draw a line per head and variant, and the toy batch's own values as points."""
    neutral, named = iter(NEUTRAL), set[str]()
    for keys, curve in table.groupby(["head", "variant"], sort=False):
        head, variant = map(str, keys)
        if variant == "toy":
            ax.plot(curve["x"], curve["y"], "o", color=COLOURS[head], mec="k", ms=7, zorder=5)
            continue
        dash, colour = look.dashes.get(variant, "-"), COLOURS[head] if head else next(neutral)
        # Vision lies on audio in places; the broad line stays visible below it.
        broad: dict = {"lw": 4.5, "alpha": 0.45} if look.y == REACH and head == "audio" else {}
        ax.plot(curve["x"], curve["y"], dash, color=colour, **broad)
        if variant not in named:
            words = "vision trained alone" if variant == "alone" else variant
            ax.plot([], [], dash, color=colour if not head else GREY, label=words or None)
            named.add(variant)


def _fusions(ax: Axes, table: pd.DataFrame, look: Look) -> None:
    names = {"concat": "Concat, Sum", "film": "FiLM, Bilinear"}
    names |= {"gated": "Gated", "attention": "Attention"}
    looks = {"concat": ("-", "0.65"), "film": ("-", "k"), "gated": ("--", "k")}
    for variant, words in names.items():
        curve = table[table["variant"] == variant]
        dash, colour = looks.get(variant, ("-.", GREY))
        ax.plot(curve["x"], curve["y"], dash, color=colour, label=words)
    ax.legend(loc="upper left", fontsize="small")


def _cur(ax: Axes, table: pd.DataFrame, look: Look) -> None:
    for head in ("audio", "visual"):
        branch = table[table["head"] == head]
        speed, cut = (branch[branch["variant"] == v] for v in ("speed", "cut off"))
        ax.step(speed["x"], speed["y"], where="mid", color=COLOURS[head])
        for x in cut.loc[cut["y"] > 0, "x"]:
            ax.axvspan(x - 0.5, x + 0.5, color=COLOURS[head], alpha=0.18, lw=0, zorder=0)
    ax.text(0.98, 0.95, "shaded: this branch is cut off", **_corner(ax))


def _drops(ax: Axes, table: pd.DataFrame, look: Look) -> None:
    ax.plot(table["x"], 1 - table["y"].expanding().mean(), color="0.1")
    ax.axhline(0.8, color=GREY, ls=":", lw=1)
    ax.vlines(table.loc[table["y"] == 1, "x"], 0, 0.12, color=COLOURS["audio"], lw=1)
    ax.text(0.98, 0.17, "ticks: audio joins vision", **_corner(ax) | {"va": "bottom"})


def _dots(ax: Axes, table: pd.DataFrame, look: Look) -> None:
    pairs = table.pivot(index="variant", columns="head", values="x").loc[list(NAMES)]
    places = np.arange(len(pairs))
    ax.hlines(places, pairs.min(axis=1), pairs.max(axis=1), color="0.7", lw=1, zorder=0)
    # Where both are equal, the ring shows around the dot.
    for head, marker in DOTS.items():
        ax.plot(pairs[head], places, "o", color=COLOURS[head], **marker, label=f"{head} encoder")
    ax.legend(loc="upper left", fontsize="small", handletextpad=0.1, borderaxespad=0)
    ax.set_yticks(places, [NAMES[name] for name in pairs.index])
    ax.invert_yaxis()


def _corner(ax: Axes) -> dict:
    where = {"transform": ax.transAxes, "ha": "right", "va": "top"}
    return where | {"fontsize": "small", "bbox": {"fc": "w", "ec": "none", "pad": 1.5}}


def _heads(fig: Figure, table: pd.DataFrame) -> None:
    shown = {head: COLOURS[head] for head in COLOURS if head in set(table["head"])}
    handles = [plt.Line2D([], [], color=c, lw=2.5, label=head) for head, c in shown.items()]
    if (table["variant"] == "toy").any():
        point = plt.Line2D([], [], marker="o", ls="", color="w", mec="k", ms=7)
        point.set_label("the toy batch")
        handles.append(point)
    if handles:
        fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))
