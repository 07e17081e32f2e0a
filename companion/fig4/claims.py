"""The paper's claim on Figure 4, by a rule that was written before its runs."""

import pandas as pd

from companion.evidence.intervals import EQUIVALENT, NO_INTERVAL, SHOWN
from companion.fig4 import numbers
from companion.report import signed
from companion.table2.claims import Claim

SUPPORTED, REFUTED = "supported", "refuted"
HEADS_ONLY = "supported against Concat; against three heads not: it is the heads' work"
NOT_SHOWN, NO_SPREAD = "not shown", "no interval: too few seeds"


def claim(gaps: pd.DataFrame, where: str) -> Claim:
    """Return the claim line of Figure 4.

    Args:
        gaps: as of `numbers.score_gaps`.
        where: readable name of the data.
    """
    balanced, overall = (gaps[gaps["what"] == measure] for measure in numbers.MEASURES)
    return Claim(
        "OLM improves accuracy and recall on SUN RGB-D (4.3, Fig. 4)",
        "the balanced accuracy of OLM is above that of Concat and above that of three heads, both "
        "shown with simultaneous intervals over seeds",
        "it is shown to be below one of them, or equivalent to both",
        f"{numbers.MARGIN:g} point: the paper prints no number of Figure 4 to take half of",
        f"balanced accuracy: {_words(balanced)}; overall accuracy: {_words(overall)}",
        "not printed",
        f"{verdict(balanced)} ({where})",
    )


def verdict(gaps: pd.DataFrame) -> str:
    """Return the verdict by the rule, of the lines on balanced accuracy."""
    found = gaps.set_index("control")
    verdicts, gain = found["verdict"], found["difference"]
    if (verdicts == NO_INTERVAL).any():
        return NO_SPREAD
    shown = verdicts == SHOWN
    if (shown & (gain < 0)).any() or (verdicts == EQUIVALENT).all():
        return REFUTED
    if shown.all():
        return SUPPORTED
    concat, _ = numbers.CONTROLS
    return HEADS_ONLY if shown[concat] else NOT_SHOWN


def _words(gaps: pd.DataFrame) -> str:
    return ", ".join(
        f"OLM minus {numbers.LABELS[line['control']].partition(', ')[2]} "
        f"{signed(line['difference'])} [{signed(line['low'])}, {signed(line['high'])}], "
        f"{line['verdict']}"
        for line in gaps.to_dict("records")
    )
