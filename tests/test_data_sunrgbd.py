"""SUN RGB-D: the official lists, scenes, files, and what is refused."""

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from tiny_sunrgbd import CONFIG, frame, lists, paths, release, stored

from companion.data import depth, sunrgbd, sunrgbd_lists
from companion.data.preparation import PreparationError
from companion.data.prepare_features import prepare_features, with_dev
from companion.data.release import ReleaseError
from olmlib.data.features import Features


@pytest.fixture
def root(tmp_path):
    return release(tmp_path / "raw")


def folder(root, split="train", k=0):
    return root / "SUNRGBD" / paths(split)[k]


def test_nineteen_scenes_in_alphabetical_order():
    assert len(sunrgbd.CLASSES) == 19
    assert list(sunrgbd.CLASSES) == sorted(sunrgbd.CLASSES)
    assert sunrgbd.CLASSES[:2] == ("bathroom", "bedroom")
    assert sunrgbd.CLASSES[-1] == "study_space"


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ("/n/fs/sun3d/data/SUNRGBD/kv1/NYUdata/NYU0001", "kv1/NYUdata/NYU0001"),
        (" /a/SUNRGBD/kv1/NYUdata/NYU0001/ \n", "kv1/NYUdata/NYU0001"),
        ("/a/SUNRGBD//xtion/sun3ddata//mit/mit//0001-5/", "xtion/sun3ddata/mit/mit/0001-5"),
        ("/a/SUNRGBDtoolbox/SUNRGBD/kv2/f", "kv2/f"),
    ],
)
def test_paths_begin_after_the_folder(entry, path):
    assert sunrgbd_lists.cut(entry) == path


@pytest.mark.parametrize("entry", ["", "/a/kv1/x", "/a/SUNRGBD", "/a/SUNRGBD/../x", "SUNRGBD2/x"])
def test_paths_that_lead_elsewhere_are_refused(entry):
    with pytest.raises(ValueError, match="does not lead below a folder SUNRGBD"):
        sunrgbd_lists.cut(entry)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("xtion/sun3ddata/mit/mit/0001-5", "xtion/sun3ddata/mit/mit/0900-9", True),
        ("xtion/sun3ddata/mit/mit/0001-5", "xtion/sun3ddata/mit/lab/0001-5", False),
        (
            "kv2/kinect2data/000103_2014-05-26_14-23-37_2605_rgbf000103-resize",
            "kv2/kinect2data/000207_2014-05-26_14-23-37_2605_rgbf000009-resize",
            True,
        ),
        ("kv1/NYUdata/NYU0001", "kv1/NYUdata/NYU0002", False),
    ],
)
def test_frames_of_one_film_are_a_group(one, other, same):
    assert (sunrgbd_lists.group(one) == sunrgbd_lists.group(other)) is same


def test_release_is_read(root):
    loaded = sunrgbd.load(root, CONFIG)
    assert loaded.classes == ("bedroom", "kitchen")
    assert [c.label for c in loaded.clips[:3]] == [0, 1, 0]
    assert loaded.modalities == ("rgb", "depth")
    report = loaded.check()
    assert report.used == report.total == 16
    pictures = loaded.pictures(loaded.clips[0])
    assert {m: p.shape for m, p in pictures.items()} == dict.fromkeys(pictures, (12, 16, 3))


def test_scenes_outside_the_nineteen_are_dropped_and_counted(root):
    (folder(root) / "scene.txt").write_text("idk\n")
    (folder(root, "test") / "scene.txt").write_text("gym")
    loaded = sunrgbd.load(root, CONFIG)
    assert len(loaded.clips) == 14
    assert loaded.dropped == {"idk": 1, "gym": 1}
    assert "idk" in str(loaded.check())


def test_a_frame_without_a_scene_is_named(root):
    (folder(root) / "scene.txt").unlink()
    (folder(root, k=1) / "scene.txt").write_text("  \n")
    with pytest.raises(ReleaseError, match=r"2 of 16 frames .* no scene:\n.*train0.*missing"):
        sunrgbd.load(root, CONFIG)


def test_a_scene_of_test_frames_only_is_refused(root):
    (folder(root, "test") / "scene.txt").write_text("office")
    with pytest.raises(ReleaseError, match="without a train frame, the first is .*office"):
        sunrgbd.load(root, CONFIG)


def test_the_official_lists_must_give_the_official_numbers(root, monkeypatch):
    monkeypatch.setattr(sunrgbd, "OFFICIAL", {"train": (8, 8), "test": (8, 8)})
    assert len(sunrgbd.load(root, CONFIG).clips) == 16
    (folder(root) / "scene.txt").write_text("bedrom")
    with pytest.raises(ReleaseError, match="7 of the 8 .* official number is 8: .* bedrom 1"):
        sunrgbd.load(root, CONFIG)


def test_the_official_numbers():
    assert sunrgbd.OFFICIAL == {"train": (5285, 4845), "test": (5050, 4659)}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"alltrain": ["/a/SUNRGBD/x"]}, "has no alltest; it has alltrain"),
        ({"split": ["/a/SUNRGBD/x"]}, "has no alltrain; it has split"),
        ({"alltrain": ["/a/x"], "alltest": []}, "alltrain, entry 1: '/a/x' does not lead below"),
        ({"alltrain": ["/a/SUNRGBD/x"] * 2, "alltest": []}, "entry 2: duplicate x, first in"),
        ({"alltrain": ["/a/SUNRGBD/x"], "alltest": ["/b/SUNRGBD//x/"]}, "alltest, entry 1: dupl"),
    ],
)
def test_lists_of_another_layout_are_refused(root, content, says):
    lists(root, **content)
    with pytest.raises(ReleaseError, match=says):
        sunrgbd.load(root, CONFIG)


def test_lists_of_numbers_are_refused(root):
    savemat(root / sunrgbd_lists.SPLIT, {"alltrain": np.arange(3), "alltest": np.arange(3)})
    with pytest.raises(ReleaseError, match="entry 1: int64, expected the path of a frame"):
        sunrgbd.load(root, CONFIG)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"no such thing" * 40, "is no whole MATLAB file"),
        (b"", "is empty"),
        (b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\x89HDF", "version 7.3"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git-LFS pointer"),
    ],
)
def test_a_file_that_is_no_list_is_refused(root, content, says):
    (root / sunrgbd_lists.SPLIT).write_bytes(content)
    with pytest.raises(ReleaseError, match=says):
        sunrgbd.load(root, CONFIG)


def test_a_missing_list_says_where_to_get_it(tmp_path):
    with pytest.raises(ReleaseError, match=r"allsplit.mat is missing. Unpack SUNRGBD.zip"):
        sunrgbd.load(tmp_path, CONFIG)


def damaged(path, how):
    if how == "missing":
        path.unlink()
    elif how == "eight bits":
        Image.fromarray(np.full((12, 16), 9, np.uint8)).save(path)
    elif how == "three channels":
        Image.fromarray(np.full((12, 16, 3), 9, np.uint8)).save(path)
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:60])
    elif how == "no depth":
        Image.fromarray(np.zeros((12, 16), np.uint16)).save(path)
    elif how == "two":
        (path.parent / "b.png").write_bytes(path.read_bytes())


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("missing", r"has no file \*.png, expected one \(depth\)"),
        ("two", r"has 2 files \*.png, expected one"),
        ("eight bits", "an image of mode L, expected 16 bits"),
        ("three channels", "an image of mode RGB, expected 16 bits"),
        ("cut", "depth_bfx/a.png is no whole image"),
        ("no depth", "has no pixel with a depth"),
    ],
)
def test_a_frame_whose_depth_is_unfit_is_rejected_with_its_reason(root, tmp_path, how, reason):
    damaged(folder(root) / "depth_bfx" / "a.png", how)
    loaded = sunrgbd.load(root, CONFIG)
    with pytest.raises(PreparationError, match=f"1 of 16 clips .*\n.*train0: .*{reason}"):
        prepare_features(loaded, tmp_path / "f", CONFIG)
    generous = CONFIG.model_copy(update={"max_rejected": 0.1})
    data = prepare_features(loaded, tmp_path / "f", generous)
    assert len(data) == 15 and data.meta["rejected"] == 1
    assert loaded.clips[0].id not in set(data.records["id"])


def test_a_picture_that_is_none_is_rejected(root, tmp_path):
    (folder(root) / "image" / "a.jpg").write_bytes(b"\xff\xd8\xff not a picture")
    with pytest.raises(PreparationError, match="image/a.jpg is no whole image"):
        prepare_features(sunrgbd.load(root, CONFIG), tmp_path / "f", CONFIG)


def test_a_release_without_any_depth_is_named(root):
    for split in ("train", "test"):
        for k in range(8):
            (folder(root, split, k) / "depth_bfx" / "a.png").unlink()
    with pytest.raises(ReleaseError, match="no train frame of .* has depth"):
        sunrgbd.load(root, CONFIG).check()


def test_features_are_reused_and_made_anew(root, tmp_path):
    loaded = sunrgbd.load(root, CONFIG)
    first = prepare_features(loaded, tmp_path / "f", CONFIG)
    written = (tmp_path / "f" / "meta.json").stat().st_mtime_ns
    assert prepare_features(loaded, tmp_path / "f", CONFIG).digest == first.digest
    assert (tmp_path / "f" / "meta.json").stat().st_mtime_ns == written
    frame_ = folder(root, "test")
    Image.fromarray(stored(np.full((12, 16), 700))).save(frame_ / "depth_bfx" / "a.png")
    assert prepare_features(loaded, tmp_path / "f", CONFIG).digest != first.digest


def test_a_stopped_preparation_goes_on(root, tmp_path, monkeypatch):
    from companion.data import prepare_features as module

    loaded = sunrgbd.load(root, CONFIG)
    whole = prepare_features(loaded, tmp_path / "whole", CONFIG)
    monkeypatch.setattr(module, "CHUNK", 6)
    real, calls = sunrgbd.Release.pictures, []

    def stopping(self, clip):
        calls.append(clip.id)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return real(self, clip)

    monkeypatch.setattr(sunrgbd.Release, "pictures", stopping)
    with pytest.raises(KeyboardInterrupt):
        prepare_features(loaded, tmp_path / "f", CONFIG)
    assert not (tmp_path / "f").exists()
    resumed = prepare_features(loaded, tmp_path / "f", CONFIG)
    # The first chunk of six was kept; the second began anew.
    assert len(calls) == 8 + 10
    assert isinstance(resumed, Features)
    assert resumed.records.equals(whole.records)
    for m in whole.modalities:
        np.testing.assert_allclose(resumed.features[m], whole.features[m], atol=2e-3)


def test_depth_and_encoding_are_those_asked_for(root, tmp_path):
    made = {}
    for name, changes in {
        "refined": {},
        "raw": {"depth": "raw"},
        "normals": {"encoding": "normals"},
    }.items():
        config = CONFIG.model_copy(update=changes)
        made[name] = prepare_features(sunrgbd.load(root, config), tmp_path / f"f_{name}", config)
    rgb = [data.features["rgb"] for data in made.values()]
    assert np.array_equal(rgb[0], rgb[1]) and np.array_equal(rgb[0], rgb[2])
    assert len({data.digest for data in made.values()}) == 3


def test_dev_takes_whole_sequences(root):
    loaded = sunrgbd.load(root, CONFIG)
    films = {c.id: f"film{k // 2}" for k, c in enumerate(loaded.clips)}
    from dataclasses import replace

    loaded = loaded.part([replace(c, group=films[c.id]) for c in loaded.clips])
    splits = with_dev(loaded, CONFIG)
    held = {films[i] for i, split in splits.items() if split == "dev"}
    kept = {films[i] for i, split in splits.items() if split == "train"}
    assert held and kept and not held & kept
    assert sum(split == "test" for split in splits.values()) == 8


def test_intrinsics_that_are_none_reject_a_frame_where_they_are_needed(root, tmp_path):
    (folder(root) / "intrinsics.txt").write_text("1 2 3")
    prepare_features(sunrgbd.load(root, CONFIG), tmp_path / "grey", CONFIG)
    config = CONFIG.model_copy(update={"encoding": "normals"})
    with pytest.raises(PreparationError, match="3 numbers, expected 3 x 3"):
        prepare_features(sunrgbd.load(root, config), tmp_path / "f", config)


# Depth.


@pytest.mark.parametrize(
    ("stored_", "metres"),
    [
        (8, 0.001),  # one millimetre: three zero bits behind it
        (8000, 1.0),
        (0, 0.0),  # the sensor saw nothing
        (1, 8.0),  # the low bit wraps to 8.192 m, which is cut at 8
        (64_000, 8.0),
        (63_992, 7.999),
        (65_535, 8.0),
        (16_000, 2.0),
    ],
)
def test_depth_by_hand(stored_, metres):
    assert depth.decode(np.array([[stored_]], np.uint16))[0, 0] == pytest.approx(metres, abs=1e-6)


def test_every_value_survives_the_encoding():
    from companion.miniature.sunrgbd import encode

    millimetres = np.arange(65_536, dtype=np.uint16)
    assert np.array_equal(encode(millimetres), stored(millimetres))
    metres = depth.decode(encode(millimetres)[None])[0]
    assert np.array_equal(np.round(1000 * metres), np.minimum(millimetres, 8000))


def test_depth_of_eight_bits_is_no_depth():
    with pytest.raises(ValueError, match="uint8, expected uint16"):
        depth.decode(np.zeros((2, 2), np.uint8))


def test_grey_levels_by_hand():
    levels = depth.grey(np.array([[0.0, 4.0, 8.0, 1.0]], np.float32))
    assert levels[0, :, 0].tolist() == [0, 128, 255, 32]
    assert (levels == levels[..., :1]).all()


def test_a_wall_ahead_faces_the_camera_and_a_floor_faces_up():
    intrinsics = np.array([[50, 0, 16], [0, 50, 12], [0, 0, 1.0]])
    wall = depth.normals(np.full((24, 32), 3.0), intrinsics)
    assert abs(wall[5:-5, 5:-5].astype(int) - [128, 128, 255]).max() <= 1
    # A floor 1.5 m below: z = 1.5 f / (v - cy).
    rows = np.arange(24.0)[:, None] - 12
    floor = np.where(rows > 1, 75 / np.maximum(rows, 1), 0) * np.ones((1, 32))
    colours = depth.normals(floor, intrinsics)[18:-2, 5:-5].astype(int)
    # y points down, so up is the low end of green.
    assert abs(colours[..., 0] - 128).max() <= 3 and colours[..., 1].max() < 20
    assert not depth.normals(np.zeros((4, 4)), intrinsics).any()


def test_a_frame_beside_the_lists_is_not_read(root):
    frame(root / "SUNRGBD" / "kv1" / "NYUdata" / "extra", "office")
    assert len(sunrgbd.load(root, CONFIG).clips) == 16
