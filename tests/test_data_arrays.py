import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from olmlib.data.arrays import Clips, Prepared, loader
from olmlib.data.arrive import MEAN, STD
from olmlib.data.synthetic import synthetic


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared") / "synthetic"
    return synthetic(folder, clips=60, classes=3, frames=20, n_frames=2, size=16)


def train_clips(prepared, **options):
    return Clips(prepared, prepared.rows("train"), train=True, **options)


def same(one, other):
    return all(torch.equal(one[key], other[key]) for key in one)


def test_a_prepared_folder_is_opened_and_its_splits_share_no_row(prepared):
    rows = {split: prepared.rows(split) for split in ("train", "dev", "test")}
    assert sorted(np.concatenate(list(rows.values()))) == list(range(60))
    assert prepared.classes == ("class0", "class1", "class2")
    assert len(prepared.digest) == 64
    assert prepared.audio.shape == (60, 257, 20)
    assert prepared.audio.dtype == np.float16
    assert prepared.visual.shape == (60, 2, 16, 16, 3)
    assert prepared.visual.dtype == np.uint8
    with pytest.raises(ValueError, match="'val' is not one of train, dev, test"):
        prepared.rows("val")


def test_a_folder_without_meta_is_not_finished(tmp_path):
    with pytest.raises(FileNotFoundError, match="not prepared, or its preparation was stopped"):
        Prepared(tmp_path)


def test_arrays_that_disagree_with_the_records_are_refused(tmp_path):
    synthetic(tmp_path / "a", clips=15, classes=3, frames=3, size=4)
    np.save(tmp_path / "a" / "audio.npy", np.zeros((14, 257, 3), np.float16))
    with pytest.raises(ValueError, match="15 records, 14 spectrograms"):
        Prepared(tmp_path / "a")


def test_the_digest_depends_on_the_content_only(tmp_path):
    digests = [
        synthetic(tmp_path / name, clips=15, classes=3, frames=3, size=4, seed=seed).digest
        for name, seed in [("a", 0), ("b", 0), ("c", 1)]
    ]
    assert digests[0] == digests[1] != digests[2]


def test_pickling_carries_the_folder_and_not_the_arrays(prepared):
    content = pickle.dumps(prepared)
    assert len(content) < 1_000
    assert pickle.loads(content).digest == prepared.digest


def test_a_test_batch_is_what_is_stored(prepared):
    rows = prepared.rows("test")
    batch = Clips(prepared, rows, train=False).__getitems__([2, 0])
    picked = rows[[2, 0]]
    assert batch["audio"].shape == (2, 1, 257, 20)
    assert batch["visual"].shape == (2, 3, 2, 16, 16)
    assert batch["label"].dtype == batch["row"].dtype == torch.int64
    assert batch["audio"].dtype == batch["visual"].dtype == torch.float32
    np.testing.assert_array_equal(batch["row"], picked)
    np.testing.assert_array_equal(batch["label"], prepared.labels[picked])
    np.testing.assert_array_equal(batch["audio"][:, 0], prepared.audio[picked].astype(np.float32))
    pixels = torch.from_numpy(prepared.visual[picked]).permute(0, 4, 1, 2, 3) / 255
    expected = (pixels - MEAN[..., None]) / STD[..., None]
    torch.testing.assert_close(batch["visual"], expected)


def test_one_sample_is_a_batch_without_its_first_dimension(prepared):
    clips = Clips(prepared, prepared.rows("test"), train=False)
    batch = clips.__getitems__([1])
    assert same(clips[1], {key: value[0] for key, value in batch.items()})


def test_the_whole_frame_without_flip_is_the_frame(prepared):
    clips = train_clips(prepared, crop_scale=(1, 1), flip=False)
    # With area 1 only aspect 1 fits, so that the ten tries fail and the whole frame is taken.
    plain = Clips(prepared, prepared.rows("train"), train=False)
    indices = list(range(len(clips)))
    torch.testing.assert_close(
        clips.__getitems__(indices)["visual"],
        plain.__getitems__(indices)["visual"],
        atol=1e-4,
        rtol=1e-4,
    )


def test_a_flip_mirrors_about_half_of_the_frames(prepared):
    clips = train_clips(prepared, crop_scale=(1, 1))
    plain = Clips(prepared, prepared.rows("train"), train=False)
    indices = list(range(len(clips)))
    got, whole = (c.__getitems__(indices)["visual"].transpose(1, 2) for c in (clips, plain))
    mirrored = (got - whole.flip(-1)).abs().amax((2, 3, 4)) < 1e-3
    kept = (got - whole).abs().amax((2, 3, 4)) < 1e-3
    assert (mirrored ^ kept).all()
    assert 0.3 < mirrored.float().mean() < 0.7


def test_augmentation_depends_on_seed_epoch_and_row_only(prepared):
    clips = train_clips(prepared, seed=3)
    clips.set_epoch(5)
    first = clips.__getitems__([0, 1, 2, 3])
    torch.rand(7)
    np.random.default_rng().random(7)
    swapped = clips.__getitems__([3, 9, 1])
    torch.testing.assert_close(swapped["visual"][0], first["visual"][3], atol=0, rtol=0)
    torch.testing.assert_close(swapped["visual"][2], first["visual"][1], atol=0, rtol=0)
    clips.set_epoch(6)
    assert not torch.equal(clips.__getitems__([0])["visual"][0], first["visual"][0])
    other = train_clips(prepared, seed=4)
    other.set_epoch(5)
    assert not torch.equal(other.__getitems__([0])["visual"][0], first["visual"][0])


@given(low=st.floats(0.05, 1), width=st.floats(0, 1), seed=st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_boxes_lie_inside_the_frame_with_the_wanted_area_and_aspect(prepared, low, width, seed):
    scale = (low, low + width * (1 - low))
    boxes = train_clips(prepared, crop_scale=scale, seed=seed)._boxes(2)
    half, centre = (box.reshape(-1, 2) for box in boxes)
    half = np.abs(half)
    assert (np.abs(centre) + half <= 1 + 1e-6).all()
    area, aspect = half.prod(1), half[:, 0] / half[:, 1]
    whole = (half == 1).all(1)
    assert ((area >= scale[0] - 1e-5) & (area <= scale[1] + 1e-5) | whole).all()
    assert ((aspect >= 3 / 4 - 1e-5) & (aspect <= 4 / 3 + 1e-5)).all()


def test_a_box_is_cut_out_and_enlarged(tmp_path):
    # A frame whose red is its column and whose green its row: a crop is a ramp between its edges.
    prepared = synthetic(tmp_path / "ramp", clips=30, classes=3, frames=3, size=32)
    ramp = 4 * np.arange(32, dtype=np.uint8)
    prepared.visual[..., 0] = ramp
    prepared.visual[..., 1] = ramp[:, None]
    clips = train_clips(prepared, crop_scale=(0.2, 0.5))
    rows = clips.rows[:8]
    got = clips.__getitems__(list(range(8)))["visual"][:, :2, 0] * STD[:, :2] + MEAN[:, :2]
    half, centre = (box[rows, 0] for box in clips._boxes(1))
    axis = (2 * np.arange(32) + 1) / 32 - 1
    for image, size, middle in zip(got.numpy() * 255 / 4, half, centre, strict=True):
        for channel, line in [(0, image[0].mean(0)), (1, image[1].mean(1))]:
            place = (size[channel] * axis + middle[channel] + 1) * 16 - 0.5
            np.testing.assert_allclose(line, np.clip(place, 0, 31), atol=0.02)


@pytest.mark.parametrize("scale", [(0, 1), (0.5, 0.4), (0.5, 1.1)])
def test_an_impossible_crop_is_refused(prepared, scale):
    with pytest.raises(ValueError, match="must be 0 < low <= high <= 1"):
        train_clips(prepared, crop_scale=scale)


def test_a_shuffled_epoch_holds_every_row_once_in_an_order_of_its_own(prepared):
    clips = train_clips(prepared)
    orders = [
        torch.cat([batch["row"] for batch in loader(clips, 7, shuffle=True, seed=1, epoch=epoch)])
        for epoch in (1, 2, 1)
    ]
    assert torch.equal(orders[0], orders[2])
    assert not torch.equal(orders[0], orders[1])
    assert sorted(orders[0].tolist()) == sorted(clips.rows.tolist())


def test_an_unshuffled_epoch_keeps_the_order_and_the_small_last_batch(prepared):
    clips = Clips(prepared, prepared.rows("train"), train=False)
    batches = list(loader(clips, 10))
    assert [len(batch["row"]) for batch in batches] == [10, 10, 10, 6]
    assert torch.cat([batch["row"] for batch in batches]).tolist() == clips.rows.tolist()
    assert [len(b["row"]) for b in loader(clips, 10, drop_last=True)] == [10, 10, 10]


def test_worker_processes_change_nothing(prepared):
    alone, helped = (
        list(loader(train_clips(prepared), 8, shuffle=True, seed=2, epoch=3, workers=workers))
        for workers in (0, 2)
    )
    assert all(same(one, other) for one, other in zip(alone, helped, strict=True))


def test_reading_takes_no_number_from_the_global_generator(prepared):
    before = torch.get_rng_state()
    list(loader(train_clips(prepared), 8, shuffle=True))
    assert torch.equal(torch.get_rng_state(), before)


def test_no_batch_at_all_is_an_error(prepared):
    with pytest.raises(ValueError, match="0 clips give no batch of 8"):
        loader(Clips(prepared, [], train=False), 8)
    with pytest.raises(ValueError, match="36 clips give no batch of 99"):
        loader(train_clips(prepared), 99, drop_last=True)
