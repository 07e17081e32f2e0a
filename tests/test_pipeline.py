"""The wiring of dvc.yaml: what is passed exists, what is read is made, what is made stays put."""

import re
import shlex
from pathlib import Path

import papermill
import pytest
import yaml
from dvc.repo import Repo

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def stages():
    with Repo(ROOT) as repo:
        return [stage for stage in repo.index.stages if stage.is_data_source is False]


RUN = ["python", "-m", "companion.notebooks", "run"]


def runs(stages):
    """Return each stage that runs a notebook, with the command's words after `run`."""
    for stage in stages:
        words = shlex.split(stage.cmd) if isinstance(stage.cmd, str) else []
        if words[: len(RUN)] == RUN:
            yield stage, words[len(RUN) :]


def passed(words):
    names = {words[i + 1] for i, word in enumerate(words) if word == "-p"}
    for i, word in enumerate(words):
        if word == "-y":
            names |= yaml.safe_load(words[i + 1]).keys()
    return names


def test_every_passed_parameter_is_in_the_notebook(stages):
    checked = 0
    for _, words in runs(stages):
        known = papermill.inspect_notebook(words[0]).keys()
        assert passed(words) <= known, words[0]
        checked += 1
    assert checked >= 11


def test_every_notebook_is_run_by_the_one_command_and_is_an_output(stages):
    for stage in stages:
        assert "papermill" not in str(stage.cmd), stage.addressing
    for stage, words in runs(stages):
        assert words[1] in [str(out.def_path) for out in stage.outs], stage.addressing


def test_opened_by_hand_a_notebook_never_touches_a_result(stages):
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        defaults = papermill.inspect_notebook(str(notebook))
        for name, value in (("profile", "smoke"), ("out", "results/smoke")):
            if name in defaults:
                assert value in defaults[name]["default"], notebook.name


def test_every_notebook_is_a_stage_behind_its_code(stages):
    used = set()
    for stage, words in runs(stages):
        used.add(Path(words[0]).stem)
        code = f"build/code/{Path(words[0]).stem}.py"
        assert code in [str(dep.def_path) for dep in stage.deps], stage.addressing
    assert used == {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}


def test_only_results_are_in_git_and_nothing_is_pushed(stages):
    for stage in stages:
        for out in stage.outs:
            place = out.def_path
            if place.startswith("results/"):
                assert not out.use_cache, place
            elif out.use_cache:
                assert not out.can_push, place


def test_what_a_stage_runs_is_found_by_the_rule_alone(stages):
    """Each depends on a file of `code`; no stage names folders or modules of ours by memory."""
    for stage in stages:
        deps = [str(dep.def_path) for dep in stage.deps]
        if stage.addressing == "code":
            assert {"companion", "olmlib", "notebooks", "requirements.lock"} == set(deps)
            continue
        assert [dep for dep in deps if dep.startswith("build/code/")], stage.addressing
        if stage.addressing != "book":  # whose input is prose, docstrings included
            assert not [dep for dep in deps if dep.startswith(("olmlib", "companion"))], deps


def test_data_can_be_had_without_a_network():
    config = (ROOT / ".dvc" / "config").read_text()
    assert re.search(r"url = \.\./\.dvcstore", config)
    described = yaml.safe_load((ROOT / "data.dvc").read_text())["outs"][0]
    stored = list((ROOT / ".dvcstore").rglob("*"))
    assert described["md5"].removesuffix(".dir")[2:] in " ".join(p.name for p in stored)
    assert sum(p.stat().st_size for p in stored if p.is_file()) < 10_000_000


def test_the_locks_name_no_stage_that_is_gone(stages):
    known = {stage.addressing.split("dvc.yaml:")[-1] for stage in stages}
    for lock in (ROOT / "dvc.lock", *ROOT.glob("study/dvc.lock")):
        gone = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"].keys() - known
        assert not gone, f"{lock}: {gone}"
