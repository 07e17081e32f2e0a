import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
from tiny_release import LFS_POINTER, write_release

from companion.data.cremad import BROKEN, CLASSES, load
from companion.data.release import Clip, Release, ReleaseError, hold_out_groups

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
REAL = Path(os.environ.get("OLM_REAL_DATA", SHARED)) / "annotations" / "cremad"


@pytest.fixture(scope="module")
def real():
    if not (REAL / "train.csv").is_file():
        pytest.skip(f"the real CREMA-D lists are not at {REAL}")
    return load(REAL)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write_release(tmp_path_factory.mktemp("whole") / "cremad")


@pytest.fixture
def root(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "cremad")


def table(release, split):
    count = Counter(c.label for c in release.clips if c.split == split)
    return {name: count[i] for i, name in enumerate(CLASSES)}


def test_real_lists_have_the_published_class_table(real):
    assert table(real, "train") == dict(ANG=1166, DIS=1142, FEA=1138, HAP=1148, NEU=973, SAD=1131)
    assert table(real, "test") == dict(ANG=105, DIS=129, FEA=133, HAP=123, NEU=114, SAD=140)
    assert sum(table(real, "train").values()) == 6698
    assert sum(table(real, "test").values()) == 744


def test_real_lists_are_disjoint_and_share_all_91_actors(real):
    train = [c for c in real.clips if c.split == "train"]
    test = [c for c in real.clips if c.split == "test"]
    assert not {c.id for c in train} & {c.id for c in test}
    assert len({c.group for c in train}) == len({c.group for c in test}) == 91


def test_real_majority_baseline_is_18_82_percent(real):
    test = table(real, "test")
    assert round(100 * max(test.values()) / sum(test.values()), 2) == 18.82


def test_class_indices_are_those_of_the_published_loaders():
    assert CLASSES == ("NEU", "HAP", "SAD", "FEA", "DIS", "ANG")


def test_real_broken_clips_are_dropped_from_train_on_request(real):
    without = load(REAL, drop_broken=True)
    gone = {c.id for c in real.clips} - {c.id for c in without.clips}
    assert gone == set(BROKEN)
    assert len(without.clips) == 7438
    assert sum(table(without, "test").values()) == 744


def test_real_actor_split_shares_nobody(real):
    release = load(REAL, split="actor")
    train = {c.group for c in release.clips if c.split == "train"}
    test = {c.group for c in release.clips if c.split == "test"}
    assert not train & test
    assert len(train | test) == 91
    assert 0.1 <= len(test) / 91 <= 0.2
    assert all(table(release, "test").values())
    assert {c.id for c in release.clips} == {c.id for c in real.clips}
    assert load(REAL, split="actor") == release
    assert load(REAL, split="actor", seed=1) != release


def test_a_real_list_without_media_is_refused_by_check(real):
    with pytest.raises(ReleaseError, match="7442 of 7442 clips lack a file") as caught:
        real.check()
    assert "missing" in str(caught.value)


def test_the_layout_is_read_as_published(root):
    release = load(root)
    assert [sum(c.split == s for c in release.clips) for s in ("train", "test")] == [48, 24]
    clip = release.clips[1]
    assert clip == Clip(
        "1001_IEO_HAP_XX",
        1,
        "train",
        "1001",
        root / "AudioWAV" / "1001_IEO_HAP_XX.wav",
        root / "VideoFlash" / "1001_IEO_HAP_XX.flv",
    )


def test_check_counts_per_split_and_modality_and_hashes_the_used_ids(root):
    whole = load(root).check()
    assert whole.used == whole.total == 72
    assert whole.table.set_index(["split", "modality"])["found"].to_list() == [48, 48, 24, 24]
    (root / "AudioWAV" / "1001_IEO_HAP_XX.wav").unlink()
    (root / "VideoFlash" / "1001_TIE_SAD_XX.flv").write_bytes(b"")
    less = load(root).check(strict=False)
    assert less.used == 70
    assert less.table["missing"].to_list() == [1, 0, 0, 0]
    assert less.table["empty"].to_list() == [0, 0, 0, 1]
    assert less.digest != whole.digest
    assert "70 of 72 clips usable" in str(less)
    with pytest.raises(ReleaseError, match="2 of 72 clips lack a file"):
        load(root).check()


def test_check_recognises_a_zip_download_of_lfs_pointers(root):
    for path in (root / "VideoFlash").iterdir():
        path.write_bytes(LFS_POINTER)
    with pytest.raises(ReleaseError, match="git lfs pull"):
        load(root).check()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1001_IEO_JOY_XX,JOY", "line 49: label 'JOY' of 1001_IEO_JOY_XX is not one of NEU, HAP"),
        ("1001_IWW_HAP_XX,SAD", "line 49: label SAD disagrees with the file name 1001_IWW_HAP_XX"),
        ("1001_IEO_HAP_XX,HAP", "line 49: duplicate id 1001_IEO_HAP_XX, first in .*, line 2"),
        ("1001_ABC_HAP_XX,HAP", "is not ACTOR_SENTENCE_EMOTION_LEVEL"),
        ("1001_IWW_HAP_XX", "line 49: expected name,emotion .*found"),
        ("1001_IWW_HAP_XX,HAP,1", "line 49: expected name,emotion .*found"),
    ],
)
def test_a_wrong_line_is_named(root, line, message):
    with (root / "train.csv").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ReleaseError, match=message):
        load(root)


def test_a_clip_in_both_lists_is_named(root):
    with (root / "test.csv").open("a") as file:
        file.write("1001_IEO_HAP_XX,HAP\n")
    with pytest.raises(ReleaseError, match="test.csv, line 25: duplicate id .*train.csv, line 2"):
        load(root)


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_empty_list_is_named(root, split):
    (root / f"{split}.csv").write_text("")
    with pytest.raises(ReleaseError, match=f"{split}.csv is empty"):
        load(root)


def test_a_missing_list_says_where_to_get_it(tmp_path):
    with pytest.raises(ReleaseError, match="train.csv not found.*OGM-GE_CVPR2022"):
        load(tmp_path)


def test_a_list_that_is_a_pointer_is_recognised(root):
    (root / "train.csv").write_bytes(LFS_POINTER)
    with pytest.raises(ReleaseError, match="Git-LFS pointer, not the list"):
        load(root)


def test_a_binary_list_is_no_csv(root):
    (root / "train.csv").write_bytes(b"\x89PNG\xff\xfe\x00\x01")
    with pytest.raises(ReleaseError, match="train.csv, line 1: not CSV"):
        load(root)


def test_an_unknown_split_is_refused(root):
    with pytest.raises(ReleaseError, match="'speaker' is not one of published, actor"):
        load(root, split="speaker")


def test_a_release_refuses_duplicate_ids_and_labels_without_a_class():
    clip = Clip("a", 0, "train", "g", Path("a.wav"), Path("a.flv"))
    with pytest.raises(ReleaseError, match="duplicate id a"):
        Release("x", ("one",), (clip, clip))
    with pytest.raises(ReleaseError, match="label 0 of a has no class"):
        Release("x", (), (clip,))


@pytest.mark.parametrize(("groups", "held_out"), [(2, 1), (6, 1), (24, 4), (91, 14)])
def test_about_15_percent_of_the_groups_are_held_out(groups, held_out):
    names = [f"{i:03d}" for i in range(groups)] * 3
    assert len(hold_out_groups(names, 0)) == held_out


def test_one_actor_cannot_be_split():
    with pytest.raises(ReleaseError, match="needs two actors, found 1"):
        hold_out_groups(["a", "a"], 0)
