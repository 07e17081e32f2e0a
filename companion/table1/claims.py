"""The questions that Table 1 and Figures 5 and 6 are read for, each with its numbers."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from companion.report import points, rounded, signed
from companion.spread import Sensitivity, Spread
from companion.table1 import numbers, rows

QUESTIONS = {
    ("audio_only", "visual_only"): "Is audio alone better than visual alone?",
    ("concat", "audio_only"): "Does Concat gain from having both?",
    ("three_heads", "concat"): "Do two more heads alone, all w = 1, gain over Concat?",
    ("olm", "concat"): "Does OLM (stable) gain over Concat?",
    ("olm", "three_heads"): "Do its coefficients add to what the heads give?",
    ("olm", "pmr"): "Is OLM (stable) better than PMR?",
    ("olm", "ogm_ge"): "Is OLM (stable) better than OGM-GE?",
    ("olm", "olm_reversed"): "Is the paper's direction better than the reversed one?",
}


def sentence(row: str, reference: str, gap: Spread, found: Sensitivity, seeds: int) -> str:
    """Return a difference of accuracies and what so many seeds would have shown, in words.

    Args:
        row, reference: names of rows.
        gap: row minus reference, in `[-1, 1]`.
        found: what the table can tell, in points.
        seeds: of each row.
    """
    pair = f"{rows.label(row)} minus {rows.label(reference)}: {points(gap)} points"
    if seeds < 2:
        return f"{pair}. One seed has no spread: it shows no difference, however large."
    return (
        f"{pair} (± is the SD of one run minus another). With 80 % power {seeds} seeds would show "
        f"a true difference of {rounded(found.alone):.1f} points."
    )


def claims(
    measured: pd.DataFrame,
    dataset: str,
    questions: Mapping[tuple[str, str], str] = QUESTIONS,
    printed: str | Path | None = None,
) -> pd.DataFrame:
    """Return the differences of accuracies that questions about two rows ask for.

    Args:
        measured: as of `table1.numbers.collect`.
        dataset: name of the data set.
        questions: (row, reference) -> "Is the row better than the reference?" in words; those
            about a row that the data set does not have are left out.
        printed: place of `data/paper/table1.csv`.

    Returns:
        Columns `question`, `difference` (points, ± the SD of one run minus another) and `paper`,
        the difference of the published accuracies. Answers need more seeds than a table like
        Table 1 has: `evidence.intervals`.
    """
    paper = numbers.published(dataset, printed)
    there = set(measured.loc[measured["dataset"] == dataset, "row"])
    lines = []
    for (row, reference), question in questions.items():
        if not {row, reference} <= there:
            continue
        gap = numbers.difference(measured, dataset, row, reference)
        line = {"question": question, "difference": points(gap)}
        both = row in paper and reference in paper
        line["paper"] = (
            signed(100 * (paper[row]["paper_accuracy"] - paper[reference]["paper_accuracy"]))
            if both
            else "–"
        )
        lines.append(line)
    return pd.DataFrame(lines)


def controls(names: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return the questions of the ablation: every lettered row against three heads."""
    known = {row: letter for row, letter in rows.ABLATION.items() if row in set(names)}
    return {
        (row, "three_heads"): f"Is ({letter}) {rows.label(row)} better than (a)?"
        for row, letter in sorted(known.items(), key=lambda item: item[1])
        if row != "three_heads"
    }


def reach(coefficients: pd.DataFrame, low: float = 0.2, high: float = 5.0) -> pd.DataFrame:
    """Return how far the coefficients went over all seeds and iterations.

    Args:
        coefficients: as of `curves.coefficients`, where wanted with a column `dataset`.
        low, high: bounds inside which a rule counts as stable.

    Returns:
        Columns `label`, `head`, `lowest`, `highest`, `stable`, and `dataset` if it was there.
    """
    keys = [key for key in ("dataset", "row", "head") if key in coefficients]
    groups = coefficients.groupby(keys, sort=False)
    table = groups.agg({"lowest": "min", "highest": "max"}).reset_index()
    table["stable"] = (table["lowest"] > low) & (table["highest"] < high)
    table.insert(0, "label", table.pop("row").map(rows.label))
    return table
