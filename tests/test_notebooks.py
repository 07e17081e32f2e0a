import json
import subprocess
import sys

import nbformat
import pytest

from companion import kernel, notebooks
from companion.runs.sources import closure, digest, imported


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
    assert after["olmlib.part.d"] == digest("")


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


def notebook(*sources):
    made = nbformat.v4.new_notebook()
    made.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    made.metadata["kernelspec"] = {"display_name": "x", "language": "python", "name": "python3"}
    return made


def test_code_is_the_same_after_prose_outputs_and_ids_change():
    plain = notebook("from companion import params", "%matplotlib inline\nx = 1")
    edited = notebook("from companion import params", "%matplotlib inline\nx = 1")
    edited["cells"].insert(1, {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "hi"})
    edited["cells"][0]["execution_count"] = 7
    assert notebooks.code(plain) == notebooks.code(edited)
    known = closure("companion.params")["companion.params"]
    assert f"# companion.params {known}\n" in notebooks.code(plain)
    assert notebooks.code(plain) != notebooks.code(
        notebook("from companion import params", "x = 2")
    )


def test_code_names_the_cell_that_is_not_python():
    with pytest.raises(SyntaxError, match="code cell 2"):
        notebooks.code(notebook("x = 1", "x = = 2"))


def execute(source, out, *options):
    """Run the command in a process of its own, whose environment it sets."""
    command = [sys.executable, "-m", "companion.notebooks", "run", str(source), str(out), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


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


def test_two_executions_are_the_same_bytes(tmp_path):
    # Of as many widgets one made nbclient wait for ever, before it was kept from answering them.
    source = notebook(PARAMETERS, FIGURE, *[WIDGET] * 40)
    source["cells"][0]["metadata"]["tags"] = ["parameters"]
    notebooks.write(tmp_path / "n.ipynb", source)
    texts = []
    for name in ("first", "second"):
        out = tmp_path / name / "n.ipynb"
        execute(tmp_path / "n.ipynb", out, "-p", "seed", "3")
        texts.append(out.read_text(encoding="utf-8"))
    assert texts[0] == texts[1]
    outputs = [output for cell in json.loads(texts[0])["cells"] for output in cell["outputs"]]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert any("second" in "".join(output.get("text", "")) for output in outputs)
    assert str(tmp_path) not in texts[0]
    nbformat.validate(nbformat.reads(texts[0], as_version=4))


def test_parameters_are_yaml_and_a_booleans_word_is_one(tmp_path):
    source = notebook("text = flag = names = rate = None", "print([text, flag, names, rate])")
    source.cells[0].metadata["tags"] = ["parameters"]
    notebooks.write(tmp_path / "n.ipynb", source)
    words = "-p text results/mini -p flag true -y"
    options = [*words.split(), "{names: [a, b], rate: 0.1}"]
    done = execute(tmp_path / "n.ipynb", tmp_path / "out.ipynb", *options)
    assert not done.returncode, done.stderr
    (output,) = notebooks.read(tmp_path / "out.ipynb").cells[-1].outputs
    assert output.text == "['results/mini', True, ['a', 'b'], 0.1]\n"
    # Whoever waits for a long cell sees what it prints.
    assert "['results/mini', True" in done.stderr


def test_a_notebook_that_fails_says_where_and_leaves_its_copy(tmp_path):
    notebooks.write(tmp_path / "n.ipynb", notebook("print('so far')", "1 / 0", "print('never')"))
    done = execute(tmp_path / "n.ipynb", tmp_path / "out.ipynb")
    assert done.returncode == 1
    assert "ZeroDivisionError: division by zero" in done.stderr
    copy = (tmp_path / "out.ipynb").read_text(encoding="utf-8")
    assert "so far\\n" in copy and "ZeroDivisionError" in copy


def test_jupyterlab_is_opened_in_the_notebooks_folder(monkeypatch):
    monkeypatch.setattr(kernel, "isolate", lambda: None)
    became = []
    monkeypatch.setattr(notebooks.os, "execv", lambda path, words: became.extend([path, words]))
    notebooks.main(["lab", "--no-browser", "--port", "9999"])
    program, words = became
    assert program == sys.executable and words[1:3] == ["-m", "jupyterlab"]
    assert "--LabApp.default_url=/lab/tree/notebooks" in words
    assert words[-3:] == ["--no-browser", "--port", "9999"]


def test_what_a_command_does_not_know_is_an_error():
    with pytest.raises(SystemExit):
        notebooks.main(["verify", "--no-browser"])


def dirty():
    made = notebook("x = 1", "y = 2")
    made.cells[0].update({"id": "mine", "execution_count": 3})
    made.cells[0].outputs = [nbformat.v4.new_output("stream", text="1")]
    extra = {"papermill": {}, "collapsed": True, "init_cell": True, "slideshow": {}}
    made.cells[1].metadata.update({"tags": ["parameters"], **extra})
    made["metadata"] = {
        "papermill": {"duration": 1.0},
        "kernelspec": {"display_name": "mine", "language": "python", "name": "my-env"},
        "language_info": {"name": "python", "version": "3.11.7", "file_extension": ".py"},
    }
    return nbformat.from_dict(made)


def test_clean_keeps_code_ids_and_tags_and_nothing_of_a_run():
    cleaned = notebooks.clean(dirty())
    first, second = cleaned["cells"]
    assert (first["id"], first["outputs"], first["execution_count"]) == ("mine", [], None)
    assert second["metadata"] == {"tags": ["parameters"]}
    assert set(cleaned["metadata"]) == {"kernelspec", "language_info"}
    assert cleaned["metadata"]["kernelspec"]["name"] == "python3"
    assert cleaned["metadata"]["language_info"] == {"name": "python"}
    assert notebooks.clean(cleaned) == cleaned
    assert '"a = 1\\n",\n    "b = 2"' in notebooks.text(notebooks.clean(notebook("a = 1\nb = 2")))
    nbformat.validate(cleaned)


def test_clean_gives_the_cells_of_an_older_format_ids():
    old = notebook("a = 1", "b = 2")
    old.nbformat_minor = 4
    for cell in old.cells:
        del cell["id"]
    cleaned = notebooks.clean(old)
    assert len({cell.id for cell in cleaned.cells}) == 2
    assert cleaned.nbformat_minor == 5
    nbformat.validate(cleaned)


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
    for text in ("{", "{}", "[]", '{"nbformat": 4}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match="n.ipynb is no notebook: "):
            notebooks.read(path)


def test_code_from_the_command_line(tmp_path):
    notebooks.write(tmp_path / "n.ipynb", notebook("import companion.params"))
    notebooks.write(tmp_path / "m.ipynb", notebook("x = 1"))
    out = tmp_path / "build" / "code"
    notebooks.main(["code", str(out), str(tmp_path / "n.ipynb"), str(tmp_path / "m.ipynb")])
    made = (out / "n.py").read_text(encoding="utf-8")
    assert made.startswith("import companion.params\n\n# companion ")
    assert (out / "m.py").is_file()


def test_a_notebook_that_is_not_python_is_named(tmp_path):
    notebooks.write(tmp_path / "n.ipynb", notebook("x = = 1"))
    with pytest.raises(SystemExit, match="n.ipynb, code cell 1: invalid syntax"):
        notebooks.main(["code", str(tmp_path), str(tmp_path / "n.ipynb")])


def test_tidy_drops_what_a_cell_says_of_its_progress():
    executed = notebook("print('3/5 reused')", "print('3/5 reused')")
    executed.metadata.language_info = {"name": "python"}
    for cell, tags in zip(executed.cells, (["progress"], []), strict=True):
        cell.metadata["tags"] = tags
        cell.outputs = [nbformat.v4.new_output("stream", text="3/5 reused\n")]
    tidied = notebooks.tidy(executed)
    assert [len(cell["outputs"]) for cell in tidied["cells"]] == [0, 1]
