"""The data card of SUN RGB-D: what `miniature/sunrgbd.md` states in advance, measured."""

import pandas as pd

from companion.evidence.imbalance import CARD, property_line
from companion.fig4 import numbers

LOWEST, HIGHEST = 20, 90


def card(counts: pd.DataFrame) -> pd.DataFrame:
    """Measure the stated properties from the unimodal rows alone.

    Args:
        counts: as of `numbers.collect`.

    Returns:
        Columns of `imbalance.card`, balanced accuracy in percent.
    """
    table = numbers.scores(counts)
    values = {m: table.loc[table["row"] == m, "balanced"].to_numpy() for m in ("rgb", "depth")}
    name = "colour minus depth, balanced accuracy"
    lines = [property_line(name, values["rgb"], ">", 0, values["depth"])]
    for modality, own in values.items():
        lines.append(property_line(f"{modality}, balanced accuracy", own, ">", LOWEST))
        lines.append(property_line(f"{modality}, balanced accuracy", own, "<", HIGHEST))
    return pd.DataFrame(lines, columns=CARD)
