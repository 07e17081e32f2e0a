"""The paper's numbers and ours, side by side, for the gallery."""

from pathlib import Path

import pandas as pd

from companion import report
from companion.figures import style

ABSENT = "–"


def table1(folder: Path) -> str:
    """Return accuracy, and its difference to Concat, of every row that the paper has too.

    Args:
        folder: of the results, with `table1.csv`.
    """
    table = pd.read_csv(folder / "table1.csv")
    parts = []
    for title, lines in table.groupby("title", sort=False):
        both = lines[lines["paper_accuracy"].notna()]
        if both.empty:
            continue
        control = both.set_index("row")["paper_accuracy"]["concat"]
        gaps = both["paper_accuracy"] - control
        cells = pd.DataFrame(
            {
                "Method": both["label"],
                "Paper": both["paper_accuracy"].map(_number),
                "Here": _spread(both, "accuracy"),
                "Paper, minus Concat": gaps.where(both["row"] != "concat").map(_signed),
                "Here, minus Concat": _spread(both, "minus_concat", sign=True),
            }
        )
        parts.append(f"**{title}**, accuracy in percent\n\n{report.markdown_table(cells)}")
    return "\n\n".join(parts)


def table2(folder: Path) -> str:
    """Return the accuracy of every network and way to train it, and what it gains.

    Args:
        folder: of the results, with `table2.csv`.
    """
    table = pd.read_csv(folder / "table2.csv")
    cells = pd.DataFrame(
        {
            "Network": table["title"],
            "Trained with": table["label"],
            "Paper": table["paper"].map(_number),
            "Here": _spread(table, "accuracy"),
            "Paper, gain": table["paper_minus_baseline"].map(_signed),
            "Here, gain": _spread(table, "minus_baseline", sign=True),
        }
    )
    return f"Accuracy over segments in percent\n\n{report.markdown_table(cells)}"


def table3(folder: Path) -> str:
    """Return weighted F1 by combination of modalities and fusion, on held-out clips.

    Args:
        folder: of the results, with `table3.csv`.
    """
    table = pd.read_csv(folder / "table3.csv")
    table = table[table["protocol"] == "test"].drop_duplicates(["modalities", "fusion"])
    cells = pd.DataFrame(
        {
            "Modalities": table["modalities"],
            "Fusion": table["fusion"],
            "Paper": table["f1_paper"].map(_number),
            "Here": _spread(table, "f1"),
        }
    )
    return f"Weighted F1 in percent, held-out test clips\n\n{report.markdown_table(cells)}"


def accuracies(path: Path) -> str:
    """Return the accuracy of every head in the last epoch, by row.

    Args:
        path: of a figure's numbers: `row`, `seed`, `epoch`, `head`, `accuracy`.
    """
    return f"Accuracy in percent, last epoch\n\n{_ends(pd.read_csv(path), 'accuracy')}"


def norms(path: Path) -> str:
    """Return the mean logit norm of every head in the last epoch, by row.

    Args:
        path: of a figure's numbers: `row`, `seed`, `epoch`, `head`, `class`, `norm`.
    """
    return f"Logit norms, mean over classes, last epoch\n\n{_ends(pd.read_csv(path), 'norm')}"


def scores(path: Path) -> str:
    """Return the mean logit of the true class in the last epoch, by row and head.

    Args:
        path: of a figure's numbers: `row`, `seed`, `epoch`, `head`, `class`, `score`.
    """
    return f"Logit of the true class, mean over classes\n\n{_ends(pd.read_csv(path), 'score')}"


def rooms(folder: Path) -> str:
    """Return the accuracies behind Figure 4.

    Args:
        folder: of the results, with `fig4_runs.csv`.
    """
    runs = pd.read_csv(folder / "fig4_runs.csv")
    found = runs.groupby("label", sort=False)[["balanced", "accuracy"]].agg(["mean", "std"])
    cells = pd.DataFrame({"Row": found.index})
    for name, title in (("balanced", "Mean over scenes"), ("accuracy", "Over pictures")):
        pairs = zip(found[name, "mean"], found[name, "std"], strict=True)
        cells[title] = [report.plus_minus(mean, sd) for mean, sd in pairs]
    return f"Accuracy in percent\n\n{report.markdown_table(cells)}"


def pictures(folder: Path, pages: dict[str, str], prefix: str) -> str:
    """Return every picture that the gallery has not shown yet, under its name.

    Args:
        folder: of the results.
        pages: name of a picture -> the notebook whose text names it.
        prefix: of the pictures' addresses.
    """
    shown = ("table", "fig1", "fig2", "fig3", "fig4", "fig5", "fig6")
    names = [path.stem for path in sorted(folder.glob("*.png"))]
    parts = []
    for name in (name for name in names if not name.startswith(shown)):
        words = name.replace("_", " ")
        origin = f" ([{pages[name]}](../notebooks/{pages[name]}.ipynb))" if name in pages else ""
        parts.append(f"**{words}**{origin}\n\n![{words}]({prefix}/{name}.png)")
    return "\n\n".join(parts)


def _ends(table: pd.DataFrame, value: str) -> str:
    last = table[(table["epoch"] == table["epoch"].max()) & table[value].notna()]
    if "class" in last and value != "accuracy":
        last = last[last["class"] != "mean"]
    seeds = last.groupby(["row", "seed", "head"], sort=False)[value].mean()
    found = seeds.groupby(["row", "head"], sort=False).agg(["mean", "std"])
    names = style.heads_of(last)
    cells = pd.DataFrame({"Row": list(dict.fromkeys(last["row"]))})
    for head, name in names.items():
        cells[name] = [
            report.plus_minus(*found.loc[(row, head)]) if (row, head) in found.index else ABSENT
            for row in cells["Row"]
        ]
    return report.markdown_table(cells)


def _spread(table: pd.DataFrame, column: str, sign: bool = False) -> list[str]:
    pairs = zip(table[column], table[f"{column}_sd"], strict=True)
    return [ABSENT if pd.isna(x) else report.plus_minus(x, sd, sign=sign) for x, sd in pairs]


def _number(value: float) -> str:
    return ABSENT if pd.isna(value) else f"{value:.1f}"


def _signed(value: float) -> str:
    return ABSENT if pd.isna(value) else report.signed(value)
