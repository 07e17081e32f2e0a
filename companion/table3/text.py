"""Table 3 as Markdown: its title, its notes, and one measure by one protocol after another."""

from collections.abc import Sequence

import pandas as pd

from companion import report
from companion.runs.identity import Run
from companion.table3.numbers import PROTOCOLS, UNIMODAL, can_tell, config_of
from companion.table3.picture import kinds
from companion.tables import split_by

UNITS = {"f1": "weighted F1 (%), higher is better", "mse": "valence MSE, lower is better"}
DIGITS = {"f1": 1, "mse": 2}
MINIATURE = (
    "**MER2023 here is a miniature**: faces drawn and voices synthesised by rules, in the official "
    "file layout, with small frozen extractors in place of HuBERT, MANet and MacBERT. Its numbers "
    "say nothing about the real recordings; the paper's columns stand beside them for orientation "
    "only."
)
READING = (
    "Mean ± standard deviation (SD) over seeds. So few seeds carry no verdict: under each table "
    "stands the true difference between two cells that so many seeds would show in four tables of "
    "five (two-sided t test at 5 %, equal spread), as the only question that is asked, and with "
    "the comparisons of both other fusions with Attention judged together (Šidák). Seeds do not "
    "tell what other clips would change. *Cross-validation*: mean over a seed's folds, each held "
    "out, by which the epoch was chosen too, so a little too good. *Held-out test*: a seed's "
    "networks answer together on test clips that decided nothing. A combination of one modality "
    "has no fusion: column *Alone*; the paper prints its number in all three columns."
)

TURNS = {
    True: "every seed on every fold",
    False: "every seed on one of them, so that differences between folds are in the SD",
}


def page(table: pd.DataFrame, grid: Sequence[Run], command: str) -> str:
    """Return the whole of `table3.md`.

    Args:
        table: as of `numbers.table3`.
        grid: the runs that it was made from.
        command: that makes it.
    """
    return f"# Table 3: modalities and fusions\n\n{notes(grid, command)}\n\n{tables(table)}"


def notes(grid: Sequence[Run], command: str) -> str:
    """Return what a reader of the table must know: which data, how measured, by which command.

    Args:
        grid: the runs.
        command: that makes the table.
    """
    config = config_of(grid[0])
    seeds = ", ".join(str(seed) for seed in sorted({run.seed for run in grid}))
    lines = [] if config.miniature is None else [MINIATURE]
    lines += [
        f"MER2023: seeds {seeds}; {config.prepare.folds} folds, {TURNS[config.every_fold]}; "
        f"{config.train.epochs} epochs, "
        f"batch {config.train.batch_size}; {config.model.n_layers} blocks of width "
        f"{config.model.d_model}; weights of the epoch chosen by `selection: "
        f"{config.train.selection}`.",
        READING,
        f"Made by `{command}`.",
    ]
    return "\n\n".join(lines)


def tables(table: pd.DataFrame) -> str:
    """Return a heading, a table and what it can tell for every protocol and measure."""
    parts = []
    for protocol, name in PROTOCOLS.items():
        own = table[table["protocol"] == protocol]
        sizes = {"Seeds": own["seeds"].iloc[0], "Clips": own["clips"].iloc[0]}
        for measure, unit in UNITS.items():
            shown = report.markdown_table(markdown(table, protocol, measure).reset_index())
            below = report.can_tell(can_tell(own, measure), sizes, DIGITS[measure])
            parts.append(f"## {name.capitalize()}: {unit}\n\n{shown}\n\n{below}")
    return "\n\n".join(parts)


def markdown(table: pd.DataFrame, protocol: str, measure: str) -> pd.DataFrame:
    """Return one measure by one protocol as the paper prints it: a column pair per fusion.

    Args:
        table: as of `table3`.
        protocol: `cv` or `test`.
        measure: `f1` or `mse`.

    Returns:
        Index `modalities`; of a single modality, and per fusion of several, the text `mean ± SD`
        and the paper's number, if it has one; empty where a combination has no such cell.
    """
    shown, digits = table[table["protocol"] == protocol], DIGITS[measure]
    parts = {}
    for fusion, cells in split_by(shown, "fusion"):
        name = "Alone" if fusion == UNIMODAL else kinds([fusion])[fusion][0]
        cells = cells.set_index("modalities")
        pairs = zip(cells[measure], cells[f"{measure}_sd"], strict=True)
        text = [report.plus_minus(mean, sd, digits) for mean, sd in pairs]
        parts[name] = pd.Series(text, cells.index)
        printed = cells[f"{measure}_paper"]
        if printed.notna().any():
            parts[f"{name}, paper"] = printed.map(f"{{:.{digits}f}}".format)
    order = list(dict.fromkeys(shown["modalities"]))
    return pd.DataFrame(parts).reindex(order).rename_axis("modalities").fillna("")
