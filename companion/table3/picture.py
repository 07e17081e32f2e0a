"""Table 3 as a picture."""

import itertools
from collections.abc import Iterable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple

from companion.figures.style import PAPER, closed, part, style

# Fusions are not modalities, so none has a modality's colour.
FUSIONS = {
    "attention": ("Attention", "0.6", "s"),
    "olm_t_mbt": ("OLM-T-MBT", "0.4", "^"),
    "olm_t_irfb": ("OLM-T-IRFB", "0.1", "o"),
}
SPARE = "vPX*hd"
UNIMODAL = ("one modality", "0.1", "D")
# Half of the room that the fusions of a combination have, of the distance between two lines.
ROOM = 0.24
HOLLOW: dict[str, Any] = {"mfc": "none", "mec": PAPER, "mew": 1.4, "ms": 5.5, "zorder": 3}
AXES = {
    "f1": ("weighted F1 (%), higher is better", 100),
    "mse": ("valence MSE, lower is better", 1),
}


def kinds(fusions: Iterable[str]) -> dict[str, tuple[str, str, str]]:
    """Return fusion -> its readable name, colour and marker, of those not in the paper a spare one.

    Args:
        fusions: their names in `params.yaml`.
    """
    spare = itertools.cycle(SPARE)
    return {name: FUSIONS.get(name) or (name, "0.1", next(spare)) for name in fusions}


def dots(table: pd.DataFrame, measured: pd.DataFrame, protocol: str, title: str = "") -> Figure:
    """Draw mean and seeds of every combination and fusion, and the paper's numbers beside.

    Ours and the paper's number of a fusion have one marker, the paper's in its colour and hollow.

    Args:
        table: as of `numbers.table3`.
        measured: as of `numbers.collect`: the seeds behind it.
        protocol: `cv` or `test`.
        title: of the whole figure.
    """
    table, measured = (part(one, protocol=protocol) for one in (table, measured))
    letters = list(dict.fromkeys(table["modalities"]))
    fused = kinds(
        dict.fromkeys(table.loc[table["modalities"].str.contains("+", regex=False), "fusion"])
    )
    # A combination of one modality has no fusion and stands in the middle of its line.
    known = {"unimodal": UNIMODAL} | fused
    places = {"unimodal": 0.0} | dict(zip(fused, np.linspace(-ROOM, ROOM, len(fused)), strict=True))
    with style():
        fig, axes = plt.subplots(1, 2, figsize=(10, 6.4), sharey=True, layout="constrained")
        for ax, (measure, (text, scale)) in zip(axes, AXES.items(), strict=True):
            # One modality is the same run whatever the fusion, and is drawn once.
            for cell in table.drop_duplicates(["modalities", "row"]).to_dict("records"):
                kind = cell["fusion"] if "+" in cell["modalities"] else "unimodal"
                _, colour, marker = known[kind]
                y = letters.index(cell["modalities"]) + places[kind]
                seeds = scale * part(measured, row=cell["row"])[measure]
                ax.plot([seeds.min(), seeds.max()], [y, y], color=colour, lw=1)
                ax.plot(seeds, [y] * len(seeds), "|", color=colour, ms=7)
                ax.plot(cell[measure], y, marker, color=colour, ms=5.5)
                ax.plot(cell[f"{measure}_paper"], y, marker, **HOLLOW)
            ax.set(xlabel=text, yticks=range(len(letters)), yticklabels=letters)
            ax.grid(axis="y", visible=False)
        axes[0].invert_yaxis()
        shown: dict[str, Any] = {
            name: plt.Line2D([], [], color=colour, marker=marker, ls="")
            for name, colour, marker in known.values()
        }
        shown["one seed"] = plt.Line2D([], [], color="0.4", marker="|", ms=7, ls="-", lw=1)
        shown["the paper, on real recordings"] = tuple(
            plt.Line2D([], [], marker=marker, ls="", **HOLLOW)
            for name, (_, _, marker) in known.items()
            if name in ("unimodal", *FUSIONS)
        )
        fig.legend(
            shown.values(),
            shown,
            loc="outside lower center",
            ncols=6,
            handler_map={tuple: HandlerTuple(ndivide=None, pad=0.3)},
            columnspacing=1.2,
        )
        fig.suptitle(title)
    return closed(fig)
