"""Table 2 as Markdown: all networks at a glance, then each with all that was measured."""

from collections.abc import Sequence

import pandas as pd

from companion import registry, report
from companion.evidence import claim
from companion.runs.identity import Run
from companion.table2 import claims, numbers
from companion.tables import split_by

HEADINGS = {
    "accuracy": "Accuracy",
    "paper": "Paper",
    "minus_baseline": "− Baseline",
    "minus_three_heads": "− Three heads",
    "paper_minus_baseline": "Paper − baseline",
    "audio": "Audio head",
    "visual": "Visual head",
    "best_test_accuracy": "Best test epoch",
    "last_accuracy": "Last epoch",
}
READING = (
    "Accuracy is the share of test segments, each a second, whose class is right: one of the "
    "events or background; percent, mean ± standard deviation (SD) over seeds. *Accuracy* is that "
    "of the epoch which is best on the dev split. *Best test epoch* chooses the epoch on the test "
    "split itself, as the released codes of PSP and CMBS do: it is too good, and stands here to "
    "be compared with numbers made so. Differences are those of two means, unpaired; their ± is "
    "the SD of one run minus another. So few seeds carry no verdict: the last table says which "
    "true difference they would show in four tables of five (two-sided t test at 5 %, equal "
    "spread), as the only question that is asked, and with all comparisons with the baseline and "
    "with three heads judged together (Šidák). Seeds do not tell what other test clips would "
    "change."
)
COLUMNS = (
    "*Three heads* adds a classifier per modality and their losses, all w = 1: what OLM adds is "
    "its difference to this column. *G-Blend* trains the same network three times more, each time "
    "by one of its heads, for {share:g} of the epochs. *OGM-GE* scales gradients; Adam divides a "
    "gradient by its own size and so undoes most of that, and what is left is the noise. Heads of "
    "the baseline and of OGM-GE are probes that do not train the network, but for CMBS, whose own "
    "losses train scores of both modalities in every column. *MAFnet (lite)* has the vectors of "
    "the other networks in place of DenseNet's and of sound maps, and a class per segment, where "
    "the released network has one per clip: what the paper measured with it is not stated."
)


def page(
    table: pd.DataFrame, levels: numbers.Levels, grid: Sequence[Run], profile: str, command: str
) -> str:
    """Return the whole of `table2.md`.

    Args:
        table: as of `numbers.table2`.
        levels: as of `numbers.levels`.
        grid: the runs that it was made from.
        profile: that made them.
        command: that makes it.
    """
    parts = ["# Table 2: networks for audio-visual event localization", overview(table)]
    parts += [floors(levels, table), notes(grid), details(table), can_tell(table)]
    parts += ["## The paper's claim", claim.markdown(claims.claim(table, profile))]
    return "\n\n".join([*parts, f"Made by `{command}`."])


def overview(table: pd.DataFrame) -> str:
    """Return networks x columns, `mean ± SD`, the paper's number in a line below."""
    lines = []
    for _, part in split_by(table, "network"):
        cells = {"Network": part["title"].iloc[0]}
        theirs = {"Network": "the paper, on real recordings"}
        for line in part.to_dict("records"):
            cells[line["label"]] = report.plus_minus(line["accuracy"], line["accuracy_sd"])
            theirs[line["label"]] = "–" if pd.isna(line["paper"]) else f"{line['paper']:.1f}"
        lines += [cells, theirs]
    return report.markdown_table(pd.DataFrame(lines))


def details(table: pd.DataFrame) -> str:
    """Return a heading and a table of all that was measured for every network."""
    parts = []
    for _, part in split_by(table, "network"):
        lines = [
            {"Column": line["label"]} | {HEADINGS[name]: _cell(line, name) for name in HEADINGS}
            for line in part.to_dict("records")
        ]
        shown = report.markdown_table(pd.DataFrame(lines))
        parts.append(f"## {part['title'].iloc[0]}\n\n{shown}")
    return "\n\n".join(parts)


def floors(levels: numbers.Levels, table: pd.DataFrame) -> str:
    """Return what the reference lines mean, in words."""
    best = table["accuracy"].max()
    return (
        f'Always answering "background" scores {_one(levels.background)}; knowing the event of '
        f'every clip and never answering "background" {_one(levels.oracle)} (of the real test '
        f"split 82.2). The best cell is {_one(best)}. A network that stays below the second number "
        "would gain by never answering background, if it knew every event."
    )


def can_tell(table: pd.DataFrame) -> str:
    """Return what so many seeds can tell."""
    first = table.iloc[0]
    sizes = {"Seeds": first["seeds"], "Test clips": first["clips"]}
    sizes["Test segments"] = first["segments"]
    return report.can_tell(numbers.can_tell(table), sizes)


def notes(grid: Sequence[Run]) -> str:
    """Return what a reader of the table must know: which data, and how it was measured."""
    config = grid[0].config
    lines = []
    if config.miniature is not None:
        lines.append(
            f"**{registry.entry(numbers.DATASET).title} here is a miniature**: clips drawn and "
            "sounded by rules, in the official file layout, with small frozen features in place of "
            "VGG-19's and VGGish's. Its numbers say nothing about the real recordings; the paper's "
            "stand beside them for orientation only."
        )
    trains = {numbers.NETWORKS[numbers.cell_of(run)[0]]: run.config.train for run in grid}
    seeds = ", ".join(str(seed) for seed in sorted({run.seed for run in grid}))
    lines.append(
        f"Seeds {seeds}; batch {config.train.batch_size}, {config.train.optimizer}; epochs and "
        "learning rates "
        + ", ".join(f"{name} {train.epochs} at {train.lr:g}" for name, train in trains.items())
        + f"; weights of the epoch chosen by `selection: {config.train.selection}`."
    )
    blends = (run.row.options for run in grid if run.row.method == "gblend")
    share = next(blends, {}).get("epochs_share", 1.0)
    return "\n\n".join([*lines, READING, COLUMNS.format(share=share)])


def _one(value: float) -> str:
    return f"{report.rounded(value):.1f}"


def _cell(line: dict, column: str) -> str:
    value, sd = line[column], line.get(f"{column}_sd", float("nan"))
    if pd.isna(value):
        return "–"
    return report.plus_minus(value, sd, sign="minus" in column)
