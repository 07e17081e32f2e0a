"""params.yaml: what is there, and what a mistake in it says."""

from pathlib import Path

import pytest
import yaml

from olmlib import params

TEXT = (Path(__file__).resolve().parent.parent / "params.yaml").read_text(encoding="utf-8")


def write(tmp_path, change):
    tree = yaml.safe_load(TEXT)
    change(tree)
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def test_all_profiles_are_read():
    known = params.load()
    assert known.profile == "mini"
    assert {"mini", "smoke", "paper"} <= known.profiles.keys()
    paper = known.profiles["paper"].dataset("cremad")
    assert (paper.model.width, paper.train.lr, paper.train.epochs) == (64, 1e-3, 100)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t["profiles"]["mini"]["cremad"]["train"].update(epoch=3), "cremad.train.epoch"),
        (lambda t: t["profiles"]["mini"]["cremad"]["train"].update(epochs="many"), "train.epochs"),
        (lambda t: t["profiles"]["mini"]["cremad"]["train"].update(epochs=2.5), "train.epochs"),
        (lambda t: t["profiles"]["mini"]["cremad"]["train"].update(flip="yes"), "train.flip"),
        (lambda t: t["profiles"]["mini"]["cremad"]["train"].update(lr=-1), "train.lr"),
        (lambda t: t["profiles"]["mini"]["cremad"]["train"].pop("lr"), "train.lr"),
        (lambda t: t["profiles"]["mini"].update(seeds=[]), "mini.seeds"),
        (lambda t: t["rows"]["olm"].update(option={}), "rows.olm.option"),
        (lambda t: t.update(profile="tiny"), "profile 'tiny' is not one of"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        params.load(write(tmp_path, change))


def test_broken_yaml_and_a_missing_file(tmp_path):
    (tmp_path / "params.yaml").write_text("a: [1")
    with pytest.raises(ValueError, match="not valid YAML"):
        params.load(tmp_path / "params.yaml")
    with pytest.raises(FileNotFoundError, match="root of the repository"):
        params.load(tmp_path / "none.yaml")


def test_an_unknown_data_set_names_those_that_exist():
    with pytest.raises(ValueError, match="cremad, ks, vggsound, avmnist"):
        params.load().profiles["mini"].dataset("imagenet")
