"""One entry per data set: what is known of each, and that a new one needs nothing else."""

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import tiny_release
import yaml
from dvc.repo import Repo
from made_runs import execute

from companion import params, registry, settings
from companion.data import cremad, sections
from companion.miniature import ks, plan, vggsound
from companion.miniature.__main__ import main
from companion.miniature.sounds.voices import Sources
from companion.paper import table1
from companion.runs.grid import runs_of
from companion.runs.sources import ROOT, closure
from companion.table1 import numbers

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PRINTED = ROOT / "data" / "paper" / "table1.csv"


def load_new(root, own):
    return replace(cremad.load(root, own.split), name="new")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A repository with one data set more: an entry, a loader, and its lines in params.yaml."""
    entry = registry.DataSet(
        title="New Set", section=settings.DataSet, load=load_new, table="table1"
    )
    monkeypatch.setitem(registry.DATASETS, "new", entry)
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    tree["table1_sets"].append("new")
    for profile in tree["profiles"].values():
        profile["new"] = {
            "prepare": tiny_release.CONFIG.model_dump(mode="json"),
            "model": {"width": 8},
            "train": {"epochs": 1, "batch_size": 8, "lr": 0.01},
        }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))
    return tmp_path


@pytest.mark.parametrize("name", registry.DATASETS)
def test_every_entry_is_whole(name):
    entry = registry.DATASETS[name]
    assert callable(entry.load) and entry.title
    assert entry.section in get_args(registry.AnySection)
    assert (entry.make is None) == (entry.size is None)
    if entry.column and PRINTED.is_file():
        assert table1(entry.column).notna().all(axis=None)


@pytest.mark.parametrize("name", ["ks", "vggsound"])
def test_clips_that_never_show_their_action_are_known_from_the_plan(name):
    size = sections.Miniature(clips=640)
    found = registry.hidden(name, ROOT / "data", size)
    planned = {"ks": ks.plan, "vggsound": vggsound.plan}[name](size)
    for clip in planned:
        # Where the camera is away for a while only, the action is seen.
        assert (clip.name in found) == (clip.away == (0, 10) and clip.elsewhere != "")
    assert 0.02 < len(found) / len(planned) < 0.09
    assert name != "vggsound" or "olm-vs-0015_000187" in found, (
        "a flute, with a ball in the picture"
    )


def test_faces_that_hide_their_emotion_are_known_from_the_plan(root):
    size = sections.Miniature(actors=12, clips=120)
    found = registry.hidden("cremad", root / "data", size)
    planned = plan.clips(Sources(root / "data" / "cremad"), 12, 120, 0)
    for clip in planned:
        assert (clip.name in found) == (clip.face.shown != clip.take.emotion)
    assert 0.02 < len(found) / len(planned) < 0.2


def test_of_real_recordings_nobody_knows_what_is_seen():
    for name in registry.DATASETS:
        assert registry.hidden(name, "nowhere", None) is None
    assert registry.hidden("mer2023", "nowhere", sections.Miniature(clips=400)) is None


def test_every_data_set_of_table_1_is_shown_there():
    sets = params.load().table1_sets
    assert [registry.DATASETS[name].table for name in sets] == ["table1"] * len(sets)


def test_a_new_data_set_is_prepared_and_shown(place, monkeypatch):
    monkeypatch.setattr("companion.notebooks.ROOT", place)
    raw = place / registry.raw("new", "smoke")
    assert raw == place / "raw/smoke/new"
    tiny_release.write_release(raw)
    names = execute(ROOT / "notebooks" / "01_prepare.ipynb", dataset="new", out="out")
    assert names["prepared"].meta["name"] == "new"
    assert (place / "prepared/smoke/new/meta.json").is_file()
    assert names["figure"].get_suptitle() == "New Set"
    assert (place / "out/clips_new.png").is_file() and (place / "out/clips_new.csv").is_file()


def test_a_new_data_set_has_its_runs_and_its_name_and_no_numbers_of_the_paper(place):
    found = runs_of("smoke", "new", root=place)
    own = {n for n, row in params.load().rows.items() if row.datasets is None}
    assert {run.name for run in found} == own
    assert {run.runs for run in found} == {place / "runs/smoke/table1/new"}
    assert numbers.title(found[0]) == "New Set"
    assert numbers.published("new") == {}


def test_a_new_data_set_has_its_stages_and_the_table_waits_for_them(place, monkeypatch):
    # DVC names stages from where one stands.
    monkeypatch.chdir(place)
    (place / "dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())
    with Repo.init(place, no_scm=True) as repo:
        stages = {stage.addressing: stage for stage in repo.index.stages}
        before = {s.addressing for s in repo.index.graph.successors(stages["table1"])}
    names = [name for name in stages if name.endswith("@new")]
    assert sorted(names) == ["imbalance@new", "miniature@new", "prepare@new", "train@new"]
    assert "profiles.mini.new" in stages["train@new"].deps[-1].params
    trained = {f"train@{name}" for name in params.load(place / "params.yaml").table1_sets}
    assert trained == {name for name in before if name.startswith("train")}


def test_no_other_file_knows_the_data_sets_of_table_1():
    listed = re.compile(r"cremad\W+ks\W+vggsound")
    for path in (*(ROOT / "companion").rglob("*.py"), *ROOT.glob("*.yaml"), *NOTEBOOKS):
        found = listed.search(path.read_text(encoding="utf-8"))
        assert not found or path.name in ("params.yaml", "registry.py"), path


def test_a_data_set_that_nobody_knows_is_named_with_those_that_exist(place):
    text = (place / "params.yaml").read_text()
    (place / "params.yaml").write_text(text.replace("    new:", "    news:", 1))
    known = "cremad, ks, vggsound, ave, mer2023, sunrgbd, new"
    message = rf"profiles.mini: news is neither .*\(seeds, workers\) nor a data set \({known}\)"
    with pytest.raises(ValueError, match=message):
        params.load(place / "params.yaml")
    (place / "params.yaml").write_text(text.replace("- new\n", "- mer2023\n", 1))
    with pytest.raises(ValueError, match="table1_sets.3: no data set 'mer2023' of arrays"):
        params.load(place / "params.yaml")
    with pytest.raises(ValueError, match=f"no data set 'avel'; there are {known}"):
        registry.load("avel", place, None)


def test_a_section_is_read_with_the_type_of_its_entry(place):
    profile = params.load(place / "params.yaml").profiles["mini"]
    for name, section in profile.datasets.items():
        assert type(section) is registry.DATASETS[name].section, name
    text = (place / "params.yaml").read_text()
    (place / "params.yaml").write_text(text.replace("frame_size: 16", "frame_size: big", 1))
    with pytest.raises(ValueError, match="profiles.mini.new.prepare.frame_size: "):
        params.load(place / "params.yaml")


def test_a_miniature_of_a_data_set_without_one_is_a_mistake(place):
    tree = yaml.safe_load((place / "params.yaml").read_text())
    tree["profiles"]["smoke"]["new"]["miniature"] = {"clips": 9}
    (place / "params.yaml").write_text(yaml.safe_dump(tree))
    with pytest.raises(ValueError, match="profiles.smoke: new has no miniature"):
        params.load(place / "params.yaml")


def test_the_command_line_offers_the_miniatures_that_there_are(capsys):
    with pytest.raises(SystemExit):
        main(["ravdess", "somewhere"])
    assert "choose from" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "default: cremad 24" in said
    assert "default: cremad 768, ks 800, vggsound 800, ave 770, mer2023 640" in said


@pytest.mark.parametrize("name", ["ave", "cremad", "ks", "vggsound", "mer2023"])
def test_a_miniature_does_not_depend_on_other_data_sets(name):
    assert not {"companion.registry", "companion.params"} & set(
        closure(f"companion.miniature.{name}")
    )
    assert Path("raw/mini", name) == registry.raw(name, "mini")
