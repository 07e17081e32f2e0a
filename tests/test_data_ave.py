import multiprocessing
import os
import pickle
import shutil
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import tiny_ave

from companion.data import ave
from companion.data.hdf5 import Array
from companion.data.release import ReleaseError

REAL = Path(os.environ.get("OLM_REAL_DATA", "../shared/data")) / "annotations" / "ave"
real = pytest.mark.skipif(
    not (REAL / "Annotations.txt").is_file(), reason=f"the published lists are not in {REAL}"
)
CLIPS = {"train": 3339, "dev": 402, "test": 402}
FOREGROUND = {"train": 27_759, "dev": 3_288, "test": 3_305}
BACKGROUND = {"train": 16.9, "dev": 18.2, "test": 17.8}
HEADER = "Category&VideoID&Quality&StartTime&EndTime\n"


def load(root):
    return ave.load(root, tiny_ave.config())


@pytest.fixture
def root(tmp_path):
    return tiny_ave.write(tmp_path / "ave")


@pytest.fixture
def published(tmp_path):
    """The published files where a test may change them."""
    shutil.copytree(REAL, tmp_path / "real", copy_function=shutil.copyfile)
    (tmp_path / "real").chmod(0o755)
    return tmp_path / "real"


@real
@pytest.mark.parametrize("header", ["", HEADER])
def test_the_published_lists_give_the_published_numbers(published, header):
    text = (published / "Annotations.txt").read_text()
    (published / "Annotations.txt").write_text(header + text)
    release = load(published)
    assert len(release.clips) == release.rows == 4143
    assert len({clip.group for clip in release.clips}) == 4097
    labels = release.labels()
    for split, count in CLIPS.items():
        rows = [clip.row for clip in release.clips if clip.split == split]
        inside = labels[rows] < 28
        assert len(rows) == count
        assert inside.sum() == FOREGROUND[split]
        assert round(100 * (1 - inside.mean()), 1) == BACKGROUND[split]
    assert release.present() == release


@real
def test_the_published_label_files_say_what_the_lists_say():
    compared = load(REAL).published()
    assert compared == {"mil_labels.h5": (0, ""), "labels_closs.h5": (0, "")}


@real
@pytest.mark.parametrize("part", ave.PARTS)
def test_the_published_order_files_are_the_text_splits_row_by_row(part):
    order = Array(REAL / f"{part}_order.h5", "order", (None,), "", np.int64)[:]
    annotations = (REAL / "Annotations.txt").read_text().splitlines()
    listed = (REAL / f"{part}Set.txt").read_text().splitlines()
    assert [annotations[row] for row in order] == listed


@real
def test_the_order_files_alone_give_the_same_splits(published):
    release = load(published)
    for part in ave.PARTS:
        (published / f"{part}Set.txt").unlink()
    assert load(published) == release


@real
def test_videos_with_several_events_and_those_in_two_splits_are_kept():
    clips = load(REAL).clips
    events: dict[str, list] = {}
    for clip in clips:
        events.setdefault(clip.group, []).append(clip)
    several = [found for found in events.values() if len(found) > 1]
    assert len(several) == 45 and len(events["0f_iTO5t3hU"]) == 3
    assert sum(len({clip.split for clip in found}) > 1 for found in several) == 18
    assert len({clip.id for clip in clips}) == 4143


@real
def test_the_published_background_features_are_read_as_they_are():
    sound = Array(REAL / "audio_feature_noisy.h5", ave.KEY, (178, 10, 128), "")
    with h5py.File(REAL / "audio_feature_noisy.h5") as file:
        np.testing.assert_array_equal(sound[:], file[ave.KEY][:].astype(np.float32))
    assert sound[177].shape == (10, 128) and sound[0].min() >= 0 and sound[:].max() > 4


def test_a_label_is_that_of_the_event_while_it_lasts(root):
    release = load(root)
    labels = release.labels()
    assert labels[1].tolist() == [28] * 2 + [17] * 5 + [28] * 3
    assert release.published() == dict.fromkeys(
        ["labels.h5", "mil_labels.h5", "labels_closs.h5"], (0, "")
    )
    some = release.present()
    names = [name for name in ave.CLASSES if name in {entry[0] for entry in tiny_ave.LINES}]
    assert list(some.classes) == names and len(names) == 5
    assert some.labels()[1].tolist() == [5] * 2 + [names.index("Banjo")] * 5 + [5] * 3
    assert some.published() == release.published()


@pytest.mark.parametrize("name", ["labels.h5", "mil_labels.h5", "labels_closs.h5"])
def test_a_label_file_that_says_otherwise_is_told_of_and_not_obeyed(root, name):
    release = load(root)
    with h5py.File(root / name, "r+") as file:
        file[ave.KEY][6] = np.roll(file[ave.KEY][6], 1, -1)
    with pytest.warns(UserWarning, match=f"{name}: 1 of 15 .* the first is Bark&fffffffffff"):
        release.check()
    assert (load(root).labels() == release.labels()).all()


def test_what_is_found_is_counted(root):
    (root / "AVE").mkdir()
    (root / "AVE" / "bbbbbbbbbbb.mp4").write_bytes(b"video")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = load(root).check()
    found = report.table.set_index(["split", "modality"])
    assert found.loc[("train", "video")].tolist() == [1, 4]
    assert found.loc[("dev", "video")].tolist() == [1, 4]
    assert found.loc[("test", "visual")].tolist() == [5, 0]
    assert (report.used, report.total, report.classes) == (15, 15, 28)


def test_features_are_read_by_the_row_and_in_the_wanted_precision(root):
    with h5py.File(root / "visual_feature.h5") as file:
        stored = file[ave.KEY][:]
    assert stored.dtype == np.float64
    release = load(root)
    for dtype in (np.float32, np.float16):
        array = release.features("visual", dtype)
        assert array[3].dtype == dtype and array.shape == stored.shape
        np.testing.assert_array_equal(array[3], stored[3].astype(dtype))
        np.testing.assert_array_equal(array[2:5], stored[2:5].astype(dtype))
    with pytest.raises(IndexError, match="rows 0 to 14, not 15"):
        array[15]


def _sum(array, row, queue):
    queue.put(float(array[row].sum()))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_every_process_opens_the_file_for_itself(root, method):
    array = load(root).features("audio")
    here = float(array[4].sum())  # so that a handle is open before the other process begins
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    process = context.Process(target=_sum, args=(array, 4, queue))
    process.start()
    assert queue.get(timeout=60) == here
    process.join()
    assert float(pickle.loads(pickle.dumps(array))[4].sum()) == here


def edit(root, name, old, new):
    text = (root / name).read_text()
    assert old in text
    (root / name).write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("good&2&7", "good&2&2", "line 2: the event of Banjo&bbbbbbbbbbb starts and ends at 2"),
        ("good&2&7", "good&7&2", "line 2: Banjo&bbbbbbbbbbb lasts from 7 to 2, not within 0 to 10"),
        ("good&2&7", "good&2&11", "line 2: .* from 2 to 11"),
        ("good&2&7", "good&2.5&7", r"line 2: .*\['2.5', '7'\], not whole seconds"),
        ("good&2&7", "good&-2&7", "not whole seconds"),
        ("good&2&7", "good&2", "line 2: expected Category&VideoID&Quality&StartTime&EndTime"),
        ("Banjo&b", "Kazoo&b", "line 2: category 'Kazoo' is not one of AVE's 28"),
        ("Banjo&bbbbbbbbbbb", "Banjo&../b", r"line 2: '\.\./b' is no id of a video"),
        ("Clock&ccccccccccc", "Banjo&bbbbbbbbbbb", "Banjo&bbbbbbbbbbb has two lines"),
    ],
)
def test_a_wrong_line_is_named(root, old, new, says):
    edit(root, "Annotations.txt", old, new)
    with pytest.raises(ReleaseError, match=says):
        load(root)


def test_only_the_published_line_may_last_no_time(root):
    line = "Church bell&VWi2ENBuTbw&good&0&0\n"
    for name in ("Annotations.txt", "trainSet.txt"):
        with (root / name).open("a") as file:
            file.write(line)
    (root / "train_order.h5").unlink()
    assert (load(root).labels()[-1] == 28).all()


@pytest.mark.parametrize(
    "name, old, new, says",
    [
        ("trainSet.txt", "good&2&7", "good&2&8", "trainSet.txt, line 2: .* is not as in"),
        ("valSet.txt", "Bark&fffffffffff&good&3&8", "Bark&aaaaaaaaaaa&good&0&10", "listed before"),
        ("testSet.txt", "Bark&jjjjjjjjjjj&good&4&10\n", "", "line.* are in no split.*Bark&jj"),
    ],
)
def test_lists_that_disagree_are_refused(root, name, old, new, says):
    for part in ave.PARTS:
        (root / f"{part}_order.h5").unlink()
    edit(root, name, old, new)
    with pytest.raises(ReleaseError, match=says):
        load(root)


def test_an_order_file_that_does_not_fit_is_refused(root):
    order = root / "val_order.h5"
    good = Array(order, "order", (None,), "", np.int64)[:]
    for row in (15, -1):
        tiny_ave.array(order, np.array([*good[:-1], row]), "order")
        with pytest.raises(ReleaseError, match=rf"val_order.h5: row {row} is not in 0 ... 14"):
            load(root)
    tiny_ave.array(order, good[:-1], "order")
    with pytest.raises(ReleaseError, match="has 4 rows and .*valSet.txt 5"):
        load(root)
    tiny_ave.array(order, good[::-1], "order")
    with pytest.raises(ReleaseError, match="line 1 is Mandolin&bbb.* entry 0 is Violin"):
        load(root)


@pytest.mark.parametrize("name", ["Annotations.txt", "testSet.txt"])
def test_a_list_that_is_missing_or_empty_says_where_to_get_it(root, name):
    (root / "test_order.h5").unlink()
    (root / name).write_text(HEADER)
    with pytest.raises(ReleaseError, match=f"{name} is empty.*AVE-ECCV18"):
        load(root)
    (root / name).unlink()
    with pytest.raises(ReleaseError, match=f"{name} not found.*AVE-ECCV18"):
        load(root)


def damaged(root, how):
    path, good = root / "visual_feature.h5", np.zeros((15, 10, *tiny_ave.VISUAL))
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("not found")
    elif how == "pointer":
        path.write_text("version https://git-lfs.github.com/spec/v1\n")
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:-1000])
    elif how == "key":
        tiny_ave.array(path, good, "dataset")
    elif how == "group":
        tiny_ave.array(path, good, f"{ave.KEY}/visual")
    elif how == "rows":
        tiny_ave.array(path, good[:14])
    elif how == "channels first":
        tiny_ave.array(path, np.moveaxis(good, -1, 2))
    elif how == "flat":
        tiny_ave.array(path, good.reshape(150, -1))
    elif how == "words":
        tiny_ave.array(path, np.full(good.shape, b"x"))


@pytest.mark.parametrize(
    "how, says",
    [
        ("missing", "is missing"),
        ("empty", "is empty"),
        ("text", "cannot be read as HDF5.*signature"),
        ("pointer", "is a Git-LFS pointer: git lfs pull"),
        ("truncated", "cannot be read as HDF5.*truncated"),
        ("key", "has no array 'avadataset', it has dataset"),
        ("group", "has no array 'avadataset'"),
        ("rows", r"has shape \(14, 10, 3, 3, 4\), expected \(15, 10, 3, 3, 4\)"),
        ("channels first", r"has shape \(15, 10, 4, 3, 3\), expected"),
        ("flat", r"has shape \(150, 36\), expected"),
        ("words", "does not hold numbers"),
    ],
)
def test_a_feature_file_that_is_not_as_it_should_be_says_so_and_where_to_get_it(root, how, says):
    damaged(root, how)
    with pytest.raises(ReleaseError, match=f"visual_feature.h5 {says}") as caught:
        load(root).check()
    assert "AVE-ECCV18" in str(caught.value)
