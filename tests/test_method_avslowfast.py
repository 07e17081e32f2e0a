"""AVSlowFast-lite: its numbers by hand, the Fast pathway, and exact resume."""

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from olmlib import train
from olmlib.config import LateFusionConfig, TrainConfig
from olmlib.data.arrays import synthetic
from olmlib.methods.table import create
from olmlib.models.avslowfast import (
    AudioLateral,
    AVSlowFastLite,
    FastLateral,
    contrastive,
    lateral_stride,
    usable,
)

MODEL = LateFusionConfig(width=8)
CONFIG = TrainConfig(epochs=2, batch_size=8, lr=0.02, crop_scale=(0.6, 1.0))
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


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return synthetic(tmp_path_factory.mktemp("d") / "set", clips=30, classes=3, frames=64, size=32)


@pytest.mark.parametrize(("reduction", "left", "stride"), [(2, 64, 16), (4, 32, 8)])
def test_T_AVS_1_time_comes_down_to_the_slow_frames(reduction, left, stride):
    assert 128 // reduction == left and lateral_stride(reduction) == stride
    lateral = AudioLateral(8, 16, lateral_stride(reduction))
    assert lateral(torch.randn(2, 8, 5, left)).shape == (2, 16, 4)


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
    silent, sound, other = torch.zeros(1, 4, 5), torch.randn(1, 4, 5), torch.randn(1, 4, 5)
    assert usable(torch.stack([other, silent, sound, sound])).tolist() == [True, False, True, False]


def test_batch_norm_of_the_lateral_runs_where_it_is_dropped(batch):
    model = AVSlowFastLite(3, MODEL, drop=1.0)
    norm = model.audio_laterals[0].layers[1]
    before = norm.running_mean.clone()
    model(batch).logits["fused"].sum().backward()
    assert not torch.equal(norm.running_mean, before)
    assert (model.audio_laterals[0].layers[0].weight.grad == 0).all()
    # The audio pathway still feeds the head.
    assert model.encoders["audio"].trunk.conv1.weight.grad.any()


@pytest.mark.parametrize("frames", [1, 3, 8, 17])
def test_shapes_and_unimodal_logits(frames):
    model = AVSlowFastLite(3, MODEL, frames=frames)
    logits, features, _ = model(make(frames))
    assert_close(logits["audio"] + logits["visual"], logits["fused"])
    assert logits["fused"].shape == (4, 3)
    assert features["audio"].shape == (4, 64)
    assert features["visual"].shape == (4, 128 if frames >= 8 else 64)


@pytest.mark.parametrize(("built", "given"), [(1, 8), (8, 3)])
def test_a_number_of_frames_the_model_was_not_built_for_is_an_error(built, given):
    with pytest.raises(ValueError, match=f"frames={given}"):
        AVSlowFastLite(3, MODEL, frames=built)(make(given))


def test_audio_has_half_the_width_and_fast_an_eighth_but_not_under_eight():
    def widths(width):
        with torch.device("meta"):  # shapes without numbers, so the paper's size costs nothing
            model = AVSlowFastLite(3, LateFusionConfig(width=width), frames=8)
        parts = (*model.encoders.values(), model.fast)
        return [part.trunk.conv1.out_channels for part in parts]

    assert widths(64) == [32, 64, 8]
    assert widths(8) == [8, 8, 8]


def test_the_lateral_is_added_to_every_frame():
    # With a constant lateral, every position of every frame moves by the same vector.
    model = AVSlowFastLite(3, MODEL)
    a, v = torch.randn(4, 16, 5, 6), torch.randn(12, 16, 3, 3)
    moved = model._meet(0, a, v, None, 1.0) - v
    assert_close(moved.unflatten(0, (4, 3)), moved[::3, None, :, :1, :1].expand(-1, 3, -1, 3, 3))
    assert torch.equal(model._meet(0, a, v, None, 0.0), v)


def test_slow_frames_see_every_eighth_frame_and_fast_ones_their_neighbours():
    lateral = FastLateral(8).eval()
    maps = torch.randn(2 * 17, 8, 3, 3)
    out = lateral(maps, 2)
    assert out.shape == (2 * 3, 16, 3, 3)
    # A convolution over 5 frames around the 0th, 8th and 16th: the 4th is in none of them.
    for frame, changes in ((4, False), (6, True)):
        other = maps.clone()
        other[frame] += 1
        assert torch.equal(lateral(other, 2), out) != changes


def test_fast_frames_reach_the_slow_pathway():
    model, batch = AVSlowFastLite(3, MODEL, frames=8).eval(), make(8)
    other = batch | {"visual": batch["visual"].clone()}
    other["visual"][:, :, 1] += 1
    slow = [model(x).features["visual"][:, :64] for x in (batch, other)]
    assert not torch.allclose(*slow)


def test_the_synchrony_loss_is_off_unless_asked_for(batch):
    for avs in (0.0, 2.0):
        method = create("avslowfast", avs=avs)
        model = method.build(3, MODEL)
        outputs = model(batch)
        method.forward_extra(model, None, 8)
        plain = cross_entropy(outputs.logits["fused"], LABELS)
        assert (model.sync is None) == (avs == 0)
        assert_close(method.loss(outputs, LABELS), plain + avs * (model.sync or 0))
    model.eval()(batch)
    assert model.sync is None


def test_synchrony_uses_only_depths_that_have_not_met_the_audio(batch):
    model = AVSlowFastLite(3, MODEL, drop=0.0, sync=True)
    for drop, used in ((0.0, 1), (1.0, 3)):
        model.zero_grad()
        model.drop = drop
        model(batch)
        model.sync.backward()
        has = [p.visual.weight.grad is not None for p in model.projections]
        assert has == [True] * used + [False] * (3 - used)


@pytest.mark.parametrize("avs", [0.0, 1.0])
def test_stopped_and_continued_equals_uninterrupted_to_the_bit(avs, data, tmp_path):
    def fit(file=None, on_epoch=lambda epoch: None):
        method = create("avslowfast", drop=0.5, avs=avs)
        return train.fit(method, data, MODEL, CONFIG, 1, file, "me", on_epoch=on_epoch)

    class Stop(Exception):
        pass

    def stop(epoch):
        raise Stop

    through = fit()
    with pytest.raises(Stop):
        fit(tmp_path / "checkpoint.pt", stop)
    seen = []
    resumed = fit(tmp_path / "checkpoint.pt", seen.append)
    assert seen == [2] and resumed.epochs.equals(through.epochs)
    for name, value in through.last.items():
        assert torch.equal(resumed.last[name], value), name
    arrays = resumed.history.arrays()
    for name, value in through.history.arrays().items():
        assert arrays[name].tobytes() == value.tobytes(), name
    assert arrays["dropped"].shape == (6, 3) and arrays["dropped"].any()
