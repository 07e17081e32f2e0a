import os
import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest
import tiny_mer

from companion.data import mer2023, restricted
from companion.data.mer2023 import BadFeature
from companion.data.prepare_sequences import prepare_sequences
from companion.data.release import ReleaseError

FIRST = "sample_00000000"


@pytest.fixture
def root(tmp_path):
    return tiny_mer.write(tmp_path / "mer")


def load(root, **changes):
    return mer2023.load(root, tiny_mer.config(**changes))


def spoilt(tmp_path, corpus="train_corpus", **changes):
    corpora = tiny_mer.labels()
    name = next(iter(corpora[corpus]))
    corpora[corpus][name] = corpora[corpus][name] | changes
    return tiny_mer.write(tmp_path / "spoilt", corpora)


def test_splits_labels_and_valence_are_those_of_the_file(root):
    release = load(root)
    truth = tiny_mer.labels()
    assert [c.split for c in release.clips] == ["train"] * 24 + ["test"] * 12
    for clip in release.clips:
        corpus = "train_corpus" if clip.split == "train" else "test1_corpus"
        expected = truth[corpus][clip.id]
        assert mer2023.CLASSES[clip.label] == expected["emo"] and clip.valence == expected["val"]


def test_folds_part_the_training_clips_and_keep_the_shares_of_emotions(root):
    release = load(root, folds=4)
    train = [c for c in release.clips if c.split == "train"]
    for fold in range(4):
        assert sorted(c.label for c in train if c.fold == fold) == [0, 1, 2, 3, 4, 5]
    assert {c.fold for c in release.clips if c.split == "test"} == {-1}
    assert load(root, folds=4).clips == release.clips
    assert load(root, folds=4, seed=1).clips != release.clips


def test_label_tables_serve_where_the_npz_is_absent(root):
    expected = load(root).clips
    corpora = tiny_mer.labels()
    for name, corpus in (("train", "train_corpus"), ("test1", "test1_corpus")):
        rows = [(c, v["emo"], v["val"]) for c, v in corpora[corpus].items()]
        table = pd.DataFrame(rows, columns=["name", "discrete", "valence"])
        table.to_csv(root / f"{name}-label.csv", index=False)
    (root / "label-6way.npz").unlink()
    assert load(root).clips == expected


def test_minus_ten_is_no_valence(tmp_path):
    release = load(spoilt(tmp_path, val=-10))
    assert [np.isnan(c.valence) for c in release.clips] == [True] + 35 * [False]


def test_placeholder_labels_of_the_baseline_are_refused(tmp_path):
    corpora = tiny_mer.labels()
    empty = {"emo": "neutral", "val": -10}
    corpora["test1_corpus"] = dict.fromkeys(corpora["test1_corpus"], empty)
    with pytest.raises(ReleaseError, match="placeholder.*MERTools"):
        load(tiny_mer.write(tmp_path / "mer", corpora))


def test_a_label_outside_the_six_is_named(tmp_path):
    with pytest.raises(ReleaseError, match=f"train_corpus: label 'bored' of {FIRST} is not one of"):
        load(spoilt(tmp_path, emo="bored"))


def test_a_valence_out_of_range_is_named(tmp_path):
    with pytest.raises(ReleaseError, match=r"valence 7.0 of sample_.* is not in \[-5, 5\]"):
        load(spoilt(tmp_path, val=7))


@pytest.mark.parametrize("valence", [None, "", "high", [1.0]])
def test_a_valence_that_is_no_number_is_named(tmp_path, valence):
    message = f"label-6way.npz, train_corpus: valence .* of {FIRST} is no number.*Mend"
    with pytest.raises(ReleaseError, match=message):
        load(spoilt(tmp_path, val=valence))


@pytest.mark.parametrize("entry", [{"val": 1.0}, {"emo": "sad"}, "sad"])
def test_an_entry_without_emotion_or_valence_is_named(tmp_path, entry):
    root, corpora = tiny_mer.write(tmp_path / "mer"), tiny_mer.labels()
    corpora["train_corpus"][FIRST] = entry
    np.savez(root / "label-6way.npz", **{k: np.array(v, object) for k, v in corpora.items()})
    with pytest.raises(ReleaseError, match=f"train_corpus: {FIRST} is .*without emo and val. Mend"):
        load(root)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name,discrete,valence\na,sad,\n", "line 2: valence '' of a is no number"),
        (b"name,discrete,valence\na,sad,low\n", "line 2: valence 'low' of a is no number"),
        (b"name,discrete,valence\na,sad\n", "line 2: a has not as many fields"),
        (b"name,discrete,valence\na,sad,1,2\n", "line 2: a has not as many fields"),
        (b"name,discrete,valence\n,sad,1\n", "line 2: '' is no name"),
        (b"name,discrete,valence\n\xff\xfe,sad,1\n", "not CSV in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00", "train-label.csv.*not CSV in UTF-8"),
        (b"name,discrete\na,sad\n", "expected columns name, discrete, valence"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git-LFS pointer"),
    ],
)
def test_a_wrong_label_table_is_named_with_its_line(root, content, message):
    (root / "label-6way.npz").unlink()
    (root / "train-label.csv").write_bytes(content)
    (root / "test1-label.csv").write_text("name,discrete,valence\nb,sad,1\n")
    with pytest.raises(ReleaseError, match=message) as caught:
        load(root)
    assert "train-label.csv" in str(caught.value)


def test_a_label_file_that_is_none_names_its_path(root):
    path = root / "label-6way.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ReleaseError, match="label-6way.npz: readme.txt is no .npy file"):
        load(root)
    np.savez(path, train_corpus=np.arange(3))
    with pytest.raises(ReleaseError, match="label-6way.npz: train_corpus.npy is int64 of shape"):
        load(root)
    for corpus in ({"train_corpus": [1, 2]}, {"train_corpus": "text"}):
        both = {"test1_corpus": {}} | corpus
        arrays = {k: np.empty((), object) for k in both}
        for key, value in both.items():
            arrays[key][()] = value
        np.savez(path, **arrays)
        with pytest.raises(ReleaseError, match="train_corpus is a .*, expected clip -> emo"):
            load(root)
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ReleaseError, match="Git-LFS pointer. run `git lfs pull`"):
        load(root)


def test_an_empty_split_and_an_id_in_both_splits(tmp_path):
    corpora = tiny_mer.labels(test=0)
    with pytest.raises(ReleaseError, match="the test split of .* has no clip"):
        load(tiny_mer.write(tmp_path / "empty", corpora))
    corpora = tiny_mer.labels()
    corpora["test1_corpus"][FIRST] = {"emo": "happy", "val": 1.0}
    with pytest.raises(ReleaseError, match=f"duplicate id {FIRST}"):
        load(tiny_mer.write(tmp_path / "twice", corpora))


def test_no_labels_at_all_says_where_they_come_from(tmp_path):
    with pytest.raises(ReleaseError, match="neither label-6way.npz nor .*MERChallenge"):
        load(tmp_path)


def test_more_folds_than_clips_of_an_emotion(root):
    with pytest.raises(ReleaseError, match="an emotion has 4 train clips, too few for 5 folds"):
        load(root, folds=5)


class Bomb:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def test_a_pickle_that_executes_code_is_refused_and_nothing_runs(root, tmp_path):
    mark = tmp_path / "executed"
    bomb = np.array({"a": Bomb(mark)}, object)
    np.savez(root / "label-6way.npz", train_corpus=bomb)
    with pytest.raises(ReleaseError, match="mkdir.*nothing was executed"):
        load(root)
    assert not mark.exists()
    np.load(root / "label-6way.npz", allow_pickle=True)["train_corpus"]
    assert mark.exists(), "the file would have done it"


@pytest.mark.parametrize("call", [eval, exec, getattr, __import__])
def test_builtins_are_refused(tmp_path, call):
    file = tmp_path / "x.npz"
    np.savez(file, a=np.array([call], object)[0:1].reshape(()))
    with pytest.raises(restricted.RefusedPickle, match=f"builtins.{call.__name__}"):
        restricted.load(file)


def test_numpy_strings_and_floats_are_data(tmp_path):
    label = {"emo": np.str_("sad"), "val": np.float64(0.25)}
    np.savez(tmp_path / "x.npz", a=np.array({"clip": label}, object))
    assert restricted.load(tmp_path / "x.npz") == {"a": {"clip": label}}


def test_what_is_no_npz_is_said(tmp_path):
    (tmp_path / "x.npz").write_bytes(pickle.dumps({}))
    with pytest.raises(ValueError, match="not a readable .npz"):
        restricted.load(tmp_path / "x.npz")
    with zipfile.ZipFile(tmp_path / "y.npz", "w") as archive, archive.open("a.npy", "w") as file:
        np.lib.format.write_array(file, np.arange(3))
    with pytest.raises(ValueError, match="expected one Python object"):
        restricted.load(tmp_path / "y.npz")


def test_one_vector_is_one_row(root):
    release = load(root)
    np.save(tiny_mer.path(root, FIRST, "audio"), np.arange(6, dtype=np.float32))
    np.testing.assert_array_equal(release.read(release.clips[0], "audio"), [range(6)])


def test_a_wrong_width_names_file_and_both_widths(root):
    np.save(tiny_mer.path(root, FIRST, "hog"), np.zeros((3, 9), np.float32))
    release = load(root)
    with pytest.raises(ReleaseError, match=f"{FIRST}.npy has rows of width 9, .* hog has 7"):
        release.read(release.clips[0], "hog")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (np.full((2, 6), np.nan, np.float32), "NaN"),
        (np.full((2, 6), np.inf, np.float32), "NaN or infinite"),
        (np.zeros((0, 6), np.float32), "has shape"),
        (np.zeros((1, 2, 6), np.float32), "has shape"),
        (np.array([{}], object), "cannot be read: it is no whole .npy"),
        (np.array(["a", "b"]), "holds <U1, expected numbers"),
    ],
)
def test_unusable_features_have_a_reason(root, content, reason):
    np.save(tiny_mer.path(root, FIRST, "audio"), content)
    release = load(root)
    with pytest.raises(BadFeature, match=reason):
        release.read(release.clips[0], "audio")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "Git-LFS pointer: run `git lfs pull`"),
        (b"", "empty"),
        (b"<html>not found</html>", "no whole .npy of numbers"),
        (b"\x93NUMPY\x01\x00\x76\x00{'descr': (((", "no whole .npy of numbers"),
    ],
)
def test_a_file_that_is_no_array_is_rejected_with_its_place_in_the_release(root, content, reason):
    tiny_mer.path(root, FIRST, "audio").write_bytes(content)
    release = load(root)
    with pytest.raises(BadFeature, match=reason) as caught:
        release.read(release.clips[0], "audio")
    assert f"features/hubert-FRA/{FIRST}.npy" in str(caught.value)
    assert str(root) not in str(caught.value) and "allow_pickle" not in str(caught.value)


def test_preparation_goes_on_past_features_of_another_type(root, tmp_path):
    np.save(tiny_mer.path(root, FIRST, "audio"), np.array(["a", "b"]))
    config = tiny_mer.config(max_rejected=0.1)
    prepared = prepare_sequences(mer2023.load(root, config), tmp_path / "prepared", config)
    rejected = pd.read_csv(prepared.folder / "rejected.csv")
    assert rejected["id"].tolist() == [FIRST] and "holds <U1" in rejected["reason"].item()


def test_check_counts_files_and_refuses_a_modality_without_any(root):
    whole = load(root).check()
    tiny_mer.path(root, FIRST, "hog").unlink()
    report = load(root).check()
    assert (whole.used, report.used) == (36, 35)
    assert whole.digest != report.digest
    assert "MER2023: 35 of 36 clips usable, 6 classes" in str(report)
    table = report.table.set_index(["split", "modality"])
    assert table.loc[("train", "hog")].tolist() == [23, 1]
    assert table.loc[("test", "hog")].tolist() == [12, 0]
    with pytest.raises(ReleaseError, match="no train clip has audio features; the first should"):
        load(root, features=tiny_mer.FEATURES | {"audio": "elsewhere"}).check()
