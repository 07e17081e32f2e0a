"""The data card of MER2023: what `miniature/mer2023.md` states in advance, measured."""

import numpy as np
import pandas as pd

from companion import params
from companion.evidence.imbalance import CARD, property_line
from companion.table3 import numbers
from olmlib.data.sequences import Sequences
from olmlib.metrics import weighted_f1

STRONGEST, WEAKEST = "audio", "text"


def card(measured: pd.DataFrame, table: params.Table3, data: Sequences) -> pd.DataFrame:
    """Measure the two stated properties from the unimodal rows alone, by both protocols.

    Audio alone is the strongest modality and text alone the weakest; and every modality is above
    the best constant answer.

    Args:
        measured: as of `numbers.collect`.
        table: for the letters of the modalities.
        data: the prepared clips, for the constant answers.

    Returns:
        Columns `protocol` and those of `imbalance.card`, F1 in percent.
    """
    alone = {parts[0]: key for key, parts in table.combinations.items() if len(parts) == 1}
    pairs = [(STRONGEST, m) for m in alone if m != STRONGEST]
    pairs += [(m, WEAKEST) for m in alone if m not in (STRONGEST, WEAKEST)]
    lines = []
    for protocol, title in numbers.PROTOCOLS.items():
        scores = {
            m: 100 * numbers.cell(measured, numbers.UNIMODAL, key, protocol)["f1"].to_numpy()
            for m, key in alone.items()
        }
        properties = [
            property_line(f"{a} minus {b}, weighted F1", scores[a], ">", 0, scores[b])
            for a, b in pairs
            if {a, b} <= scores.keys()
        ]
        floor = 100 * constant(data, protocol)
        properties += [
            property_line(f"{m}, weighted F1", values, ">", floor) for m, values in scores.items()
        ]
        lines += [(title, *line) for line in properties]
    return pd.DataFrame(lines, columns=["protocol", *CARD])


def constant(data: Sequences, protocol: str) -> float:
    """Return the weighted F1, in [0, 1], of the best constant answer.

    Args:
        data: the prepared clips.
        protocol: `test`, on the test clips, or `cv`, the mean over the held-out folds.
    """
    if protocol == "test":
        parts = [data.rows("test")]
    else:
        folds = data.records["fold"]
        parts = [np.flatnonzero(folds == k) for k in sorted(set(folds)) if k >= 0]
    return max(
        float(np.mean([weighted_f1(np.full(len(rows), c), data.labels[rows]) for rows in parts]))
        for c in range(len(data.classes))
    )
