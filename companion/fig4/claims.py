"""The paper's claim on Figure 4, by a rule that was written before its runs."""

import pandas as pd

from companion.evidence import rules, verdicts
from companion.evidence.claim import Claim
from companion.fig4 import numbers
from companion.report import signed


def claim(gaps: pd.DataFrame, where: str) -> Claim:
    """Return the claim line of Figure 4.

    Args:
        gaps: as of `numbers.score_gaps`.
        where: readable name of the data.
    """
    balanced, overall = (gaps[gaps["what"] == measure] for measure in numbers.MEASURES)
    return rules.RULES[8].found(
        f"balanced accuracy: {_words(balanced)}; overall accuracy: {_words(overall)}",
        "not printed",
        f"{verdicts.above_controls(balanced)} ({where})",
    )


def _words(gaps: pd.DataFrame) -> str:
    return ", ".join(
        f"OLM minus {numbers.LABELS[line['control']].partition(', ')[2]} "
        f"{signed(line['difference'])} [{signed(line['low'])}, {signed(line['high'])}], "
        f"{line['verdict']}"
        for line in gaps.to_dict("records")
    )
