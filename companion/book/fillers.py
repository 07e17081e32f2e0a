"""What stands where a page says `<!-- book: name -->`: what must be made anew for every book."""

import ast
import json
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from companion import notebooks
from companion.book import beside, contents
from companion.figures.style import COLOURS
from companion.lessons.olm.toy import HEADS
from olmlib.olm_presets import PRESETS

SCRIPTS = ("olm", "explorer")
NOT_YET = (
    "The findings are computed from the study of real recordings, which is not in this book yet."
)
# What a researcher imports first, then what stands behind it.
PUBLIC = (
    *("olmlib.olm", "olmlib.olm_presets", "olmlib.olm_equations", "olmlib.irfb"),
    *("olmlib.methods.base", "olmlib.methods.table", "olmlib.train", "olmlib.config"),
    *("olmlib.metrics", "olmlib.history", "olmlib.evaluate"),
)


def fillers(root: Path, profile: str) -> dict[str, Callable[[str], str]]:
    """Return name of a mark -> the function that writes what stands there.

    Args:
        root: of the repository.
        profile: whose results are shown.
    """
    folder = root / contents.RESULTS / profile
    prefix = f"../{contents.RESULTS}/{profile}"
    return {
        "findings": lambda _: findings(root / "book" / "findings.md"),
        "course": lambda _: course(root),
        "table1": lambda _: beside.table1(folder),
        "table2": lambda _: beside.table2(folder),
        "table3": lambda _: beside.table3(folder),
        "fig1": lambda _: beside.accuracies(folder / "fig1.csv"),
        "fig4": lambda _: beside.rooms(folder),
        "fig5": lambda _: beside.norms(folder / "fig5.csv"),
        "fig6": lambda _: "\n\n".join(
            draw(folder / "fig6.csv") for draw in (beside.accuracies, beside.scores)
        ),
        "pictures": lambda _: beside.pictures(folder, origins(root), prefix),
        "explorer": lambda _: raw(explorer(root / "book" / "explorer.html")),
        "loop": lambda _: raw((root / "book" / "loop.html").read_text(encoding="utf-8")),
        "api": lambda _: api(root),
    }


def raw(html: str) -> str:
    """Return HTML as MyST that passes it through."""
    return f"```{{raw}} html\n{html.strip()}\n```"


def explorer(page: Path) -> str:
    """Return the explorer's HTML with what its scripts must know: presets, heads, colours."""
    presets = {name: asdict(preset) for name, preset in PRESETS.items()}
    current = asdict(replace(PRESETS["stable"], reference="current"))
    data = {
        "presets": presets,
        "loops": presets | {"stable, current norms": current},
        "heads": {name: asdict(head) for name, head in HEADS.items()},
        "colours": {name: COLOURS[name] for name in HEADS},
    }
    scripts = "".join(f'<script src="../_static/{name}.js"></script>\n' for name in SCRIPTS)
    # No text of ours holds an end of a script.
    data_script = f'<script type="application/json" id="explorer-data">{json.dumps(data)}</script>'
    return f"{page.read_text(encoding='utf-8')}{data_script}\n{scripts}"


def findings(page: Path) -> str:
    """Return what the page of findings says before its first heading, with a link to the rest."""
    if not page.is_file():
        return NOT_YET
    text = page.read_text(encoding="utf-8").split("\n", 1)[1]
    return f"{text.split(chr(10) + '## ')[0].strip()}\n\n[All findings]({page.name})"


def course(root: Path) -> str:
    """Return a line that leads to the course, where there is one."""
    for page in ("book/course.md", "assignments/README.md"):
        if (root / page).is_file():
            return (
                f"A course of four graded assignments is made from this project: [how](../{page})."
            )
    return ""


def origins(root: Path) -> dict[str, str]:
    """Return picture -> the notebook whose text says that it writes it, both without ending."""
    found: dict[str, str] = {}
    for path in sorted((root / contents.NOTEBOOKS).glob("*.ipynb")):
        text = "".join(cell.source for cell in notebooks.read(path).cells)
        for name in re.findall(r"([\w{}]+)\.png", text):
            data = re.sub(r"\{\w+\}", "", name)
            for picture in (root / contents.RESULTS / "mini").glob(f"{data}*.png"):
                if data == picture.stem or "{" in name:
                    found.setdefault(picture.stem, path.stem)
    return found


def api(root: Path) -> str:
    """Return directives that show the docstrings of `PUBLIC`, each module under its heading."""
    parts = []
    for module in PUBLIC:
        path = (root / module.replace(".", "/")).with_suffix(".py")
        own = [
            node.name
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        ]
        parts.append(
            f"## {module}\n\n```{{eval-rst}}\n.. automodule:: {module}\n   :members: "
            f"{', '.join(own)}\n   :member-order: bysource\n```"
        )
    return "\n\n".join(parts)
