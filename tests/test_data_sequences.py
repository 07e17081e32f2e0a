import pickle

import numpy as np
import pandas as pd
import pytest
import tiny_mer
import torch

from companion.data import mer2023
from companion.data.preparation import PreparationError
from companion.data.prepare_sequences import prepare_sequences
from companion.data.release import ReleaseError
from companion.figures import sequences
from olmlib.data.arrays import loader
from olmlib.data.sequences import Sequences

FIRST = "sample_00000000"


def prepare(root, folder, **changes):
    config = tiny_mer.config(**changes)
    return prepare_sequences(mer2023.load(root, config), folder, config)


@pytest.fixture
def root(tmp_path):
    return tiny_mer.write(tmp_path / "mer")


@pytest.fixture
def data(root, tmp_path):
    return prepare(root, tmp_path / "prepared")


def test_every_clip_keeps_its_rows_to_half_precision(root, data):
    batch = data.clips(np.arange(len(data)), False, None, 0).__getitems__(list(range(len(data))))
    for i, name in enumerate(data.records["id"]):
        for m, width in tiny_mer.WIDTHS.items():
            rows = np.load(tiny_mer.path(root, name, m))
            assert batch[f"{m}_length"][i] == len(rows)
            stored = batch[m][i, : len(rows)].numpy()
            np.testing.assert_allclose(stored, rows, rtol=1e-3, atol=1e-3)
            assert batch[m].shape[2] == width and not batch[m][i, len(rows) :].any()
    assert batch["audio"].dtype == torch.float32


def test_a_batch_is_padded_to_its_longest_clip_in_each_modality(data):
    clips = data.clips(data.rows("train"), False, None, 0)
    for batch in loader(clips, 5, shuffle=True):
        for m in data.modalities:
            assert batch[m].shape[1] == batch[f"{m}_length"].max()


def test_the_fold_is_the_dev_split_and_test_never_moves(data):
    other = Sequences(data.folder, 1)
    assert set(data.rows("dev")) == set(other.rows("train"))
    assert not set(data.rows("dev")) & set(data.rows("train"))
    np.testing.assert_array_equal(data.rows("test"), other.rows("test"))
    assert len(data.rows("train")) + len(data.rows("dev")) + len(data.rows("test")) == len(data)


def test_only_the_wanted_modalities_are_read(data):
    some = Sequences(data.folder, 0, ("text", "audio"))
    batch = some.clips([0], False, None, 0)[0]
    wanted = {"text", "text_length", "audio", "audio_length", "label", "valence", "row"}
    assert batch.keys() == wanted
    assert some.digest == data.digest
    with pytest.raises(ValueError, match="has no smell; it has audio, visual, text, hog"):
        Sequences(data.folder, 0, ["smell"])
    with pytest.raises(ValueError, match="folds 0 to 1, not 2"):
        Sequences(data.folder, 2)
    with pytest.raises(ValueError, match="split 'val'"):
        data.rows("val")


def test_it_travels_to_worker_processes_as_a_path(data):
    text = pickle.dumps(Sequences(data.folder, 1, ("audio",)))
    assert len(text) < 500
    assert pickle.loads(text).modalities == ("audio",) and pickle.loads(text).fold == 1


def spoil(root, kind):
    file = tiny_mer.path(root, FIRST, "visual")
    rows = np.load(file)
    if kind == "missing":
        file.unlink()
    elif kind == "truncated":
        file.write_bytes(file.read_bytes()[:90])
    else:
        rows[0, 0] = {"nan": np.nan, "huge": 1e6}[kind]
        np.save(file, rows)


REASONS = {
    "missing": r"manet_FRA/.*\(visual\) is missing",
    "truncated": "cannot be read",
    "nan": "NaN",
    "huge": "reach 1e\\+06",
}


@pytest.mark.parametrize("kind", REASONS)
def test_a_clip_that_lacks_a_modality_is_a_line_of_rejected(root, tmp_path, kind):
    spoil(root, kind)
    with pytest.raises(PreparationError, match=rf"1 of 36 clips(.|\n)*{REASONS[kind]}"):
        prepare(root, tmp_path / "prepared")
    data = prepare(root, tmp_path / "prepared", max_rejected=0.1)
    rejected = pd.read_csv(data.folder / "rejected.csv")
    assert rejected["id"].tolist() == [FIRST] and len(data) == 35
    assert FIRST not in set(data.records["id"])


def test_another_extractors_width_stops_everything(root, tmp_path):
    with pytest.raises(ReleaseError, match="rows of width 6, params.yaml says that audio has 1024"):
        prepare(root, tmp_path / "p", widths=tiny_mer.WIDTHS | {"audio": 1024}, max_rejected=1.0)
    assert not (tmp_path / "p").exists()


def test_an_emotion_without_a_clip_in_a_fold(root, tmp_path):
    config = tiny_mer.config(max_rejected=1.0)
    for clip in mer2023.load(root, config).clips:
        if clip.fold == 1 and clip.label == 3:
            tiny_mer.path(root, clip.id, "text").unlink()
    with pytest.raises(PreparationError, match="fold 1 of MER2023 has no usable clip of sad"):
        prepare(root, tmp_path / "p", max_rejected=1.0)


def test_a_finished_folder_is_reused_and_changed_features_are_not(root, tmp_path):
    folder = tmp_path / "prepared"
    digest = prepare(root, folder).digest
    before = (folder / "meta.json").stat().st_mtime_ns
    prepare(root, folder)
    assert (folder / "meta.json").stat().st_mtime_ns == before
    file = tiny_mer.path(root, FIRST, "text")
    np.save(file, np.load(file) + 1)
    assert prepare(root, folder).digest != digest


def test_an_unfinished_folder_is_not_opened(data):
    (data.folder / "meta.json").unlink()
    with pytest.raises(FileNotFoundError, match="is not prepared"):
        Sequences(data.folder)


def test_no_room_on_the_disk_is_said(root, tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="no space left for .*Make room"):
        prepare(root, tmp_path / "prepared")


def test_one_clip_of_every_emotion_is_drawn_with_every_modality(root, tmp_path):
    data = prepare(root, tmp_path / "drawn")
    figure, table = sequences.clips(data, lambda name: 2.5)
    assert len(table) == 6 * 4 and set(table["emotion"]) == set(data.classes)
    panels = {(ax.get_ylabel().split("\n")[0], ax.get_xlabel()) for ax in figure.axes}
    assert {("audio", "time (s)"), ("text", "character")} <= panels
    figure, table = sequences.clips(data, lambda name: None)
    assert table["seconds"].isna().all() and figure.axes[0].get_xlabel() == "row"


def test_a_clip_without_its_video_has_no_known_length(root):
    release = mer2023.load(root, tiny_mer.config())
    assert release.seconds(release.clips[0]) is None
    (root / "video").mkdir()
    (root / "video" / f"{release.clips[0].id}.mp4").write_bytes(b"no video")
    assert release.seconds(release.clips[0]) is None
