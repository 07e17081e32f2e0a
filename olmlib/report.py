"""Tables as text: Markdown files, and sentences that follow from the numbers."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from olmlib import tables
from olmlib.metrics import Interval, paired_difference
from olmlib.runs import Run

TABLE1_COLUMNS = tuple(tables.HEADINGS)
ABLATION_COLUMNS = ("accuracy", "map", "audio", "visual", "minus_concat", "minus_three_heads")

QUESTIONS = {
    ("audio_only", "visual_only"): "Is audio alone better than visual alone?",
    ("concat", "audio_only"): "Does Concat gain from having both?",
    ("three_heads", "concat"): "Do two more heads alone, all w = 1, gain over Concat?",
    ("olm", "concat"): "Does OLM (fixed) gain over Concat?",
    ("olm", "three_heads"): "Do its coefficients add to what the heads give?",
    ("olm", "olm_reversed"): "Is the paper's direction better than the reversed one?",
}
READING = (
    "Percent, mean ± half the 95 % Student t interval over seeds. The prediction is the argmax of "
    "the raw logits of the fused head (unimodal rows: their own head). *Sum of heads* adds the "
    "raw logits of all heads, *weighted sum* multiplies them by the last coefficients w first. In "
    "Concat the audio and visual logits are the blocks of its one weight matrix, in the rows with "
    "three heads they are heads of their own. Differences are paired over seeds; \\* marks an "
    "interval that excludes 0 (and has a width: seeds that agree to the clip show no spread). "
    "Intervals tell how much seeds matter, not how much the choice of "
    "test clips does."
)


def write(table: pd.DataFrame, path: str | Path, columns: Sequence[str], notes: str) -> None:
    """Write a table as Markdown, with its notes.

    Args:
        table: as of `tables.table1` or `tables.ablation`.
        path: of the `.md` file; the folder is created.
        columns: keys of `tables.HEADINGS` that the Markdown shows.
        notes: paragraphs under the tables.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{markdown(table, columns)}\n{notes}\n", encoding="utf-8")


def grid(cells: pd.DataFrame) -> str:
    """Return a frame of texts as a Markdown table, the first column aligned left."""
    align = ["left", *["right"] * (cells.shape[1] - 1)]
    return cells.to_markdown(index=False, colalign=align, disable_numparse=True)


def markdown(table: pd.DataFrame, columns: Sequence[str] = TABLE1_COLUMNS) -> str:
    """Return one Markdown table per data set: `mean ± half width`, differences signed.

    Args:
        table: as of `tables.table1`, in percent.
        columns: keys of `tables.HEADINGS`; `label` always comes first.
    """
    parts = []
    for title, part in table.groupby("title", sort=False):
        cells = {"Row": [_name(line) for line in part.to_dict("records")]}
        for name in columns:
            if name == "label" or part[name].isna().all():
                continue
            cells[tables.HEADINGS[name]] = [_cell(line, name) for line in part.to_dict("records")]
        parts.append(f"## {title}\n\n{grid(pd.DataFrame(cells))}\n")
    return "\n".join(parts)


def notes(grids: dict[str, Sequence[Run]], command: str) -> str:
    """Return what a reader of the table must know: whose data, how it was measured, by what.

    Args:
        grids: data set -> its runs.
        command: that makes the table.
    """
    lines = []
    for dataset, grid in grids.items():
        title, run, size = tables.TITLES.get(dataset, dataset), grid[0], grid[0].config.train
        if run.config.miniature is not None:
            lines.append(
                f"**{title} here is a miniature**: clips drawn and sounded by rules, in the "
                "official file layout. Its numbers say nothing about the real recordings; the "
                "paper's columns stand beside them for orientation only."
            )
        seeds = ", ".join(str(seed) for seed in sorted({run.seed for run in grid}))
        lines.append(
            f"{title}: seeds {seeds}; {size.epochs} epochs, batch {size.batch_size}; weights of "
            f"the epoch chosen by `selection: {size.selection}`."
        )
    lines.append(READING)
    lines.append(f"Made by `{command}`.")
    return "\n\n".join(lines)


def sentence(row: str, reference: str, gap: Interval, seeds: int) -> str:
    """Return what a paired difference of accuracies shows, in words.

    Args:
        row, reference: names of rows.
        gap: row minus reference, in `[-1, 1]`.
        seeds: number of pairs.
    """
    pair = f"{tables.label(row)} minus {tables.label(reference)}: {points(gap)} points"
    if seeds < 2:
        return f"{pair}. One seed has no interval: nothing can be concluded."
    if gap.half_width < 1e-9:
        return f"{pair}. All {seeds} seeds agree to the clip: there is no spread to judge by."
    if not tables.differs(gap):
        return f"{pair}. The interval includes 0: {seeds} seeds do not show a difference."
    way = "higher" if gap.mean > 0 else "lower"
    return f"{pair}. The interval excludes 0: {tables.label(row)} is {way} here."


def claims(
    measured: pd.DataFrame,
    dataset: str,
    questions: Mapping[tuple[str, str], str] = QUESTIONS,
    printed: str | Path | None = None,
) -> pd.DataFrame:
    """Return what paired differences of accuracies say to questions about two rows.

    Args:
        measured: as of `tables.collect`.
        dataset: name of the data set.
        questions: (row, reference) -> "Is the row better than the reference?" in words.
        printed: place of `data/paper/table1.csv`.

    Returns:
        Columns `question`, `difference` (points, 95 % interval), `answer` (see `answer`) and
        `paper`, the difference of the published accuracies.
    """
    paper = tables.published(dataset, printed)
    lines = []
    for (row, reference), question in questions.items():
        gap = tables.difference(measured, dataset, row, reference)
        line = {"question": question, "difference": points(gap), "answer": answer(gap)}
        both = row in paper and reference in paper
        line["paper"] = (
            _signed(100 * (paper[row]["paper_accuracy"] - paper[reference]["paper_accuracy"]))
            if both
            else "–"
        )
        lines.append(line)
    return pd.DataFrame(lines)


def controls(rows: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return the questions of the ablation: every lettered row against three heads."""
    known = {row: letter for row, letter in tables.ABLATION.items() if row in set(rows)}
    return {
        (row, "three_heads"): f"Is ({letter}) {tables.label(row)} better than (a)?"
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
    wide = table.pivot(index=["head", "seed"], columns="row", values=value)
    lines = []
    for head, sign in claimed.items():
        without, with_olm = (wide.loc[head, row].to_numpy() for row in pair)
        gap = paired_difference(with_olm, without)
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
        coefficients: as of `curves.coefficients`.
        low, high: bounds inside which a rule counts as stable.

    Returns:
        Columns `label`, `head`, `lowest`, `highest`, `stable`.
    """
    groups = coefficients.groupby(["row", "head"], sort=False)
    table = groups.agg({"lowest": "min", "highest": "max"}).reset_index()
    table["stable"] = (table["lowest"] > low) & (table["highest"] < high)
    table.insert(0, "label", table.pop("row").map(tables.label))
    return table


def answer(gap: Interval) -> str:
    """Return `yes` or `no` where the interval excludes 0, else `not shown`."""
    if not tables.differs(gap):
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
        f"{_round(100 * accuracy):.1f} by ± {_round(100 * half):.1f} points, whatever seeds say."
    )


def points(gap: Interval) -> str:
    """Return a difference in `[-1, 1]` as percentage points with its interval."""
    if gap.half_width != gap.half_width:
        return _signed(100 * gap.mean)
    low, high = gap.mean - gap.half_width, gap.mean + gap.half_width
    return f"{_signed(100 * gap.mean)} [{_signed(100 * low)}, {_signed(100 * high)}]"


def _name(line: dict) -> str:
    return f"{line['label']} ({line['letter']})" if line["letter"] else line["label"]


def _cell(line: dict, name: str) -> str:
    value, half = line[name], line.get(f"{name}_half", float("nan"))
    if pd.isna(value):
        return "–"
    text = _signed(value) if name.startswith("minus_") else f"{_round(value):.1f}"
    if not pd.isna(half):
        text += f" ± {_round(half):.1f}"
    return text + (" \\*" if line.get(f"{name}_differs") else "")


def _signed(value: float) -> str:
    return f"{_round(value):+.1f}".replace("-", "−")


def _round(value: float) -> float:
    # Adding 0 turns -0.0 into 0.0.
    return round(round(value, 6), 1) + 0.0
