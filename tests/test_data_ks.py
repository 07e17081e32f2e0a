import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tiny_events import tone, write_ks
from tiny_release import CONFIG, LFS_POINTER

from companion import registry
from companion.data import cremad
from companion.data.ks import CLASSES, load
from companion.data.release import Clip, Release, ReleaseError

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
ANNOTATIONS = Path(os.environ.get("OLM_REAL_DATA", SHARED)) / "annotations"
REAL = ANNOTATIONS / "ks"


@pytest.fixture(scope="module")
def real():
    if not (REAL / "my_train.txt").is_file():
        pytest.skip(f"the real Kinetics-Sounds lists are not at {REAL}")
    return load(REAL)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write_ks(tmp_path_factory.mktemp("whole") / "ks")


@pytest.fixture
def root(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "ks")


def part(release, split):
    return [clip for clip in release.clips if clip.split == split]


def test_the_real_lists_have_the_published_sizes_and_all_31_classes(real):
    train, test = (Counter(c.label for c in part(real, s)) for s in ("train", "test"))
    assert (train.total(), test.total()) == (14_799, 2_597)
    assert set(train) == set(test) == set(range(31))
    assert (min(train.values()), max(train.values())) == (197, 690)
    assert (min(test.values()), max(test.values())) == (63, 92)
    assert CLASSES[train.most_common(1)[0][0]] == "blowing out candles"


def test_the_real_majority_baseline_is_3_5_percent(real):
    test = Counter(c.label for c in part(real, "test"))
    assert round(100 * max(test.values()) / test.total(), 1) == 3.5


def test_the_real_clips_are_of_as_many_youtube_videos(real):
    # So no video is in two parts, whichever clips become the dev split.
    assert len({clip.group for clip in real.clips}) == len(real.clips) == 17_396
    assert all(len(clip.group) == 11 for clip in real.clips)
    assert real.clips[0].id == "--4-0ihtnBU_000058_000068"
    assert real.clips[0].group == "--4-0ihtnBU"


def test_real_lists_name_every_class_so_that_no_label_changes(real):
    assert real.present() is real
    assert registry.load("ks", REAL, CONFIG) == real


def test_so_do_the_real_lists_of_cremad():
    if not (ANNOTATIONS / "cremad" / "train.csv").is_file():
        pytest.skip(f"the real CREMA-D lists are not at {ANNOTATIONS / 'cremad'}")
    release = cremad.load(ANNOTATIONS / "cremad")
    assert release.present() is release


def test_a_real_list_without_media_is_refused_by_check(real):
    with pytest.raises(ReleaseError, match="17396 of 17396 clips lack a file"):
        real.check()


def test_classes_are_31_in_alphabetical_order():
    assert len(CLASSES) == 31
    assert list(CLASSES) == sorted(CLASSES)
    assert (CLASSES[4], CLASSES[18], CLASSES[30]) == (
        "dribbling basketball",
        "playing trombone",
        "tickling",
    )


def test_the_layout_is_read_as_users_share_it(root):
    release = load(root)
    assert release.classes == CLASSES
    assert [clip.split for clip in release.clips] == ["train"] * 4 + ["test"] * 2
    name = "a_b-c_d-e_f_000058_000068"
    assert release.clips[1] == Clip(
        name,
        3,
        "train",
        "a_b-c_d-e_f",
        root / "k31" / "audio_train" / f"{name}.wav",
        root / "k31" / "video_train" / f"{name}.mp4",
    )
    assert release.clips[5].id == "_bbbbbbbbb1_58"
    assert release.clips[5].group == "_bbbbbbbbb1"
    report = release.check()
    assert report.used == report.total == 6
    assert "31 classes" in str(report)


def test_sound_comes_from_the_wav_and_frames_from_the_mp4(root):
    release = load(root)
    sound = release.waveform(release.clips[0], 16_000)
    np.testing.assert_allclose(sound, tone(1), atol=1e-4)
    assert release.frames(release.clips[0], 3, 16).shape == (3, 16, 16, 3)


def test_a_miniature_keeps_the_classes_it_has_in_the_order_of_the_table(root):
    release = registry.load("ks", root, CONFIG)
    assert release.classes == ("chopping wood", "playing drums")
    assert [clip.label for clip in release.clips] == [0, 0, 1, 1, 1, 0]
    # A missing file takes no class away.
    shutil.rmtree(root / "k31" / "video_train")
    assert registry.load("ks", root, CONFIG).classes == release.classes


def test_a_class_of_the_test_list_alone_is_an_error(root):
    with (root / "my_test.txt").open("a") as file:
        file.write("bbbbbbbbbb9_0,10,30\n")
    with pytest.raises(ReleaseError, match=r"1 test clips .* bbbbbbbbbb9_0 \(tickling\)"):
        registry.load("ks", root, CONFIG)


def test_present_drops_classes_without_a_clip():
    clips = tuple(Clip(f"{k}{s}", k, s, "g", Path("a"), Path("b")) for k in (2, 0) for s in "ab")
    clips = tuple(Clip(c.id, c.label, "train", "g", c.audio, c.video) for c in clips)
    release = Release("x", ("one", "two", "three"), clips, perishable=True).present()
    assert release.classes == ("one", "three")
    assert [clip.label for clip in release.clips] == [1, 1, 0, 0]
    assert release.perishable


@pytest.mark.parametrize(
    ("split", "line", "message"),
    [
        ("train", "ccccccccccc_0_10,10,3", "train.txt, line 5: .* is not YOUTUBEID_START_END"),
        ("train", "cccccccccc_000000_000010,10,3", "line 5: .* is not YOUTUBEID_START_END"),
        ("test", "ccccccccccc_000000_000010,10,3", "test.txt, line 3: .* not YOUTUBEID_NUMBER"),
        ("test", "ccccccccccc_007,10,3", "line 3: .* not YOUTUBEID_NUMBER, not padded"),
        ("test", "ccccccccccc_7,3", "line 3: expected id,10,label .* found 2 columns"),
        ("test", "ccccccccccc_7,10,3,4", "line 3: expected id,10,label .* found 4 columns"),
        ("test", "ccccccccccc_7,5,3", "line 3: ccccccccccc_7 lasts '5', all clips last 10"),
        ("test", "ccccccccccc_7,10,31", r"label '31' of ccccccccccc_7 is not in 0 \.\.\. 30"),
        ("test", "ccccccccccc_7,10,-1", "label '-1' of ccccccccccc_7 is not in"),
        ("test", "ccccccccccc_7,10,tickling", "label 'tickling' of ccccccccccc_7 is not in"),
        ("test", "bbbbbbbbbb0_58,10,11", "line 3: duplicate id bbbbbbbbbb0_58, first in .* line 1"),
        ("test", "a_b-c_d-e_f_9,10,3", "YouTube video a_b-c_d-e_f, and so is .*train.txt, line 2"),
        ("test", 'ccccccccccc_7,10,"3', "line 4: not CSV: unexpected end of data"),
    ],
)
def test_a_wrong_line_is_named(root, split, line, message):
    with (root / f"my_{split}.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ReleaseError, match=message):
        load(root)


def test_blank_lines_are_no_lines(root):
    with (root / "my_test.txt").open("a") as file:
        file.write("\n\n")
    assert len(load(root).clips) == 6


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_empty_list_is_named(root, split):
    (root / f"my_{split}.txt").write_text("")
    with pytest.raises(ReleaseError, match=f"my_{split}.txt is empty"):
        load(root)


def test_a_missing_list_says_where_to_get_it(tmp_path):
    with pytest.raises(ReleaseError, match="my_train.txt not found.*OGM-GE_CVPR2022.*Kinetics-400"):
        load(tmp_path)


def test_a_list_that_is_a_pointer_or_no_text_is_recognised(root):
    (root / "my_train.txt").write_bytes(LFS_POINTER)
    with pytest.raises(ReleaseError, match="Git-LFS pointer, not the list"):
        load(root)
    (root / "my_train.txt").write_bytes(b"\xff\xfe\x00\x80,10,3\n")
    with pytest.raises(ReleaseError, match="my_train.txt, line 1: not CSV"):
        load(root)


def test_there_is_no_actor_split(root):
    with pytest.raises(ReleaseError, match="'actor': Kinetics-Sounds has no actors"):
        registry.load("ks", root, CONFIG.model_copy(update={"split": "actor"}))


def test_missing_clips_are_counted_and_refused(root):
    (root / "k31" / "audio_test" / "bbbbbbbbbb0_58.wav").unlink()
    report = load(root).check(strict=False)
    assert report.used == 5
    assert report.table["missing"].to_list() == [0, 0, 1, 0]
    with pytest.raises(ReleaseError, match="1 of 6 clips lack a file, more than 1%"):
        load(root).check()


def test_each_profile_has_its_own_release():
    assert registry.raw("ks", "mini") == Path("raw/mini/ks")
    assert registry.raw("vggsound", "paper") == Path("raw/paper/vggsound")
