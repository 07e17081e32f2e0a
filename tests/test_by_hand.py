"""What must have run before a notebook can be opened by hand is known."""

import re
from pathlib import Path

import papermill
import pytest
import yaml

from companion import by_hand


def ran(root):
    """Notebook -> what its stage writes and which values it gets, at smoke size, of CREMA-D."""
    stages = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for stage in stages.values():
        stage = stage.get("do", stage)
        text = yaml.safe_dump(stage, width=10_000).replace("${profile}", "smoke")
        stage = yaml.safe_load(text.replace("${item}", "cremad"))
        found = re.search(r"notebooks run notebooks/(\d\d_\w+)\.ipynb", stage["cmd"])
        if found:
            writes = [next(iter(out)) if isinstance(out, dict) else out for out in stage["outs"]]
            yield found[1], writes, dict(re.findall(r"-p (\w+) (\S+)", stage["cmd"]))


def test_notebooks_that_write_what_others_read_are_made_ready(root):
    makers = {
        n for n, outs, _ in ran(root) if any(o.startswith(("prepared", "runs")) for o in outs)
    }
    assert makers == {*by_hand.MAKERS} and len(makers) == 5
    assert list(by_hand.MAKERS) == sorted(by_hand.MAKERS)


def test_opened_by_hand_a_notebook_has_the_values_of_its_small_stage(root):
    for name, _, values in ran(root):
        known = papermill.inspect_notebook(str(root / "notebooks" / f"{name}.ipynb"))
        for parameter, value in values.items():
            assert yaml.safe_load(known[parameter]["default"]) == value, (name, parameter)


def test_a_notebook_that_fails_is_named_and_its_error_shown(monkeypatch, tmp_path, capsys):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "00_bad.ipynb").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(by_hand, "ROOT", tmp_path)
    monkeypatch.setattr(by_hand, "OUT", Path(tmp_path))
    with pytest.raises(SystemExit, match="00_bad fails when it is opened by hand"):
        by_hand.main(["check"])
    assert "ValidationError" in capsys.readouterr().err
