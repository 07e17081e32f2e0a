"""The tables of the study as pictures: every row's gain, what helps, the costs."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.evidence import rules
from companion.evidence.intervals import EQUIVALENT, SHOWN
from companion.evidence.verdicts import CONTROLS
from companion.figures.style import PAPER, closed, style
from companion.findings import numbers
from companion.report import signed

INK, SEED, BAND = "0.1", "0.45", "#E3ECF4"
MEAN: dict[str, Any] = {"ls": "", "marker": "o", "ms": 6, "mec": INK, "mew": 1.2}
SEEDS: dict[str, Any] = {"ls": "", "marker": "o", "ms": 2.6, "mfc": SEED, "mec": "none"}
# Filled black where a difference is shown, grey where it is equivalent, hollow where neither.
FILL = {SHOWN: INK, EQUIVALENT: "0.65"}
# From Concat to OLM: what is added, step by step.
STEPS = {
    "Heads": ("three_heads",),
    "Temperature": ("olm_constant",),
    "The paper's rule": ("olm_paper", "olm_code", "olm"),
    "Controls of the rule": ("olm_reversed", "olm_norm_free", "olm_random", "olm_current"),
}
PARTS = ("concat", *(row for rows in STEPS.values() for row in rows))
# Times the median width of a set's intervals: a wider one does not stretch the axis.
WIDEST = 8
# Data sets beside each other; more go into further rows.
BESIDE = 3


def gains(lines: pd.DataFrame, runs: pd.DataFrame) -> Figure:
    """Draw every row's difference to each control: seeds, mean, simultaneous interval, verdict.

    Never heights: ours and the paper's are of other data, a difference can be set beside another.

    Args:
        lines: as of `numbers.table`.
        runs: as of `numbers.replicates`.
    """
    places = {row: at for at, row in enumerate(lines["row"])}
    with style():
        fig, axes = plt.subplots(
            1, 2, figsize=(10.5, 1.7 + 0.27 * len(places)), sharey=True, layout="constrained"
        )
        for ax, control in zip(axes, CONTROLS, strict=True):
            _band(ax)
            zero = runs.loc[runs["row"] == control, "accuracy"].mean()
            at = runs["row"].map(places) + 0.3
            ax.plot(runs["accuracy"] - zero, at, **SEEDS, label="a seed")
            _limits(ax, lines, control, places, printed=control == "concat")
            for line in lines.to_dict("records"):
                _bar(ax, line, control, places[line["row"]])
            if control == "concat":
                _printed(ax, lines, places)
            ax.set(xlabel=f"accuracy − {numbers.name(control)} (points)")
            ax.grid(axis="y", visible=False)
            ax.tick_params(axis="y", length=0)
        first = lines.iloc[0]
        axes[0].set_title(f"{first['title']}: {first['seeds']} seeds, {first['test_clips']} clips")
        axes[0].set_yticks(list(places.values()), lines["label"])
        axes[0].set_ylim(len(places) - 0.4, -0.6)
        handles, names = axes[0].get_legend_handles_labels()
        told = dict(zip(names, handles, strict=True))
        fig.legend(
            handles=[*told.values(), *_verdict_handles()], loc="outside lower center", ncols=3
        )
    return closed(fig)


def what_helps(tables: pd.DataFrame) -> Figure:
    """Draw what each part of OLM adds to Concat: heads, temperature, rule; a panel per data set.

    Args:
        tables: lines of `numbers.table`, of one or several data sets.
    """
    titles = list(dict.fromkeys(tables["title"]))
    groups = {row: group for group, rows in STEPS.items() for row in rows}
    known = [row for row in groups if row in set(tables["row"])]
    places, headings, at = {}, {}, 0.0
    for row in known:
        if groups[row] not in headings:
            headings[groups[row]] = at
            at += 1
        places[row] = at
        at += 1
    with style():
        fig, axes = panels(len(titles), 2.4, 2.9, 0.6, 1.2 + 0.27 * at, sharey=True)
        for ax, title in zip(axes, titles, strict=True):
            part = tables[(tables["title"] == title) & tables["row"].isin(known)]
            _band(ax)
            for line in part.to_dict("records"):
                _bar(ax, line, "concat", places[line["row"]])
            heads = part.loc[part["row"] == "three_heads", "minus_concat"]
            for value in heads:
                ax.axvline(value, color=PAPER, lw=1, ls="--", zorder=1)
            ax.set(title=title, xlabel="accuracy − Concat (points)")
            ax.grid(axis="y", visible=False)
            ax.tick_params(axis="y", length=0)
        ticks = {at: name for name, at in headings.items()}
        ticks |= {places[row]: numbers.name(row) for row in known}
        for ax in axes[::BESIDE]:
            ax.set_yticks(list(ticks), list(ticks.values()))
            for text in ax.get_yticklabels():
                text.set_fontweight("bold" if text.get_text() in headings else "normal")
        axes[0].set_ylim(at - 0.4, -0.6)
        line = plt.Line2D([], [], color=PAPER, ls="--", lw=1, label="three heads")
        fig.legend(handles=[line, *_verdict_handles()], loc="outside lower center", ncols=4)
    return closed(fig)


def costs(tables: pd.DataFrame) -> Figure:
    """Draw the points that a row gains over Concat beside the time that it takes more.

    Args:
        tables: lines of `numbers.table`, of one or several data sets.
    """
    balanced = tables[~tables["row"].str.endswith(numbers.ALONE) & tables["row"].ne("concat")]
    titles = list(dict.fromkeys(balanced["title"]))
    order = balanced.groupby("row")["seconds_over_concat"].mean().sort_values().index
    places = {str(row): at for at, row in enumerate(order)}
    with style():
        fig, axes = panels(
            len(titles), 2.2, 3.9, 0.5, 1.2 + 0.27 * len(places), (3, 2), sharey=True
        )
        for title, gain, time in zip(titles, axes[::2], axes[1::2], strict=True):
            part = balanced[balanced["title"] == title]
            _band(gain)
            _limits(gain, part, "concat", places)
            for line in part.to_dict("records"):
                _bar(gain, line, "concat", places[line["row"]])
            extra = 100 * (part["seconds_over_concat"] - 1)
            time.barh(part["row"].map(places), extra, height=0.55, color=PAPER)
            time.axvline(0, color="0.5", lw=0.8)
            gain.set(title=title, xlabel="accuracy − Concat (points)")
            time.set(xlabel="extra time (%)")
            for ax in (gain, time):
                ax.grid(axis="y", visible=False)
                ax.tick_params(axis="y", length=0)
        for ax in axes[:: 2 * BESIDE]:
            ax.set_yticks(list(places.values()), [numbers.name(row) for row in places])
        axes[0].set_ylim(len(places) - 0.4, -0.6)
        fig.legend(handles=_verdict_handles(), loc="outside lower center", ncols=3)
    return closed(fig)


def panels(
    sets: int,
    left: float,
    width: float,
    below: float,
    height: float,
    ratios: tuple[float, ...] = (1,),
    **options: Any,
) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels for every data set, `BESIDE` of them in a row.

    Args:
        sets: how many data sets.
        left, width: inches for names on the left, and for a data set.
        below, height: inches for the legend, and for a row.
        ratios: widths of a data set's panels.
    """
    columns, rows, per_set = min(sets, BESIDE), -(-sets // BESIDE), len(ratios)
    fig, axes = plt.subplots(
        rows,
        per_set * columns,
        figsize=(left + width * columns, below + height * rows),
        squeeze=False,
        width_ratios=list(ratios) * columns,
        layout="constrained",
        **options,
    )
    for ax in axes.flat[per_set * sets :]:
        ax.set_visible(False)
    return fig, list(axes.flat[: per_set * sets])


def _band(ax: Axes) -> None:
    ax.axvspan(-rules.TABLE1, rules.TABLE1, color=BAND, lw=0, zorder=0, label="too small to matter")
    ax.axvline(0, color="0.5", lw=0.8, zorder=1)


def _limits(
    ax: Axes, lines: pd.DataFrame, control: str, places: Mapping[str, float], printed: bool = False
) -> None:
    """Let the axis end where most rows do; an arrow says what lies beyond.

    Rows of one modality, and rows whose interval is much wider than the others', do not stretch it.

    Args:
        ax: the axis.
        lines: as of `numbers.table`.
        control: what is subtracted.
        places: row -> its place on the other axis.
        printed: whether the paper's differences must be seen too.
    """
    bounds = [f"{control}_low", f"{control}_high"]
    several = lines[~lines["row"].str.endswith(numbers.ALONE)].dropna(subset=bounds)
    widths = several[bounds[1]] - several[bounds[0]]
    ends = several.loc[widths <= WIDEST * widths.median(), bounds].to_numpy().ravel()
    if printed:
        ends = np.concatenate([ends, several.filter(like="paper_").to_numpy().ravel()])
    low, high = np.nanmin(ends), np.nanmax(ends)
    pad = 0.08 * (high - low)
    ax.set_xlim(low - pad, high + pad)
    for line in lines.to_dict("records"):
        # Above the row's line, where neither its interval nor its diamonds are.
        mean, above = line[f"minus_{control}"], places[line["row"]] - 0.3
        if mean < low - pad:
            text = f"◂ {signed(mean)}"
            ax.text(low - 0.8 * pad, above, text, va="center", fontsize="small")
        elif mean > high + pad:
            text = f"{signed(mean)} ▸"
            ax.text(high + 0.8 * pad, above, text, va="center", ha="right", fontsize="small")


def _bar(ax: Axes, line: Mapping, control: str, at: float) -> None:
    """Draw one difference with its interval, filled by its verdict."""
    if np.isnan(line[f"minus_{control}"]):
        return
    ends = [line[f"{control}_low"], line[f"{control}_high"]]
    ax.plot(ends, [at, at], color=INK, lw=1.4, zorder=3)
    fill = FILL.get(line[f"{control}_verdict"], "white")
    ax.plot([line[f"minus_{control}"]], [at], **MEAN, mfc=fill, zorder=4)


def _printed(ax: Axes, lines: pd.DataFrame, places: Mapping[str, float]) -> None:
    for column in (name for name in map(str, lines) if name.startswith("paper_")):
        name = "the paper, on its own recordings"
        at = lines["row"].map(places)
        ax.plot(lines[column], at, "D", color=PAPER, ms=3.8, label=name, zorder=2)


def _verdict_handles() -> list[plt.Line2D]:
    names = {SHOWN: "shown", EQUIVALENT: "equivalent", "": "not shown"}
    return [
        plt.Line2D([], [], **MEAN, mfc=FILL.get(verdict, "white"), label=f"mean: {name}")
        for verdict, name in names.items()
    ]
