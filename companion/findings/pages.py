"""The page of findings: each of the paper's claims, what decides it, our numbers, the verdict."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from companion import report
from companion.evidence import rules, verdicts
from companion.evidence.claim import Claim
from companion.evidence.intervals import SHOWN
from companion.findings import asked, controlled, elsewhere
from companion.findings.forest import MINIATURES, RECORDINGS
from companion.report import rounded, signed

NOT_YET = "not yet measured"
NO_STUDY = (
    "**The study has not been run here** (`make study`): claims that need it are "
    f"*{NOT_YET}*, and the rest stands on `mini`."
)
TABLES, ASKED, FOREST = "*_claims.csv", "_claims", "forest.csv"


class Study(NamedTuple):
    """What the study's results say.

    Attributes:
        tables: data set -> lines of `numbers.table`.
        claims: data set -> as of `asked.ask`.
        forest: as of `forest.table`, or nothing where there is none.
        worlds: as of `companion.lessons.controlled.runs.gains`, or nothing.
    """

    tables: dict[str, pd.DataFrame]
    claims: dict[str, pd.DataFrame]
    forest: pd.DataFrame
    worlds: pd.DataFrame

    def kind(self, dataset: str) -> str:
        """Return whether a data set is one of recordings or a miniature."""
        return str(self.tables[dataset]["kind"].iloc[0])

    def title(self, dataset: str) -> str:
        """Return its readable name."""
        return str(self.tables[dataset]["title"].iloc[0])


def read(folder: Path) -> Study:
    """Read the study's results; where it was not run, there are none.

    Args:
        folder: `results/study`.
    """
    files = sorted(folder.glob(TABLES))
    names = [file.stem.removesuffix(ASKED) for file in files]
    tables = {name: pd.read_csv(folder / f"{name}.csv") for name in names}
    # Recordings first, in the order of their names.
    names.sort(key=lambda name: (tables[name]["kind"].iloc[0] != RECORDINGS, name))
    claims = {name: pd.read_csv(folder / f"{name}{ASKED}.csv") for name in names}
    claims = {name: table.fillna({"row": ""}) for name, table in claims.items()}
    forest = _there(folder / FOREST).fillna({"dataset": "", "verdict": ""})
    worlds = _there(folder / controlled.FILE)
    return Study({name: tables[name] for name in names}, claims, forest, worlds)


def _there(path: Path) -> pd.DataFrame:
    return pd.read_csv(path) if path.is_file() else pd.DataFrame()


def write(folder: Path, mini: Path, costs: Path, short: Path, page_of_all: Path) -> str:
    """Write the page of findings and its summary from the files of results.

    Args:
        folder: results of the study, where there are any.
        mini: results of `mini`.
        costs: `benchmarks/costs.csv`.
        short: the summary's place, for the README.
        page_of_all: the page's place.

    Returns:
        The summary.
    """
    study, other = read(folder), elsewhere.found(mini, costs)
    report.save(page(study, other, "make study"), page_of_all)
    said = summary(study, other)
    report.save(said, short)
    return said


def judge(study: Study, other: Mapping[int, Claim]) -> pd.DataFrame:
    """Return a line per claim.

    Args:
        study: as of `read`.
        other: as of `elsewhere.found`.

    Returns:
        Columns `number`, `claim`, `recordings`, `miniatures`: verdicts.
    """
    lines = []
    for number, rule in rules.RULES.items():
        line: dict[str, object] = {"number": number, "claim": rule.claim}
        if number in other:
            on = elsewhere_of(number)
            line |= {RECORDINGS: on or "–", MINIATURES: "–"}
            where = RECORDINGS if on else MINIATURES
            line[where] = f"{other[number].verdict}{on}"
        else:
            for kind in (RECORDINGS, MINIATURES):
                line[kind] = over(study, number, kind)
        lines.append(line)
    return pd.DataFrame(lines)


def elsewhere_of(number: int) -> str:
    """Return on what a claim was decided that needs no data; empty if it needs them."""
    return {11: " (mathematics)", 13: " (measured costs)"}.get(number, "")


def over(study: Study, number: int, kind: str) -> str:
    """Return the verdict on a claim over the data sets of one kind."""
    found = [
        verdict
        for name, table in study.claims.items()
        if study.kind(name) == kind and (verdict := asked.verdict(table, number))
    ]
    if not found:
        return NOT_YET if number in ASKED_OF_STUDY else "–"
    return f"{verdicts.over_sets(found)} ({len(found)} set{'s' * (len(found) > 1)})"


ASKED_OF_STUDY = (1, 2, 3, 4, 5, 6, 12, 14)


def sentences(study: Study) -> str:
    """Return what a newcomer should remember, in two sentences, from the recordings alone."""
    recordings = [t for name, t in study.tables.items() if study.kind(name) == RECORDINGS]
    asked_rows = {rules.OLM: "as the paper prints it", "olm_code": "as its released code has it"}
    told = [
        f"OLM {how} {_counted(lines)}"
        for row, how in asked_rows.items()
        if (lines := [t[t["row"] == row].iloc[0] for t in recordings if row in set(t["row"])])
    ]
    if not told:
        return NO_STUDY
    sets = f"{len(recordings)} set{'s' * (len(recordings) > 1)} of real recordings"
    first = f"On {sets}, with every row tuned by the same budget, {'; '.join(told)}."
    parts = {
        "two more heads": ("three_heads", "concat"),
        "a constant temperature on top of them": ("olm_constant", "three_heads"),
        "the paper's rule on top of them": (rules.OLM, "three_heads"),
    }
    added = [f"{name} {_mean(study.forest, *pair)}" for name, pair in parts.items()]
    return f"{first} What each part adds, in points: {'; '.join(added)}."


def _counted(lines: Sequence[pd.Series]) -> str:
    """Return on how many data sets a row is shown to be better or worse than the controls."""
    shown = []
    for control, name in zip(verdicts.CONTROLS, ("concatenation", "three heads"), strict=True):
        signs = [
            line[f"minus_{control}"] > 0 for line in lines if line[f"{control}_verdict"] == SHOWN
        ]
        counts = {"better": sum(signs), "worse": len(signs) - sum(signs)}
        shown += [f"{how} than {name} on {count}" for how, count in counts.items() if count]
    if not shown:
        return "is not shown to be better or worse than concatenation, or than three heads, on any"
    return f"is shown to be {' and '.join(shown)}"


def _mean(forest: pd.DataFrame, row: str, control: str) -> str:
    if forest.empty:
        return NOT_YET
    pair = (forest["row"] == row) & (forest["control"] == control)
    own = forest[pair & (forest["kind"] == RECORDINGS)]
    mean = own[own["dataset"] == ""]
    line = (mean if len(mean) else own).iloc[0]
    return f"{signed(line['difference'])} [{signed(line['low'])}, {signed(line['high'])}]"


def summary(study: Study, other: Mapping[int, Claim]) -> str:
    """Return the sentences and the short table, as the README's first screen shows them."""
    found = judge(study, other)
    waiting = found[found[[RECORDINGS, MINIATURES]].isin([NOT_YET]).all(axis=1)]
    found = found.drop(index=waiting.index)
    cells = pd.DataFrame(
        {
            "": [f"{n}" for n in found["number"]],
            "The paper says": found["claim"],
            "Real recordings": found[RECORDINGS],
            "Miniatures": found[MINIATURES],
        }
    )
    numbers = ", ".join(f"{n}" for n in waiting["number"])
    told = [f"Not yet measured: claims {numbers}."] if numbers else []
    return "\n\n".join([sentences(study), report.markdown_table(cells, "left"), *told])


def page(study: Study, other: Mapping[int, Claim], command: str) -> str:
    """Return the whole page.

    Args:
        study: as of `read`.
        other: as of `elsewhere.found`.
        command: that makes it.
    """
    parts = [
        "# What we found",
        summary(study, other),
        "Verdicts follow from the numbers below by rules that were written before the study was "
        "run ([protocol](fairness.md)). Supported, contradicted and not shown speak of the data "
        "sets named; miniatures are drawn and made, and are never pooled with recordings. Where "
        "the paper says OLM, Algorithm 1 as printed decides and `stable`, ours, stands beside it; "
        "on miniatures `stable` stands for both.",
    ]
    for number, rule in rules.RULES.items():
        parts.append(f"## {number}. {rule.claim[0].upper()}{rule.claim[1:]}")
        parts.append(
            f"*Asked:* {rule.measured}. *Supported if* {rule.supports}. *Contradicted if* "
            f"{rule.refutes}. *Margin:* {rule.margin}."
        )
        if number in other:
            found = other[number]
            parts.append(f"{found.number}. The paper: {found.paper}. **{found.verdict}**")
            if number == 13 and study.tables:
                parts.append(times(study))
        else:
            parts.append(details(study, number))
    parts += filter(None, [controlled.section(study.worlds)])
    return "\n\n".join([*parts, f"Made by `{command}` from `results/study` and `results/mini`."])


def times(study: Study) -> str:
    """Return how long a whole run of OLM takes on every data set, as a sentence."""
    told = [
        f"{study.title(name)} {rounded(line['seconds_over_concat'], 2):.2f}"
        for name, table in study.tables.items()
        for line in table[table["row"] == rules.OLM].to_dict("records")
    ]
    return (
        "That is a step on convolutional encoders, of which the verdict speaks. A whole run of "
        f"OLM (paper) in the study, times Concat's: {', '.join(told)}."
    )


def details(study: Study, number: int) -> str:
    """Return the numbers of a claim on every data set as a Markdown table."""
    cells = []
    for name, table in study.claims.items():
        for row, lines in table[table["claim"] == number].groupby("row", sort=False):
            cells.append(
                {
                    "Data": study.title(name),
                    "OLM is": {rules.OLM: "`paper`", "olm": "`stable`"}.get(str(row), "–"),
                    "Numbers": asked.in_words(lines),
                    "Verdict": str(lines["on_claim"].iloc[0]),
                }
            )
    if not cells:
        command = "make study" if number in ASKED_OF_STUDY else "make reproduce"
        return f"*{NOT_YET}*: `{command}`."
    return report.markdown_table(pd.DataFrame(cells), "left")
