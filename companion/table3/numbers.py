"""Table 3: modalities x fusions, by two protocols."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from companion import paper, params
from companion.runs import folder, grid
from companion.runs.identity import Run
from companion.spread import Sensitivity, difference, sensitivity, spread
from olmlib.config import TransformerConfig, changed
from olmlib.data.sequences import Sequences
from olmlib.metrics import emotion

DATASET = "mer2023"
PROTOCOLS = {"cv": "cross-validation", "test": "held-out test"}
MEASURES = ("f1", "mse")
# F1 in points, MSE as it is.
SCALES = {"f1": 100, "mse": 1}
UNIMODAL = "unimodal"
# The fusion that the others are compared with.
BASE = "attention"
WITHOUT = "without_olm"


def runs_of(profile: str, root: str | Path = ".") -> list[Run]:
    """Return the runs of Table 3: every cell with every seed of the profile and its folds.

    A combination of one modality has no fusion, so it is trained once.

    Raises:
        ValueError: an unknown profile, or one without MER2023.
    """
    settings, chosen = grid.profile_values(profile, root)
    section = section_of(chosen)
    return [
        Run(
            DATASET,
            f"{fusion}_{letters.replace('+', '')}",
            row,
            seed,
            section.model_copy(update={"model": model(section.model, modalities, row)}),
            *grid.places(profile, DATASET, root),
            fold=fold,
        )
        for letters, modalities in settings.table3.combinations.items()
        for fusion, row in columns(settings.table3, letters).items()
        for seed, fold in folds(section, chosen.seeds)
    ]


def folds(section: params.Sequences, seeds: Sequence[int]) -> list[tuple[int, int]]:
    """Return the seed and the fold of each run of a cell, as `section.every_fold` says."""
    every = range(section.prepare.folds)
    if section.every_fold:
        return [(seed, fold) for seed in seeds for fold in every]
    return [(seed, every[i % len(every)]) for i, seed in enumerate(seeds)]


def one_per_seed(grid: Sequence[Run], name: str) -> list[Run]:
    """Return the runs of a row, of each seed the one with its first fold."""
    return [*{run.seed: run for run in reversed(grid) if run.name == name}.values()][::-1]


def section_of(profile: params.Profile) -> params.Sequences:
    """Return what a profile sets for MER2023.

    Raises:
        ValueError: the profile has no MER2023.
    """
    section = profile.dataset(DATASET)
    assert isinstance(section, params.Sequences)  # as the registry says
    return section


def columns(table: params.Table3, letters: str) -> dict[str, params.Row]:
    """Return what is trained for a combination of modalities: fusion -> row."""
    if len(table.combinations[letters]) == 1:
        return {UNIMODAL: table.unimodal}
    control = {WITHOUT: table.without_olm} if letters == table.shown else {}
    return table.fusions | control


def model(own: TransformerConfig, modalities, row: params.Row) -> TransformerConfig:
    """Return the network of a row on a combination of modalities.

    Args:
        base: the profile's model.
        modalities: of the combination.
        row: what it changes.

    Raises:
        ValueError: a field that no network has, or a value that it cannot have.
    """
    return changed(own, row.model | {"modalities": tuple(modalities)})


def config_of(run: Run) -> params.Sequences:
    """Return the configuration of a run of Table 3, which has sequences only."""
    assert isinstance(run.config, params.Sequences)
    return run.config


def data_of(run: Run) -> Sequences:
    """Open the prepared clips of a run."""
    return Sequences(run.prepared, modalities=config_of(run).model.modalities)


def collect(grid: list[Run]) -> pd.DataFrame:
    """Return what every seed of every cell measured, by both protocols.

    `cv`: the mean over the seed's folds of the selected epoch's F1 and MSE on the fold that was
    held out, and by which that epoch was selected, as the challenge's baselines do it. `test`: the
    folds' models together on the test clips, class probabilities and valences averaged.

    Returns:
        Columns `row`, `seed`, `protocol`, `f1` in [0, 1], `mse`, `clips` (that were scored).

    Raises:
        FileNotFoundError: a run is missing; nothing is skipped.
    """
    folder.load(grid)
    lines = []
    cells: dict[tuple[str, int], list[Run]] = {}
    for run in grid:
        cells.setdefault((run.name, run.seed), []).append(run)
    for (row, seed), folds in cells.items():
        data = data_of(folds[0])
        clips = sum(len(run.data().rows("dev")) for run in folds)
        lines.append((row, seed, "cv", *selected(folds), clips))
        lines.append((row, seed, "test", *averaged(folds, data), len(data.rows("test"))))
    names = ["row", "seed", "protocol", *MEASURES, "clips"]
    return pd.DataFrame(lines, columns=names)


def selected(folds: list[Run]) -> tuple[float, float]:
    """Return the mean over folds of F1, in [0, 1], and MSE on dev, at each one's selected epoch."""
    values = []
    for run in folds:
        metrics = json.loads((run.folder / "metrics.json").read_text())
        epochs = pd.read_csv(run.folder / "epochs.csv").set_index("epoch")
        values.append(epochs.loc[metrics["selected_epoch"], ["dev_f1", "dev_mse"]])
    return tuple(np.mean(values, axis=0))


def averaged(folds: list[Run], data: Sequences) -> tuple[float, float]:
    """Return F1, in [0, 1], and MSE on the test clips of the folds' averaged predictions."""
    prob, valence = [], []
    for run in folds:
        with np.load(run.folder / "predictions.npz") as arrays:
            head = "fused" if "valence_fused" in arrays else config_of(run).model.modalities[0]
            prob.append(arrays["prob"])
            valence.append(arrays[f"valence_{head}"])
            indices, labels = arrays["row"], arrays["label"]
    scores = emotion(np.mean(prob, 0), np.mean(valence, 0), labels, data.valence[indices])
    return scores.f1, scores.mse


def table3(measured: pd.DataFrame, table: params.Table3, printed: Path | None = None):
    """Return Table 3: a line per combination, fusion and protocol.

    Args:
        measured: as of `collect`.
        table: combinations and fusions.
        printed: another place of the paper's table.

    Returns:
        Columns `modalities`, `fusion` (of one modality: `unimodal`, in one line), `protocol`,
        `row`, `seeds`, `clips`, and for F1 (in percent) and MSE the mean, its SD over seeds as
        `_sd`, the paper's number as `_paper` (NaN where it has none), and the unpaired difference
        to the fusion `attention` as `_gap` with the SD of one run minus another as `_gap_sd`.
    """
    published = paper.published("table3", printed).set_index("modalities")
    lines = []
    for letters, modalities in table.combinations.items():
        alone = len(modalities) == 1
        for fusion in [UNIMODAL] if alone else table.fusions:
            # The paper prints the number of a single modality in all three columns.
            theirs = BASE if alone else fusion
            for protocol in PROTOCOLS:
                runs = cell(measured, fusion, letters, protocol)
                line: dict[str, Any] = {"modalities": letters, "fusion": fusion}
                line |= {"protocol": protocol, "row": runs["row"].iloc[0], "seeds": len(runs)}
                line["clips"] = int(runs["clips"].iloc[0])
                for measure, scale in SCALES.items():
                    values = scale * runs[measure].to_numpy()
                    mean, sd = spread(values)
                    line |= {measure: mean, f"{measure}_sd": sd}
                    # A fusion of one's own is in no paper.
                    printed_as = f"{theirs}_{measure}"
                    known = printed_as in published.columns
                    line[f"{measure}_paper"] = published.loc[letters, printed_as] if known else None
                    gap = (np.nan, np.nan)
                    if not alone and fusion != BASE:
                        base = cell(measured, BASE, letters, protocol)[measure]
                        gap = difference(values, scale * base.to_numpy())
                    line |= dict(zip((f"{measure}_gap", f"{measure}_gap_sd"), gap, strict=True))
                lines.append(line)
    return pd.DataFrame(lines)


def can_tell(part: pd.DataFrame, measure: str) -> Sensitivity:
    """Return what the cells of one protocol can tell, in the unit of the table.

    Args:
        part: the lines of `table3` of one protocol.
        measure: `f1` or `mse`.
    """
    asked = int(part[f"{measure}_gap"].notna().sum())
    return sensitivity(part[f"{measure}_sd"].to_numpy(), int(part["seeds"].iloc[0]), max(1, asked))


def cell(measured: pd.DataFrame, kind: str, letters: str, protocol: str) -> pd.DataFrame:
    """Return the lines of `collect` of a fusion and a combination, one per seed, in order."""
    row = f"{kind}_{letters.replace('+', '')}"
    lines = measured[(measured["row"] == row) & (measured["protocol"] == protocol)]
    return lines.sort_values("seed")


def floors(data: Sequences) -> pd.DataFrame:
    """Return what a constant scores on the test clips: the best class, and the train mean valence.

    Returns:
        Columns `constant`, `f1` in percent, `mse`.
    """
    test, train = data.rows("test"), np.flatnonzero(data.records["split"] != "test")
    labels, valence = data.labels[test], data.valence[test]
    mean = np.full(len(test), np.nanmean(data.valence[train]))
    lines = []
    for c, name in enumerate(data.classes):
        scores = np.tile(np.eye(len(data.classes))[c], (len(test), 1))
        scored = emotion(scores, mean, labels, valence)
        lines.append((f"always {name}", 100 * scored.f1, scored.mse))
    return pd.DataFrame(lines, columns=["constant", "f1", "mse"])
