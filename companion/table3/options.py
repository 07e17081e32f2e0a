"""One option of the transformers at a time: what each of the `controls` of Table 3 changes."""

from pathlib import Path

import numpy as np
import pandas as pd

from companion import params, report
from companion.rows import IRFB
from companion.runs import folder, grid
from companion.runs.identity import Run
from companion.spread import difference
from companion.table3 import numbers

FOLD = 0
SPLITS = {"dev": "dev fold 0", "test": "test clips"}
COLUMNS = ["control", "option", "split", "seeds", "default_f1", "f1"]
COLUMNS += ["f1_gap", "f1_gap_sd", "default_mse", "mse", "mse_gap", "mse_gap_sd"]


def runs_of(profile: str, root: str | Path = ".") -> list[Run]:
    """Return the runs of the controls: every one with every seed, on fold 0 only.

    They are for differences to `defaults`, not for Table 3, so one fold must do.

    Raises:
        ValueError: an unknown profile, or one without MER2023.
    """
    settings, chosen = grid.profile_values(profile, root)
    table, section = settings.table3, numbers.section_of(chosen)
    runs = []
    for name, row in table.control_rows().items():
        model = numbers.model(section.model, table.combinations[table.shown], row)
        config = section.model_copy(update={"model": model})
        places = grid.places(profile, numbers.DATASET, root)
        runs += [
            Run(numbers.DATASET, f"control_{name}", row, seed, config, *places, fold=FOLD)
            for seed in chosen.seeds
        ]
    return runs


def defaults(profile: str, root: str | Path = ".") -> list[Run]:
    """Return the runs of Table 3 that the controls are compared with, one per seed."""
    settings, _ = grid.profile_values(profile, root)
    name = f"{IRFB}_{settings.table3.shown.replace('+', '')}"
    return [run for run in numbers.runs_of(profile, root) if run.name == name and run.fold == FOLD]


def effects(controls: list[Run], base: list[Run], table: params.Table3) -> pd.DataFrame:
    """Return what each control changes, against the default network of the same fold.

    Args:
        controls: as of `grid`, finished.
        base: as of `defaults`, finished.
        table: for the names of the controls.

    Returns:
        A row per control and split: `control`, `option` (what differs), `split` (`dev`, by which
        the epoch was selected, or `test`), `seeds`; F1 in percent and MSE of both networks, means
        over seeds; `f1_gap`, `mse_gap`: control minus default, unpaired, with the SD of one run
        minus another as `_sd`.

    Raises:
        FileNotFoundError: a run is missing; nothing is skipped.
    """
    folder.load(controls + base)
    lines = []
    reference = _measures(base)
    for name, changed in table.controls.items():
        measures = _measures([run for run in controls if run.name == f"control_{name}"])
        option = ", ".join(f"{key}: {_yaml(value)}" for key, value in changed.items())
        for split in SPLITS:
            line = {"control": name, "option": option, "split": split, "seeds": len(base)}
            for i, measure in enumerate(numbers.MEASURES):
                a, b = measures[split][:, i], reference[split][:, i]
                mean, sd = difference(a, b)
                line |= {f"default_{measure}": b.mean(), measure: a.mean()}
                line |= {f"{measure}_gap": mean, f"{measure}_gap_sd": sd}
            lines.append(line)
    return pd.DataFrame(lines, columns=COLUMNS)


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return `effects` for reading: one row per control, `difference ± SD`."""
    lines: dict[str, dict[str, str]] = {}
    for row in table.to_dict("records"):
        line = lines.setdefault(
            row["control"], {"control": row["control"], "option": row["option"]}
        )
        for measure, digits in (("f1", 1), ("mse", 2)):
            mean, sd = row[f"{measure}_gap"], row[f"{measure}_gap_sd"]
            heading = f"{measure.upper()}, {SPLITS[row['split']]}"
            line[heading] = report.plus_minus(mean, sd, digits, sign=True)
    return pd.DataFrame(lines.values())


def _measures(runs: list[Run]) -> dict[str, np.ndarray]:
    """Return split -> `(seeds, 2)`: F1 in percent and MSE of every run, by seed."""
    measures: dict[str, list[tuple[float, float]]] = {split: [] for split in SPLITS}
    for run in sorted(runs, key=lambda run: run.seed):
        measures["dev"].append(numbers.selected([run]))
        measures["test"].append(numbers.averaged([run], numbers.data_of(run)))
    return {split: np.array(values) * (100, 1) for split, values in measures.items()}


def _yaml(value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
