"""Encoders, late fusion and the unimodal logits of a fused model."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close
from torchvision.models.resnet import BasicBlock, ResNet

from olmlib.config import LateFusionConfig
from olmlib.methods.table import create
from olmlib.models.encoders import FrameEncoder, SpectrogramEncoder
from olmlib.models.late_fusion import LateFusion, split_logits

SMALL = LateFusionConfig(width=8)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return {"audio": torch.randn(4, 1, 65, 75), "visual": torch.randn(4, 3, 1, 32, 32)}


def unimodal(modality, num_classes, config=SMALL):
    return create("unimodal", modality=modality).build(num_classes, config)


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_trunk_parameters_at_the_paper_size():
    assert count(FrameEncoder(64)) == 11_176_512
    assert count(SpectrogramEncoder(64)) == 11_170_240


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_blocks_per_stage_are_those_of_torchvision(blocks):
    theirs = ResNet(BasicBlock, [blocks] * 4)
    assert count(FrameEncoder(64, blocks)) == count(theirs) - count(theirs.fc)
    convolutions = [m for m in FrameEncoder(8, blocks).modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 1 + 4 * 2 * blocks + 3


def test_every_network_of_a_configuration_has_its_blocks(batch):
    for method in ("joint", "unimodal", "olm", "cur", "avslowfast", "mmcosine"):
        options = {"modality": "audio"} if method == "unimodal" else {}
        one, two = (
            create(method, **options).build(6, LateFusionConfig(width=8, blocks=blocks))
            for blocks in (1, 2)
        )
        assert count(one) < count(two), method
        assert one(batch).logits.keys() == two(batch).logits.keys()


@pytest.mark.parametrize(("size", "maps"), [((257, 299), (9, 10)), ((257, 188), (9, 6))])
def test_map_sizes(size, maps):
    trunk = SpectrogramEncoder(8).trunk.eval()
    assert trunk(torch.zeros(1, 1, *size)).shape == (1, 64, *maps)


def test_T_UNI_1_shapes(batch):
    for modality in ("audio", "visual"):
        outputs = unimodal(modality, 6)(batch)
        assert outputs.logits[modality].shape == (4, 6)
        assert outputs.features[modality].shape == (4, 64)
    for aux in (False, True):
        outputs = LateFusion(6, SMALL, aux_heads=aux)(batch)
        assert {h: s.shape for h, s in outputs.logits.items()} == dict.fromkeys(
            ("audio", "visual", "fused"), (4, 6)
        )


def test_T_UNI_2_identical_frames_give_the_feature_of_one(batch):
    encoder = FrameEncoder(8).eval()
    one = batch["visual"]
    assert_close(encoder(one.expand(-1, -1, 3, -1, -1)), encoder(one))


# Xavier-normal heads are wider than torch's own, so the scheme of OGM-GE starts further from ln C.
@pytest.mark.parametrize(("init", "tolerance"), [("olm", 0.12), ("ogm_ge", 0.6)])
@pytest.mark.parametrize("classes", [6, 31, 309])
def test_T_UNI_3_a_fresh_loss_is_near_log_classes(classes, init, tolerance):
    torch.manual_seed(0)
    model = unimodal("audio", classes, LateFusionConfig(width=64, init=init))
    logits = model({"audio": torch.randn(64, 1, 65, 75)}).logits["audio"]
    loss = cross_entropy(logits, torch.arange(64) % classes)
    assert loss.item() == pytest.approx(math.log(classes), rel=tolerance)


def test_T_SPLIT():
    head = torch.nn.Linear(4, 2)
    head.weight.data = torch.tensor([[1.0, 2, 3, 4], [0, 1, -1, 2]])
    head.bias.data = torch.tensor([0.6, -0.2])
    features = {"audio": torch.tensor([[1.0, -1]]), "visual": torch.tensor([[2.0, 0.5]])}
    parts = split_logits(head, features)
    assert_close(head(torch.cat(list(features.values()), 1)), torch.tensor([[7.6, -2.2]]))
    assert_close(parts["audio"], torch.tensor([[-0.7, -1.1]]))
    assert_close(parts["visual"], torch.tensor([[8.3, -1.1]]))


def test_split_parts_sum_to_the_fused_logits(batch):
    logits = LateFusion(6, SMALL)(batch).logits
    assert_close(logits["audio"] + logits["visual"], logits["fused"])


def test_split_of_something_else_is_an_error():
    with pytest.raises(ValueError, match="widths"):
        split_logits(torch.nn.Linear(5, 2), {"a": torch.zeros(1, 2), "b": torch.zeros(1, 2)})


def test_aux_heads_add_two_linears():
    extra = count(LateFusion(6, SMALL, aux_heads=True)) - count(LateFusion(6, SMALL))
    assert extra == 2 * (64 * 6 + 6)
    full = LateFusionConfig(width=64)
    assert count(LateFusion(6, full, aux_heads=True)) - count(LateFusion(6, full)) == 6_156


def test_a_unimodal_model_never_sees_the_other_modality(batch):
    model = unimodal("visual", 6).eval()
    before = model(batch).logits["visual"]
    assert torch.equal(model(batch | {"audio": torch.zeros(1)}).logits["visual"], before)


def test_initialisation_schemes():
    torch.manual_seed(0)
    ours = LateFusion(6, SMALL)
    official = LateFusion(6, LateFusionConfig(width=8, init="olm"))
    assert (ours.fusion.bias == 0).all() and (official.fusion.bias != 0).any()
    assert (ours.encoders["audio"].trunk.bn1.weight == 1).all()
    assert (official.encoders["audio"].trunk.bn1.weight != 1).any()
