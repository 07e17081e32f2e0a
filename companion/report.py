"""What numbers say, in words: Markdown, and sentences that follow from intervals."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from companion.table1 import numbers, rows
from olmlib.files import whole
from olmlib.metrics import Interval, confidence_interval

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


def save(text: str, path: str | Path) -> None:
    """Write a Markdown file; its folder is created."""
    with whole(path) as part:
        part.write_text(f"{text}\n", encoding="utf-8")


def page(parts: Mapping[str, str]) -> str:
    """Return headings and the Markdown under each of them as one text."""
    return "\n\n".join(f"## {heading}\n\n{text.strip()}" for heading, text in parts.items())


def markdown_table(cells: pd.DataFrame, align: str = "right") -> str:
    """Return a frame of texts as a Markdown table, the first column aligned left.

    Args:
        cells: what it holds.
        align: of the other columns, `right` for numbers or `left` for words.
    """
    columns = ["left", *[align] * (cells.shape[1] - 1)]
    return cells.to_markdown(index=False, colalign=columns, disable_numparse=True)


def sentence(row: str, reference: str, gap: Interval, seeds: int) -> str:
    """Return what a paired difference of accuracies shows, in words.

    Args:
        row, reference: names of rows.
        gap: row minus reference, in `[-1, 1]`.
        seeds: number of pairs.
    """
    pair = f"{rows.label(row)} minus {rows.label(reference)}: {points(gap)} points"
    if seeds < 2:
        return f"{pair}. One seed has no interval: nothing can be concluded."
    if gap.half_width < 1e-9:
        return f"{pair}. All {seeds} seeds agree to the clip: there is no spread to judge by."
    if not numbers.differs(gap):
        return f"{pair}. The interval includes 0: {seeds} seeds do not show a difference."
    way = "higher" if gap.mean > 0 else "lower"
    return f"{pair}. The interval excludes 0: {rows.label(row)} is {way} here."


def claims(
    measured: pd.DataFrame,
    dataset: str,
    questions: Mapping[tuple[str, str], str] = QUESTIONS,
    printed: str | Path | None = None,
) -> pd.DataFrame:
    """Return what paired differences of accuracies say to questions about two rows.

    Args:
        measured: as of `table1.numbers.collect`.
        dataset: name of the data set.
        questions: (row, reference) -> "Is the row better than the reference?" in words; those
            about a row that the data set does not have are left out.
        printed: place of `data/paper/table1.csv`.

    Returns:
        Columns `question`, `difference` (points, 95 % interval), `answer` (see `answer`) and
        `paper`, the difference of the published accuracies.
    """
    paper = numbers.published(dataset, printed)
    there = set(measured.loc[measured["dataset"] == dataset, "row"])
    lines = []
    for (row, reference), question in questions.items():
        if not {row, reference} <= there:
            continue
        gap = numbers.difference(measured, dataset, row, reference)
        line = {"question": question, "difference": points(gap), "answer": answer(gap)}
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


def change(
    table: pd.DataFrame, value: str, pair: Sequence[str], claimed: Mapping[str, int]
) -> pd.DataFrame:
    """Return how a value of each head differs between two rows, against what the paper says.

    Args:
        table: columns `row`, `seed`, `head` and the value; one line per seed and head.
        value: name of the column.
        pair: the row without and the row with OLM.
        claimed: head -> 1 where the paper says that OLM raises the value, -1 where it lowers it.

    Returns:
        Columns `head`, `without`, `with` (means over seeds), `difference` (paired, with its 95 %
        interval), `paper`, `here` (see `answer`, for the direction that the paper says).
    """
    lines = []
    for head, sign in claimed.items():
        wide = table[table["head"] == head].pivot(index="seed", columns="row", values=value)
        without, with_olm = (wide[row].to_numpy() for row in pair)
        gap = confidence_interval(with_olm - without)  # paired: both have the same seeds
        low, high = gap.mean - gap.half_width, gap.mean + gap.half_width
        line = {"head": head, "without": f"{without.mean():.3g}", "with": f"{with_olm.mean():.3g}"}
        line["difference"] = f"{gap.mean:+.3g} [{low:+.3g}, {high:+.3g}]"
        line = {name: text.replace("-", "−") for name, text in line.items()}
        line["paper"] = "higher" if sign > 0 else "lower"
        line["here"] = answer(Interval(sign * gap.mean, gap.half_width))
        lines.append(line)
    return pd.DataFrame(lines)


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


def answer(gap: Interval) -> str:
    """Return `yes` or `no` where the interval excludes 0, else `not shown`."""
    if not numbers.differs(gap):
        return "not shown"
    return "yes" if gap.mean > 0 else "no, the other way"


def test_split(clips: int, accuracy: float) -> str:
    """Return what another draw of test clips could change, which seeds do not see, in words.

    Half the 95 % interval of a proportion, `1.96 sqrt(p (1 - p) / n)`.

    Args:
        clips: n, size of the test split.
        accuracy: p, in `[0, 1]`.
    """
    half = 1.96 * (accuracy * (1 - accuracy) / clips) ** 0.5
    return (
        f"The test split has {clips} clips: another draw of as many could move an accuracy of "
        f"{rounded(100 * accuracy):.1f} by ± {rounded(100 * half):.1f} points, whatever seeds say."
    )


def points(gap: Interval) -> str:
    """Return a difference in `[-1, 1]` as percentage points with its interval."""
    if gap.half_width != gap.half_width:
        return signed(100 * gap.mean)
    low, high = gap.mean - gap.half_width, gap.mean + gap.half_width
    return f"{signed(100 * gap.mean)} [{signed(100 * low)}, {signed(100 * high)}]"


def signed(value: float) -> str:
    """Return a number with its sign and one digit."""
    return f"{rounded(value):+.1f}".replace("-", "−")


def rounded(value: float) -> float:
    """Return a number with one digit; the last bit of a mean does not decide a tie."""
    # Adding 0 turns -0.0 into 0.0.
    return round(round(value, 6), 1) + 0.0
