"""What a reader's mistake says before any work: the file, the line and the place."""

import re

import nbformat
import pytest
import torch
import yaml

from companion import notebooks, params
from companion.runs import check
from companion.runs.sources import ROOT, closure, versions
from olmlib.methods import base, table


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"import torch\n\nclass Scheme\n    pass\n", r"line 3: expected ':'"),
        (b"def f():\nreturn 1\n", r"line 2: expected an indented block"),
        (b"x = (1,\n", r"line 1: '\(' was never closed"),
        (b"if x:\n\tpass\n        pass\n", r"line 3: "),
        ("# für Löwen\nx = 1\n".encode("latin-1"), r"line 1: byte 0xfc is not utf-8; save"),
        (b"a = 1\nb = 2\nc = 3\nd = '\xfc'\n", r"line 4: byte 0xfc is not utf-8; save the file as"),
        (b"# coding: nonsense\n", r"line 1: .*nonsense"),
        ("x = 'ü'".encode("utf-16"), r"line 1: byte 0xff is not utf-8; save"),
        (b"x = 1\n\nfrom olmlib.mehtods.base import Method\n", 
         r"line 3: there is no module olmlib.mehtods"),
        (b"def f():\n    from . import base\n    from .nothing import x\n",
         r"line 3: there is no module olmlib.methods.nothing"),
        (b"import torch\nimport numpyy.linalg\n", r"line 2: no package numpyy is installed"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_module_is_named_with_file_and_line(tmp_path, content, says):
    for name in ("olmlib/__init__.py", "olmlib/methods/__init__.py", "olmlib/methods/base.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    path = tmp_path / "olmlib" / "methods" / "mine.py"
    path.write_bytes(content)
    with pytest.raises((SyntaxError, ModuleNotFoundError)) as error:
        versions(closure("olmlib.methods.mine", root=tmp_path), root=tmp_path)
    assert re.match(f"{re.escape(str(path))}, {says}", str(error.value)), error.value
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content",
    ["x = 'ü'\n".encode("utf-8-sig"), "# coding: latin-1\nx = 'ü'\n".encode("latin-1"),
     "x = 'ü'\r\n".encode()],
)  # fmt: skip
def test_what_python_reads_is_read(tmp_path, content):
    (tmp_path / "olmlib").mkdir()
    (tmp_path / "olmlib" / "__init__.py").write_bytes(content)
    assert closure("olmlib", root=tmp_path).keys() == {"olmlib"}


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("x = 1\nif x\n    pass", r"code cell 2: expected ':' \(line 2\)"),
        ("%matplotlib inline\nimport olmlib.nothing", "code cell 2, line 2: there is no module"),
        ("from companion.table9 import text", "code cell 2, line 1: there is no module"),
    ],
)
def test_a_mistake_in_a_notebook_is_named_with_its_cell(tmp_path, cell, says):
    path = tmp_path / "mine.ipynb"
    cells = [nbformat.v4.new_code_cell(source) for source in ("y = 2", cell)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    with pytest.raises(SystemExit, match=f"mine.ipynb, {says}"):
        notebooks.main(["code", str(tmp_path / "out"), str(path)])


def changed(tmp_path, change):
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    change(tree)
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def keep(tree, rows):
    tree["rows"] = {name: row for name, row in tree["rows"].items() if name in rows}
    study = tree["study"]
    study["rows"] = study["miniatures"]["rows"] = ["concat"]
    study["only"] = study["tuning"]["own"] = {}


class Foreign:
    def __init__(self, seed=0):
        pass


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t["rows"]["audio_only"].update(options={"modality": "smell"}),
         "params.yaml, rows.audio_only: there is no modality 'smell'; there are audio, visual"),
        (lambda t: t["rows"]["concat"].update(options={"seed": 1}),
         "params.yaml, rows.concat: seed is no option"),
        (lambda t: t["rows"]["concat"].update(method="foreign"), "foreign is no .*Method"),
        (lambda t: t["table3"]["without_olm"].update(model={"fusion": "attention"}),
         "params.yaml, table3.without_olm: this method needs a head per modality"),
    ],
)  # fmt: skip
def test_a_row_that_has_no_network_is_named(tmp_path, change, says, monkeypatch):
    monkeypatch.setitem(table.METHODS, "foreign", Foreign)

    def few(tree):
        change(tree)
        # Other rows' networks take time and are the same in every case.
        kept = ("audio_only", "concat", params.ALGORITHM1)
        keep(tree, kept)

    with pytest.raises(ValueError, match=says):
        check.profile(changed(tmp_path, few))


def test_a_hook_that_cannot_or_would_not_be_called_is_named():
    class Mine(base.Method):
        def los(self, outputs, labels):
            return 0

        def after_bakward(self, model):
            pass

        def predict(self):
            return 0

        def after_step(self, *everything):
            pass

        def measure(self):
            pass

    said = check.hooks(Mine, base.Method)
    assert len(said) == 3 and any("los is no hook" in line for line in said)
    assert any(f"{__file__}, line" in line and "after_bakward is no hook" in line for line in said)
    assert any("predict must take (self, heads" in line for line in said)


def test_the_methods_that_are_there_have_hooks_that_can_be_called():
    for kind in table.METHODS.values():
        assert not check.hooks(kind, base.Method)


def test_a_device_that_is_not_there_is_named_with_its_place(tmp_path, monkeypatch):
    def change(tree):
        keep(tree, ("concat", params.ALGORITHM1))
        tree["profiles"]["mini"]["cremad"]["train"]["device"] = "cuda:7"

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(RuntimeError, match="mini.cremad: train.device is 'cuda:7'.*sees 2"):
        check.profile(changed(tmp_path, change))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(RuntimeError, match="profiles.mini.cremad: .*sees no GPU; set it to cpu"):
        check.profile(changed(tmp_path, change))


def test_other_errors_say_where_in_our_code_they_are():
    try:
        params.Row(method="joint").network(None)
    except Exception as error:
        said = check.located(error)
    assert re.match(rf"{re.escape(str(ROOT))}/olmlib/check.py, line \d+: \w+Error: ", said)
