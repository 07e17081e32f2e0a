"""params.yaml: what is there, and what a mistake in it says."""

from pathlib import Path

import pytest
import yaml

from companion import params

TEXT = (Path(__file__).resolve().parent.parent / "params.yaml").read_text(encoding="utf-8")


def write(tmp_path, change):
    tree = yaml.safe_load(TEXT)
    change(tree)
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def mer(tree):
    return tree["profiles"]["mini"]["mer2023"]


def train(tree):
    return tree["profiles"]["mini"]["cremad"]["train"]


def test_all_profiles_are_read():
    known = params.load()
    assert known.profile == "mini"
    assert {"mini", "smoke", "paper"} <= known.profiles.keys()
    paper = known.profiles["paper"].dataset("cremad")
    assert (paper.model.width, paper.train.lr, paper.train.epochs) == (64, 1e-3, 100)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: train(t).update(epoch=3),
            "cremad.train.epoch is no option",
        ),
        (
            lambda t: train(t).update(epochs="many"),
            "train.epochs is 'many'",
        ),
        (
            lambda t: train(t).update(epochs=2.5),
            "train.epochs is 2.5",
        ),
        (
            lambda t: train(t).update(flip="yes"),
            "train.flip is 'yes'",
        ),
        (lambda t: train(t).update(lr=-1), "train.lr is -1"),
        (lambda t: train(t).pop("lr"), "train.lr is missing"),
        (lambda t: t["profiles"]["mini"].update(seeds=[]), "mini.seeds"),
        (lambda t: t["rows"]["olm"].update(option={}), "rows.olm.option"),
        (lambda t: t.update(profile="tiny"), "profile 'tiny' is not one of"),
        (
            lambda t: t["profiles"]["mini"].update(seeds=[0, 0]),
            "mini.seeds: seeds .0, 0. repeat",
        ),
        (
            lambda t: t["profiles"]["mini"]["sunrgbd"].update(seeds=[1, 1]),
            "mini.sunrgbd.seeds: seeds .1, 1. repeat",
        ),
        (
            lambda t: t["profiles"]["mini"]["sunrgbd"]["model"].update(inputs={"rgb": 3}),
            "mini.sunrgbd: model.inputs follow from the data",
        ),
        (
            lambda t: t["profiles"]["mini"]["sunrgbd"]["train"].update(batch_size=1),
            "mini.sunrgbd: train.batch_size is 1",
        ),
        (
            lambda t: t["profiles"]["mini"]["sunrgbd"]["prepare"].update(encoding="hha"),
            "mini.sunrgbd.prepare.encoding: .*'grey' or 'normals'",
        ),
        (lambda t: t["fig4"].pop("olm"), "fig4.olm: Field required"),
        (
            lambda t: t["fig4"]["olm"].update(datasets=["cremad"]),
            "fig4: olm cannot have datasets",
        ),
        (
            lambda t: t["fig4"]["olm"].update(model={"hiden": [3]}),
            "fig4.olm.model.hiden is no option",
        ),
        (lambda t: mer(t)["prepare"]["widths"].pop("hog"), "mer2023.prepare: features are of"),
        (lambda t: mer(t)["model"].update(n_heads=5), "model.d_model 32 .* by n_heads 5"),
        (lambda t: mer(t).update(model=3), "mini.mer2023.model: "),
        (
            lambda t: t["table3"]["combinations"].update(A=["adio"]),
            "table3.combinations.A: profile mini has no features of adio; it has audio, hog",
        ),
        (
            lambda t: t["table3"]["combinations"].update({"A+A": ["audio", "audio"]}),
            "combinations.A.A: audio, audio repeat",
        ),
        (
            lambda t: t["table3"]["fusions"]["olm_t_mbt"]["model"].update(fusoin="mbt"),
            r"1 error.*\n  table3.fusions.olm_t_mbt.model.fusoin is no option",
        ),
        (
            lambda t: t["table3"]["without_olm"]["model"].update(n_heads=3),
            "table3.without_olm.model.d_model 32 is not divisible by n_heads 3",
        ),
        (
            lambda t: t["table3"]["unimodal"].update(model={"inputs": {}}, datasets=["ks"]),
            "table3.unimodal cannot have model.inputs, datasets",
        ),
        (
            lambda t: t["rows"]["concat"].update(model={"widht": 32}),
            r"params.yaml has 1 error.*\n  rows.concat.model.widht is no option",
        ),
        (
            lambda t: t["rows"]["concat"].update(model={"width": 4}),
            "rows.concat.model.width is 4, not a whole number from 8",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        params.load(write(tmp_path, change))


def test_a_file_in_another_encoding_is_a_clear_error(tmp_path):
    (tmp_path / "params.yaml").write_bytes("# f\u00fcr mini\n".encode("latin-1"))
    with pytest.raises(ValueError, match="params.yaml is not UTF-8 text: byte 3 is 0xfc; save it"):
        params.load(tmp_path / "params.yaml")


def test_broken_yaml_and_a_missing_file(tmp_path):
    (tmp_path / "params.yaml").write_text("a: [1")
    with pytest.raises(ValueError, match="not valid YAML"):
        params.load(tmp_path / "params.yaml")
    with pytest.raises(FileNotFoundError, match="root of the repository"):
        params.load(tmp_path / "none.yaml")


def test_an_unknown_data_set_names_those_that_exist():
    with pytest.raises(ValueError, match="cremad, ks, vggsound, mer2023"):
        params.load().profiles["mini"].dataset("imagenet")
