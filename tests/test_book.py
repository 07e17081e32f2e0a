"""The book's source: pages, links, marks, and what notebooks and their executed copies make."""

import re
import shutil
from pathlib import Path

import nbformat
import pytest

from companion import notebooks, params
from companion.book import assemble, contents, join
from companion.book.__main__ import lasting

CODE, TEXT = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell


def book(*cells):
    return nbformat.v4.new_notebook(cells=[*cells])


def out(text):
    return nbformat.v4.new_output("stream", text=text)


@pytest.fixture
def source():
    return book(
        TEXT("# Title\n\nNew prose."),
        CODE("n = 1", metadata={"tags": ["parameters"]}),
        TEXT("## A *figure*"),
        CODE("print(n)"),
    )


@pytest.fixture
def executed():
    return book(
        TEXT("# Title\n\nOld prose."),
        CODE("n = 1"),
        CODE("n = 2", metadata={"tags": ["injected-parameters"]}),
        TEXT("## A *figure*"),
        CODE("print(n)\n", outputs=[out("2\n")]),
    )


def test_prose_is_the_sources_and_outputs_are_the_copys(source, executed):
    page = join.joined(source, executed)
    assert page.cells[0].source == "# Title\n\nNew prose."
    assert [cell.source.rstrip() for cell in page.cells if cell.cell_type == "code"] == [
        *("n = 1", "n = 2", "print(n)")
    ]
    assert page.cells[-1].outputs[0].text == "2\n"
    assert page.cells[-1].metadata["mystnb"]["image"]["alt"] == "Figure: A figure"


def test_a_copy_of_other_code_is_refused(source, executed):
    source.cells[-1].source = "print(n + 1)"
    with pytest.raises(ValueError, match="executed/a.ipynb was made by other code"):
        join.joined(source, executed, "executed/a.ipynb")


def test_all_stale_copies_are_named_at_once(tmp_path, source, executed):
    notebooks.write(tmp_path / "notebooks/1_a.ipynb", source)
    notebooks.write(tmp_path / "notebooks/2_b.ipynb", source)
    executed.cells[-1].source = "print(n + 1)"
    for name in ("1_a", "2_b"):
        notebooks.write(tmp_path / f"executed/{name}.ipynb", executed)
    with pytest.raises(ValueError, match=r"(?s)1_a.*2_b.*make reproduce"):
        join.pages(tmp_path / "notebooks", tmp_path / "executed")


def test_a_notebook_that_was_not_executed_says_so(source):
    page = join.joined(source, None)
    assert "Without outputs" in page.cells[1].source
    assert [cell.source for cell in page.cells if cell.cell_type == "code"] == ["n = 1", "print(n)"]


def test_every_data_set_has_a_page_and_the_first_has_the_notebooks_name(tmp_path, source, executed):
    for folder in ("notebooks", "executed"):
        (tmp_path / folder).mkdir()
    notebooks.write(tmp_path / "notebooks/10_train.ipynb", source)
    for name in ("ks", "a"):
        notebooks.write(tmp_path / f"executed/10_train-{name}.ipynb", executed)
    pages = join.pages(tmp_path / "notebooks", tmp_path / "executed")
    assert [*pages] == ["10_train", "10_train-ks"]
    assert pages["10_train-ks"].cells[0].source.startswith("# Title (Kinetics-Sounds)\n")
    assert pages["10_train"].cells[0].source.startswith("# Title (a)\n")


@pytest.fixture
def project(tmp_path, source):
    """A repository of two pages, a notebook, a table and a file."""
    texts = {
        "params.yaml": Path("params.yaml").read_text(encoding="utf-8"),
        "book/index.md": "# Home\n\n[n](../notebooks/1_n.ipynb) [p](../params.yaml)\n",
        "book/gallery.md": "# Gallery\n\n![t](../results/mini/t.png)\n\n<!-- book: t one -->\n",
        "results/mini/t.md": "### Part\n\n| a |\n",
        "results/mini/t.png": "mini",
        "results/smoke/t.md": "### Part\n\n| b |\n",
        "results/smoke/t.png": "smoke",
        "results/other/t.md": "## Part\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "notebooks").mkdir()
    notebooks.write(tmp_path / "notebooks/1_n.ipynb", source)
    return tmp_path


FILLERS = {"t": lambda word: f"filled with {word}"}


def test_the_source_has_the_pages_and_the_files_that_they_link_to(project):
    out = project / "build"
    pages = assemble.assemble(project, "smoke", project / "executed", out, FILLERS)
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert files == {
        *("book/index.md", "book/gallery.md", "notebooks/1_n.ipynb", "params.yaml"),
        *("results/smoke/t.md", "results/smoke/t.png", "results/other/t.md"),
    }
    assert {f"{page}.md" for page in pages} | {"notebooks/1_n.ipynb"} >= {
        *("book/index.md", "results/smoke/t.md")
    }
    gallery = (out / "book/gallery.md").read_text(encoding="utf-8")
    assert "(../results/smoke/t.png)" in gallery and "filled with one" in gallery
    home = (out / "book/index.md").read_text(encoding="utf-8")
    assert home.count("{toctree}") == 3 and "/notebooks/1_n\n" in home
    table = (out / "results/smoke/t.md").read_text(encoding="utf-8")
    assert table.startswith("# t\n\n## Part\n")
    assert (out / "results/other/t.md").read_text(encoding="utf-8").startswith("# t (other)")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[x](nothing.md)", "book/index.md: nothing is at nothing.md"),
        ("[x](../../outside.md)", "nothing is at"),
        ("[x](../notebooks)", "is a folder"),
        ("<!-- book: unknown -->", "nothing fills"),
    ],
)
def test_what_would_be_missing_stops_the_book(project, text, error):
    (project / "book/index.md").write_text(f"# Home\n\n{text}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=error):
        assemble.assemble(project, "mini", project / "executed", project / "build", FILLERS)


def test_a_notebook_that_is_no_page_is_only_named(project):
    (project / "assignments").mkdir()
    shutil.copy(project / "notebooks/1_n.ipynb", project / "assignments/secret.ipynb")
    text = "# H\n\n[s](../assignments/secret.ipynb), [n](../notebooks/1_n.ipynb)\n"
    (project / "book/index.md").write_text(text, encoding="utf-8")
    assemble.assemble(project, "mini", project / "executed", project / "build", FILLERS)
    assert not (project / "build/assignments/secret.ipynb").exists()
    home = (project / "build/book/index.md").read_text(encoding="utf-8")
    assert home.startswith("# H\n\ns, [n](../notebooks/1_n.ipynb)\n")


def test_a_link_inside_code_is_no_link(project):
    (project / "book/index.md").write_text("# H\n\n`[x](no)`\n\n```\n[x](no)\n```\n")
    assemble.assemble(project, "mini", project / "executed", project / "build", FILLERS)


def test_a_page_without_a_place_is_refused():
    with pytest.raises(ValueError, match="no part of the book has elsewhere/page"):
        contents.placed(["book/index", "elsewhere/page"])
    assert contents.placed(["book/gpu", "book/findings", "notebooks/02", "notebooks/01"]) == {
        "What we found": ["book/findings"],
        "Read": ["notebooks/01", "notebooks/02"],
        "Research": ["book/gpu"],
    }


def test_pages_in_git_are_plain_markdown(root):
    """A code host shows directives and roles as they are written."""
    for path in [*root.glob("book/*.md"), *root.glob("companion/miniature/*.md")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^(```|:::)\{|\{\w+\}`", text, re.MULTILINE), path
        assert text.startswith("# "), path


def test_every_page_of_this_repository_has_its_links_and_a_place(root, tmp_path):
    profile = params.load(root / "params.yaml").profile
    # What fills a mark has tests of its own.
    marks = assemble.MARK.findall(
        "\n".join(p.read_text(encoding="utf-8") for p in root.glob("book/*.md"))
    )
    nothing = {name: lambda word: "" for name, _ in marks}
    pages = assemble.assemble(root, profile, tmp_path, tmp_path / "source", nothing)
    there = {path.stem for path in root.glob("notebooks/*.ipynb")}
    assert there <= {Path(page).name for page in pages if page.startswith("notebooks/")}
    assert {"book/index", "book/fairness", "book/gpu", "book/paper_vs_code"} <= {*pages}


def test_the_stamp_is_the_same_whether_the_study_was_run_here_or_not(tmp_path):
    for page in ("notebooks/41_study.ipynb", "book/index.md"):
        (tmp_path / page).parent.mkdir()
        (tmp_path / page).touch()
    fresh = ["notebooks/41_study", "book/index"]
    assert lasting(tmp_path, fresh) == sorted(fresh)
    assert lasting(tmp_path, [*fresh, "notebooks/41_study-ravdess"]) == sorted(fresh)
