"""The interactive panel of notebook 03: from G and C to lambda to w, with sliders or without."""

from collections.abc import Callable, Iterable, Mapping

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.figures.style import COLOURS
from companion.lessons.olm.picture import VAB, drawn
from olmlib.olm_equations import (
    algorithm1,
    bounded_factors,
    bounded_norms,
    closed_form,
    rebalancing_factors,
)

WIDGET = "application/vnd.jupyter.widget-view+json"


def panel_table(G: list[float], C: list[float], norms=(4.0, 10.0, 7.0)) -> pd.DataFrame:
    """Return the way from rates to coefficients by the paper's rule and by ours.

    Args:
        G, C: rates of the heads `VAB`, at least 0, in nats.
        norms: their raw norms, in logits.

    Returns:
        A row per rule (`paper`: Eq. 8, 20 steps of Algorithm 1; `stable`: one exact solve) and
        head:
        `rule`, `head`, `G`, `C`, `lam`, `w`.
    """
    rates_of = [torch.tensor(rate, dtype=torch.float64) for rate in (G, C)]
    n = torch.tensor(norms, dtype=torch.float64)
    paper, stable = rebalancing_factors(*rates_of), bounded_factors(*rates_of)
    bounded = bounded_norms(n)
    w = {
        "paper": algorithm1(n, paper),
        "stable": closed_form(bounded, len(n) * stable * bounded.mean(), torch.ones_like(n)),
    }
    return pd.DataFrame(
        [
            {"rule": rule, "head": head, "G": G[m], "C": C[m]}
            | {"lam": lam[m].item(), "w": w[rule][m].item()}
            for rule, lam in (("paper", paper), ("stable", stable))
            for m, head in enumerate(VAB)
        ]
    )


@drawn
def panel(table: pd.DataFrame) -> Figure:
    """Draw G and C, then lambda, then w, as bars.

    Args:
        table: as of `panel_table`.
    """
    fig, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
    given = table[table["rule"] == "stable"]
    rates = given.set_index("head")
    _bars(axes[0], given["head"], {name: rates[name] for name in ("G", "C")})
    axes[0].set(ylabel="rate (nats)", title="(A) Rates, Eq. 6 and 7")
    rules = {rule: table[table["rule"] == rule].set_index("head") for rule in ("paper", "stable")}
    for ax, name, label, title in (
        (axes[1], "lam", "factor λ", "(B) Factors, Eq. 8"),
        (axes[2], "w", "coefficient w", "(C) Coefficients, Eq. 9"),
    ):
        _bars(ax, given["head"], {rule: values[name] for rule, values in rules.items()})
        ax.set(ylabel=label, title=title)
    marks = ((1 / len(VAB), "1/M", "upper right"), (1, "w = 1", "upper left"))
    for ax, (level, name, place) in zip(axes[1:], marks, strict=True):
        line = ax.axhline(level, color="0.4", lw=0.8, ls=":", label=name)
        ax.legend(handles=[line], loc=place, fontsize="small")
    axes[1].set_ylim(0, 1.1)
    axes[0].legend(loc="upper left", fontsize="small")
    axes[0].set_ylim(top=1.5 * max(given["G"].max(), given["C"].max(), 0.01))
    axes[2].set_ylim(top=1.25 * max(table["w"].max(), 1))
    return fig


def sliders(draw: Callable[[list[float], list[float]], Figure], G: list[float], C: list[float]):
    """Show one slider per rate, and the figure that follows them.

    The page of an executed notebook cannot run Python; there, one line of text stands in their
    place, without the random ids of widgets.

    Args:
        draw: from G and C, in the order of `VAB`, to a figure.
        G, C: where the sliders start, in nats.

    Returns:
        The widget, already shown.
    """
    given = {f"G {head}": g for head, g in zip(VAB, G, strict=True)}
    given |= {f"C {head}": c for head, c in zip(VAB, C, strict=True)}
    made = {
        name: ipywidgets.FloatSlider(
            value, min=0, max=1.5, step=0.01, description=name, continuous_update=False
        )
        for name, value in given.items()
    }
    picture = ipywidgets.Output()

    def redraw(_change=None):
        values = [slider.value for slider in made.values()]
        figure = draw(values[: len(VAB)], values[len(VAB) :])
        picture.outputs = ()
        picture.append_display_data(figure)

    for slider in made.values():
        slider.observe(redraw, names="value")
    redraw()
    columns = [ipywidgets.VBox([s for n, s in made.items() if n[0] == rate]) for rate in "GC"]
    widget = ipywidgets.VBox([ipywidgets.HBox(columns), picture])
    view = widget._repr_mimebundle_()[WIDGET]
    text = "Sliders for G and C stand here when this notebook runs in Jupyter."
    display({WIDGET: view, "text/plain": text}, raw=True)
    return widget


def _bars(ax: Axes, heads: Iterable[str], groups: Mapping[str, pd.Series]) -> None:
    """Draw a group of bars per entry of `groups`, one bar per head, as high as its value there."""
    for m, head in enumerate(heads):
        places = np.arange(len(groups)) + 0.28 * (m - 1)
        values = [heights.loc[head] for heights in groups.values()]
        bars = ax.bar(places, values, 0.26, color=COLOURS[head], label=head)
        box = {"fc": "w", "ec": "none", "pad": 0.5}
        ax.bar_label(bars, fmt="%.2f", fontsize="small", padding=2, bbox=box)
    ax.set_xticks(range(len(groups)), list(groups))
