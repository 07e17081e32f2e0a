"""AVSlowFast-lite: its numbers, the laterals, the synchrony loss."""

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from olmlib.config import LateFusionConfig
from olmlib.methods.table import create
from olmlib.models.avslowfast import AudioLateral, AVSlowFastLite, contrastive, usable

MODEL = LateFusionConfig(width=8)
LABELS = torch.tensor([0, 1, 2, 0])


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    # As in the pipeline: on a busy machine, threads that wait for each other take most of the time.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make(frames=1):
    torch.manual_seed(0)
    audio, visual = torch.randn(4, 1, 65, 75), torch.randn(4, 3, frames, 32, 32)
    return {"audio": audio, "visual": visual, "label": LABELS}


@pytest.fixture
def batch():
    return make()


@pytest.mark.parametrize(("reduction", "left"), [(2, 64), (4, 32)])
def test_T_AVS_1_time_comes_down_to_one_vector_for_all_frames(reduction, left):
    assert 128 // reduction == left
    lateral, maps = AudioLateral(8, 16).eval(), torch.randn(2, 8, 5, left)
    assert lateral(maps).shape == (2, 16)
    over_time = lateral.layers(maps.mean(2))
    assert over_time.shape == (2, 16, left), "both convolutions keep the length"
    assert_close(lateral(maps), over_time.mean(2))


def visual_features(model, batch):
    torch.manual_seed(0)
    return model(batch).features["visual"]


def test_T_AVS_2_a_dropped_pathway_hides_the_audio_in_training_only(batch):
    model = AVSlowFastLite(3, MODEL, drop=1.0)
    other = batch | {"audio": torch.randn_like(batch["audio"])}
    assert torch.equal(*(visual_features(model, x) for x in (batch, other)))
    assert model.dropped
    model.eval()
    assert not torch.equal(*(visual_features(model, x) for x in (batch, other)))
    assert not model.dropped
    model.train().drop = 0.0
    assert not torch.equal(*(visual_features(model, x) for x in (batch, other)))


def test_T_AVS_3_the_drop_rate():
    torch.manual_seed(0)
    model = AVSlowFastLite(3, MODEL)
    assert sum(model.drops() for _ in range(10_000)) / 10_000 == pytest.approx(0.8, abs=0.02)
    model.eval()
    assert not any(model.drops() for _ in range(100))


@pytest.mark.parametrize(("negative", "loss"), [((-1.0, 0), 0.1), ((0.0, 1), 0.140014)])
def test_T_AVS_4_contrastive_by_hand(negative, loss):
    # Lengths do not matter: each vector is brought to length 0.5.
    r, p, n = (torch.tensor([v]) for v in ((3.0, 0), (0.6, 0.8), negative))
    assert contrastive(r, p, n, torch.ones(1)).item() == pytest.approx(loss, abs=1e-6)
    pairs = [torch.cat([x, torch.randn(1, 2)]) for x in (r, p, n)]
    assert contrastive(*pairs, torch.tensor([True, False])).item() == pytest.approx(loss, abs=1e-6)
    assert contrastive(*pairs, torch.zeros(2)).item() == 0


def test_pairs_without_sound_or_with_the_same_sound_do_not_count():
    # A clip's partner is the clip before it, the first one's the last.
    silent, sound, other = torch.zeros(1, 4, 5), torch.randn(1, 4, 5), torch.randn(1, 4, 5)
    for clips, expected in (
        ([other, sound, sound], [True, True, False]),
        ([other, silent, sound, sound], [True, False, False, False]),
        ([silent, sound, other], [False, False, True]),
        ([sound, other, silent], [False, True, False]),
        ([silent, silent], [False, False]),
        ([sound], [False]),
    ):
        assert usable(torch.stack(clips)).tolist() == expected


def test_batch_norm_of_the_lateral_runs_where_it_is_dropped(batch):
    model = AVSlowFastLite(3, MODEL, drop=1.0)
    norm = model.laterals[0].layers[1]
    before = norm.running_mean.clone()
    model(batch).logits["fused"].sum().backward()
    assert not torch.equal(norm.running_mean, before)
    assert (model.laterals[0].layers[0].weight.grad == 0).all()
    # The audio pathway still feeds the head.
    assert model.encoders["audio"].trunk.conv1.weight.grad.any()


@pytest.mark.parametrize("frames", [1, 3, 8])
def test_shapes_and_unimodal_logits(frames):
    model = AVSlowFastLite(3, MODEL)
    logits, features, *_ = model(make(frames))
    assert_close(logits["audio"] + logits["visual"], logits["fused"])
    assert logits["fused"].shape == (4, 3)
    assert features["audio"].shape == (4, 64)
    assert features["visual"].shape == (4, 64)


def test_audio_has_half_the_width_but_not_under_eight():
    def widths(width):
        with torch.device("meta"):  # shapes without numbers, so the paper's size costs nothing
            model = AVSlowFastLite(3, LateFusionConfig(width=width))
        return [part.trunk.conv1.out_channels for part in model.encoders.values()]

    assert widths(64) == [32, 64]
    assert widths(8) == [8, 8]


def test_the_lateral_is_added_to_every_frame():
    # Every position of every frame moves by the clip's vector.
    model = AVSlowFastLite(3, MODEL, drop=0.0)
    audio, visual = (encoder.trunk for encoder in model.encoders.values())
    seen = {}

    def remember(name):
        def hook(module, inputs, output):
            seen[name] = inputs[0], output

        return hook

    for name in ("layer2", "layer3", "layer4"):
        getattr(audio, name).register_forward_hook(remember(f"audio {name}"))
        getattr(visual, name).register_forward_hook(remember(f"visual {name}"))
    for drop in (0.0, 1.0):
        model.drop = drop
        model(make(3))
        for lateral, before, after in ((0, "layer2", "layer3"), (1, "layer3", "layer4")):
            old, new = seen[f"visual {before}"][1], seen[f"visual {after}"][0]
            if drop:
                assert torch.equal(new, old)
                continue
            vector = model.laterals[lateral](seen[f"audio {before}"][1])
            moved = (new - old).unflatten(0, (4, 3))
            assert_close(moved, vector[:, None, :, None, None].expand_as(moved))


def test_the_synchrony_loss_is_off_unless_asked_for(batch):
    for avs in (0.0, 2.0):
        method = create("avslowfast", avs=avs)
        model = method.build(3, MODEL)
        outputs = model(batch)
        method.forward_extra(model, None, 8)
        plain = cross_entropy(outputs.logits["fused"], LABELS)
        assert list(outputs.losses) == ["sync"] * (avs > 0)
        assert_close(method.loss(outputs, LABELS), plain)
    assert not model.eval()(batch).losses


def test_the_model_weighs_its_synchrony_loss_itself(batch):
    weighed = []
    for avs in (1.0, 2.5):
        torch.manual_seed(0)
        weighed.append(AVSlowFastLite(3, MODEL, drop=0.0, avs=avs)(batch).losses["sync"])
    assert weighed[0] > 0
    assert_close(weighed[1], 2.5 * weighed[0])


def test_synchrony_uses_only_depths_that_have_not_met_the_audio(batch):
    model = AVSlowFastLite(3, MODEL, drop=0.0, avs=1.0)
    for drop, used in ((0.0, 1), (1.0, 3)):
        model.zero_grad()
        model.drop = drop
        model(batch).losses["sync"].backward()
        has = [p.visual.weight.grad is not None for p in model.projections]
        assert has == [True] * used + [False] * (3 - used)
