"""The paper's claims on Table 3, each with our difference and the paper's."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from companion import paper, params, report
from companion.rows import IRFB
from companion.runs import folder
from companion.runs.identity import Run
from companion.spread import difference
from companion.table3.numbers import MEASURES, PROTOCOLS, SCALES, WITHOUT, cell


def fusions(measured: pd.DataFrame, table: params.Table3, printed: Path | None = None):
    """Return the paper's claims on fusions, each with our unpaired difference and the paper's.

    A difference is the mean over the combinations of two or more modalities, taken per seed.

    Args:
        measured: as of `collect`.
        table: combinations and fusions.
        printed: another place of the paper's table.

    Returns:
        Columns `claim`, `protocol`, `measure`, `difference` (± the SD of one seed minus another),
        `paper`.
    """
    published = paper.published("table3", printed).set_index("modalities")
    several = [letters for letters, parts in table.combinations.items() if len(parts) > 1]
    pairs = {
        "IRFB is better than MBT": ("olm_t_irfb", "olm_t_mbt"),
        "IRFB is better than attention": ("olm_t_irfb", "attention"),
        "MBT is better than attention": ("olm_t_mbt", "attention"),
    }
    lines = []
    for claim, (one, other) in pairs.items():
        for protocol, title in PROTOCOLS.items():
            for measure in MEASURES:
                a, b = (_means(measured, f, several, protocol, measure) for f in (one, other))
                ours = published.loc[several, f"{one}_{measure}"]
                gap = (ours - published.loc[several, f"{other}_{measure}"]).mean()
                lines.append(
                    (claim, title, *in_words(measure, a, b), f"{gap:+.2f}".replace("-", "−"))
                )
    names = ["claim", "protocol", "measure", "difference", "paper"]
    return pd.DataFrame(lines, columns=names)


def encoders(grid: Sequence[Run], table: params.Table3) -> pd.DataFrame:
    """Return what unimodal encoders reach inside the network with IRFB, and trained alone.

    Args:
        grid: finished runs of Table 3.
        table: combinations and fusions; the combination `shown` is looked at.

    Returns:
        Columns `modality`, `seed`, `inside` (OLM and IRFB), `alone`: accuracies of the modality's
        own head on the test clips, in `[0, 1]`, means over folds.
    """
    inside = f"{IRFB}_{table.shown.replace('+', '')}"
    letters = {parts[0]: name for name, parts in table.combinations.items() if len(parts) == 1}
    modalities = [m for m in table.combinations[table.shown] if m in letters]
    wanted = {inside, *(f"unimodal_{letters[m]}" for m in modalities)}
    scores = folder.load([run for run in grid if run.name in wanted])
    scores = scores[scores["weights"] == "test"]
    means = scores.groupby(["row", "metric", "seed"])["value"].mean()
    lines = []
    for modality in modalities:
        own, alone = (
            means[row, f"accuracy_{modality}"] for row in (inside, f"unimodal_{letters[modality]}")
        )
        lines.append(pd.DataFrame({"modality": modality, "inside": own, "alone": alone}))
    return pd.concat(lines).reset_index()[["modality", "seed", "inside", "alone"]]


def control(measured: pd.DataFrame, table: params.Table3) -> pd.DataFrame:
    """Return what OLM adds to the same network with all coefficients at 1.

    Returns:
        Columns `protocol`, `measure`, `difference` (± the SD of one seed minus another).
    """
    lines = []
    for protocol, title in PROTOCOLS.items():
        for measure in MEASURES:
            a, b = (
                _means(measured, f, [table.shown], protocol, measure)
                for f in ("olm_t_irfb", WITHOUT)
            )
            lines.append((title, *in_words(measure, a, b)))
    return pd.DataFrame(lines, columns=["protocol", "measure", "difference"])


def _means(measured, fusion: str, letters: list[str], protocol: str, measure: str) -> np.ndarray:
    """Return the mean over combinations of each seed, F1 in points."""
    cells = [cell(measured, fusion, name, protocol)[measure].to_numpy() for name in letters]
    return SCALES[measure] * np.mean(cells, axis=0)


def in_words(measure: str, a: np.ndarray, b: np.ndarray) -> tuple[str, str]:
    """Return the measure's name, and the difference a - b with the SD of one seed minus another.

    Args:
        measure: `f1`, in points, or `mse`.
        a, b: a value per seed.
    """
    name = {"f1": "F1, points", "mse": "MSE"}[measure]
    return name, report.plus_minus(*difference(a, b), digits=2, sign=True)
