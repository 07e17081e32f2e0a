"""Which choices change the ranking: the epoch that is reported, and the head that predicts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations

import pandas as pd
from scipy.stats import kendalltau

from companion import params
from companion.evidence.intervals import differs
from companion.runs.identity import Run
from companion.table1 import rows
from companion.table1.numbers import title
from companion.tables import split_by
from olmlib.metrics import confidence_interval, paired_difference

# Column of `numbers.collect` -> what is chosen; the first is what Table 1 shows by default.
CHOICES = {
    "best_dev_accuracy": "best dev epoch, fused head",
    "best_test_accuracy": "best test epoch",
    "last_accuracy": "last epoch",
    "sum": "sum of heads",
    "weighted_sum": "weighted sum of heads",
}
DEFAULT = next(iter(CHOICES))
SEEDS = "another seed"
READING = (
    "τ compares the ranking by a choice with that by the best dev epoch and the fused head, within "
    "a seed; the yardstick compares two seeds. *Sum of heads* adds the raw logits of all heads, "
    "*weighted sum* multiplies them first by the coefficients w at the end of the chosen epoch. "
    "Only rows of OLM have such coefficients. GradNorm and G-Blend weigh losses, which scales no "
    "logit, so their weighted sum is the plain one, as in all other rows. In Concat the audio and "
    "visual logits are the parts of the fused ones, in rows with three heads they are heads of "
    "their own, and in fusions without such parts they are what the fused head says with the other "
    "feature at its mean: compare them within a block only."
)


def rank(measured: pd.DataFrame) -> pd.DataFrame:
    """Return where each method ranks by each choice, one thing changed at a time.

    Controls, which are there to explain another row, are not ranked (`rows.competes`). Without
    coefficients of its own, a row's weighted sum is its plain sum: all w are 1.

    Args:
        measured: as of `numbers.collect`.

    Returns:
        Columns `dataset`, `title`, `row`, `label`, `choice`; `accuracy` in percent and `change`,
        its paired difference in points to the default choice, with `_half`, half of its 95 %
        interval; `differs`, whether that excludes 0; `rank` from 1, equal accuracies share the
        better one; `moved`, places gained over the default.
    """
    lines = []
    for dataset, part in _methods(measured):
        means = part.groupby("row", sort=False)[list(CHOICES)].mean().round(8)
        ranks = means.rank(ascending=False, method="min").astype(int)
        for row in sorted(means.index, key=rows.place):
            runs = part[part["row"] == row].sort_values("seed")
            for choice in CHOICES:
                value = confidence_interval(100 * runs[choice])
                gap = paired_difference(100 * runs[choice], 100 * runs[DEFAULT])
                line = {"dataset": dataset, "title": runs["title"].iloc[0], "row": row}
                line |= {"label": rows.label(row), "choice": choice, "accuracy": value.mean}
                line |= {"accuracy_half": value.half_width, "change": gap.mean}
                line |= {"change_half": gap.half_width, "differs": differs(gap)}
                line["rank"] = ranks.loc[row, choice]
                line["moved"] = ranks.loc[row, DEFAULT] - line["rank"]
                lines.append(line)
    return pd.DataFrame(lines)


def agreement(measured: pd.DataFrame) -> pd.DataFrame:
    """Return how alike two rankings are: Kendall's tau, 1 for the same order, -1 for the reverse.

    A choice is compared with the default within each seed, and the mean over seeds is returned.
    `SEEDS` is the yardstick: the default compared between two seeds, the mean over all pairs of
    seeds. A choice whose tau is not below that changes the ranking no more than luck does.

    Args:
        measured: as of `numbers.collect`.

    Returns:
        Columns `dataset`, `title`, `choice`, `tau`; NaN where it takes two seeds and there is one.
    """
    lines = []
    for dataset, part in _methods(measured):
        default = part.pivot(index="row", columns="seed", values=DEFAULT).round(8)
        pairs = {SEEDS: [(default[a], default[b]) for a, b in combinations(default, 2)]}
        for choice in list(CHOICES)[1:]:
            other = part.pivot(index="row", columns="seed", values=choice).round(8)
            pairs[choice] = [(default[seed], other[seed]) for seed in default]
        for choice, compared in pairs.items():
            taus = pd.Series([kendalltau(a, b).statistic for a, b in compared], dtype=float)
            line = {"dataset": dataset, "title": part["title"].iloc[0]}
            lines.append(line | {"choice": choice, "tau": taus.mean()})
    return pd.DataFrame(lines)


def numbers(ranked: pd.DataFrame, agreed: pd.DataFrame) -> pd.DataFrame:
    """Return `rank` with the `tau` of each choice; beside the default stands that of two seeds."""
    tau = agreed[["dataset", "choice", "tau"]].replace({"choice": {SEEDS: DEFAULT}})
    return ranked.merge(tau, on=["dataset", "choice"], validate="m:1")


def sentences(agreed: pd.DataFrame) -> str:
    """Return in words, as Markdown, which choices change the ranking more than a seed does.

    Args:
        agreed: as of `agreement`.
    """
    lines = []
    for name, part in agreed.groupby("title", sort=False):
        tau = part.set_index("choice")["tau"]
        noise = tau.pop(SEEDS)
        if pd.isna(noise):
            lines.append(f"- {name}: one seed has no noise to compare with.")
            continue
        below = [f"{CHOICES[c]} ({tau[c]:.2f})" for c in tau.index if tau[c] < noise]
        word = f"Below that: {', '.join(below)}" if below else "No choice is below that"
        lines.append(f"- {name}: two seeds agree by τ = {noise:.2f}. {word}.")
    return "\n".join(lines)


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
