import json
import pickle

import numpy as np
import pandas as pd
import pytest
import torch

from olmlib.data.arrays import loader
from olmlib.data.arrive import ready
from olmlib.data.segments import Segments, segment_labels
from olmlib.data.synthetic import segments


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return segments(tmp_path_factory.mktemp("prepared") / "synthetic", visual=(3, 2, 8))


def test_an_event_fills_the_segments_from_its_start_to_before_its_end():
    label = segment_labels(
        label=np.array([2, 0, 1]), start=np.array([0, 3, 4]), end=np.array([10, 6, 4]),
        segments=10, background=28,
    )  # fmt: skip
    assert label.dtype == np.int64
    assert label[0].tolist() == [2] * 10
    assert label[1].tolist() == [28] * 3 + [0] * 3 + [28] * 4
    assert label[2].tolist() == [28] * 10


def test_a_batch_has_ten_segments_of_each_modality_and_a_label_for_each(data):
    rows = data.rows("train")
    batch = data.clips(rows, True, None, 0).__getitems__([5, 0])
    assert batch["audio"].shape == (2, 10, 8) and batch["audio"].dtype == torch.float32
    assert batch["visual"].shape == (2, 10, 3, 2, 8) and batch["visual"].dtype == torch.float32
    assert batch["label"].shape == (2, 10) and batch["label"].dtype == torch.int64
    assert batch["row"].tolist() == [rows[5], rows[0]]
    for name in ("audio", "visual"):
        np.testing.assert_array_equal(batch[name], getattr(data, name)[rows[[5, 0]]])
    np.testing.assert_array_equal(batch["label"], data.labels[rows[[5, 0]]])


def test_background_is_the_last_class(data):
    assert data.classes[-1] == "background" and len(data.classes) == 5
    event = data.records
    for row in (0, 7, 59):
        inside = data.labels[row] != 4
        assert inside.sum() == event["end"][row] - event["start"][row] > 0
        assert set(data.labels[row][inside]) == {event["label"][row]}


def test_the_splits_share_no_row(data):
    rows = [data.rows(split) for split in ("train", "dev", "test")]
    assert sorted(np.concatenate(rows)) == list(range(60))
    assert all(len(part) for part in rows)
    with pytest.raises(ValueError, match="'val' is not one of train, dev, test"):
        data.rows("val")


def test_a_late_batch_is_half_precision_and_ready_makes_the_same_of_it(data):
    early, late = (data.clips(data.rows("dev"), False, None, 0) for _ in range(2))
    late.late = True
    stored, wanted = late.__getitems__([0, 1]), early.__getitems__([0, 1])
    assert stored["visual"].dtype == stored["audio"].dtype == torch.float16
    made = ready(stored)
    assert all(torch.equal(made[name], wanted[name]) for name in wanted)


def test_a_batch_of_one_keeps_its_first_dimension_and_a_sample_has_none(data):
    clips = data.clips(data.rows("test"), False, None, 0)
    assert clips.__getitems__([1])["visual"].shape == (1, 10, 3, 2, 8)
    assert clips[1]["visual"].shape == (10, 3, 2, 8) and clips[1]["label"].shape == (10,)


def test_worker_processes_read_the_same_batches(data):
    clips = data.clips(data.rows("train"), True, None, 0)
    here = list(loader(clips, 7, shuffle=True, seed=3, epoch=2))
    there = list(loader(clips, 7, shuffle=True, seed=3, epoch=2, workers=1))
    assert len(here) == len(there) > 1
    for one, other in zip(here, there, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_it_travels_to_worker_processes_as_a_path(data):
    text = pickle.dumps(data)
    assert len(text) < 500
    assert pickle.loads(text).digest == data.digest


def test_an_unfinished_folder_and_one_whose_parts_disagree_are_refused(tmp_path):
    data = segments(tmp_path / "a")
    short = data.audio[:, :9].copy()
    (data.folder / "audio.npy").unlink()  # it is mapped into memory: never write over it
    np.save(data.folder / "audio.npy", short)
    with pytest.raises(ValueError, match=r"60 records of 10 segments, sound of \(60, 9\)"):
        Segments(data.folder)
    (data.folder / "meta.json").unlink()
    with pytest.raises(FileNotFoundError, match="is not prepared, or its preparation was stopped"):
        Segments(data.folder)


def test_the_digest_tells_another_event_apart(tmp_path):
    one, other = segments(tmp_path / "a"), segments(tmp_path / "b", seed=1)
    assert one.digest != other.digest
    meta = json.loads((one.folder / "meta.json").read_text())
    assert meta["digest"] == one.digest == segments(tmp_path / "c").digest
    assert list(pd.read_csv(one.folder / "records.csv").columns) == [
        "row", "id", "label", "split", "group", "start", "end",
    ]  # fmt: skip
