import errno
import json
import multiprocessing
import os
import shutil
import time
from collections import namedtuple

import numpy as np
import pandas as pd
import pytest
import soundfile
from filelock import FileLock
from tiny_release import ACTORS, CONFIG, LFS_POINTER, write_flv, write_release

from companion import registry
from companion.data import chunks, media
from companion.data.cremad import load
from companion.data.preparation import PreparationError
from companion.data.prepare import prepare
from companion.data.release import Release

Disk = namedtuple("Disk", "total used free")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_release(tmp_path_factory.mktemp("source") / "cremad")


@pytest.fixture
def raw(source, tmp_path):
    return shutil.copytree(source, tmp_path / "raw")


@pytest.fixture(scope="module")
def done(source, tmp_path_factory):
    return prepare(load(source), tmp_path_factory.mktemp("done") / "cremad", CONFIG)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 8)


def allow(share):
    return CONFIG.model_copy(update={"max_rejected": share})


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_arrays_hold_every_clip_in_the_order_of_the_lists(done, source):
    release = load(source)
    assert done.records["id"].to_list() == [clip.id for clip in release.clips]
    assert done.labels.tolist() == [clip.label for clip in release.clips]
    assert done.audio.shape == (72, 257, 98)
    assert done.visual.shape == (72, 1, 16, 16, 3)
    for i in (0, 50):
        sound = release.waveform(release.clips[i], 16_000)
        image = media.spectrogram(sound, "librosa", 16_000, 1.0).astype(np.float16)
        np.testing.assert_array_equal(done.audio[i], image)
        np.testing.assert_array_equal(done.visual[i], release.frames(release.clips[i], 1, 16))
    assert np.isfinite(done.audio).all()


def test_a_finished_folder_holds_the_contract_and_nothing_else(done):
    names = {"audio.npy", "visual.npy", "records.csv", "rejected.csv", "meta.json"}
    assert set(contents(done.folder)) == names
    assert list(done.records) == ["row", "id", "label", "split", "group"]
    assert (done.folder / "rejected.csv").read_text() == "id,split,reason\n"
    assert done.meta["frontend"] == "librosa"
    assert done.meta["name"] == "cremad"
    assert (done.meta["n_frames"], done.meta["frame_size"]) == (1, 16)
    assert [p.name for p in done.folder.parent.glob(".*.partial")] == []


def test_dev_is_a_stratified_share_of_train(done):
    split = done.records["split"]
    assert split.value_counts().to_dict() == {"train": 36, "dev": 12, "test": 24}
    assert done.records[split == "dev"]["label"].value_counts().to_list() == [2] * 6


def test_another_seed_gives_another_dev_split(source, tmp_path, done):
    config = CONFIG.model_copy(update={"seed": 1})
    other = prepare(load(source), tmp_path / "p", config)
    assert set(other.rows("dev")) != set(done.rows("dev"))
    assert set(other.rows("test")) == set(done.rows("test"))


def test_with_the_actor_split_no_actor_is_in_two_parts(source, tmp_path):
    config = CONFIG.model_copy(update={"split": "actor"})
    records = prepare(registry.load("cremad", source, config), tmp_path / "p", config).records
    groups = records.groupby("split")["group"].agg(set)
    assert set(groups.index) == {"train", "dev", "test"}
    assert sum(map(len, groups)) == len(set.union(*groups)) == len(ACTORS)


def test_bytes_do_not_depend_on_the_number_of_workers(source, tmp_path, done, small_chunks):
    other = prepare(load(source), tmp_path / "p", CONFIG, workers=2)
    assert contents(other.folder) == contents(done.folder)


def test_a_finished_folder_is_reused_and_a_changed_file_is_noticed(raw, tmp_path, monkeypatch):
    first = prepare(load(raw), tmp_path / "p", CONFIG)
    with monkeypatch.context() as patch:
        patch.setattr(chunks, "decode_all", lambda *_: pytest.fail("decoded again"))
        assert prepare(load(raw), tmp_path / "p", CONFIG).digest == first.digest
    write_flv(raw / "VideoFlash" / "1001_IEO_HAP_XX.flv", frames=3)
    second = prepare(load(raw), tmp_path / "p", CONFIG)
    assert second.digest != first.digest
    third = prepare(load(raw), tmp_path / "p", CONFIG.model_copy(update={"frame_size": 8}))
    assert third.visual.shape == (72, 1, 8, 8, 3)


def spoil(raw):
    """Spoil ten clips of the train list in ten ways; return id -> what the reason says."""
    names = [line.split(",")[0] for line in (raw / "train.csv").read_text("utf-8-sig").split()]
    wav = {name: raw / "AudioWAV" / f"{name}.wav" for name in names}
    flv = {name: raw / "VideoFlash" / f"{name}.flv" for name in names}
    nan = np.zeros(9_000, np.float32)
    nan[5] = np.nan
    reasons = {}

    def case(index, reason):
        reasons[names[index]] = reason
        return names[index]

    wav[case(0, "wav is missing")].unlink()
    flv[case(7, "flv is missing")].unlink()
    wav[case(14, "wav is empty")].write_bytes(b"")
    flv[case(21, "flv is empty")].write_bytes(b"")
    path = flv[case(28, "flv is truncated")]
    path.write_bytes(path.read_bytes()[:1_500])
    wav[case(29, "wav is a Git-LFS pointer")].write_bytes(LFS_POINTER)
    flv[case(34, "flv is a Git-LFS pointer")].write_bytes(LFS_POINTER)
    soundfile.write(wav[case(35, "has no samples")], np.zeros(0), 16_000)
    soundfile.write(wav[case(40, "holds NaN")], nan, 16_000, subtype="FLOAT")
    path = wav[case(47, "claims 2 samples per second")]
    path.write_bytes(path.read_bytes()[:24] + b"\2\0\0\0" + path.read_bytes()[28:])
    # These two are strange and good: no sound in the video, and a WAV of another rate.
    write_flv(flv[names[1]], sound=False)
    soundfile.write(wav[names[2]], np.sin(np.arange(20_000) / 9) / 2, 44_100)
    return reasons


def test_every_bad_clip_is_a_line_in_rejected_and_the_others_are_kept(raw, tmp_path, small_chunks):
    reasons = spoil(raw)
    prepared = prepare(load(raw), tmp_path / "p", allow(0.2), workers=2)
    rejected = pd.read_csv(prepared.folder / "rejected.csv").set_index("id")
    assert set(rejected.index) == set(reasons)
    for name, reason in reasons.items():
        assert reason in rejected.loc[name, "reason"]
    assert set(rejected["split"]) <= {"train", "dev"}
    used = prepared.records["id"]
    assert len(used) == len(prepared.audio) == len(prepared.visual) == 72 - len(reasons)
    assert set(used) | set(reasons) == {clip.id for clip in load(raw).clips}
    assert prepared.records["row"].to_list() == list(range(len(used)))


def test_rejected_clips_leave_no_hole(raw, tmp_path, done, small_chunks):
    spoil(raw)
    prepared = prepare(load(raw), tmp_path / "p", allow(0.2))
    whole = done.records.set_index("id")
    names = raw.joinpath("train.csv").read_text("utf-8-sig").split()
    changed = {name.split(",")[0] for name in names[1:3]}
    for row in prepared.records.itertuples():
        if row.id not in changed:
            there = whole.loc[row.id]
            np.testing.assert_array_equal(prepared.audio[row.row], done.audio[there["row"]])
            np.testing.assert_array_equal(prepared.visual[row.row], done.visual[there["row"]])
            # The dev split is drawn before anything is decoded.
            assert row.split == there["split"]


def test_too_many_rejected_is_an_error_that_raising_the_limit_gets_over(raw, tmp_path, monkeypatch):
    reasons = spoil(raw)
    with pytest.raises(PreparationError, match="10 of 72 clips .* max_rejected = 1.00%") as caught:
        prepare(load(raw), tmp_path / "p", CONFIG)
    assert f"{next(iter(reasons))}: " in str(caught.value)
    listed = tmp_path / ".p.partial" / "rejected.csv"
    assert str(listed) in str(caught.value)
    assert len(pd.read_csv(listed)) == 10
    monkeypatch.setattr(chunks, "_chunk", lambda *_: pytest.fail("decoded again"))
    assert len(prepare(load(raw), tmp_path / "p", allow(0.2))) == 62
    # A stricter limit also holds for a folder that is there already.
    with pytest.raises(PreparationError, match="10 of 72"):
        prepare(load(raw), tmp_path / "p", CONFIG)


def test_a_class_or_a_split_that_becomes_empty_is_an_error(raw, tmp_path):
    for path in (raw / "VideoFlash").glob("*_TIE_SAD_*"):
        path.unlink()
    with pytest.raises(PreparationError, match="class SAD has no usable clip in the test split"):
        prepare(load(raw), tmp_path / "p", allow(0.9))
    for path in (raw / "VideoFlash").glob("*_TIE_*"):
        path.unlink()
    with pytest.raises(PreparationError, match="the test split of cremad has no usable clip"):
        prepare(load(raw), tmp_path / "p", allow(0.9))


def test_a_train_part_too_small_for_a_dev_split_is_an_error(source, tmp_path):
    release = load(source)
    few = Release("few", release.classes, release.clips[:6])
    with pytest.raises(PreparationError, match="cannot be held out as dev split"):
        prepare(few, tmp_path / "p", CONFIG)


def test_a_full_disk_is_noticed_before_anything_is_written(source, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(10**9, 10**9, 10**6))
    with pytest.raises(OSError, match="4 MB are needed, 1 MB are free.*Make room") as caught:
        prepare(load(source), tmp_path / "p", CONFIG)
    assert caught.value.errno == errno.ENOSPC
    assert str(tmp_path / "p") in str(caught.value)
    assert not (tmp_path / ".p.partial").exists()


def test_a_disk_that_fills_up_leaves_what_can_be_continued(
    source, tmp_path, monkeypatch, done, small_chunks
):
    write, starts = chunks._write, []

    def full(path, block, start):
        if start >= 40:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, block, start)

    monkeypatch.setattr(chunks, "_write", full)
    with pytest.raises(OSError, match="no space left for .*goes on from") as caught:
        prepare(load(source), tmp_path / "p", CONFIG)
    assert caught.value.errno == errno.ENOSPC
    assert not (tmp_path / "p").exists()

    def counted(path, block, start):
        starts.append(start)
        write(path, block, start)

    monkeypatch.setattr(chunks, "_write", counted)
    assert contents(prepare(load(source), tmp_path / "p", CONFIG).folder) == contents(done.folder)
    assert set(starts) == {40, 48, 56, 64}


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_read_only_folder_is_named(source, tmp_path, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(chunks, "start", refuse)
    with pytest.raises(PermissionError, match="cannot be written .*choose another folder"):
        prepare(load(source), tmp_path / "p", CONFIG)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission_is_named(source, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(PermissionError, match="cannot be written"):
        prepare(load(source), tmp_path / "locked" / "p", CONFIG)


def test_two_preparations_of_one_folder_at_once_are_refused(source, tmp_path):
    with (
        FileLock(tmp_path / ".p.lock"),
        pytest.raises(PreparationError, match="another preparation is writing"),
    ):
        prepare(load(source), tmp_path / "p", CONFIG)
    assert len(prepare(load(source), tmp_path / "p", CONFIG)) == 72


def prepare_slowly(source, folder):
    write = chunks._write

    def slow(path, block, start):
        time.sleep(0.1)
        write(path, block, start)

    chunks._write = slow
    prepare(load(source), folder, CONFIG)


def test_a_killed_preparation_goes_on_where_it_was(
    source, tmp_path, monkeypatch, done, small_chunks
):
    # Forked, so that no second interpreter has to load torch.
    process = multiprocessing.get_context("fork").Process(
        target=prepare_slowly, args=(source, tmp_path / "p")
    )
    process.start()
    marks = tmp_path / ".p.partial" / "chunks"
    deadline = time.time() + 60
    while len(list(marks.glob("*.json"))) < 3:
        assert process.is_alive() and time.time() < deadline
        time.sleep(0.02)
    process.kill()
    process.join()
    kept = {path.name: path.stat().st_mtime_ns for path in marks.iterdir()}
    assert 3 <= len(kept) < 9
    seen = []
    chunk = chunks._chunk
    monkeypatch.setattr(chunks, "_chunk", lambda *a, **k: seen.append(a) or chunk(*a, **k))
    prepared = prepare(load(source), tmp_path / "p", CONFIG)
    assert len(seen) == 9 - len(kept)
    assert contents(prepared.folder) == contents(done.folder)


def test_memory_does_not_grow_with_the_number_of_clips(source, tmp_path, small_chunks):
    # The largest piece that is ever handed over is one chunk.
    sizes = []
    write = chunks._write
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "_write", lambda p, b, s: sizes.append(len(b)) or write(p, b, s))
        prepare(load(source), tmp_path / "p", CONFIG)
    assert max(sizes) == 8


def test_the_record_of_a_preparation_names_its_settings(done):
    meta = json.loads((done.folder / "meta.json").read_text())
    assert meta["sample_rate"] == 16_000
    assert meta["rejected"] == 0
    assert (meta["train_clips"], meta["dev_clips"], meta["test_clips"]) == (36, 12, 24)


def test_an_unknown_data_set_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no data set 'moon'; there are cremad, ks, vggsound, ave"):
        registry.load("moon", tmp_path, CONFIG)


def test_stored_spectrograms_are_means_over_squares(done, source):
    release, side = load(source), 4
    config = CONFIG.model_copy(update={"audio_pool": side})
    sound = release.waveform(release.clips[0], 16_000)
    pooled = chunks.spectrogram(sound, config)
    whole = media.spectrogram(sound, "librosa", 16_000, 1.0)
    assert pooled.shape == (257 // side, 98 // side)
    assert pooled[1, 2] == pytest.approx(whole[4:8, 8:12].mean(), rel=1e-5)
    np.testing.assert_array_equal(chunks.spectrogram(sound, CONFIG), whole)
