"""The tables of the study: what every row gains on one data set, and what is compared besides."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from companion import paper, registry
from companion.evidence import rules
from companion.evidence.intervals import differences, family, judged
from companion.evidence.people import people
from companion.evidence.verdicts import CONTROLS
from companion.spread import Sensitivity, sensitivity, spread
from companion.table1.rows import label
from companion.tables import split_by

ALONE = "_only"
BEST = "best_unimodal"
# What is compared on every data set, over seeds and over people.
EIGHT = (
    ("three_heads", "concat"),
    ("olm_constant", "three_heads"),
    ("olm", "three_heads"),
    ("olm_paper", "three_heads"),
    ("olm_reversed", "olm"),
    ("ogm_ge", "concat"),
    ("ogm_ge", "three_heads"),
    (BEST, "concat"),
)
NAMES = {
    BEST: "Best unimodal",
    "three_heads": "Three heads (w = 1)",
    "olm_constant": "Constant w",
    "olm_random": "OLM, random λ",
}
ENDS = ["low", "high", "p_holm", "verdict"]
# Column of `data/paper/table1.csv` -> the data set's name here.
PRINTED = {entry.column: name for name, entry in registry.DATASETS.items() if entry.column}


def replicates(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one number per row and seed: the mean over folds, so that every clip counts once.

    Args:
        frame: of one data set, as of `companion.study.runs.frame`.

    Returns:
        Columns `row`, `seed`, and in percent `accuracy`, `best_dev`, `dev_accuracy`; `test_clips`
        and `seconds`, sums over folds.

    Raises:
        ValueError: rows do not share seeds and folds, or an accuracy is no share.
    """
    scores = ["accuracy", "best_dev", "dev_accuracy"]
    wrong = frame[~frame[scores].apply(lambda values: values.between(0, 1)).all(axis=1)]
    if len(wrong):
        raise ValueError(f"not in [0, 1]:\n{wrong.to_string(index=False)}")
    wanted = frame[["seed", "fold"]].drop_duplicates()
    for row, part in split_by(frame, "row"):
        there = part[["seed", "fold"]]
        if len(there) != len(wanted) or len(there.merge(wanted)) != len(wanted):
            raise ValueError(f"row {row} does not have every seed and fold that others have, once")
    how = dict.fromkeys(scores, "mean") | {"test_clips": "sum", "seconds": "sum"}
    table = frame.groupby(["row", "seed"], sort=False, as_index=False).agg(how)
    table["seconds"] = table["seconds"].where(table["seconds"] > 0)
    table[scores] *= 100
    return table


def values(runs: pd.DataFrame, measure: str = "accuracy") -> dict[str, np.ndarray]:
    """Return row -> one number per seed, and the best unimodal row once more as `BEST`.

    The best one is chosen by dev accuracy, so that no test clip has a say in it.

    Args:
        runs: as of `replicates`.
        measure: one of its columns.
    """
    found = {row: part[measure].to_numpy() for row, part in split_by(runs, "row")}
    best, _ = unimodal(runs)
    return found | {BEST: found[best]}


def unimodal(runs: pd.DataFrame) -> tuple[str, str]:
    """Return the unimodal rows with the highest and with the lowest dev accuracy.

    Raises:
        ValueError: there are none.
    """
    alone = runs[runs["row"].str.endswith(ALONE)]
    if alone.empty:
        raise ValueError(f"no row is of one modality: their names end in {ALONE}")
    order = alone.groupby("row")["dev_accuracy"].mean().sort_values()
    return str(order.index[-1]), str(order.index[0])


def table(
    frame: pd.DataFrame, dataset: str, title: str, kind: str, rows: Sequence[str]
) -> pd.DataFrame:
    """Return a line per row of one data set.

    Args:
        frame: of one data set, as of `companion.study.runs.frame`.
        dataset: its name.
        title: its readable name.
        kind: `recordings` or `miniatures`.
        rows: in the order of the table.

    Returns:
        Columns `dataset`, `title`, `kind`, `row`, `label`, `seeds`, `folds`, `test_clips`;
        `accuracy`, `best_dev` and their `_sd`; `minus_<control>`, and of it `<control>_low`,
        `_high`, `_p_holm`, `_verdict`; `paper_<name>`, the paper's difference to its Concat on a
        data set of its own; `seconds_over_concat`. Percent and points.
    """
    runs = replicates(frame)
    numbers = values(runs)
    numbers.pop(BEST)
    compared = family({row: numbers[row] for row in rows}, CONTROLS, rules.TABLE1)
    seconds = runs.groupby("row")["seconds"].mean()
    # Algorithm 1 stands for the paper's OLM; ours does where it is not trained.
    stands = rules.OLM if rules.OLM in rows else "olm"
    printed = {
        name: gains | {"olm": np.nan, stands: gains["olm"]}
        for name, gains in published(dataset).items()
    }
    lines = []
    for row in rows:
        own = runs[runs["row"] == row]
        line: dict = {"dataset": dataset, "title": title, "kind": kind, "row": row}
        line |= {"label": name(row), "seeds": len(own), "folds": frame["fold"].nunique()}
        line["test_clips"] = int(own["test_clips"].iloc[0])
        for measure in ("accuracy", "best_dev"):
            line[measure], line[f"{measure}_sd"] = spread(own[measure].to_numpy())
        for control in CONTROLS:
            pair = compared[(compared["row"] == row) & (compared["control"] == control)]
            found = pair.iloc[0].to_dict() if len(pair) else {}
            line[f"minus_{control}"] = found.get("difference", np.nan)
            line |= {f"{control}_{name}": found.get(name, np.nan) for name in ENDS}
        line |= {f"paper_{name}": gains.get(row, np.nan) for name, gains in printed.items()}
        line["seconds_over_concat"] = seconds[row] / seconds["concat"]
        lines.append(line)
    return pd.DataFrame(lines)


def published(dataset: str) -> dict[str, dict[str, float]]:
    """Return name of a data set -> row -> the paper's difference to its Concat, in points.

    Of a miniature, its own data set's; of recordings that the paper does not have, all three.
    """
    found = {}
    own = [name for name in PRINTED.values() if name == dataset]
    for column, name in PRINTED.items():
        if not own or name in own:
            accuracy = 100 * paper.table1(column)["accuracy"]
            gains = (accuracy - accuracy["concat"]).drop("concat")
            found[name] = {str(row): float(gain) for row, gain in gains.items()}
    return found


def can_tell(lines: pd.DataFrame) -> Sensitivity:
    """Return what the rows of a data set can tell of each other, see `companion.spread`.

    Args:
        lines: as of `table`.
    """
    number = sum(lines[f"{control}_verdict"].notna().sum() for control in CONTROLS)
    return sensitivity(lines["accuracy_sd"].to_numpy(), int(lines["seeds"].iloc[0]), int(number))


def eight(frame: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Return `EIGHT`, as far as the data set has their rows, as a family of its own.

    Args:
        frame: as of `replicates`.
        clips: of the same data set, as of `companion.study.runs.clips`.

    Returns:
        Columns of `intervals.family`, then `error`, the standard error over seeds, and
        `people_low`, `people_high`: a plain 95 % interval over seeds and people together; `drawn`
        says who they are: `24 people`, or `2000 clips` where nobody is known.
    """
    runs = replicates(frame)
    numbers, (best, _) = values(runs), unimodal(runs)
    pairs = [pair for pair in EIGHT if set(pair) <= numbers.keys()]
    samples = [(numbers[row], numbers[control]) for row, control in pairs]
    found = judged(samples, rules.TABLE1).assign(error=differences(samples).errors)
    named = pd.DataFrame(pairs, columns=["row", "control"])
    drawn = people(clips, [(best if row == BEST else row, control) for row, control in pairs])
    known = clips["group"].nunique() < clips["id"].nunique()
    who = f"{drawn['people'].iloc[0]} {'people' if known else 'clips'}"
    ends = drawn[["low", "high"]].add_prefix("people_")
    return pd.concat([named, found, ends], axis=1).assign(drawn=who)


def name(row: str) -> str:
    """Return a row's readable name; its own number is tuned here, so no name has one."""
    if row in NAMES:
        return NAMES[row]
    known = label(row)
    return f"{row.removesuffix(ALONE).capitalize()}-only" if row.endswith(ALONE) else known
