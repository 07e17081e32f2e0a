import dataclasses
import errno
import os
import shutil
from collections import namedtuple
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import tiny_ave
import torch

from companion.data import ave, ave_lists, prepare_segments
from companion.data.preparation import PreparationError
from companion.data.release import ReleaseError
from olmlib.data.arrays import loader
from olmlib.data.segments import Segments

NOISY = Path(os.environ.get("OLM_REAL_DATA", "../shared/data")) / "annotations" / "ave"


def prepare(root, folder, **changes) -> Segments:
    config = tiny_ave.config(**changes)
    return prepare_segments.prepare_segments(ave.load(root, config).present(), folder, config)


@pytest.fixture
def root(tmp_path):
    return tiny_ave.write(tmp_path / "ave")


@pytest.fixture
def data(root, tmp_path):
    return prepare(root, tmp_path / "prepared")


def set_row(root, name, row, value):
    with h5py.File(root / name, "r+") as file:
        file[ave.KEY][row, 3] = value


def test_every_clip_keeps_its_features_to_half_precision_and_its_labels(root, data):
    release = ave.load(root, tiny_ave.config()).present()
    assert len(data) == 15 and data.classes == (*release.classes, "background")
    np.testing.assert_array_equal(data.labels, release.labels())
    for name in ("audio", "visual"):
        with h5py.File(root / f"{name}_feature.h5") as file:
            np.testing.assert_array_equal(getattr(data, name), file[ave.KEY][:].astype(np.float16))
    for split, part in (("train", "train"), ("dev", "val"), ("test", "test")):
        wanted = [i for i, entry in enumerate(tiny_ave.LINES) if entry[4] == part]
        assert data.rows(split).tolist() == wanted
    assert data.records["group"].tolist() == [entry[1] for entry in tiny_ave.LINES]


def test_a_damaged_clip_is_rejected_with_a_reason_and_the_others_close_up(root, tmp_path):
    lines = (*tiny_ave.LINES, *[("Banjo", f"{i:011d}", 0, 10, "train") for i in range(20)])
    tiny_ave.write(root, lines)
    whole = prepare(root, tmp_path / "whole")
    set_row(root, "audio_feature.h5", 16, np.nan)
    set_row(root, "visual_feature.h5", 20, 1e6)
    set_row(root, "audio_feature.h5", 20, np.inf)
    data = prepare(root, tmp_path / "some", max_rejected=0.1)
    rejected = pd.read_csv(data.folder / "rejected.csv")
    assert rejected["id"].tolist() == ["Banjo&00000000001", "Banjo&00000000005"]
    assert rejected["reason"].tolist() == [
        "audio features are NaN, infinite or over 65504",
        "audio and visual features are NaN, infinite or over 65504",
    ]
    kept = np.setdiff1d(np.arange(35), [16, 20])
    np.testing.assert_array_equal(data.visual, whole.visual[kept])
    np.testing.assert_array_equal(data.labels, whole.labels[kept])
    with pytest.raises(PreparationError, match=r"2 of 35 clips of ave .* max_rejected = 1.00%"):
        prepare(root, tmp_path / "some")


def test_a_class_that_loses_its_only_clip_of_a_split_is_named(root, tmp_path):
    set_row(root, "audio_feature.h5", 12, np.nan)
    with pytest.raises(PreparationError, match="class Clock has no usable clip in the test split"):
        prepare(root, tmp_path / "prepared", max_rejected=0.5)


def test_a_finished_folder_is_kept_until_a_file_or_a_line_changes(root, data):
    before = (data.folder / "meta.json").stat().st_mtime_ns
    assert prepare(root, data.folder).digest == data.digest
    assert (data.folder / "meta.json").stat().st_mtime_ns == before
    set_row(root, "visual_feature.h5", 0, 2.0)
    other = prepare(root, data.folder)
    assert other.digest != data.digest and (other.visual[0, 3] == 2).all()


def test_a_feature_file_that_is_cut_stops_the_preparation_and_leaves_the_old_one(root, data):
    path = root / "visual_feature.h5"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ReleaseError, match=r"visual_feature.h5 cannot be read as HDF5"):
        prepare(root, data.folder)
    assert Segments(data.folder).digest == data.digest


def test_too_little_room_is_said_before_anything_is_written(root, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")(10, 10, 100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="no space left for .*prepared") as caught:
        prepare(root, tmp_path / "prepared")
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.skipif(
    not (NOISY / "audio_feature_noisy.h5").is_file(),
    reason=f"the published features of background clips are not in {NOISY}",
)
def test_the_published_background_features_become_a_training_batch(root, tmp_path):
    shutil.copyfile(NOISY / "audio_feature_noisy.h5", root / "audio_feature_noisy.h5")
    rng = np.random.default_rng(0)
    tiny_ave.array(root / "visual_noise.h5", rng.normal(size=(178, 10, *tiny_ave.VISUAL)))
    release = background(root)
    config = tiny_ave.config(audio=128)
    data = prepare_segments.prepare_segments(release, tmp_path / "prepared", config)
    with h5py.File(root / "audio_feature_noisy.h5") as file:
        wanted = torch.from_numpy(file[ave.KEY][:].astype(np.float16)).float()
    rows = np.arange(len(data))
    batches = list(loader(data.clips(rows, False, None, 0), 64))
    assert torch.equal(torch.cat([batch["audio"] for batch in batches]), wanted)
    assert all((batch["label"] == 1).all() for batch in batches)


def background(root: Path) -> ave.Release:
    """Return the published clips of background only, which no list names."""
    parts = ["train"] * 100 + ["dev"] * 39 + ["test"] * 39
    clips = [
        ave_lists.Event(f"{row}", 0, split, f"{row}", 0, 0, row) for row, split in enumerate(parts)
    ]
    names = {"audio": "audio_feature_noisy.h5", "visual": "visual_noise.h5"}
    whole = ave.load(root, tiny_ave.config(audio=128))
    return dataclasses.replace(
        whole, classes=("anything",), clips=tuple(clips), names=names, rows=178
    )
