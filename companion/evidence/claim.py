"""One claim of the paper: what would decide it, what was found, and the verdict."""

from typing import NamedTuple

# Of one data set, and of several of one kind together.
SUPPORTED, CONTRADICTED, NOT_SHOWN = "supported", "contradicted", "not shown"
HEADS_ONLY = "supported against Concat; against three heads not: it is the heads' work"
NO_SPREAD = "no interval: too few seeds"
MIXED = "supported on some, contradicted on others"


class Claim(NamedTuple):
    """One claim of the paper and what is found.

    Attributes:
        claim: in words, and where.
        supports, refutes: what would.
        margin: what is too small to matter.
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


class Rule(NamedTuple):
    """What decides a claim, written before its numbers were looked at.

    Attributes:
        claim: in the paper's sense, and the section that makes it.
        measured: the number that it is asked by.
        supports, refutes: what would, on one data set; what does neither is `not shown`.
        margin: what is too small to matter, in words.
        size: the same, in the unit of the number: points, or a logarithm where it is a ratio. None
            where no interval decides.
    """

    claim: str
    measured: str
    supports: str
    refutes: str
    margin: str
    size: float | None

    def found(self, number: str, paper: str, verdict: str) -> Claim:
        """Return the claim with what was found; the arguments are those of `Claim`."""
        return Claim(self.claim, self.supports, self.refutes, self.margin, number, paper, verdict)


def markdown(found: Claim) -> str:
    """Return the claim as a list: a line per part of it."""
    return "\n".join(f"- **{name}**: {text}" for name, text in found._asdict().items())
