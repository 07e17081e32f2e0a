import shutil

import pandas as pd
import pytest
from tiny_events import tone, write_vggsound
from tiny_release import LFS_POINTER

from companion import registry
from companion.data.preparation import PreparationError
from companion.data.prepare import prepare
from companion.data.release import Clip, ReleaseError
from companion.data.sections import Prepare
from companion.data.vggsound import load

CONFIG = Prepare(dev_fraction=1 / 3, seconds=1.0, frame_size=16, n_frames=3)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write_vggsound(tmp_path_factory.mktemp("whole") / "vggsound")


@pytest.fixture
def root(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "vggsound")


def add(path, line):
    content = path.read_text()
    path.write_text(content + "\n" * (not content.endswith("\n")) + line + "\n")


def test_the_layout_is_read_as_published(root):
    release = load(root)
    assert release.classes == ("dog barking", "heart sounds, heartbeat", "playing piano")
    assert [clip.label for clip in release.clips] == [1, 2, 0, 0, 2, 1, 0, 2, 1, 2, 1, 0]
    assert [clip.split for clip in release.clips] == ["train"] * 9 + ["test"] * 3
    path = root / "video" / "a_b-c_d-e_f_000007.mp4"
    assert release.clips[4] == Clip("a_b-c_d-e_f_000007", 2, "train", "a_b-c_d-e_f", path, path)


def test_two_clips_of_one_video_are_two_clips_of_one_group(root):
    clips = load(root).clips[2:4]
    assert [clip.id for clip in clips] == ["aaaaaaaaaa2_000120", "aaaaaaaaaa2_000130"]
    assert {clip.group for clip in clips} == {"aaaaaaaaaa2"}


def test_one_file_holds_sound_and_picture(root):
    release = load(root)
    sound = release.waveform(release.clips[0], 16_000)
    assert abs(len(sound) - 160_000) < 1_024
    assert abs(sound - tone(len(sound) / 16_000)).mean() < 0.01
    assert release.frames(release.clips[0], 3, 16).shape == (3, 16, 16, 3)


def test_files_of_ogm_ge_without_padding_are_found_when_the_padded_one_is_missing(root):
    video = root / "video"
    (video / "a_b-c_d-e_f_000007.mp4").rename(video / "a_b-c_d-e_f_7.mp4")
    shutil.copy(video / "aaaaaaaaaa3_000008.mp4", video / "aaaaaaaaaa3_8.mp4")
    release = load(root)
    assert [c.video.name for c in release.clips[4:6]] == [
        "a_b-c_d-e_f_7.mp4",
        "aaaaaaaaaa3_000008.mp4",
    ]
    assert release.clips[4].id == "a_b-c_d-e_f_000007"
    assert release.check().used == 12


def test_labels_do_not_depend_on_the_files_found_or_the_order_of_the_lists(root):
    before = {clip.id: clip.label for clip in load(root).clips}
    shutil.rmtree(root / "video")
    lines = (root / "vggsound.csv").read_text().splitlines()
    (root / "vggsound.csv").write_text("\n".join(lines[::-1]))
    lines = (root / "stat.csv").read_text().splitlines()
    (root / "stat.csv").write_text("\n".join(lines[::-1]))
    assert {clip.id: clip.label for clip in load(root).clips} == before


def test_an_older_stat_list_without_groups_and_no_test_list_are_enough(root):
    lines = (root / "stat.csv").read_text().splitlines()
    (root / "stat.csv").write_text("\n".join(line.rsplit(",", 1)[0] for line in lines))
    (root / "test.csv").unlink()
    assert load(root).classes == ("dog barking", "heart sounds, heartbeat", "playing piano")


def test_a_class_without_clips_is_kept_by_the_list_and_dropped_for_training(root):
    add(root / "stat.csv", "airplane,506,vehicle")
    assert load(root).classes[0] == "airplane"
    release = registry.load("vggsound", root, CONFIG)
    assert release.classes == ("dog barking", "heart sounds, heartbeat", "playing piano")
    assert release.clips[0].label == 1
    assert release.perishable


def test_check_warns_of_dead_videos_and_hashes_the_survivors(root):
    whole = load(root).check()
    assert "12 of 12 clips usable, 3 classes" in str(whole)
    (root / "video" / "aaaaaaaaaa2_000120.mp4").unlink()
    (root / "video" / "bbbbbbbbbb0_000030.mp4").write_bytes(b"")
    with pytest.warns(UserWarning, match="2 of 12 clips lack a file(?s:.*)max_rejected to 0.167"):
        report = load(root).check()
    assert report.used == 10
    assert report.digest != whole.digest
    assert report.table["found"].to_list() == [8, 8, 2, 2]
    assert report.table["missing"].to_list() == [1, 1, 0, 0]
    assert report.table["empty"].to_list() == [0, 0, 1, 1]


@pytest.mark.filterwarnings("error")
def test_check_is_silent_on_request(root):
    (root / "video" / "aaaaaaaaaa2_000120.mp4").unlink()
    assert load(root).check(strict=False).used == 11


def test_a_split_without_any_file_is_the_wrong_folder_and_no_matter_of_dead_videos(root):
    (root / "video").rename(root / "videos")
    with pytest.raises(ReleaseError, match="12 of 12 clips lack a file"):
        load(root).check()


def test_survivors_are_prepared_and_the_dead_are_listed(root, tmp_path):
    release = registry.load("vggsound", root, CONFIG)
    whole = prepare(release, tmp_path / "p", CONFIG)
    assert whole.visual.shape == (12, 3, 16, 16, 3)
    assert whole.records["split"].value_counts().to_dict() == {"train": 6, "dev": 3, "test": 3}
    # One clip of each of two classes, which have another one in the train split.
    records = whole.records[whole.records["split"] == "train"]
    missing, cut = records.drop_duplicates("label")["id"].iloc[:2]
    (root / "video" / f"{missing}.mp4").unlink()
    path = root / "video" / f"{cut}.mp4"
    path.write_bytes(path.read_bytes()[:5_000])
    release = registry.load("vggsound", root, CONFIG)
    with pytest.raises(PreparationError, match="2 of 12 clips of vggsound cannot be used"):
        prepare(release, tmp_path / "p", CONFIG)
    survivors = prepare(release, tmp_path / "p", CONFIG.model_copy(update={"max_rejected": 0.2}))
    assert len(survivors) == 10
    assert survivors.meta["classes"] == whole.meta["classes"]
    rejected = pd.read_csv(survivors.folder / "rejected.csv").set_index("id")["reason"]
    assert rejected[missing] == f"video/{missing}.mp4 is missing"
    assert "is truncated" in rejected[cut]
    # Missing clips move no other clip to another split.
    before = whole.records.set_index("id")["split"]
    after = survivors.records.set_index("id")["split"]
    assert after.equals(before.drop([missing, cut]))


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("vggsound", "ccccccccccc,1,cat,train", "line 13: label 'cat' .* of the 3 classes of stat"),
        ("vggsound", "ccccccccccc,1,dog barking,val", "line 13: split 'val' of ccccccccccc is not"),
        ("vggsound", "ccccccccccc,x,dog barking,test", "line 13: start 'x' of ccccccccccc"),
        ("vggsound", "ccccccccccc,1.5,dog barking,test", "line 13: start '1.5'"),
        ("vggsound", "ccccccccccc,-1,dog barking,test", "line 13: start '-1'"),
        ("vggsound", "ccccccccccc,1234567,dog barking,test", "line 13: start '1234567'"),
        ("vggsound", "cccccccccc,1,dog barking,train", "line 13: 'cccccccccc' is not a YouTube id"),
        ("vggsound", "ccccccccccc,1,dog barking", "line 13: expected youtube_id.* found 3 columns"),
        ("vggsound", "ccccccccccc,1,heart sounds, heartbeat,test", "in quotes.* found 5 columns"),
        ("vggsound", "aaaaaaaaaa2,120,dog barking,test", "line 13: duplicate .*0120, .*line 3"),
        ("vggsound", "aaaaaaaaaa2,0120,dog barking,test", "line 13: duplicate .*0120, .*line 3"),
        ("stat", "dog barking,767,animals", "line 4: duplicate class 'dog barking', .* line 3"),
        ("stat", "cat,many,animals", "stat.csv, line 4: count 'many' of 'cat' is not a number"),
        ("stat", "cat", r"stat.csv, line 4: expected class,count,\[group\] .* found 1 columns"),
        ("test", "ccccccccccc_000001.mp4,cat", "4 clips .* 3 test .* 1 are in the first only, 0"),
    ],
)
def test_a_wrong_line_is_named(root, name, line, message):
    add(root / f"{name}.csv", line)
    with pytest.raises(ReleaseError, match=message):
        load(root)


def test_a_test_list_of_another_release_is_refused(root):
    add(root / "vggsound.csv", "ccccccccccc,1,dog barking,test")
    with pytest.raises(ReleaseError, match="3 clips and .* has 4 .* as ccccccccccc_000001"):
        load(root)


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_list_without_a_split_is_refused(root, part):
    lines = (root / "vggsound.csv").read_text().splitlines()
    (root / "vggsound.csv").write_text("\n".join(x for x in lines if not x.endswith(part)))
    with pytest.raises(ReleaseError, match=f"has no {part} clip of [39]"):
        load(root)


@pytest.mark.parametrize("name", ["vggsound", "stat", "test"])
def test_an_empty_list_is_named(root, name):
    (root / f"{name}.csv").write_text("")
    with pytest.raises(ReleaseError, match=f"{name}.csv is empty"):
        load(root)


@pytest.mark.parametrize("name", ["vggsound", "stat"])
def test_a_missing_list_says_where_to_get_it(root, name):
    (root / f"{name}.csv").unlink()
    with pytest.raises(ReleaseError, match=f"{name}.csv not found.*{name}.csv of .*hche11"):
        load(root)


def test_a_list_that_is_a_pointer_is_recognised(root):
    (root / "vggsound.csv").write_bytes(LFS_POINTER)
    with pytest.raises(ReleaseError, match="Git-LFS pointer, not the list"):
        load(root)


def test_there_is_no_actor_split(root):
    with pytest.raises(ReleaseError, match="'actor': VGGSound has no actors"):
        registry.load("vggsound", root, CONFIG.model_copy(update={"split": "actor"}))
