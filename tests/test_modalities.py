"""Late fusion takes any number of modalities by any names; so do the methods."""

import pytest
import torch

from olmlib import train
from olmlib.config import LateFusionConfig, TrainConfig
from olmlib.data.arrays import Clips, Prepared
from olmlib.data.synthetic import synthetic
from olmlib.methods.table import create
from olmlib.models.build import build
from olmlib.models.fusions import FUSIONS

NAMES = ("left", "sound", "right")
HEADS = (*NAMES, "fused")
THREE = LateFusionConfig(
    encoders={"left": "frames", "sound": "spectrogram", "right": "frames"}, width=8
)
LONE = LateFusionConfig(encoders={"sound": "spectrogram"}, width=8)
CONFIG = TrainConfig(epochs=1, batch_size=18, lr=0.02)


class ThreeClips(Clips):
    """A sound and two cameras, the right one upside down."""

    def __getitems__(self, indices):
        batch = super().__getitems__(indices)
        frames, sound = batch.pop("visual"), batch.pop("audio")
        return batch | {"left": frames, "sound": sound, "right": frames.flip(-2)}


class ThreeModalities(Prepared):
    def clips(self, rows, augment, config, seed):
        return ThreeClips(self, rows, augment, config.crop_scale, config.flip, seed)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("d") / "set"
    synthetic(folder, clips=30, classes=3, frames=40, size=32, bins=65)
    return ThreeModalities(folder)


ROWS = [
    ("joint", {}),
    ("joint", {"fusion": "concat"}),
    ("joint", {"fusion": "sum"}),
    ("three_heads", {}),
    ("olm", {}),
    ("olm", {"preset": "code"}),
    ("gblend", {}),
    ("gblend", {"mode": "online"}),
    ("ogm_ge", {}),
    ("gradnorm", {}),
    ("gradnorm", {"site": "features"}),
    ("gradnorm", {"site": "classifier"}),
    ("pmr", {}),
    ("mmcosine", {}),
]


@pytest.mark.parametrize(("name", "options"), ROWS)
def test_three_modalities_of_other_names_train_a_step(name, options, data):
    torch.manual_seed(0)
    before = create(name, **options).build(3, THREE).state_dict()
    result = train.fit(create(name, **options), data, THREE, CONFIG, seed=0)
    assert result.model.heads == HEADS and result.model.modalities == NAMES
    arrays = result.history.arrays()
    assert arrays["heads"].tolist() == list(HEADS) and len(arrays["step"]) == 1
    assert torch.isfinite(torch.from_numpy(arrays["train_loss"])).all()
    for record in result.method.record():
        assert arrays[record].shape == (1, 4), record
    row = result.rows[0]
    assert {f"test_accuracy_{head}" for head in HEADS} <= row.keys()
    trained = {k for k, p in result.model.named_parameters() if p.requires_grad}
    after = result.model.state_dict()
    # The bias of the fused head is in no other gradient, and that of a batch norm may be dead.
    still = [k for k in trained if k.endswith("weight") and torch.equal(after[k], before[k])]
    assert not still, "every part of the network takes part"


def test_the_unimodal_parts_of_three_modalities_sum_to_the_fused_logits(data):
    batch = data.clips(data.rows("test"), False, CONFIG, 0).__getitems__(range(3))
    for fusion in ("concat", "sum"):
        torch.manual_seed(0)
        model = build(3, THREE, fusion=fusion).eval()
        for parameter in model.fusion.parameters():
            torch.nn.init.normal_(parameter)
        logits = model(batch).logits
        total = sum(logits[m] for m in NAMES)
        torch.testing.assert_close(total, logits["fused"], rtol=1e-4, atol=1e-4)


def test_g_blend_probes_each_modality_and_all_of_them(data, monkeypatch):
    heads, plain = [], train.Training.extra_run

    def extra_run(self, method, name, *rest):
        model = plain(self, method, name, *rest)
        heads.append(model.heads)
        return model

    monkeypatch.setattr(train.Training, "extra_run", extra_run)
    result = train.fit(create("gblend", hold_out=0.3), data, THREE, CONFIG, seed=0)
    before_and_after = [head for head in ([("left",), ("sound",), ("right",), HEADS]) * 2]
    assert sorted(heads) == sorted(before_and_after)
    w = result.history.arrays()["weight"][0]
    assert w.shape == (4,) and w.sum() == pytest.approx(1)


def test_one_of_three_modalities_alone(data):
    for m in NAMES:
        result = train.fit(create("unimodal", modality=m), data, THREE, CONFIG, seed=0)
        assert result.model.heads == (m,) and result.model.modalities == (m,)
        assert result.rows[0]["test_accuracy"] == result.rows[0][f"test_accuracy_{m}"]
    with pytest.raises(ValueError, match="trained alone: left, sound, right"):
        create("unimodal").build(3, THREE)
    with pytest.raises(ValueError, match="no modality 'smell'; there are left, sound, right"):
        create("unimodal", modality="smell").build(3, THREE)


def test_a_lone_modality_needs_no_name_and_has_no_fusion(data):
    result = train.fit(create("unimodal"), data, LONE, CONFIG, seed=0)
    assert result.model.heads == ("sound",)
    assert result.history.arrays()["train_loss"].shape == (1, 1)
    named = train.fit(create("unimodal", modality="sound"), data, LONE, CONFIG, seed=0)
    assert named.epochs.equals(result.epochs)
    of_three = train.fit(create("unimodal", modality="sound"), data, THREE, CONFIG, seed=0)
    assert of_three.epochs.equals(result.epochs), "nothing of the others is left, no random number"


@pytest.mark.parametrize("name", ["three_heads", "olm", "gblend", "gradnorm"])
def test_a_method_of_several_heads_refuses_a_lone_modality(name):
    with pytest.raises(ValueError, match="sound alone has one head in all: give it two"):
        create(name).build(3, LONE)


@pytest.mark.parametrize("fusion", [name for name in FUSIONS if name not in ("concat", "sum")])
def test_fusions_of_two_features_refuse_three(fusion):
    with pytest.raises(ValueError, match="joins two modalities, not left, sound, right; take conc"):
        create("joint", fusion=fusion).build(3, THREE)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cur", "two branches need two modalities, not left, sound, right"),
        ("avslowfast", "AVSlowFast-lite takes spectrograms and frames, not {'left': 'frames'"),
    ],
)
def test_networks_of_two_modalities_refuse_others(name, message):
    with pytest.raises(ValueError, match=message):
        create(name).build(3, THREE)


def test_avslowfast_and_cur_take_two_modalities_of_other_names(data):
    two = LateFusionConfig(encoders={"sound": "spectrogram", "left": "frames"}, width=8)
    for name, options in (("cur", {}), ("avslowfast", {"avs": 1.0})):
        result = train.fit(create(name, **options), data, two, CONFIG, seed=0)
        assert result.model.heads == ("sound", "left", "fused")
        for record in result.method.record():
            assert result.history.arrays()[record].shape == (1, 3)
