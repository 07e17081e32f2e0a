"""One claim of the paper: what would decide it, what was found, and the verdict."""

from typing import NamedTuple


class Claim(NamedTuple):
    """One claim of the paper and what is found.

    Attributes:
        claim: in words, and where.
        supports, refutes: what would.
        margin: what is too small to matter, in points.
        number: ours.
        paper: the same of the paper's numbers.
        verdict: by the rule, or why there is none.
    """

    claim: str
    supports: str
    refutes: str
    margin: str
    number: str
    paper: str
    verdict: str


def markdown(found: Claim) -> str:
    """Return the claim as a list: a line per part of it."""
    return "\n".join(f"- **{name}**: {text}" for name, text in found._asdict().items())
