"""The controlled study at full size (notebook 40), for the page of findings: when a row helps."""

import pandas as pd

from companion.findings.numbers import BEST, name
from companion.report import markdown_table, plus_minus, signed

FILE = "map.csv"
JOINT, HEADS = "concat", "three_heads"
# What is told of every world: a row, and what is subtracted.
TOLD = (
    (JOINT, BEST),
    (HEADS, JOINT),
    ("olm_constant", HEADS),
    ("olm", HEADS),
    ("ogm_ge", HEADS),
)
NAMES = {BEST: "best modality", "olm_constant": "Constant w = 0.8"}
KNOBS = {"strength": "Strength of the weaker", "width": "Width of the stronger", "shared": "Shared"}


def section(gains: pd.DataFrame) -> str:
    """Return what the page says of two modalities made to order; nothing where they were not.

    Args:
        gains: as of `companion.lessons.controlled.runs.gains`, or nothing.
    """
    if gains.empty:
        return ""
    pairs = zip(gains["row"], gains["reference"], strict=True)
    gains = gains.assign(pair=[_pair(*each) for each in pairs])
    gains["told"] = [
        plus_minus(gain, half, sign=True)
        for gain, half in zip(gains["gain"], gains["half_width"], strict=True)
    ]
    # Where every row was trained, not Concat and each modality alone.
    every = gains[gains["pair"] == _pair(HEADS, JOINT)]
    cells = gains.pivot(index=[*KNOBS], columns="pair", values="told")
    cells = cells.loc[pd.MultiIndex.from_frame(every[[*KNOBS]]), [_pair(*each) for each in TOLD]]
    cells = cells.reset_index().rename(columns=KNOBS)
    cells[[*KNOBS.values()]] = cells[[*KNOBS.values()]].map(lambda value: f"{value:g}")
    told = [f"- {_counted(gains[gains['pair'] == _pair(*each)])}" for each in TOLD[1:]]
    return "\n\n".join(
        [
            "## When does it help?",
            "Two modalities made to order "
            "([notebook 40](../notebooks/40_when_does_it_help.ipynb)): one knob turned at a time, "
            f"{every['seeds'].iloc[0]} seeds, which draw the samples too. Rows are not tuned here. "
            "Differences in points with plain 95 % intervals, each one judged alone. "
            f"Over these {len(every)} worlds:",
            "\n".join(told),
            markdown_table(cells),
        ]
    )


def _pair(row: str, reference: str) -> str:
    return " − ".join(NAMES.get(each) or name(each) for each in (row, reference))


def _counted(own: pd.DataFrame) -> str:
    """Return a pair's range over worlds, and in how many it is shown on either side of 0."""
    above = (own["gain"] > own["half_width"]).sum()
    below = (own["gain"] < -own["half_width"]).sum()
    ends = f"{signed(own['gain'].min())} to {signed(own['gain'].max())} points"
    return f"{own['pair'].iloc[0]}: {ends}; shown above 0 in {above}, below in {below}."
