"""What the networks of Table 2 do with a clip: where they look, and what they say when."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from companion.evidence import probe
from companion.figures.style import closed, style
from companion.runs import folder
from companion.runs.identity import Run
from companion.table2 import numbers
from companion.tables import split_by
from olmlib.data.segments import Segments

RIGHT, WRONG, QUIET = "#009E73", "#D55E00", "0.9"
TRUTH = "truth"
ERRORS = {
    "right": "right",
    "missed": "event, called background",
    "invented": "background, called an event",
    "confused": "event, called another one",
}


def said(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Return what networks say of every segment of the test split.

    Args:
        runs: name -> a finished run.

    Returns:
        Columns `network`, `row` (in the prepared data), `second`, `label`, `predicted`.

    Raises:
        FileNotFoundError, ValueError: as `folder.check`.
    """
    folder.check([*runs.values()])
    parts = []
    for name, run in runs.items():
        with np.load(run.folder / "predictions.npz") as arrays:
            labels, predicted = arrays["label"], arrays["prob"].argmax(-1)
            row, second = (x.ravel() for x in np.indices(labels.shape))
            part = {"network": name, "row": arrays["row"][row], "second": second}
        part |= {"label": labels.ravel(), "predicted": predicted.ravel()}
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def errors(table: pd.DataFrame, background: int) -> pd.DataFrame:
    """Return what kinds of mistakes networks make, in percent of all segments.

    Args:
        table: as of `said`.
        background: its label.

    Returns:
        A line per network: `network` and the keys of `ERRORS`, of sum 100.
    """
    truth, found = table["label"], table["predicted"]
    kind = np.select(
        [truth == found, found == background, truth == background],
        ["right", "missed", "invented"],
        "confused",
    )
    lines = [
        {"network": name} | {key: 100 * (part["kind"] == key).mean() for key in ERRORS}
        for name, part in split_by(table.assign(kind=kind), "network")
    ]
    return pd.DataFrame(lines)


def telling(data: Segments, count: int, ids: Sequence[str] | None = None) -> list[int]:
    """Return rows of clips in which the event is not all there is, one of a class at most.

    Args:
        data: the prepared clips.
        count: how many, fewer if there are no more.
        ids: of these clips, test clips before others; by default of all test clips.
    """
    background = len(data.classes) - 1
    splits = ("test",) if ids is None else ("test", "dev", "train")
    rows = np.concatenate([data.rows(split) for split in splits])
    on = (data.labels[rows] != background).sum(1)
    chosen: dict[int, int] = {}
    for row in rows[(on > 0) & (on < data.labels.shape[1])].tolist():
        if ids is None or data.records.loc[row, "id"] in ids:
            chosen.setdefault(int(data.labels[row].min()), row)
    return list(chosen.values())[:count]


def timelines(table: pd.DataFrame, rows: Sequence[int], data: Segments) -> Figure:
    """Draw clips second by second: the truth, and below it every network's answer.

    Args:
        table: as of `said`.
        rows: clips to draw.
        data: the prepared clips.
    """
    background = len(data.classes) - 1
    networks = list(dict.fromkeys(table["network"]))
    with style(), plt.rc_context({"axes.grid": False}):
        across = min(2, len(rows))
        down = -(-len(rows) // across)
        size = (9.5, 0.8 + down * (0.55 + 0.28 * (1 + len(networks))))
        fig, axes = plt.subplots(
            down, across, figsize=size, squeeze=False, sharey=True, layout="constrained"
        )
        for ax in axes.flat[len(rows) :]:
            ax.set_visible(False)
        for ax, row in zip(axes.flat, rows, strict=False):
            clip = table[table["row"] == row]
            truth, event = data.labels[row], data.labels[row].min()
            lines = {TRUTH: truth} | {
                name: clip[clip["network"] == name].sort_values("second")["predicted"].to_numpy()
                for name in networks
            }
            for y, labels in enumerate(lines.values()):
                for second, label in enumerate(labels):
                    colour = QUIET if label == background else RIGHT if label == event else WRONG
                    ax.barh(y, 1, left=second, height=0.8, color=colour, ec="white", lw=0.8)
            ax.set(xlim=(0, len(truth)), yticks=range(len(lines)), yticklabels=lines)
            ax.set_title(data.classes[event])
            ax.tick_params(length=0)
            ax.spines[:].set_visible(False)
        axes[0, 0].invert_yaxis()
        for ax in axes[-1]:
            ax.set_xlabel("second of the clip")
        shown = {"the clip's event": RIGHT, "another event": WRONG, "background": QUIET}
        handles = [Patch(color=colour, label=name) for name, colour in shown.items()]
        fig.legend(handles=handles, loc="outside lower center", ncols=3)
    return closed(fig)


@torch.no_grad()
def looks(run: Run, data: Segments, rows: Sequence[int]) -> np.ndarray:
    """Return where a network looks, `(n, T, H, W)`, of sum 1 over a picture.

    Args:
        run: finished; of a network that looks (`attention`).
        data: the prepared clips.
        rows: n clips.
    """
    model: Any = probe.load(run)
    clips = data.clips(np.asarray(rows), False, run.config.train, 0)
    batch = clips.__getitems__([*range(len(rows))])
    height, width = data.visual.shape[2:4]
    return model.eval().attention(batch).unflatten(-1, (height, width)).numpy()


def looked_at(weights: np.ndarray) -> pd.DataFrame:
    """Return how concentrated a network's attention is.

    Args:
        weights: `(n, T, H, W)`.

    Returns:
        One line: `locations`, `effective` (the exponential of the entropy: so many locations with
        equal weights would be as spread), `largest` weight, and `moves`, half the mean absolute
        change from one second to the next, in [0, 1]: 0 if the network always looks at one place.
    """
    flat = weights.reshape(*weights.shape[:2], -1)
    entropy = -(flat * np.log(np.maximum(flat, 1e-30))).sum(-1)
    line = {"locations": flat.shape[-1], "effective": np.exp(entropy).mean()}
    line["largest"] = flat.max(-1).mean()
    line["moves"] = np.abs(np.diff(flat, axis=1)).sum(-1).mean() / 2
    return pd.DataFrame([line])


def attention(
    weights: np.ndarray,
    frames: Mapping[int, np.ndarray],
    rows: Sequence[int],
    data: Segments,
) -> tuple[Figure, pd.DataFrame]:
    """Draw where a network looks, second by second, over the clip's frames.

    Args:
        weights: `(n, T, H, W)`, as of `looks`.
        frames: row -> `(T, S, S, 3)`; a clip without has its weights drawn alone.
        rows: n clips.
        data: the prepared clips.

    Returns:
        The figure, and the weights: columns `clip`, `second`, `label`, `line`, `column`, `weight`.
    """
    length, top = weights.shape[1], weights.max()
    with style(), plt.rc_context({"axes.grid": False}):
        fig, axes = plt.subplots(
            len(rows),
            length,
            figsize=(1.05 * length, 1.25 * len(rows) + 0.6),
            squeeze=False,
            layout="constrained",
        )
        for across, row, looked in zip(axes, rows, weights, strict=True):
            for second, ax in enumerate(across):
                if row in frames:
                    ax.imshow(frames[row][second], extent=(0, 1, 1, 0))
                shown = ax.imshow(
                    looked[second],
                    cmap="magma",
                    alpha=0.1 + 0.65 * looked[second] / top if row in frames else 1.0,
                    vmin=0,
                    vmax=top,
                    extent=(0, 1, 1, 0),
                    interpolation="nearest",
                )
                on = data.labels[row, second] != len(data.classes) - 1
                ax.set(xticks=[], yticks=[])
                ax.set_title(f"{second} s", fontsize="x-small", loc="center")
                for spine in ax.spines.values():
                    spine.set(visible=True, color=RIGHT if on else "0.7", linewidth=2 if on else 1)
            across[0].set_ylabel(data.classes[data.labels[row].min()], fontsize="x-small")
        fig.colorbar(shown, ax=axes, label="weight of a location", aspect=30, pad=0.01)
    place = np.indices(weights.shape).reshape(4, -1)
    columns = {
        "clip": data.records.loc[np.asarray(rows)[place[0]], "id"].to_numpy(),
        "second": place[1],
        "label": data.labels[np.asarray(rows)[place[0]], place[1]],
        "line": place[2],
        "column": place[3],
        "weight": weights.ravel(),
    }
    return closed(fig), pd.DataFrame(columns)


def first_of(runs: Sequence[Run], row: str) -> dict[str, Run]:
    """Return each network's run of a column with the first seed, by the network's title."""
    chosen: dict[str, Run] = {}
    for run in runs:
        network, own = numbers.cell_of(run)
        if own == row:
            chosen.setdefault(numbers.NETWORKS[network], run)
    return chosen


def mistakes(kinds: pd.DataFrame, levels: numbers.Levels) -> Figure:
    """Draw what share of all segments each kind of answer has, a bar per network.

    Args:
        kinds: as of `errors`.
        levels: as of `numbers.levels`, of the same segments.
    """
    colours = {"right": RIGHT, "missed": "0.75", "invented": "0.45", "confused": WRONG}
    with style():
        fig, ax = plt.subplots(figsize=(8, 1.6 + 0.4 * len(kinds)), layout="constrained")
        left = np.zeros(len(kinds))
        for kind, name in ERRORS.items():
            width = kinds[kind].to_numpy(float)
            ax.barh(kinds["network"], width, left=left, color=colours[kind], label=name)
            left += width
        name = numbers.LEVELS["oracle"]
        ax.axvline(levels.oracle, color="0.1", ls="--", lw=1.2, label=name)
        ax.set(xlim=(0, 100), xlabel="% of test segments")
        ax.invert_yaxis()
        ax.grid(axis="y", visible=False)
        fig.legend(loc="outside lower center", ncols=3)
    return closed(fig)
