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


def papermills(stages):
    for stage in stages:
        commands = stage.cmd if isinstance(stage.cmd, list) else [stage.cmd]
        for command in commands:
            words = shlex.split(command)
            if words[0] == "papermill":
                yield stage, words


def passed(words):
    names = {words[i + 1] for i, word in enumerate(words) if word == "-p"}
    for i, word in enumerate(words):
        if word == "-y":
            names |= yaml.safe_load(words[i + 1]).keys()
    return names


def test_every_passed_parameter_is_in_the_notebook(stages):
    checked = 0
    for _, words in papermills(stages):
        known = papermill.inspect_notebook(words[1]).keys()
        assert passed(words) <= known, words[1]
        checked += 1
    assert checked >= 11


def test_booleans_and_lists_do_not_go_by_p(stages):
    for _, words in papermills(stages):
        values = [words[i + 2] for i, word in enumerate(words) if word == "-p"]
        assert not [v for v in values if v.lower() in ("true", "false") or v[0] in "[{"]


def test_every_executed_notebook_is_tidied_and_has_the_kernel_of_the_environment(stages):
    for stage, words in papermills(stages):
        assert f"python -m companion.notebooks tidy {words[2]}" in stage.cmd
        assert words[words.index("-k") + 1] == "python3"


def test_opened_by_hand_a_notebook_never_touches_a_result(stages):
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        defaults = papermill.inspect_notebook(str(notebook))
        for name, value in (("profile", "smoke"), ("out", "results/smoke")):
            if name in defaults:
                assert value in defaults[name]["default"], notebook.name


def test_every_notebook_is_a_stage_behind_its_code(stages):
    used = set()
    for stage, words in papermills(stages):
        used.add(Path(words[1]).stem)
        code = f"build/code/{Path(words[1]).stem}.py"
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


def test_a_method_loaded_by_name_is_a_dependency_of_training(stages):
    training = [s for s in stages if s.addressing.split(":")[-1].split("@")[0] == "train"]
    assert len(training) == 4
    for stage in training:
        assert "olmlib/methods" in [str(dep.def_path) for dep in stage.deps]


def test_data_can_be_had_without_a_network():
    config = (ROOT / ".dvc" / "config").read_text()
    assert re.search(r"url = \.\./\.dvcstore", config)
    described = yaml.safe_load((ROOT / "data.dvc").read_text())["outs"][0]
    stored = list((ROOT / ".dvcstore").rglob("*"))
    assert described["md5"].removesuffix(".dir")[2:] in " ".join(p.name for p in stored)
    assert sum(p.stat().st_size for p in stored if p.is_file()) < 10_000_000
