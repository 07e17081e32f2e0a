"""The paper's claims that can be asked of one data set, each by its rule."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from companion.evidence import rules, verdicts
from companion.evidence.claim import CONTRADICTED, NO_SPREAD, NOT_SHOWN, SUPPORTED
from companion.evidence.intervals import EQUIVALENT, NO_INTERVAL, NOTHING, SHOWN, judged
from companion.findings import numbers
from companion.report import rounded, signed
from companion.tables import split_by

# Algorithm 1 as it is printed decides; ours stands beside it, and for it where it is not there.
ASKED = (rules.OLM, "olm")
CONCAT, HEADS = verdicts.CONTROLS
COLUMNS = ["claim", "row", "what", "seeds", "difference", "low", "high", "low90", "high90"]
COLUMNS += ["p_holm", "verdict", "on_claim"]

Pairs = dict[str, tuple[np.ndarray, np.ndarray]]


def ask(frame: pd.DataFrame, epochs: pd.DataFrame, probes: pd.DataFrame) -> pd.DataFrame:
    """Return every difference that a claim is asked by, and the verdict on the claim.

    Args:
        frame: of one data set, as of `companion.study.runs.frame`.
        epochs: of the same, as of `companion.study.runs.epochs`.
        probes: columns `row`, `seed`, `fold`, `accuracy` in [0, 1]: linear probes of the weaker
            modality's encoder, of `probed`.

    Returns:
        `COLUMNS`, a line per difference: the claim's number, the row that stands for OLM (empty
        where none does), what is compared, the numbers of `intervals.judged`, in points or
        logarithms of ratios, and what the rule makes of all lines of this claim and row.
    """
    runs = numbers.replicates(frame)
    values = numbers.values(runs)
    probe = _by_seed(probes, "accuracy", 100)
    grown = {row: _growth(part) for row, part in split_by(epochs, "row")}
    apart = {row: _apart(part) for row, part in split_by(epochs, "row")}
    _, weaker = numbers.unimodal(runs)
    parts = [
        _asked(1, "", _alone(values), verdicts.above),
        _asked(2, "", _under_trained(probe, weaker), verdicts.above),
        _asked(3, "", _growths(grown[CONCAT]), _grow_apart),
    ]
    for row in (row for row in ASKED if row in values):
        steadied = _steadied(grown[row], grown[HEADS])
        parts += [
            _asked(4, row, steadied, verdicts.above),
            _asked(5, row, _over_controls(probe, row), _beyond_the_heads),
            _asked(6, row, _over_others(values, row), comparable),
            _asked(14, row, _more_alike(apart, row), verdicts.above),
        ]
    if "olm_reversed" in values:
        turned = {"stable − reversed": (values["olm"], values["olm_reversed"])}
        parts.append(_asked(12, "olm", turned, verdicts.above))
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values("claim", kind="stable", ignore_index=True)[COLUMNS]


def probed(frame: pd.DataFrame) -> tuple[str, list[str]]:
    """Return the modality whose encoders are probed, the weaker one, and in which rows.

    Args:
        frame: as of `companion.study.runs.frame`.
    """
    _, weaker = numbers.unimodal(numbers.replicates(frame))
    there = set(frame["row"])
    rows = [weaker, CONCAT, HEADS, *ASKED]
    return weaker.removesuffix(numbers.ALONE), [row for row in rows if row in there]


def comparable(lines: pd.DataFrame) -> str:
    """Return the verdict on claim 6, of OLM minus Concat and minus every competitor."""
    if lines["verdict"].eq(NO_INTERVAL).any():
        return NO_SPREAD
    against_concat = lines["what"].str.endswith(numbers.name(CONCAT))
    concat, others = lines[against_concat], lines[~against_concat]
    beaten = (others["verdict"].eq(SHOWN) & (others["difference"] < 0)).any()
    if beaten or verdicts.above(concat) == CONTRADICTED:
        return CONTRADICTED
    reached = others["low90"] > -rules.TABLE1
    return SUPPORTED if verdicts.above(concat) == SUPPORTED and reached.all() else NOT_SHOWN


def _asked(
    claim: int, row: str, pairs: Pairs, decide: Callable[[pd.DataFrame], str]
) -> pd.DataFrame:
    """Judge the pairs of one claim as a family, and the claim by them."""
    size = rules.RULES[claim].size
    assert size is not None
    found = judged(pairs.values(), size).assign(what=list(pairs), claim=claim, row=row)
    return found.assign(on_claim=decide(found))


def _alone(values: dict[str, np.ndarray]) -> Pairs:
    return {"best unimodal − Concat": (values[numbers.BEST], values[CONCAT])}


def _under_trained(probe: dict[str, np.ndarray], weaker: str) -> Pairs:
    name = weaker.removesuffix(numbers.ALONE)
    return {f"probe of {name}: alone − in Concat": (probe[weaker], probe[CONCAT])}


def _growths(grown: pd.DataFrame) -> Pairs:
    first, second = grown
    pairs = {f"growth of {m}'s norm": (grown[m].to_numpy(), NOTHING) for m in grown}
    gap = (grown[first] - grown[second]).to_numpy()
    return pairs | {f"growth of {first} − {second}": (gap, NOTHING)}


def _grow_apart(lines: pd.DataFrame) -> str:
    """Return the verdict on claim 3: two growths, then their difference."""
    each, gap = lines.iloc[:-1], lines.iloc[-1]
    if lines["verdict"].eq(NO_INTERVAL).any():
        return NO_SPREAD
    shrinks = each["verdict"].eq(SHOWN) & (each["difference"] < 0)
    if shrinks.any() or gap["verdict"] == EQUIVALENT:
        return CONTRADICTED
    return SUPPORTED if lines["verdict"].eq(SHOWN).all() else NOT_SHOWN


def _steadied(olm: pd.DataFrame, heads: pd.DataFrame) -> Pairs:
    """Return by how much the faster norm grows less, and the slower one more, than without OLM."""
    slower, faster = heads.mean().sort_values().index[[0, -1]]
    return {
        f"growth of {faster}, the faster: three heads − OLM": (
            heads[faster].to_numpy(),
            olm[faster].to_numpy(),
        ),
        f"growth of {slower}, the slower: OLM − three heads": (
            olm[slower].to_numpy(),
            heads[slower].to_numpy(),
        ),
    }


def _over_controls(values: dict[str, np.ndarray], row: str) -> Pairs:
    return {
        f"{numbers.name(row)} − {numbers.name(control)}": (values[row], values[control])
        for control in verdicts.CONTROLS
    }


def _over_others(values: dict[str, np.ndarray], row: str) -> Pairs:
    others = [name for name in (CONCAT, *rules.COMPETITORS) if name in values]
    return {
        f"{numbers.name(row)} − {numbers.name(other)}": (values[row], values[other])
        for other in others
    }


def _more_alike(apart: dict[str, np.ndarray], row: str) -> Pairs:
    """Return how much more unlike the updates of encoders are without OLM than with it."""
    return {
        f"unlikeness of updates: {numbers.name(control)} over {numbers.name(row)}": (
            apart[control],
            apart[row],
        )
        for control in verdicts.CONTROLS
    }


def _beyond_the_heads(lines: pd.DataFrame) -> str:
    return verdicts.above_controls(lines.assign(control=verdicts.CONTROLS))


def _growth(epochs: pd.DataFrame) -> pd.DataFrame:
    """Return the logarithm of last over first norm, seeds x modalities, mean over folds."""
    first, last = (
        epochs[epochs["epoch"] == at].groupby("seed")
        for at in (epochs["epoch"].min(), epochs["epoch"].max())
    )
    names = {f"norm_{m}": m for m in _modalities(epochs)}
    columns = list(names)
    if not columns:
        raise ValueError("epochs tell no modality's norm: there is no column norm_<modality>")
    logs = [
        part[columns].apply(lambda values: np.log(values).mean()).sort_index()
        for part in (last, first)
    ]
    return (logs[0] - logs[1]).rename(columns=names)


def _apart(epochs: pd.DataFrame) -> np.ndarray:
    """Return how unlike encoders are updated: log of largest over smallest, one per seed."""
    columns = [f"update_{m}" for m in _modalities(epochs)]
    logs = np.log(epochs[columns])
    gap = (logs.max(axis=1) - logs.min(axis=1)).groupby(epochs["seed"]).mean()
    return gap.sort_index().to_numpy()


def _modalities(epochs: pd.DataFrame) -> list[str]:
    """Return the modalities that a row has: not all of a table's columns are filled by each."""
    told = epochs.filter(regex="^update_").dropna(axis=1, how="all")
    return [name.removeprefix("update_") for name in map(str, told)]


def _by_seed(table: pd.DataFrame, value: str, scale: float) -> dict[str, np.ndarray]:
    """Return row -> mean over folds of every seed."""
    return {
        row: scale * part.groupby("seed")[value].mean().sort_index().to_numpy()
        for row, part in split_by(table, "row")
    }


def verdict(table: pd.DataFrame, claim: int) -> str | None:
    """Return what one data set says of a claim; None if it says nothing.

    Args:
        table: as of `ask`.
        claim: its number.
    """
    own = table[table["claim"] == claim]
    for row in ("", *ASKED):
        part = own[own["row"] == row]
        if len(part):
            return str(part["on_claim"].iloc[0])
    return None


def in_words(lines: pd.DataFrame) -> str:
    """Return the differences of a claim on one data set: points, or factors where it is a ratio.

    Args:
        lines: of one claim, as of `ask`.
    """
    said: list[str] = []
    for line in lines.to_dict("records"):
        said.append(f"{line['what']} {_number(line)}, {line['verdict']}")
    return "; ".join(said)


def _number(line: dict[Any, Any]) -> str:
    ends: Iterable[float] = (line["difference"], line["low"], line["high"])
    if rules.RULES[line["claim"]].size == rules.RATIO:
        mean, low, high = (f"{rounded(float(np.exp(x)), 2):.2f}" for x in ends)
        return f"× {mean} [{low}, {high}]"
    mean, low, high = (signed(x) for x in ends)
    return f"{mean} [{low}, {high}]"
