"""Table 3 as a picture."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from companion.figures.style import PAPER, closed, part, style

# Fusions are not modalities, so none has a modality's colour.
FUSIONS = {
    "attention": ("Attention", "0.65", "s"),
    "olm_t_mbt": ("OLM-T-MBT", "0.4", "^"),
    "olm_t_irfb": ("OLM-T-IRFB", "0.1", "o"),
}
# A combination of one modality has no fusion.
KINDS = {"unimodal": ("one modality", "0.1", "d"), **FUSIONS}
PLACES = {"unimodal": 0.0, "attention": -0.24, "olm_t_mbt": 0.0, "olm_t_irfb": 0.24}
AXES = {"f1": "weighted F1 (%), higher is better", "mse": "valence MSE, lower is better"}


def dots(table: pd.DataFrame, protocol: str, title: str = "") -> Figure:
    """Draw mean and SD over seeds per combination and fusion, and the paper's number beside.

    Args:
        table: as of `numbers.table3`.
        protocol: `cv` or `test`.
        title: of the whole figure.
    """
    shown = part(table, protocol=protocol)
    letters = list(dict.fromkeys(shown["modalities"]))
    with style():
        fig, axes = plt.subplots(1, 2, figsize=(10, 6.4), sharey=True, layout="constrained")
        for ax, (measure, text) in zip(axes, AXES.items(), strict=True):
            for fusion, (_, colour, marker) in KINDS.items():
                cells = part(shown, fusion=fusion)
                high = [letters.index(name) + PLACES[fusion] for name in cells["modalities"]]
                look = {"color": colour, "fmt": marker, "ms": 5, "capsize": 2, "lw": 1.2}
                ax.errorbar(cells[measure], high, xerr=cells[f"{measure}_sd"], **look)
                ax.scatter(
                    cells[f"{measure}_paper"], high, marker="D", s=16, color=PAPER, zorder=3, lw=0
                )
            ax.set(xlabel=text, yticks=range(len(letters)), yticklabels=letters)
        axes[0].invert_yaxis()
        handles = [
            plt.Line2D([], [], color=colour, marker=marker, lw=1.2, label=name)
            for name, colour, marker in KINDS.values()
        ]
        handles.append(plt.Line2D([], [], color=PAPER, marker="D", lw=0, label="paper, real data"))
        fig.legend(handles=handles, loc="outside lower center", ncols=5)
        fig.suptitle(title)
    return closed(fig)
