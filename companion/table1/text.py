"""Table 1 as Markdown: blocks of rows, its notes, and which differences exceed the noise."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from companion import registry, report
from companion.report import rounded, signed
from companion.runs.identity import Run
from companion.table1 import numbers, rows

HEADINGS = {
    "label": "Row",
    "accuracy": "Accuracy",
    "map": "mAP",
    "paper_accuracy": "Paper: accuracy",
    "paper_map": "Paper: mAP",
    "minus_concat": "Accuracy − Concat",
    "minus_three_heads": "Accuracy − Three heads",
    "step_over_concat": "Step, × Concat",
    "extra_runs": "Extra runs",
    "best_dev_accuracy": "Best dev epoch",
    "best_test_accuracy": "Best test epoch",
    "last_accuracy": "Last epoch",
    "audio": "Audio head",
    "visual": "Visual head",
    "sum": "Sum of heads",
    "weighted_sum": "Weighted sum",
}
TABLE1_COLUMNS = (
    *("label", "accuracy", "map", "audio", "visual", "paper_accuracy", "paper_map"),
    *("minus_concat", "minus_three_heads", "step_over_concat", "extra_runs"),
)
CHOICES_COLUMNS = ("label", *tuple(HEADINGS)[9:])
ABLATION_COLUMNS = ("accuracy", "map", "audio", "visual", "minus_concat", "minus_three_heads")

READING = (
    "Percent, mean ± half the 95 % Student t interval over seeds. The prediction is the argmax of "
    "the raw logits of the fused head (unimodal rows: their own head). Differences are paired over "
    "seeds; \\* marks an interval that excludes 0. A number without ± has no interval: there is "
    "one seed, or all agree to the clip, which is no proof of certainty. Intervals tell how much "
    "seeds matter, not how much the choice of test clips does. † changes the encoders: these rows "
    "compare models, the others compare training. CUR's audio and visual heads are not unimodal: "
    "each branch is gated by the other modality at every stage, so its visual head hears the sound."
)
COSTS = (
    "*Step* is the time of one training step over that of Concat, *extra runs* the trainings that "
    "a row needs before or beside its own (`benchmarks/costs.csv`; empty where not measured)."
)


def write(table: pd.DataFrame, path: str | Path, columns: Sequence[str], notes: str) -> None:
    """Write a table as Markdown, with its notes.

    Args:
        table: as of `numbers.table1` or `numbers.ablation`.
        path: of the `.md` file; the folder is created.
        columns: keys of `HEADINGS` that the Markdown shows.
        notes: paragraphs under the tables.
    """
    blocks = tuple(columns) != ABLATION_COLUMNS
    report.save(f"{markdown(table, columns, blocks)}\n{notes}", path)


def markdown(
    table: pd.DataFrame,
    columns: Sequence[str] = TABLE1_COLUMNS,
    blocks: bool = True,
    level: int = 2,
) -> str:
    """Return one Markdown table per data set: `mean ± half width`, differences signed.

    Args:
        table: as of `numbers.table1`, in percent.
        columns: keys of `HEADINGS`; `label` always comes first.
        blocks: put a line with its name above every block of rows.
        level: of the headings.
    """
    parts = []
    for title, part in table.groupby("title", sort=False):
        shown = [c for c in columns if c != "label" and part[c].notna().any()]
        lines, last = [], None
        for line in part.to_dict("records"):
            if blocks and line["block"] != last:
                lines.append({"Row": f"**{line['block']}**"})
                last = line["block"]
            lines.append({"Row": name(line)} | {HEADINGS[c]: _cell(line, c) for c in shown})
        cells = pd.DataFrame(lines, columns=["Row", *(HEADINGS[c] for c in shown)])
        parts.append(f"{'#' * level} {title}\n\n{report.markdown_table(cells.fillna(''))}\n")
    return "\n".join(parts)


def notes(grids: Mapping[str, Sequence[Run]], command: str) -> str:
    """Return what a reader of the table must know: which data, how measured, by which command.

    Args:
        grids: data set -> its runs.
        command: that makes the table.
    """
    lines = []
    for dataset, grid in grids.items():
        title, run, size = registry.entry(dataset).title, grid[0], grid[0].config.train
        if run.config.miniature is not None:
            lines.append(
                f"**{title} here is a miniature**: clips drawn and sounded by rules, in the "
                "official file layout. Its numbers say nothing about the real recordings; the "
                "paper's columns stand beside them for orientation only."
            )
        seeds = ", ".join(str(seed) for seed in sorted({run.seed for run in grid}))
        lines.append(
            f"{title}: seeds {seeds}; {len(run.data().rows('test'))} test clips; "
            f"{size.epochs} epochs, batch {size.batch_size}; weights of the epoch chosen by "
            f"`selection: {size.selection}`."
        )
    lines += [READING, COSTS]
    lines.append(f"Made by `{command}`.")
    return "\n\n".join(lines)


def beyond_noise(table: pd.DataFrame) -> str:
    """Return which rows differ from the references by more than seeds explain, as Markdown.

    Args:
        table: as of `numbers.table1`.
    """
    lines, marked, asked = [], 0, 0
    for title, part in table.groupby("title", sort=False):
        lines.append(f"**{title}**\n")
        for reference in rows.REFERENCES:
            gap, sure = part[f"minus_{reference}"], part[f"minus_{reference}_differs"]
            named = {
                word: "; ".join(
                    f"{name(line)} {signed(line[f'minus_{reference}'])}"
                    for line in part[sure & (sign * gap > 0)].to_dict("records")
                )
                for word, sign in (("higher", 1), ("lower", -1))
            }
            lines += [
                f"- {word} than {rows.label(reference)}: {names or 'no row'}"
                for word, names in named.items()
            ]
            others = int(gap.notna().sum() - sure.sum())
            lines.append(f"- not told apart from {rows.label(reference)}: {others} rows")
            marked, asked = marked + int(sure.sum()), asked + int(gap.notna().sum())
        lines.append("")
    lines.append(
        f"{marked} of {asked} differences are marked. Were there none at all, about "
        f"{rounded(asked / 20):.0f} would be marked by luck: an interval misses one time in 20."
    )
    return "\n".join(lines)


def name(line: Mapping) -> str:
    """Return the label of a line of `numbers.table1`, with its letter in the ablation."""
    return f"{line['label']} ({line['letter']})" if line["letter"] else line["label"]


def _cell(line: dict, column: str) -> str:
    value, half = line[column], line.get(f"{column}_half", float("nan"))
    if column in numbers.COSTS:
        return (
            "" if pd.isna(value) else f"{value:.2f}" if column == numbers.COSTS[0] else f"{value:g}"
        )
    if pd.isna(value):
        return "–"
    text = report.interval(value, half, sign=column.startswith("minus_"))
    return text + (" \\*" if line.get(f"{column}_differs") else "")
