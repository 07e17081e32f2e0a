"""Figure 2 as a diagram of our own: where OLM takes hold of a network, and its loop."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.figures.diagram import arrow, box, canvas, note, path, tokens
from companion.figures.style import COLOURS, closed, style

LETTER = {"audio": "a", "visual": "v", "fused": "b"}
ROWS = {"visual": 4.1, "fused": 2.5, "audio": 0.9}


def draw() -> Figure:
    """Draw (A) late fusion, (B) mid fusion, (C) one step of OLM, (D) what w does to logits."""
    with style():
        fig = plt.figure(figsize=(13, 6.5), layout="constrained")
        grid = fig.add_gridspec(2, 24, height_ratios=(3.1, 3.4))
        late, mid = fig.add_subplot(grid[0, :11]), fig.add_subplot(grid[0, 11:])
        loop, vectors = fig.add_subplot(grid[1, :18]), fig.add_subplot(grid[1, 18:])
        _late(late)
        _mid(mid)
        _loop(loop)
        _vectors(vectors)
    return closed(fig)


def _late(ax: Axes) -> None:
    canvas(ax, 11, 5.2, "(A) Late fusion: encoders meet at the end")
    fusion = box(ax, 5.5, ROWS["fused"], "fusion", COLOURS["fused"], width=1.6)
    for m in ("visual", "audio"):
        encoder = box(ax, 2.9, ROWS[m], f"{m}\nencoder", COLOURS[m])
        note(ax, 0.75, ROWS[m], {"visual": "frames", "audio": "spectro-\ngram"}[m])
        arrow(ax, (1.45, ROWS[m]), encoder.left, COLOURS[m])
        sign = 1 if ROWS[m] > ROWS["fused"] else -1
        arrow(ax, (encoder.right[0], ROWS[m] - 0.25 * sign), (5.1, 2.5 + 0.53 * sign), COLOURS[m])
        _head(ax, m, encoder.right, 7.6)
    _head(ax, "fused", fusion.right, 7.6)


def _mid(ax: Axes) -> None:
    canvas(ax, 13, 5.2, "(B) Mid fusion: a hub reads after every block (IRFB, Figure 3)")
    for m, y in ROWS.items():
        colour = COLOURS[m]
        here = tokens(ax, 0.5, y, 2 if m == "fused" else 4, colour, cls=m != "fused").right
        for x in (2.1, 5.5):
            if m == "fused":
                part = box(ax, x + 1.5, y, "IRFB", colour, width=1.2)
            else:
                part = box(ax, x, y, "block", colour, width=1.2)
                sign = 1 if y > ROWS["fused"] else -1
                arrow(ax, (x + 0.66, y - 0.2 * sign), (x + 1.3, 2.5 + 0.53 * sign), colour)
            arrow(ax, here, part.left, colour)
            here = part.right
        _head(ax, m, here, 9.6)


def _head(ax: Axes, m: str, start: tuple, x: float) -> None:
    head = box(ax, x, ROWS[m], "head", COLOURS[m], width=1.1)
    arrow(ax, start, head.left, COLOURS[m])
    arrow(ax, head.right, (x + 1.3, ROWS[m]), COLOURS[m])
    note(ax, x + 1.45, ROWS[m], rf"$w_{LETTER[m]}\, s_{LETTER[m]}$", COLOURS[m], ha="left")


def _loop(ax: Axes) -> None:
    canvas(ax, 20.4, 6.4, "(C) One step of OLM, for every head $m$")
    up, down = 4.3, 1.2
    network = box(ax, 1.6, up, "network", width=2.2)
    logits = box(ax, 8.0, up, "logits $s_m$\nof a batch", width=2.2)
    scaled = box(ax, 14.4, up, "$w_m s_m$", width=1.7, fill="0.93")
    loss = box(ax, 18.4, up, r"$\sum_m \mathrm{CE}(w_m s_m, y)$", width=3.4)
    for one, other in ((network, logits), (logits, scaled), (scaled, loss)):
        arrow(ax, one.right, other.left)
    over = up + 1.15
    path(ax, [loss.top, (loss.x, over), (network.x, over), network.top])
    note(ax, 10, over + 0.3, "backward pass and step of the network")
    losses = box(ax, 1.6, down, "$L_{train}, L_{dev}$\nof head $m$", width=2.7)
    rates = box(ax, 5.5, down, "$G_m$  Eq. 6\n$C_m$  Eq. 7", width=2.3)
    factor = box(ax, 8.8, down, "$\\lambda_m$\nEq. 8", width=1.6)
    target = box(ax, 11.6, down, "target\n$\\lambda_m \\bar{s}$", width=1.9)
    solved = box(ax, 14.4, down, "$w_m$\nEq. 9", width=1.7, fill="0.93")
    for one, other in ((losses, rates), (rates, factor), (factor, target), (target, solved)):
        arrow(ax, one.right, other.left)
    arrow(ax, network.bottom, losses.top, dash="--")
    note(ax, 1.85, 2.75, "train and dev batch,\nwithout gradient", ha="left")
    arrow(ax, (logits.x + 0.8, logits.bottom[1]), (target.x - 0.3, target.top[1]), dash="--")
    note(ax, 10.5, 2.75, "norms $\\|s_m\\|_2$", ha="left")
    arrow(ax, solved.top, scaled.bottom)
    note(ax, 14.65, 2.75, "used from the\nnext step on", ha="left")
    note(ax, 17.9, down, "Algorithm 1: SGD on\n$|w_m \\|s_m\\|_2 - \\lambda_m \\bar{s}|$")


def _vectors(ax: Axes) -> None:
    ax.set(xlim=(-0.6, 6.6), ylim=(-1.3, 5.6), aspect="equal")
    ax.set_title("(D) What w does to logits")
    ax.axis("off")
    for m, end, w in (
        ("audio", (5.6, 2.6), 0.62),
        ("fused", (3.4, 4.4), 0.9),
        ("visual", (0.6, 2.0), 1.9),
    ):
        scaled = tuple(w * x for x in end)
        ax.plot([0, end[0]], [0, end[1]], color=COLOURS[m], lw=5, alpha=0.3, solid_capstyle="butt")
        arrow(ax, (0, 0), scaled, COLOURS[m])
        long = end if w < 1 else scaled
        note(ax, long[0] + 0.15, long[1] + 0.35, f"${{s}}_{LETTER[m]}$", COLOURS[m])
    note(ax, 3.2, -0.75, "broad: $s_m$, arrow: $w_m s_m$\nsame direction, other magnitude")
