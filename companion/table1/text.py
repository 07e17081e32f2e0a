"""Table 1 as Markdown: blocks of rows, what they can tell, and its notes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from companion import registry, report
from companion.runs.identity import Run
from companion.table1 import numbers

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
    "Percent, mean ± standard deviation (SD) over seeds. The prediction is the argmax of the raw "
    "logits of the fused head (unimodal rows: their own head). Differences are those of two means, "
    "unpaired; their ± is the SD of one run of the row minus one run of the other. A number "
    "without ± has one seed, or seeds that agree to the clip, which is no proof of certainty. So "
    "few seeds carry no verdict on any row. Under each table stands the true difference that so "
    "many seeds would show in four tables of five (two-sided t test at 5 %, equal spread), as the "
    "only question that is asked, and with all comparisons with Concat and Three heads judged "
    "together (Šidák). Seeds do not tell what other test clips would change. † changes the "
    "encoders: these rows compare models, the others compare training. CUR's audio and visual "
    "heads are not unimodal: each branch is gated by the other modality at every stage, so its "
    "visual head hears the sound."
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
    """Return one Markdown table per data set, `mean ± SD`; below differences, what they can tell.

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
        if any(column.startswith("minus_") for column in shown):
            first = part.iloc[0]
            sizes = {"Seeds": first["seeds"], "Test clips": first["test_clips"]}
            parts.append(f"{report.can_tell(numbers.can_tell(part), sizes)}\n")
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


def name(line: Mapping) -> str:
    """Return the label of a line of `numbers.table1`, with its letter in the ablation."""
    return f"{line['label']} ({line['letter']})" if line["letter"] else line["label"]


def _cell(line: dict, column: str) -> str:
    value, sd = line[column], line.get(f"{column}_sd", float("nan"))
    if column in numbers.COSTS:
        return (
            "" if pd.isna(value) else f"{value:.2f}" if column == numbers.COSTS[0] else f"{value:g}"
        )
    if pd.isna(value):
        return "–"
    return report.plus_minus(value, sd, sign=column.startswith("minus_"))
