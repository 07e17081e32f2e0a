"""Every value of params.yaml that cannot work is refused when the file is read, with its place."""

import copy
import math

import pytest
import yaml

from companion import params
from companion.runs import grid
from companion.runs.sources import ROOT

TREE = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
INF, NAN, MISSING = math.inf, math.nan, object()
# No number of any kind; whole and real numbers refuse more.
NO_NUMBER = [True, None, "1", [1], {}, INF, -INF, NAN, 10**400]
SIZES = [*NO_NUMBER, 0, -1, 1.0, 1.5, 2**31]
SEEDS = [*NO_NUMBER, -1, 0.0, 2**32]
FLAGS = [0, 1, "true", "yes", None, []]
WORDS = ["", "nothing", 1, True, None, []]

CREMAD, MER = "profiles.mini.cremad", "profiles.mini.mer2023"
VALUES = {
    "profile": WORDS,
    "table1_sets": [[], "cremad", ["imagenet"], ["cremad", "cremad"], ["mer2023"], [1], None],
    "rows": [{}, [], None, {"a/b": {"method": "joint"}}, {"": {"method": "joint"}}, {"..": {}}],
    "rows.concat.method": [None, 1, []],
    "rows.concat.options": [None, [], "sum"],
    "rows.concat.datasets": [[], ["imagenet"], ["ks", "ks"], "ks"],
    "rows.concat.model": [
        {"width": 4}, {"width": 10**6}, {"widht": 8}, {"init": "xavier"}, {"encoders": {}},
        {"encoders": {"smell": "frames"}}, {"encoders": {"audio": "frames"}}, None,
    ],
    "algorithm1": [MISSING, None, {}, {"dataset": "cremad"}],
    "algorithm1.dataset": [*WORDS, "imagenet", "mer2023", "ravdess"],
    "algorithm1.eta": [[], 0.001, [0.01, 0.01], *([value] for value in [*NO_NUMBER, 0, -1, 1e39])],
    "algorithm1.steps": [[], 20, [5, 5], *([value] for value in SIZES)],
    "rows.olm_paper": [MISSING],
    "profiles.mini": [None, [], {}, {"seeds": [0]}],
    "profiles.mini.imagenet": [{}, None],
    "profiles.mini.seeds": [[], 0, None, [0, 0], *([value] for value in SEEDS)],
    "profiles.mini.workers": [*SIZES, 10**6],
    f"{CREMAD}": [None, {}, []],
    f"{CREMAD}.miniature.actors": SIZES,
    f"{CREMAD}.miniature.clips": SIZES,
    f"{CREMAD}.miniature.seed": SEEDS,
    "profiles.mini.ks.miniature.actors": [1, 24],
    "profiles.mini.ks.prepare.split": ["actor"],
    f"{CREMAD}.prepare.split": WORDS,
    f"{CREMAD}.prepare.dev_fraction": [*NO_NUMBER, 0, 0.0, 1, 1.0, -0.1, 1.5],
    f"{CREMAD}.prepare.seed": SEEDS,
    f"{CREMAD}.prepare.frontend": [*WORDS, "olm_code"],
    f"{CREMAD}.prepare.sample_rate": [*SIZES, 100, 10**6],
    f"{CREMAD}.prepare.seconds": [*NO_NUMBER, 0, -3.0, 1e-9, 0.01, 1e300, 10**9],
    f"{CREMAD}.prepare.audio_pool": [*SIZES, 258, 300],
    f"{CREMAD}.prepare.n_frames": SIZES,
    f"{CREMAD}.prepare.frame_size": [*SIZES, 1, 6, 10**6],
    f"{CREMAD}.prepare.drop_broken": FLAGS,
    f"{CREMAD}.prepare.max_rejected": [*NO_NUMBER, -0.1, 1.1],
    f"{CREMAD}.prepare.pca_energy": [*NO_NUMBER, 0, 1.1],
    f"{CREMAD}.prepare.audio_noise": [*NO_NUMBER, -1, 1e39],
    f"{CREMAD}.model.width": [*SIZES, 4, 10**6],
    f"{CREMAD}.model.init": WORDS,
    f"{CREMAD}.train.epochs": SIZES,
    f"{CREMAD}.train.batch_size": [*SIZES, 1],
    f"{CREMAD}.train.optimizer": WORDS,
    f"{CREMAD}.train.lr": [*NO_NUMBER, 0, -1, 1e39, 1e300],
    f"{CREMAD}.train.momentum": [*NO_NUMBER, -0.1, 1, 1.0],
    f"{CREMAD}.train.weight_decay": [*NO_NUMBER, -1e-4, 1e39],
    f"{CREMAD}.train.schedule": WORDS,
    f"{CREMAD}.train.crop_scale": [
        [1.0, 0.7], [0, 1], [0.5, 1.5], [0.5], [0.1, 0.5, 1], [NAN, 1], 0.5, "ab", None,
    ],
    f"{CREMAD}.train.flip": FLAGS,
    f"{CREMAD}.train.selection": [*WORDS, "best_combined"],
    f"{CREMAD}.train.device": [*WORDS, "gpu", "CPU", "cuda:", "cuda:-1", "cuda:999"],
    f"{CREMAD}.train.mixed_precision": FLAGS,
    f"{CREMAD}.train.loader_workers": [*NO_NUMBER, -1, 0.0, 10**6],
    f"{CREMAD}.train.valence_weight": [*NO_NUMBER, -1, 1.0],
    f"{CREMAD}.train.nothing": [1],
    f"{CREMAD}.train": [None, {}, [], MISSING],
    f"{MER}": [MISSING],
    f"{MER}.miniature.clips": SIZES,
    f"{MER}.prepare.folds": [*SIZES, 1, 10**6],
    f"{MER}.prepare.seed": SEEDS,
    f"{MER}.prepare.features": [{}, None, [], {"audio": "x"}, {"fused": "x"}],
    f"{MER}.prepare.features.audio": ["", "../x", "a/b", ".hidden", 1, None],
    f"{MER}.prepare.widths.audio": SIZES,
    f"{MER}.model.n_layers": SIZES,
    f"{MER}.model.d_model": [*SIZES, 33],
    f"{MER}.model.n_heads": [*SIZES, 5],
    f"{MER}.model.dropout": [*NO_NUMBER, -0.1, 1],
    f"{MER}.model.max_len": [{"audio": 0}, {"smell": 3}, {"audio": 1.5}, 3],
    f"{MER}.model.input_norm": [["smell"], "hog", [1]],
    f"{MER}.model.fusion": WORDS,
    f"{MER}.model.modalities": [["audio"]],
    f"{MER}.model.inputs": [{"audio": 3}],
    f"{MER}.model.preset": ["best", 1],
    f"{MER}.train.valence_weight": [*NO_NUMBER, -1],
    "table3.shown": ["A", "nothing", 1, None],
    "table3.combinations": [
        {}, None, {"A+V": []}, {"A+V": ["audio", "audio"]}, {"A+V": ["audio", "smell"]},
        {"A+V": ["audio", "visual"], "AV": ["audio", "text"]}, {"A/V": ["audio", "visual"]},
    ],
    "table3.fusions": [{}, None, {"a/b": {"method": "joint"}}],
    "table3.controls.token": [{"eq4_pool": "nothing"}, {"nothing": 1}, None],
}  # fmt: skip


def changed(place, value):
    tree = copy.deepcopy(TREE)
    *parents, key = place.split(".")
    part = tree
    for parent in parents:
        part = part[parent] if parent in part else part.setdefault(parent, {})
    if value is MISSING:
        del part[key]
    else:
        part[key] = value
    return tree


def test_the_values_that_are_there_are_fine(monkeypatch):
    monkeypatch.setattr(params, "read_yaml", lambda path: changed("profile", "smoke"))
    assert params.load().profile == "smoke"


@pytest.mark.parametrize("place", VALUES)
def test_a_value_that_cannot_work_is_refused_with_its_place(monkeypatch, place):
    for value in VALUES[place]:
        # Without writing and reading, which takes longest.
        monkeypatch.setattr(params, "read_yaml", lambda path, value=value: changed(place, value))
        with pytest.raises(ValueError) as error:
            params.load()
        told = str(error.value)
        key = place.split(".")[-1]
        section = place.split(".")[-2] if "." in place else ""
        assert told.startswith("params.yaml has "), told
        assert key in told and section in told, f"{place}: {value}\n{told}"


OPTIONS = {
    ("olm", "preset"): WORDS,
    ("olm", "probe_size"): SIZES,
    ("olm", "probe_every"): SIZES,
    ("olm", "rule"): WORDS,
    ("olm", "clamp"): [[1, 0], [1, 1], [-1, 1], [0, INF], [1], 3, "wide"],
    ("olm", "constant"): [*NO_NUMBER, 0, -1],
    ("olm", "eta"): [*NO_NUMBER, 0, -1, 1e39],
    ("olm", "steps"): SIZES,
    ("olm", "smoothing"): [*NO_NUMBER, -0.1, 1],
    ("olm", "seed"): [0],
    ("olm", "nothing"): [1],
    ("ogm_ge", "alpha"): [*NO_NUMBER, -1, 1e39],
    ("ogm_ge", "start"): [*NO_NUMBER, -0.1, 0.6, 1.1],
    ("ogm_ge", "until"): [*NO_NUMBER, -0.1, 1.1],
    ("ogm_ge", "ge"): FLAGS,
    ("gradnorm", "alpha"): [*NO_NUMBER, -1],
    ("gradnorm", "lr_w"): [*NO_NUMBER, 0, 1e39],
    ("gradnorm", "floor"): [*NO_NUMBER, -1],
    ("gradnorm", "site"): WORDS,
    ("mmcosine", "scale"): [*NO_NUMBER, 0, -1, 1e39],
    ("mmcosine", "eval"): WORDS,
    ("avslowfast", "drop"): [*NO_NUMBER, -0.1, 1.1],
    ("avslowfast", "avs"): [*NO_NUMBER, -1],
    ("gblend", "hold_out"): [*NO_NUMBER, 0, 0.6],
    ("gblend", "folds"): SIZES,
    ("gblend", "super_epoch"): SIZES,
    ("gblend", "epochs_share"): [*NO_NUMBER, 0, -1],
    ("cur", "threshold"): [True, "1", INF, NAN, -1, 10**400],
    ("cur", "window"): SIZES,
    ("cur", "start_epoch"): SIZES,
    ("cur", "gate_scale"): [*NO_NUMBER, 0, -1],
    ("pmr", "alpha"): [*NO_NUMBER, -1],
    ("pmr", "subset"): [*NO_NUMBER, 0, 1.1],
    ("pmr", "eps"): [*NO_NUMBER, -0.1, 1],
    ("attention", "normalize"): ["tanh", 1, True],
    ("film", "normalize"): ["tanh"],
    ("film", "fusion"): ["nothing", 1],
    ("audio_only", "modality"): [1, True, []],
}


@pytest.mark.parametrize(("row", "option"), OPTIONS)
def test_an_option_that_cannot_work_is_refused_with_its_row(row, option):
    settings = params.Params.model_validate(TREE)
    for value in OPTIONS[row, option]:
        base = settings.rows[row]
        changed = base.model_copy(update={"options": base.options | {option: value}})
        wrong = settings.model_copy(update={"rows": {row: changed}})
        with pytest.raises(ValueError, match=rf"^params.yaml, rows.{row}: (.|\n)*\b{option}\b"):
            grid.check_rows(wrong)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("    workers: 2\n", "    workers: 2\n    workers: 2\n",
         "controlled.study.workers is given twice"),
        ("  concat: {", "  olm: {method: joint}\n  concat: {", "rows.olm is given twice, first in"),
        ("lr: 0.05}", "lr: 0.05, lr: 0.05}",
         "profiles.mini.ks.train.lr is given twice"),
        ("profile: mini\n", "profile: mini\n\"profile\": smoke\n", "profile is given twice"),
        ("    seeds: [0, 1, 2]", "\tseeds: [0, 1, 2]", r"line \d+, column 1"),
        ("seeds: [0, 1, 2]", "seeds: 2020-02-31", r"out of range for month\n.*line \d+"),
        ("*mini_cremad_train, epochs", "*nothing, epochs", r"undefined alias(.|\n)*line \d+"),
        ("seeds: [0, 1, 2]", "seeds: [0, 1, 2", r"not valid YAML(.|\n)*line \d+"),
    ],
)  # fmt: skip
def test_what_yaml_would_take_or_tell_without_a_place(tmp_path, old, new, says):
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "params.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"params.yaml(.|\n)*{says}"):
        params.load(path)


def test_a_mark_of_the_encoding_is_no_mistake(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert params.load(path) == params.load()
