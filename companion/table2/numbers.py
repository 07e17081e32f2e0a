"""Table 2: networks for event localization x ways to train them, in percent, traceable to runs."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from companion import paper, params
from companion.evidence.intervals import comparisons
from companion.rows import REFERENCES
from companion.runs import folder, grid
from companion.runs.identity import Run
from companion.settings import Own
from companion.settings import Segments as Section
from companion.spread import Sensitivity, difference, sensitivity, spread
from companion.tables import split_by
from olmlib.data.segments import BACKGROUND, Segments

DATASET = "ave"
NETWORKS = {"avga": "AVGA", "mafnet": "MAFnet (lite)", "psp": "PSP", "cmbs": "CMBS"}
LABELS = {
    "baseline": "Baseline",
    "three_heads": "Three heads (all w = 1)",
    "gblend": "G-Blend",
    "ogm_ge": "OGM-GE",
    "olm": "OLM (stable)",
}
# Our names and the paper's: of networks its lines, of rows its columns.
PRINTED_NETWORKS = {"avga": "AVGA", "mafnet": "MAFnet", "psp": "PSP", "cmbs": "CMBS"}
PRINTED = {"baseline": "baseline", "gblend": "g_blend", "ogm_ge": "ogm_ge", "olm": "olm_conv"}
BASE = REFERENCES[0]
MEASURES = ("accuracy", "best_test_accuracy", "last_accuracy", "audio", "visual")


class Levels(NamedTuple):
    """What answers without any network score on the test segments, in percent.

    Attributes:
        background: always "background".
        oracle: the right event of every clip, and never "background".
    """

    background: float
    oracle: float


# What pictures call them.
LEVELS = {
    "background": "always background",
    "oracle": "every clip's event, never background",
}


def runs_of(profile: str, root: str | Path = ".") -> list[Run]:
    """Return the runs of Table 2: every network with every row and every seed of the profile.

    Raises:
        ValueError: an unknown profile, or one without AVE.
    """
    settings, chosen = grid.profile_values(profile, root)
    section = section_of(chosen)
    runs = []
    for network, model in section.model:
        own = section.own.get(network, Own())
        config = section.model_copy(update={"model": model, "train": own.of(section.train)})
        places = grid.places(profile, DATASET, root)
        runs += [
            Run(
                DATASET,
                f"{network}_{name}",
                row,
                seed,
                config,
                *places,
            )
            for name, row in settings.table2.rows.items()
            for seed in chosen.seeds
        ]
    return runs


def section_of(profile: params.Profile) -> Section:
    """Return what a profile sets for AVE.

    Raises:
        ValueError: the profile has no AVE.
    """
    section = profile.dataset(DATASET)
    assert isinstance(section, Section)  # as the registry says
    return section


def cell_of(run: Run) -> tuple[str, str]:
    """Return network and row of a run."""
    network, _, row = run.name.partition("_")
    return network, row


def collect(runs: list[Run]) -> pd.DataFrame:
    """Return what every run measured: what every cell of the table is made of.

    Returns:
        Columns `network`, `row`, `seed`, `clips`, `segments` (of the test split), `identity`, and
        `MEASURES` in `[0, 1]`: shares of test segments, by the epoch that is best on dev, by the
        one that is best on test, by the last, and by the heads of the first.

    Raises:
        FileNotFoundError, ValueError: as `folder.check`; a value is not in `[0, 1]`.
    """
    folder.check(runs)
    lines = []
    for run in runs:
        metrics = json.loads((run.folder / "metrics.json").read_text())
        epochs = pd.read_csv(run.folder / "epochs.csv")
        known = json.loads((run.folder / "identity.json").read_text())
        with np.load(run.folder / "predictions.npz") as arrays:
            clips, segments = arrays["label"].shape
        values = {
            "accuracy": metrics["test"]["accuracy"],
            "best_test_accuracy": epochs["test_accuracy"].max(),
            "last_accuracy": metrics["last"]["accuracy"],
            "audio": metrics["test"]["accuracy_audio"],
            "visual": metrics["test"]["accuracy_visual"],
        }
        wrong = {name: value for name, value in values.items() if not 0 <= value <= 1}
        if wrong:
            raise ValueError(f"{run.folder}: not in [0, 1]: {wrong}")
        network, row = cell_of(run)
        line = {"network": network, "row": row, "seed": run.seed, "clips": clips}
        line |= {"segments": clips * segments, "identity": known["identity"]}
        lines.append(line | values)
    return pd.DataFrame(lines)


def table2(measured: pd.DataFrame, printed: str | Path | None = None) -> pd.DataFrame:
    """Return Table 2: a line per network and row.

    Args:
        measured: as of `collect`.
        printed: another place of `data/paper/table2.csv`.

    Returns:
        Columns `network`, `title`, `row`, `label`, `seeds`, `clips`, `segments`; each of `MEASURES`
        with its standard deviation over seeds as `_sd`; `paper`; `minus_<reference>` with `_sd`,
        the unpaired difference of accuracies, and `paper_minus_baseline`. Percent and points.

    Raises:
        ValueError: networks or rows do not share their seeds.
    """
    check(measured)
    published = paper.published("table2", printed).set_index("network")
    lines = []
    for network, part in split_by(measured, "network"):
        numbers = {
            row: 100 * part[part["row"] == row].set_index("seed").sort_index()[list(MEASURES)]
            for row in dict.fromkeys(part["row"])
        }
        theirs = published.loc[PRINTED_NETWORKS[network]]
        for row, values in numbers.items():
            first = part[part["row"] == row].iloc[0]
            line: dict[str, Any] = {"network": network, "title": NETWORKS[network], "row": row}
            line |= {"label": label(row), "seeds": len(values)}
            line |= {"clips": int(first["clips"]), "segments": int(first["segments"])}
            for measure in MEASURES:
                own = spread(values[measure].to_numpy())
                line |= {measure: own.mean, f"{measure}_sd": own.sd}
            line["paper"] = theirs[PRINTED[row]] if row in PRINTED else np.nan
            for reference in REFERENCES:
                gap = (np.nan, np.nan)
                if row != reference:
                    pair = (numbers[name]["accuracy"].to_numpy() for name in (row, reference))
                    gap = difference(*pair)
                line |= {f"minus_{reference}": gap[0], f"minus_{reference}_sd": gap[1]}
            other = np.nan if row == BASE else line["paper"] - theirs[PRINTED[BASE]]
            line["paper_minus_baseline"] = other
            lines.append(line)
    table = pd.DataFrame(lines)
    floats = table.select_dtypes("float").columns
    # Twice: the last bit of a mean must not decide how a tie is rounded.
    table[floats] = table[floats].round(8).round(4)
    return table


def check(measured: pd.DataFrame) -> None:
    """Check that every network has every row with every seed, once.

    Raises:
        ValueError: as said; the message names the cell.
    """
    seeds, rows = sorted(set(measured["seed"])), list(dict.fromkeys(measured["row"]))
    for network, part in split_by(measured, "network"):
        for row in rows:
            found = sorted(part.loc[part["row"] == row, "seed"])
            if found != seeds:
                raise ValueError(f"{network}, {row}: seeds {found}, others have {seeds}")


def label(row: str) -> str:
    """Return the readable name of a row; of one that is not of the paper, that of params.yaml."""
    return LABELS.get(row) or row.replace("_", " ")


def can_tell(table: pd.DataFrame) -> Sensitivity:
    """Return what the table can tell, in points: one spread for all of its cells.

    Args:
        table: as of `table2`.
    """
    pairs = comparisons(list(dict.fromkeys(table["row"])), REFERENCES)
    asked = table["network"].nunique() * len(pairs)
    return sensitivity(table["accuracy_sd"].to_numpy(), int(table["seeds"].iloc[0]), asked)


def levels(data: Segments) -> Levels:
    """Return the reference lines, from the labels of the test split."""
    assert data.classes[-1] == BACKGROUND
    labels = data.labels[data.rows("test")]
    share = float((labels == len(data.classes) - 1).mean())
    return Levels(100 * share, 100 * (1 - share))
