"""Which choices change the ranking: the epoch that is reported, and the head that predicts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from companion import params
from companion.report import markdown_table, plus_minus
from companion.runs.identity import Run
from companion.spread import spread
from companion.table1 import rows
from companion.table1.numbers import title
from companion.tables import split_by

# Column of `numbers.collect` -> what is chosen; the first is what Table 1 shows by default.
CHOICES = {
    "best_dev_accuracy": "best dev epoch, fused head",
    "best_test_accuracy": "best test epoch",
    "last_accuracy": "last epoch",
    "sum": "sum of heads",
    "weighted_sum": "weighted sum of heads",
}
DEFAULT = next(iter(CHOICES))
READING = (
    "τ compares the ranking by a choice with that by the best dev epoch and the fused head, of the "
    "same runs: within each seed, mean over seeds. *Moves most* is the method that changes most "
    "places, of equals the one whose accuracy changes most; its points are the change of its mean, "
    "± the SD over seeds of the change: the same trainings, read in another way. *Sum of heads* "
    "adds the raw logits of all heads, *weighted sum* multiplies them first by the coefficients w "
    "at the end of the chosen epoch. Only rows of OLM have such coefficients. GradNorm and G-Blend "
    "weigh losses, which scales no logit, so their weighted sum is the plain one, as in all other "
    "rows. In Concat the audio and visual logits are the parts of the fused ones, in rows with "
    "three heads they are heads of their own, and in fusions without such parts they are what the "
    "fused head says with the other feature at its mean: compare them within a block only."
)


def rank(measured: pd.DataFrame) -> pd.DataFrame:
    """Return where each method ranks by each choice, one thing changed at a time.

    Controls, which are there to explain another row, are not ranked (`rows.competes`). Without
    coefficients of its own, a row's weighted sum is its plain sum: all w are 1.

    Args:
        measured: as of `numbers.collect`.

    Returns:
        Columns `dataset`, `title`, `row`, `label`, `choice`, `seeds`; `accuracy` in percent and
        `change`, by how many points it differs from that of the same runs by the default choice,
        each with its SD over seeds as `_sd`; `rank` from 1, equal accuracies share the better one;
        `moved`, places gained over the default.
    """
    lines = []
    for dataset, part in _methods(measured):
        means = part.groupby("row", sort=False)[list(CHOICES)].mean().round(8)
        ranks = means.rank(ascending=False, method="min").astype(int)
        for row in sorted(means.index, key=rows.place):
            runs = part[part["row"] == row].sort_values("seed")
            for choice in CHOICES:
                value = spread(100 * runs[choice])
                change = spread(100 * (runs[choice] - runs[DEFAULT]))
                line = {"dataset": dataset, "title": runs["title"].iloc[0], "row": row}
                line |= {"label": rows.label(row), "choice": choice, "seeds": len(runs)}
                line |= {"accuracy": value.mean, "accuracy_sd": value.sd}
                line |= {"change": change.mean, "change_sd": change.sd}
                line["rank"] = ranks.loc[row, choice]
                line["moved"] = ranks.loc[row, DEFAULT] - line["rank"]
                lines.append(line)
    return pd.DataFrame(lines)


def agreement(measured: pd.DataFrame) -> pd.DataFrame:
    """Return how alike two rankings are: Kendall's tau, 1 for the same order, -1 for the reverse.

    A choice is compared with the default within each seed, so that both rankings are of the same
    runs, and the mean over seeds is returned.

    Args:
        measured: as of `numbers.collect`.

    Returns:
        Columns `dataset`, `title`, `choice`, `tau`.
    """
    lines = []
    for dataset, part in _methods(measured):
        default = part.pivot(index="row", columns="seed", values=DEFAULT).round(8)
        for choice in list(CHOICES)[1:]:
            other = part.pivot(index="row", columns="seed", values=choice).round(8)
            taus = [kendalltau(default[seed], other[seed]).statistic for seed in default]
            line = {"dataset": dataset, "title": part["title"].iloc[0]}
            lines.append(line | {"choice": choice, "tau": float(np.mean(taus))})
    return pd.DataFrame(lines)


def numbers(ranked: pd.DataFrame, agreed: pd.DataFrame) -> pd.DataFrame:
    """Return `rank` with the `tau` of each choice; the default is like itself."""
    tau = agreed[["dataset", "choice", "tau"]]
    return ranked.merge(tau, on=["dataset", "choice"], how="left").fillna({"tau": 1.0})


def most_moved(ranked: pd.DataFrame) -> pd.DataFrame:
    """Return the line of `rank` that moves most, of every data set and choice but the default.

    Args:
        ranked: as of `rank`.

    Returns:
        The columns of `rank`; a choice under which no method changes its place has no line.
    """
    moving = ranked[(ranked["choice"] != DEFAULT) & (ranked["moved"] != 0)]
    far = moving.assign(places=moving["moved"].abs(), points=moving["change"].abs().round(8))
    far = far.sort_values(["places", "points"], ascending=False, kind="stable")
    first = far.groupby(["dataset", "choice"], sort=False).head(1)
    return first.drop(columns=["places", "points"]).sort_index()


def moves(ranked: pd.DataFrame, agreed: pd.DataFrame) -> str:
    """Return as Markdown, for every data set and choice, tau and the method that moves most.

    Args:
        ranked: as of `rank`.
        agreed: as of `agreement`.
    """
    most = most_moved(ranked).set_index(["dataset", "choice"])
    parts = []
    for dataset, part in split_by(agreed, "dataset"):
        lines = []
        for choice, tau in zip(part["choice"], part["tau"], strict=True):
            line = {"Choice": CHOICES[choice], "τ": f"{tau:.2f}", "Moves most": "no method"}
            line |= {"Places": "–", "Points": "–"}
            if (dataset, choice) in most.index:
                own = most.loc[(dataset, choice)]
                line["Moves most"] = own["label"]
                line["Places"] = f"{own['moved']:+d}".replace("-", "−")
                line["Points"] = plus_minus(own["change"], own["change_sd"], sign=True)
            lines.append(line)
        title = part["title"].iloc[0]
        parts.append(f"**{title}**\n\n{markdown_table(pd.DataFrame(lines))}")
    return "\n\n".join(parts)


def settings(grids: Mapping[str, Sequence[Run]]) -> pd.DataFrame:
    """Return what is the same for every row, one column per data set, as text.

    Args:
        grids: data set -> its runs.
    """
    columns = {}
    for grid in grids.values():
        config = grid[0].config
        assert isinstance(config, params.DataSet)  # Table 1 has no sequences
        shared = asdict(config.train) | asdict(config.model)
        shared |= {"dev_fraction": config.prepare.dev_fraction}
        shared["seeds"] = sorted({run.seed for run in grid})
        columns[title(grid[0])] = {name: _in_words(value) for name, value in shared.items()}
    return pd.DataFrame(columns).rename_axis("Setting").reset_index()


def _in_words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {what}" for name, what in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _methods(measured: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    methods = measured[measured["row"].map(rows.competes)]
    filled = methods.assign(weighted_sum=methods["weighted_sum"].fillna(methods["sum"]))
    yield from split_by(filled, "dataset")
