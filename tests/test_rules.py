"""What decides the paper's claims: the rules, and that the protocol page has them."""

from pathlib import Path

import pytest

from companion import paper
from companion.evidence import rules
from tools.update_readme import updated

PAGE = (Path(__file__).resolve().parent.parent / "book" / "fairness.md").read_text(encoding="utf-8")


def test_every_claim_has_a_rule_and_the_protocol_page_has_it():
    assert list(rules.RULES) == list(range(1, 15))
    for rule in rules.RULES.values():
        assert all(part.strip() for part in rule[:5]) and rule.supports != rule.refutes
    assert updated(PAGE) == PAGE, "run `python -m tools.update_readme`"


def test_margins_are_half_of_what_the_paper_gains():
    one, two, three = (paper.published(name) for name in ("table1", "table2", "table3"))
    one = one.set_index("method").filter(like="_acc")
    assert (one.loc["OLM-Conv"] - one.loc["Concat"]).min() / 2 == pytest.approx(rules.TABLE1)
    assert round((two["olm_conv"] - two["baseline"]).mean() / 2, 1) == rules.TABLE2
    several = three[three["modalities"].str.contains("+", regex=False)]
    gain = (several["olm_t_irfb_f1"] - several["olm_t_mbt_f1"]).mean()
    assert round(gain / 2, 1) == rules.TABLE3
