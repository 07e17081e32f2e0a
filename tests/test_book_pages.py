"""What the book's pages say of the code: names that exist, solutions that run, links of tables."""

import importlib
import inspect
import json
import re

import networkx as nx
import pandas as pd
import pytest
import yaml
from dvc.repo import Repo

from companion import registry
from companion.book import beside, fillers
from companion.study.recordings import RECORDINGS
from olmlib.olm import OLM

NAME = re.compile(r"`(olmlib(?:\.\w+)+)(?:\((\w+)\))?`")
SECTION = re.compile(r"^## (\w+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(root, name):
    return (root / "book" / f"{name}.md").read_text(encoding="utf-8")


def found(name):
    """Return what a dotted name means: a module's function, class or value, or a part of those."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            # Some attributes are those of an object that was made.
            thing = getattr(OLM(["a"]) if thing is OLM and not hasattr(OLM, part) else thing, part)
        return thing
    raise AssertionError(name)


def test_every_name_of_the_notation_exists(root):
    names = NAME.findall(page(root, "notation"))
    assert len(names) > 25
    for name, argument in names:
        thing = importlib.import_module(name) if name.count(".") == 0 else thing_of(name)
        assert not argument or argument in inspect.signature(thing).parameters, (name, argument)


def thing_of(name):
    if name in ("olmlib.irfb.IRFB.gate", "olmlib.irfb.IRFB.key", "olmlib.irfb.IRFB.score"):
        block = found("olmlib.irfb.IRFB")(d=4, n_modalities=2, n_heads=1, n_bottleneck=2)
        return getattr(block, name.split(".")[-1])
    return found(name)


def exercises(root):
    """Yield notebook -> how many exercises it has."""
    for path in sorted(root.glob("notebooks/*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "".join(cells[-1]["source"]).partition("## Exercises")[2]
        yield path.stem, len(re.findall(r"^\d\. ", text, re.MULTILINE))


def test_every_exercise_has_a_solution_behind_a_fold(root):
    sections = {name: text for name, text in SECTION.findall(page(root, "solutions"))}
    wanted = {name: count for name, count in exercises(root) if count}
    assert len(wanted) > 15
    folds = {name: len(re.findall("<details><summary>", text)) for name, text in sections.items()}
    assert folds == wanted
    for name, text in sections.items():
        assert text.count("</details>") == folds[name]
        assert re.findall(r"<summary>Exercise (\d)", text) == [
            str(n + 1) for n in range(folds[name])
        ]


def solved(root):
    return {
        n: BLOCK.findall(t) for n, t in SECTION.findall(page(root, "solutions")) if BLOCK.findall(t)
    }


@pytest.mark.parametrize(
    "name",
    "02_olm 03_olm_loop 04_irfb 05_methods_loss 06_methods_network 23_table2 32_fig5".split(),
)
def test_solutions_compute_what_they_say(root, name):
    blocks = solved(root)[name]
    space: dict = {}
    for block in blocks:
        assert "assert" in block
        exec(compile(block, f"solutions.md, {name}", "exec"), space)


def test_no_solution_is_left_out(root):
    (mark,) = test_solutions_compute_what_they_say.pytestmark
    assert sorted(solved(root)) == mark.args[1]


def test_the_page_of_data_sets_names_all_of_them_and_their_folders(root):
    text = page(root, "data")
    for name, entry in registry.DATASETS.items():
        assert f"`{name}`" in text, name
        if entry.make:
            assert f"[{entry.title}](../companion/miniature/{name}.md)" in text
            assert f"`{registry.raw(name, 'paper')}`" in text
    for name in RECORDINGS:
        assert f"`{name}`" in text, name
    targets = re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE)
    assert {*re.findall(r"`make ([a-z-]+)", text)} <= {*targets}


def test_the_gallery_has_every_table_and_figure_with_notebook_numbers_and_command(root):
    text = page(root, "gallery")
    stages = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    lines = re.findall(r"^\| ((?:Table|Figure) \d) \|(.*)\|$", text, re.MULTILINE)
    assert [name for name, _ in lines] == [
        *(f"Table {n}" for n in range(1, 4)),
        *(f"Figure {n}" for n in range(1, 7)),
    ]
    for name, line in lines:
        stage, _, item = re.search(r"`dvc repro ([\w]+)(@(\w+))?`", line).groups()
        made = json.dumps(stages[stage])
        (notebook,) = re.findall(r"\]\(\.\./notebooks/(\w+)\.ipynb\)", line)
        assert notebook in made, name
        picture = name.lower().replace("figure ", "fig").replace("table ", "table")
        assert item == picture or f"/{picture}.png" in made, name
        assert f"](../results/mini/{picture}.png)" in text
        assert f"\n## {name}: " in text


def test_the_paper_stands_beside_what_was_measured(tmp_path):
    table = pd.DataFrame(
        {
            "title": "CREMA-D",
            "row": ["concat", "olm", "olm_own"],
            "label": ["Concat", "OLM", "Ours alone"],
            "accuracy": [60.0, 61.5, 70.0],
            "accuracy_sd": [1.0, 2.0, 1.0],
            "paper_accuracy": [51.7, 62.4, None],
            "minus_concat": [None, 1.5, 10],
            "minus_concat_sd": [None, 2.2, 1.4],
        }
    )
    table.to_csv(tmp_path / "table1.csv", index=False)
    lines = beside.table1(tmp_path).splitlines()
    assert lines[0] == "**CREMA-D**, accuracy in percent"
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[4:]]
    assert cells == [
        ["Concat", "51.7", "60.0 ± 1.0", "–", "–"],
        ["OLM", "62.4", "61.5 ± 2.0", "+10.7", "+1.5 ± 2.2"],
    ]


def test_ends_are_those_of_the_last_epoch_over_seeds(tmp_path):
    rows = [
        ("concat", seed, epoch, "audio", 10 * seed + epoch) for seed in (0, 1) for epoch in (1, 2)
    ]
    path = tmp_path / "fig1.csv"
    pd.DataFrame(rows, columns=["row", "seed", "epoch", "head", "accuracy"]).to_csv(
        path, index=False
    )
    assert "7.0 ± 7.1" in beside.accuracies(path)  # 2 and 12


def test_every_table_of_this_repository_is_filled(root):
    made = fillers.fillers(root, "mini")
    for name in ("table1", "table2", "table3", "fig1", "fig4", "fig5", "fig6"):
        text = made[name]("")
        assert text.count("\n|") >= 3 and "nan" not in text, name
    names = re.findall(r"/(\w+)\.png", made["pictures"](""))
    shown = re.findall(r"results/mini/(\w+)\.png", page(root, "gallery"))
    there = {path.stem for path in root.glob("results/mini/*.png")}
    assert {*names, *shown} == there and not {*names} & {*shown}


def test_findings_and_course_are_told_where_they_are(tmp_path):
    (tmp_path / "book").mkdir()
    assert fillers.findings(tmp_path / "book/findings.md") == fillers.NOT_YET
    assert fillers.course(tmp_path) == ""
    (tmp_path / "book/findings.md").write_text("# F\n\nTwo sentences.\n\n## All\n\nMore.\n")
    said = fillers.findings(tmp_path / "book/findings.md")
    assert said == "Two sentences.\n\n[All findings](findings.md)"
    (tmp_path / "book/course.md").write_text("# C\n")
    assert "(../book/course.md)" in fillers.course(tmp_path)


def test_the_api_shows_every_public_name_of_its_modules(root):
    text = fillers.api(root)
    for module in fillers.PUBLIC:
        assert f".. automodule:: {module}\n" in text
    assert ":members: OLM\n" in text and "_bounded" not in text


def test_the_book_is_the_pipelines_last_stage_and_asks_for_no_study(root):
    """DVC makes whatever a stage depends on first, in whichever pipeline it is made."""
    with Repo(root) as repo:
        graph = repo.index.graph
        (book,) = (stage for stage in graph if stage.addressing == "book")
        behind = nx.descendants(graph, book)
        ours = {stage for stage in graph if stage.path == book.path and stage is not book}
    assert {stage.relpath for stage in behind} <= {"dvc.yaml", "data.dvc"}
    # Stages of one data set are behind the tables that are made of them.
    assert {stage.addressing for stage in ours - behind} <= {"smoke"}
    named = {str(dep.def_path) for dep in book.deps}
    pages = {f"book/{path.name}" for path in root.glob("book/*") if path.name != "findings.md"}
    assert pages <= named
