"""Checkpoints of the network that makes features: what is read, and what is refused."""

import numpy as np
import pytest
import torch
from torchvision.models import alexnet

from companion.data import places
from companion.data.release import ReleaseError


@pytest.fixture
def weights():
    torch.manual_seed(0)
    return places.Small(5).state_dict()


def saved(tmp_path, content):
    path = tmp_path / "c.pth.tar"
    torch.save(content, path)
    return path


def test_features_are_the_second_linear_layer_after_its_relu(tmp_path, weights):
    network = places.load(saved(tmp_path, {"arch": "small", "state_dict": weights}))
    assert (network.arch, network.scenes, network.side) == ("small", 5, 64)
    picture = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    vector = network.features([picture])
    assert vector.shape == (1, 64) and (vector >= 0).all() and vector.any()
    whole = places.Small(5).eval()
    whole.load_state_dict(weights)
    x = whole.features(places.prepared(picture, 64)).flatten(1)
    for layer in whole.classifier[:6]:
        x = layer(x)
    np.testing.assert_allclose(vector, x.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_fc7_of_alexnet_is_before_its_last_layer():
    with torch.device("meta"):
        network = alexnet(num_classes=365)
    assert network.classifier[4].out_features == 4096
    assert isinstance(network.classifier[5], torch.nn.ReLU)
    assert network.classifier[6].out_features == 365 and len(network.classifier) == 7
    # What the loader leaves out is exactly that.
    assert [*network.state_dict()][-2:] == ["classifier.6.weight", "classifier.6.bias"]


def test_names_of_a_parallel_training_are_read(tmp_path, weights):
    # Places365's own file says features.module.0.weight.
    renamed = {name.replace("features.", "features.module."): v for name, v in weights.items()}
    assert places.load(saved(tmp_path, {"arch": "small", "state_dict": renamed})).scenes == 5


def test_a_picture_is_cut_to_the_middle():
    picture = np.zeros((73, 73, 3), np.uint8)
    picture[4:68, 4:68] = 255
    cut = places.prepared(picture, 64)
    # White, normalised by ImageNet's statistics.
    assert cut.shape == (1, 3, 64, 64)
    assert torch.allclose(cut[0, 0], torch.tensor((1 - 0.485) / 0.229), atol=1e-5)


def changed(weights, **values):
    return {"arch": "small", "state_dict": {**weights, **values}}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"classifier.1.weight": torch.zeros(3, 3)}, r"classifier.1.weight is \(3, 3\), expected"),
        ({"classifier.9.weight": torch.zeros(3, 3)}, "classifier.9.weight is no layer of small"),
        ({"classifier.6.weight": torch.zeros(3)}, "has no classifier.6.weight"),
    ],
)
def test_a_checkpoint_with_other_layers_is_refused(tmp_path, weights, change, says):
    with pytest.raises(ReleaseError, match=says):
        places.load(saved(tmp_path, changed(weights, **change)))


def test_a_checkpoint_that_lacks_a_layer_is_refused(tmp_path, weights):
    del weights["features.0.weight"]
    with pytest.raises(ReleaseError, match="other layers than small: features.0.weight is missing"):
        places.load(saved(tmp_path, {"arch": "small", "state_dict": weights}))


def test_weights_of_resnet_are_not_alexnets(tmp_path):
    with pytest.raises(ReleaseError, match="no classifier.6.weight.* its layers are fc.weight"):
        places.load(
            saved(tmp_path, {"arch": "alexnet", "state_dict": {"fc.weight": torch.ones(2)}})
        )
    with pytest.raises(ReleaseError, match="architecture 'resnet18'; .* alexnet, small"):
        places.load(saved(tmp_path / "..", {"arch": "resnet18", "state_dict": {}}))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is Git-LFS pointer"),
        (b"nothing of the kind", "is no checkpoint of tensors"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content, says):
    (tmp_path / "c.pth").write_bytes(content)
    with pytest.raises(ReleaseError, match=says):
        places.load(tmp_path / "c.pth")


def test_a_missing_checkpoint_says_where_to_get_one(tmp_path):
    with pytest.raises(ReleaseError, match=r"is missing. AlexNet's weights .* prepare.checkpoint"):
        places.load(tmp_path / "c.pth")


class Evil:
    def __reduce__(self):
        return print, ("run",)


def test_code_in_a_checkpoint_is_not_run(tmp_path, capsys):
    with pytest.raises(ReleaseError, match="is no checkpoint of tensors"):
        places.load(saved(tmp_path, {"state_dict": Evil()}))
    assert "run" not in capsys.readouterr().out


def test_a_list_is_no_checkpoint(tmp_path):
    with pytest.raises(ReleaseError, match="holds a list, no state_dict"):
        places.load(saved(tmp_path, [torch.zeros(2)]))
