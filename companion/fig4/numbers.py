"""Figure 4: which scene is taken for which, by every row and seed, and what is computed from it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from companion import params
from companion.evidence import intervals, rules
from companion.runs import folder, grid
from companion.runs.identity import Run
from companion.settings import Features
from companion.spread import spread

DATASET = "sunrgbd"
LABELS = {
    "rgb": "RGB",
    "depth": "D",
    "concat": "RGB-D, Concat",
    "three_heads": "RGB-D, three heads (all w = 1)",
    "olm": "RGB-D, OLM (stable)",
}
TREATED, CONTROLS = "olm", ("concat", "three_heads")
MEASURES = ("balanced", "accuracy")
COUNTS = ["row", "seed", "truth", "predicted", "frames"]


def runs_of(profile: str, root: str | Path = ".") -> list[Run]:
    """Return the runs of Figure 4: every row with every seed of the data set's section.

    Raises:
        ValueError: an unknown profile, or one without SUN RGB-D.
    """
    settings, chosen = grid.profile_values(profile, root)
    section = section_of(chosen)
    places = grid.places(profile, DATASET, root)
    runs = []
    for name, row in settings.fig4:
        config = section.model_copy(update={"model": row.network(section.model)})
        runs += [Run(DATASET, name, row, seed, config, *places) for seed in section.seeds]
    return runs


def section_of(profile: params.Profile) -> Features:
    """Return what a profile sets for SUN RGB-D.

    Raises:
        ValueError: the profile has no SUN RGB-D.
    """
    section = profile.dataset(DATASET)
    assert isinstance(section, Features)  # as the registry says
    return section


def collect(runs: list[Run]) -> pd.DataFrame:
    """Return how many test frames of a scene every run takes for which scene.

    Returns:
        Columns `COUNTS`: `truth` and `predicted` are names of scenes, a line per pair of them.

    Raises:
        FileNotFoundError, ValueError: as `folder.check`.
    """
    folder.check(runs)
    tables = []
    for run in runs:
        classes = run.data().classes
        with np.load(run.folder / "predictions.npz") as arrays:
            counted = confusion(arrays["label"], arrays["prob"].argmax(1), len(classes))
        table = pd.DataFrame(counted, classes, classes).rename_axis("truth").reset_index()
        table = table.melt("truth", var_name="predicted", value_name="frames")
        tables.append(table.assign(row=run.name, seed=run.seed)[COUNTS])
    return pd.concat(tables, ignore_index=True)


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return the counts `(C, C)` of true (first) and predicted classes of n samples."""
    return np.bincount(classes * labels + predicted, minlength=classes**2).reshape(classes, classes)


def balanced_accuracy(counts: np.ndarray) -> float:
    """Return the mean over classes of the share that is recognised (recall), in `[0, 1]`.

    Args:
        counts: `(C, C)`, as of `confusion`; a class without samples has no recall and counts for
            nothing.
    """
    true = counts.sum(1)
    return float((counts.diagonal()[true > 0] / true[true > 0]).mean())


def scores(counts: pd.DataFrame) -> pd.DataFrame:
    """Return balanced and overall accuracy, in percent, of every row and seed.

    Args:
        counts: as of `collect`.

    Returns:
        Columns `row`, `label`, `seed` and `MEASURES`.
    """
    lines = []
    for (row, seed), part in counts.groupby(["row", "seed"], sort=False):
        square = matrix(part, "frames")
        line: dict[str, Any] = {"row": row, "label": LABELS[str(row)], "seed": seed}
        line["balanced"] = 100 * balanced_accuracy(square.to_numpy())
        line["accuracy"] = 100 * square.to_numpy().diagonal().sum() / square.to_numpy().sum()
        lines.append(line)
    return pd.DataFrame(lines)


def shares(counts: pd.DataFrame) -> pd.DataFrame:
    """Return, per row, how many percent of a scene's frames are taken for which, mean over seeds.

    Args:
        counts: as of `collect`.

    Returns:
        Columns `row`, `label`, `truth`, `predicted`, `share`.
    """
    own = counts.groupby(["row", "seed", "truth"], sort=False)["frames"].transform("sum")
    table = counts.assign(share=100 * counts["frames"] / own)
    keys = ["row", "truth", "predicted"]
    means = table.groupby(keys, sort=False, as_index=False)[["share"]].mean()
    means.insert(1, "label", means["row"].map(LABELS))
    return means


def matrix(part: pd.DataFrame, value: str) -> pd.DataFrame:
    """Return a value as a square, true scenes downwards, in the order of the classes."""
    square = part.pivot(index="truth", columns="predicted", values=value)
    order = sorted(square.index)
    return square.loc[order, order]


def recalls(counts: pd.DataFrame) -> pd.DataFrame:
    """Return the share of every scene that is recognised, in percent, per row and seed.

    Args:
        counts: as of `collect`.

    Returns:
        Columns `row`, `seed`, `scene`, `frames` (of the scene), `recall`.
    """
    whole = counts.groupby(["row", "seed", "truth"], sort=False)["frames"].transform("sum")
    table = counts.assign(whole=whole, recall=100 * counts["frames"] / whole)
    table = table[table["truth"] == table["predicted"]]
    return table.rename(columns={"truth": "scene"})[
        ["row", "seed", "scene", "whole", "recall"]
    ].rename(columns={"whole": "frames"})


def gaps(values: dict[str, dict[str, np.ndarray]], margin: float = rules.FIG4) -> pd.DataFrame:
    """Compare OLM with its controls on several things at once, as one family.

    Args:
        values: what is measured, such as a scene -> row -> one number per seed.
        margin: what is too small to matter, in the unit of the values.

    Returns:
        A column `what`, and those of `intervals.family`: all lines are one family.

    Raises:
        ValueError: a row is missing, or as `intervals.judged`.
    """
    for what, rows in values.items():
        missing = [name for name in (TREATED, *CONTROLS) if name not in rows]
        if missing:
            raise ValueError(f"{what} was not measured in {', '.join(missing)}")
    names = [(what, TREATED, control) for what in values for control in CONTROLS]
    table = intervals.judged(
        [(values[what][row], values[what][control]) for what, row, control in names], margin
    )
    return pd.concat([pd.DataFrame(names, columns=["what", "row", "control"]), table], axis=1)


def recall_gaps(counts: pd.DataFrame) -> pd.DataFrame:
    """Return OLM's recall minus its controls', scene by scene, as `gaps`; points."""
    table = recalls(counts)
    return gaps(_nested(table, "scene", "recall"))


def score_gaps(counts: pd.DataFrame) -> pd.DataFrame:
    """Return OLM's balanced and overall accuracy minus its controls', as `gaps`; points."""
    table = scores(counts).melt(["row", "seed"], list(MEASURES), "measure")
    return gaps(_nested(table, "measure", "value"))


def _nested(table: pd.DataFrame, what: str, value: str) -> dict[str, dict[str, np.ndarray]]:
    nested: dict[str, dict[str, np.ndarray]] = {}
    for (name, row), part in table.groupby([what, "row"], sort=False):
        nested.setdefault(str(name), {})[str(row)] = part[value].to_numpy(float)
    return nested


def summary(counts: pd.DataFrame) -> pd.DataFrame:
    """Return mean and SD over seeds of every row's scores, in percent.

    Args:
        counts: as of `collect`.

    Returns:
        Columns `row`, `label`, `seeds`, `frames` (of the test split), and for each of `MEASURES`
        its mean and its standard deviation as `_sd`.
    """
    frames = int(counts.groupby(["row", "seed"])["frames"].sum().iloc[0])
    lines = []
    for row, part in scores(counts).groupby("row", sort=False):
        line: dict[str, Any] = {"row": row, "label": LABELS[str(row)], "seeds": len(part)}
        line["frames"] = frames
        for measure in MEASURES:
            own = spread(part[measure].to_numpy())
            line |= {measure: own.mean, f"{measure}_sd": own.sd}
        lines.append(line)
    return pd.DataFrame(lines)


def metrics(table: pd.DataFrame) -> str:
    """Return a summary for `dvc metrics`: row -> measure -> percent, as JSON."""
    rows = table.set_index("row")[list(MEASURES)].round(4)
    return json.dumps(rows.to_dict("index"), indent=1)


def constant(counts: pd.DataFrame) -> pd.DataFrame:
    """Return what always answering the most frequent scene scores, in percent.

    Args:
        counts: as of `collect`.
    """
    one = counts[(counts["row"] == counts["row"].iloc[0]) & (counts["seed"] == counts["seed"][0])]
    true = matrix(one, "frames").to_numpy().sum(1)
    square = np.zeros((len(true), len(true)), int)
    square[:, true.argmax()] = true
    values = {"balanced": balanced_accuracy(square), "accuracy": true.max() / true.sum()}
    return pd.DataFrame([{name: 100 * value for name, value in values.items()}])
