import hashlib
import json
import subprocess
import sys

import nbformat
import papermill
import pytest

from companion import notebooks
from companion.runs.sources import closure, imported


@pytest.fixture
def package(tmp_path):
    """A package of the same name: a imports b, b imports part.c; nobody imports lone."""
    files = {
        "olmlib/__init__.py": "",
        "olmlib/a.py": "import math\n\ndef late():\n    from olmlib import b\n",
        "olmlib/b.py": "from .part import c\n",
        "olmlib/part/__init__.py": "",
        "olmlib/part/c.py": "from .. import a\nfrom . import d as other\n",
        "olmlib/part/d.py": "from ..part.c import value\nimport numpy.linalg\n",
        "olmlib/lone.py": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_closure_finds_imports_at_any_depth_and_in_circles(package):
    names = ["olmlib", "olmlib.a", "olmlib.b", "olmlib.part", "olmlib.part.c", "olmlib.part.d"]
    assert list(closure("olmlib.a", root=package)) == names


def test_closure_changes_with_a_module_behind_a_module_and_with_no_other(package):
    before = closure("olmlib.a", root=package)
    (package / "olmlib/lone.py").write_text("changed = True\n", encoding="utf-8")
    assert closure("olmlib.a", root=package) == before
    (package / "olmlib/part/d.py").write_text("", encoding="utf-8")
    after = closure("olmlib.a", root=package)
    assert {name for name in before if before[name] != after[name]} == {"olmlib.part.d"}
    assert after["olmlib.part.d"] == hashlib.sha256(b"").hexdigest()


def test_closure_of_an_unknown_module_is_an_error(package):
    with pytest.raises(ModuleNotFoundError, match="olmlib.nothing"):
        closure("olmlib.nothing", root=package)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import olmlib.part.d", {"olmlib", "olmlib.part", "olmlib.part.d"}),
        ("import olmlib.a as x, os", {"olmlib", "olmlib.a"}),
        ("from olmlib import a, lone", {"olmlib", "olmlib.a", "olmlib.lone"}),
        ("from olmlib.a import late", {"olmlib", "olmlib.a"}),
        ("import olmlibrary", set()),
        ("text = 'import olmlib.a'", set()),
    ],
)
def test_forms_of_import(package, line, found):
    assert imported(line, root=package) == found


def notebook(*sources, minor=5):
    made = nbformat.v4.new_notebook()
    made.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    made.metadata["kernelspec"] = {"display_name": "x", "language": "python", "name": "python3"}
    return json.loads(nbformat.writes(made))


def test_code_is_the_same_after_prose_outputs_and_ids_change():
    plain = notebook("from olmlib import params", "%matplotlib inline\nx = 1")
    edited = notebook("from olmlib import params", "%matplotlib inline\nx = 1")
    edited["cells"].insert(1, {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "hi"})
    edited["cells"][0]["execution_count"] = 7
    assert notebooks.code(plain) == notebooks.code(edited)
    digest = closure("companion.params")["companion.params"]
    assert f"# companion.params {digest}\n" in notebooks.code(plain)
    assert notebooks.code(plain) != notebooks.code(notebook("from olmlib import params", "x = 2"))


def test_code_names_the_cell_that_is_not_python():
    with pytest.raises(SyntaxError, match="code cell 2"):
        notebooks.code(notebook("x = 1", "x = = 2"))


PARAMETERS = "seed = 0"
FIGURE = """
import sys, time, warnings
import matplotlib.pyplot as plt
print("first", object())
sys.stdout.flush()
time.sleep(0.3)
print("second")
warnings.warn("careful", stacklevel=1)
fig, ax = plt.subplots(figsize=(2, 1))
ax.plot([0, seed])
"""
WIDGET = "import ipywidgets\nipywidgets.interact(lambda g: print(g), g=(0.0, 1.0));"


def test_two_executions_are_the_same_bytes_after_tidy(tmp_path):
    source = notebook(PARAMETERS, FIGURE, WIDGET)
    source["cells"][0]["metadata"]["tags"] = ["parameters"]
    notebooks.write(tmp_path / "n.ipynb", source)
    texts, untidy = [], []
    for name in ("first", "second"):
        out = tmp_path / f"{name}.ipynb"
        papermill.execute_notebook(
            str(tmp_path / "n.ipynb"),
            str(out),
            parameters={"seed": 3},
            kernel_name="python3",
            progress_bar=False,
        )
        untidy.append(out.read_text(encoding="utf-8"))
        assert notebooks.main(["tidy", str(out)]) == 0
        texts.append(out.read_text(encoding="utf-8"))
    assert untidy[0] != untidy[1]
    assert texts[0] == texts[1]
    outputs = [output for cell in json.loads(texts[0])["cells"] for output in cell["outputs"]]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert any("second" in "".join(output.get("text", "")) for output in outputs)
    assert str(tmp_path) not in texts[0]
    nbformat.validate(nbformat.reads(texts[0], as_version=4))


def dirty():
    made = notebook("x = 1", "y = 2")
    made["cells"][0] |= {"id": "mine", "execution_count": 3}
    made["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["1"]}]
    made["cells"][1]["metadata"] = {"tags": ["parameters"], "papermill": {}, "collapsed": True}
    made["metadata"] = {
        "papermill": {"duration": 1.0},
        "kernelspec": {"display_name": "mine", "language": "python", "name": "my-env"},
        "language_info": {"name": "python", "version": "3.11.7"},
    }
    return made


def test_clean_keeps_code_ids_and_tags_and_nothing_of_a_run():
    cleaned = notebooks.clean(dirty())
    first, second = cleaned["cells"]
    assert (first["id"], first["outputs"], first["execution_count"]) == ("mine", [], None)
    assert second["metadata"] == {"tags": ["parameters"]}
    assert set(cleaned["metadata"]) == {"kernelspec", "language_info"}
    assert cleaned["metadata"]["kernelspec"]["name"] == "python3"
    assert "version" not in cleaned["metadata"]["language_info"]
    assert notebooks.clean(cleaned) == cleaned
    assert notebooks.clean(notebook("a = 1\nb = 2"))["cells"][0]["source"] == ["a = 1\n", "b = 2"]
    nbformat.validate(nbformat.from_dict(cleaned))


def test_clean_gives_old_cells_an_id_that_is_free():
    old = notebook("a = 1", "b = 2")
    old["nbformat_minor"] = 4
    del old["cells"][0]["id"]
    old["cells"][1]["id"] = "cell-0"
    cleaned = notebooks.clean(old)
    assert len({cell["id"] for cell in cleaned["cells"]}) == 2
    assert cleaned["nbformat_minor"] == 5
    nbformat.validate(nbformat.from_dict(cleaned))


def test_verify_names_what_is_not_clean(tmp_path, capsys):
    path = tmp_path / "n.ipynb"
    notebooks.write(path, dirty())
    assert notebooks.main(["verify", str(path)]) == 1
    assert "n.ipynb is not clean" in capsys.readouterr().out
    assert notebooks.main(["clean", str(path)]) == 0
    assert notebooks.main(["verify", str(path)]) == 0
    assert notebooks.main(["verify"]) == 0


def test_ruff_and_clean_agree_on_the_form_of_the_file(tmp_path):
    path = tmp_path / "n.ipynb"
    notebooks.write(path, notebooks.clean(notebook("x = { 'a':1 }\nprint( x,'ä' )")))
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(path)], check=True)
    assert "".join(notebooks.read(path)["cells"][0]["source"]) == 'x = {"a": 1}\nprint(x, "ä")'
    assert notebooks.main(["verify", str(path)]) == 0


def test_nbstripout_finds_nothing_left(tmp_path):
    path = tmp_path / "n.ipynb"
    notebooks.write(path, notebooks.clean(dirty()))
    command = [sys.executable, "-m", "nbstripout", "--verify", "--keep-id", str(path)]
    assert subprocess.run(command).returncode == 0


def test_a_file_that_is_no_notebook_is_named(tmp_path):
    path = tmp_path / "n.ipynb"
    for text, message in (("{", "not JSON"), ("{}", "not a notebook of format 4")):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=message):
            notebooks.read(path)


def test_code_from_the_command_line(tmp_path):
    notebooks.write(tmp_path / "n.ipynb", notebook("import companion.params"))
    notebooks.write(tmp_path / "m.ipynb", notebook("x = 1"))
    out = tmp_path / "build" / "code"
    notebooks.main(["code", str(out), str(tmp_path / "n.ipynb"), str(tmp_path / "m.ipynb")])
    made = (out / "n.py").read_text(encoding="utf-8")
    assert made.startswith("import companion.params\n\n# olmlib ")
    assert (out / "m.py").is_file()


def test_a_notebook_that_is_not_python_is_named(tmp_path):
    notebooks.write(tmp_path / "n.ipynb", notebook("x = = 1"))
    with pytest.raises(SystemExit, match="n.ipynb, code cell 1: invalid syntax"):
        notebooks.main(["code", str(tmp_path), str(tmp_path / "n.ipynb")])


def test_tidy_drops_what_a_cell_says_of_its_progress():
    output = {"output_type": "stream", "name": "stdout", "text": "3/5 reused"}
    cells = [
        {"cell_type": "code", "metadata": {"tags": tags}, "source": "", "outputs": [output]}
        for tags in (["progress"], [])
    ]
    tidied = notebooks.tidy({"metadata": {}, "nbformat": 4, "nbformat_minor": 5, "cells": cells})
    assert [len(cell["outputs"]) for cell in tidied["cells"]] == [0, 1]
