"""Feature vectors: prepared folders, the networks that read them, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch.testing import assert_close

from olmlib import train
from olmlib.config import MLPFusionConfig, TrainConfig, alone
from olmlib.data.features import Features, seal
from olmlib.data.folder import REJECTED
from olmlib.methods.table import create
from olmlib.models.build import build
from olmlib.models.mlp_fusion import MLP

WIDTHS = {"rgb": 5, "depth": 3}
CONFIG = TrainConfig(epochs=2, batch_size=8, lr=0.05, schedule="constant", crop_scale=(1, 1))


def made(folder, clips=60, classes=3, widths=WIDTHS, **changed):
    """Write features in which every modality tells the class."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    labels = np.arange(clips) % classes
    centres = {m: rng.normal(size=(classes, d)) * 3 for m, d in widths.items()}
    features = {m: c[labels] + rng.normal(size=(clips, c.shape[1])) for m, c in centres.items()}
    records = pd.DataFrame({"id": [f"c{i}" for i in range(clips)], "label": labels})
    records["split"] = np.array(["train", "train", "dev", "test"])[np.arange(clips) // classes % 4]
    records["group"] = "one"
    meta = {"name": "made", "classes": [f"k{c}" for c in range(classes)]}
    return seal(folder, features | changed, records, pd.DataFrame(columns=REJECTED), meta)


def test_batches_have_the_vectors_of_their_rows(tmp_path):
    data = made(tmp_path / "f")
    rows = data.rows("test")[:4]
    batch = data.clips(rows, False, CONFIG, 0).__getitems__([2, 0])
    assert batch["row"].tolist() == [rows[2], rows[0]]
    assert batch["rgb"].dtype == torch.float32
    assert_close(batch["depth"], torch.from_numpy(data.features["depth"][rows[[2, 0]]]).float())
    assert Features(tmp_path / "f", ["depth"]).clips(rows, True, CONFIG, 0)[0].keys() == {
        "depth",
        "label",
        "row",
    }


def test_a_folder_that_is_not_whole_is_refused(tmp_path):
    data = made(tmp_path / "f")
    with pytest.raises(ValueError, match="has no text; it has rgb, depth"):
        Features(data.folder, ["rgb", "text"])
    np.save(data.folder / "rgb.npy", np.zeros((3, 5), np.float16))
    with pytest.raises(ValueError, match=r"rgb.npy is \(3, 5\), .* \(60, 5\); delete"):
        Features(data.folder)
    (data.folder / "meta.json").unlink()
    with pytest.raises(FileNotFoundError, match="is not prepared"):
        Features(data.folder)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e5])
def test_numbers_that_half_precision_cannot_hold_are_refused(tmp_path, value):
    with pytest.raises(ValueError, match="rgb features hold numbers"):
        made(tmp_path / "f", rgb=np.full((60, 5), value))
    assert not (tmp_path / "f" / "meta.json").exists()


def test_vectors_of_another_number_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"depth features have shape \(7, 3\), expected 60 rows"):
        made(tmp_path / "f", depth=np.zeros((7, 3)))


def test_the_digest_sees_the_features(tmp_path):
    one, same = made(tmp_path / "a"), made(tmp_path / "b")
    other = made(tmp_path / "c", rgb=np.zeros((60, 5)))
    assert one.digest == same.digest != other.digest


def test_layers_of_an_mlp_by_hand():
    # Batch norm of 2 means and 2 scales, 2 x 4 + 4, 4 x 3 + 3.
    mlp = MLP(2, (4, 3))
    assert sum(p.numel() for p in mlp.parameters()) == 4 + 12 + 15
    assert mlp.dim == 3
    assert mlp(torch.randn(6, 2)).shape == (6, 3)


def test_features_of_any_scale_and_mean_are_one():
    x = torch.randn(32, 4)
    torch.manual_seed(0)
    mlp = MLP(4, (8,))
    assert_close(mlp(x), mlp(1000 * x + 7), atol=1e-3, rtol=1e-3)


def test_an_mlp_without_layers_returns_what_it_is_given():
    x = torch.randn(6, 4)
    assert MLP(4, ()).dim == 4
    assert torch.equal(MLP(4, ())(x), x)


def test_heads_are_named_after_the_modalities():
    config = MLPFusionConfig(inputs=WIDTHS, hidden=(6,))
    assert build(3, config, aux_heads=True).heads == ("rgb", "depth", "fused")
    assert alone(config, "depth").inputs == {"depth": 3}
    assert create("unimodal", modality="depth").build(3, config).heads == ("depth",)
    with pytest.raises(ValueError, match="there is no modality 'audio'; there are rgb, depth"):
        alone(config, "audio")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"inputs": {"fused": 3}}, "none is called fused"),
        ({"inputs": {"a.b": 3}}, "'a.b', which is not a name without a dot"),
        ({"inputs": {"rgb": 0}}, "inputs is"),
        ({"hidden": (0,)}, "hidden is"),
        ({"dropout": 1.0}, "dropout is 1.0"),
    ],
)
def test_a_network_that_cannot_be_is_refused(values, says):
    with pytest.raises(ValueError, match=says):
        MLPFusionConfig(**values)


def test_a_network_without_modalities_is_refused():
    with pytest.raises(ValueError, match="inputs name no modality"):
        build(3, MLPFusionConfig())


@pytest.mark.parametrize("method", ["joint", "three_heads", "olm"])
def test_the_loop_trains_what_the_vectors_tell(tmp_path, method):
    data = made(tmp_path / "f")
    model = MLPFusionConfig(inputs=data.widths, hidden=(16,))
    config = TrainConfig(epochs=8, batch_size=8, lr=0.05, schedule="constant")
    done = train.fit(create(method), data, model, config, seed=0)
    assert done.epochs["dev_accuracy"].iloc[-1] > 0.9
    assert {"update_rgb", "update_depth"} <= {*done.epochs.columns}


def test_without_hidden_layers_other_heads_do_not_touch_the_fused_one(tmp_path):
    data = made(tmp_path / "f")
    config = MLPFusionConfig(inputs=data.widths, hidden=())

    def fused(method):
        training = train.Training(create(method), data, config, CONFIG, seed=0)
        start = torch.Generator().manual_seed(1)
        for weight in training.model.fusion.parameters():
            weight.data = torch.randn(weight.shape, generator=start)
        training.train_epoch(1, training.clips["train"])
        return training.model.fusion.weight

    # Nothing is shared, so three losses train the fused head as its own alone does.
    assert torch.equal(fused("joint"), fused("three_heads"))


def test_meta_names_modalities_in_their_order(tmp_path):
    data = made(tmp_path / "f", widths={"depth": 3, "rgb": 5})
    meta = json.loads((data.folder / "meta.json").read_text())
    assert [*meta["widths"]] == [*Features(data.folder).modalities] == ["depth", "rgb"]


@pytest.mark.parametrize("name", ["gblend", "gradnorm", "mmcosine", "ogm_ge", "olm", "pmr"])
def test_every_method_that_needs_no_convolution_learns_from_vectors(tmp_path, name):
    data = made(tmp_path / "f")
    config = MLPFusionConfig(WIDTHS, hidden=(16, 8))
    training = train.fit(create(name, 0), data, config, replace(CONFIG, epochs=6), 0)
    assert training.rows[-1]["train_loss"] < 0.8 * training.rows[0]["train_loss"]
    assert training.rows[-1]["update_rgb"] > 0 and training.rows[-1]["update_depth"] > 0


def test_the_weights_that_gradnorm_looks_at_are_the_last_ones_of_each_encoder():
    method = create("gradnorm", 0)
    model = method.build(3, MLPFusionConfig(WIDTHS, hidden=(8, 4)))
    shared = method._shared(None)
    assert [tuple(w.shape) for w in shared] == [(4, 8), (4, 8)]
    assert shared[0] is model.encoders["rgb"].layers[4].weight
    method.build(3, MLPFusionConfig(WIDTHS, hidden=()))
    with pytest.raises(ValueError, match="share no weights: give the encoders a hidden layer"):
        method._shared(None)


@pytest.mark.parametrize("name", ["cur", "avslowfast"])
def test_methods_that_need_convolutions_say_so(name):
    with pytest.raises(ValueError, match="it needs convolutional encoders"):
        create(name, 0).build(3, MLPFusionConfig(WIDTHS))
