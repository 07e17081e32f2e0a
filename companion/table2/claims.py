"""The paper's claim on Table 2, by a rule that was written before its runs."""

import pandas as pd

from companion.evidence import rules
from companion.evidence.claim import Claim
from companion.report import signed
from companion.table2.numbers import BASE
from companion.tables import split_by

OLM, RIVALS = "olm", ("gblend", "ogm_ge")


def claim(table: pd.DataFrame, profile: str) -> Claim:
    """Return the claim line of Table 2.

    Args:
        table: as of `numbers.table2`.
        profile: that made it.
    """
    ours, theirs = gains(table, "minus_baseline"), gains(table, "paper_minus_baseline")
    networks = len(ours)
    heads = table.loc[table["row"] == OLM, "minus_three_heads"].mean()
    return rules.RULES[7].found(
        f"OLM is above both in {first(ours)} of {networks} networks; mean gains: {means(ours)}; "
        f"OLM minus three heads: {signed(heads)}",
        f"above both in {first(theirs)} of {networks}; mean gains: {means(theirs)}",
        f"{profile} demonstrates, does not decide",
    )


def gains(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the gain over the baseline: networks x (OLM and its rivals), in points."""
    lines = {
        network: part.set_index("row")[column].drop(BASE)
        for network, part in split_by(table, "network")
    }
    return pd.DataFrame(lines).T[[OLM, *RIVALS]]


def first(gain: pd.DataFrame) -> int:
    """Return in how many networks OLM's gain is above both rivals'."""
    return int((gain[OLM] > gain[list(RIVALS)].max(axis=1)).sum())


def means(gain: pd.DataFrame) -> str:
    """Return the mean gains over networks in words."""
    names = {OLM: "OLM", "gblend": "G-Blend", "ogm_ge": "OGM-GE"}
    return ", ".join(f"{name} {signed(float(gain[row].mean()))}" for row, name in names.items())
