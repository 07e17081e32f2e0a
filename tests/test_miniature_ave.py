"""The AVE miniature: its plan, its files in the official layout, its frozen extractors."""

import dataclasses
from collections import Counter
from pathlib import Path

import av
import h5py
import numpy as np
import pytest
from PIL import Image

from companion import params
from companion.data import ave as loader
from companion.data import ave_lists, sections
from companion.miniature import ave, ave_plan, folder, segments
from companion.miniature.plan import generator
from companion.miniature.scenes import film
from companion.miniature.scenes.machines import MACHINES
from companion.miniature.sounds import mix
from companion.miniature.sounds.instruments import Library
from companion.miniature.sounds.machines import RUNNING
from companion.miniature.sounds.waves import RATE

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "data"
if not (SOURCE / "sounds" / "notes.csv").is_file():
    pytest.skip("data/sounds is not there: dvc pull data.dvc", allow_module_level=True)

SIZE = sections.SegmentMiniature(clips=770, audio=32, visual=(4, 4, 32), videos=2)
FEW = ("dog", "clock", "truck")


@pytest.fixture(scope="module")
def library():
    return Library(SOURCE / "sounds")


@pytest.fixture(scope="module")
def clips():
    return ave_plan.plan(SIZE)


@pytest.fixture(scope="module")
def few(clips):
    """Two clips of three classes in each part."""
    chosen = []
    for action in FEW:
        for part in ("train", "val", "test"):
            alike = [c for c in clips if (c.action, c.part) == (action, part)]
            chosen += sorted(alike, key=lambda c: c.end - c.start)[:2]
    return [dataclasses.replace(clip, row=row) for row, clip in enumerate(chosen)]


@pytest.fixture(scope="module")
def made(few, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ave, "plan", lambda config: few)
        yield ave.ave(SOURCE, tmp_path_factory.mktemp("raw") / "ave", SIZE)


def load(root):
    return loader.load(root, sections.PrepareSegments(audio=32, visual=(4, 4, 32)))


def test_the_plan_has_the_stated_numbers(clips):
    parts = Counter(clip.part for clip in clips)
    assert len(clips) == 770 and parts["test"] >= 250 and parts["val"] >= 120
    sizes = Counter(clip.action for clip in clips)
    total = sum(count for _, count in ave_plan.CLASSES.values())
    assert len(sizes) == 12
    for action, (name, count) in ave_plan.CLASSES.items():
        assert name in ave_lists.CLASSES
        assert abs(sizes[action] - 770 * count / total) < 1
        assert all((action, part) in {(c.action, c.part) for c in clips} for part in parts)
    assert [clip.row for clip in clips] == list(range(770))
    assert len({clip.youtube for clip in clips}) == 770
    names = [ave_lists.CLASSES.index(ave_plan.CLASSES[clip.action][0]) for clip in clips]
    assert names == sorted(names), "by category, as in the release"


def test_events_and_background_are_as_the_card_says(clips):
    short = [clip for clip in clips if clip.end - clip.start < 10]
    assert 0.28 < len(short) / len(clips) < 0.39
    assert {clip.end - clip.start for clip in short} == set(range(2, 9))
    assert min(clip.start for clip in short) == 0 and max(clip.end for clip in short) == 10
    inside = np.array([ave_plan.inside(clip) for clip in clips])
    assert 0.13 < 1 - inside.mean() < 0.2
    kinds = Counter(clip.outside for clip in short)
    for kind, share in ave_plan.OUTSIDE.items():
        assert abs(kinds[kind] / len(short) - share) < 0.09
    assert all(clip.other != clip.action for clip in clips)


def test_a_plan_of_another_size_is_refused_or_complete():
    with pytest.raises(ValueError, match="motorcycle would have 3 of them"):
        ave_plan.plan(SIZE.model_copy(update={"clips": 60}))
    with pytest.raises(ValueError, match="10000 clips"):
        ave_plan.plan(SIZE.model_copy(update={"clips": 10_000}))
    for profile in params.load().profiles.values():
        size = profile.dataset("ave").miniature
        if size:
            planned = ave_plan.plan(size)
            assert len({(clip.action, clip.part) for clip in planned}) == 36


def outside(clips, kind, action="dog", **wanted):
    """Return a clip with quiet noise and no distractor, whose event leaves room around it."""
    clip = next(c for c in clips if c.action == action and c.end - c.start < 10)
    wanted = {"start": 3, "end": 6, "outside": kind, "noise": 40.0, "distracted": None} | wanted
    return dataclasses.replace(clip, **wanted)


def loudness(sound):
    return np.sqrt((sound.reshape(10, RATE) ** 2).mean(1))


def test_outside_the_event_an_action_is_heard_or_seen_or_neither(clips, library):
    event, quiet = ave.perform(outside(clips, "nothing"), library, 0)
    assert not event[: 2 * RATE].any() and not event[7 * RATE :].any()
    assert loudness(event)[3:6].max() > 0.05
    # Echoes die away for a second.
    far = [0, 1, 2, 7, 8, 9]
    assert loudness(quiet)[far].max() < 0.1 * loudness(quiet)[3:6].max()
    _, heard = ave.perform(outside(clips, "heard"), library, 0)
    assert loudness(heard)[far].max() > 0.3 * loudness(heard)[3:6].max()
    _, alone = ave.perform(outside(clips, "seen", overlaid=False), library, 0)
    assert loudness(alone)[far].max() < 0.1 * loudness(alone)[3:6].max()
    _, over = ave.perform(outside(clips, "seen", overlaid=True), library, 0)
    assert loudness(over)[far].max() > 0.3 * loudness(over)[3:6].max()
    np.testing.assert_allclose(over[4 * RATE : 5 * RATE], alone[4 * RATE : 5 * RATE], atol=0.1)


def test_outside_the_event_another_scene_is_shown_or_the_same_at_rest(clips, library):
    clip = outside(clips, "nothing")
    event, _ = ave.perform(clip, library, 0)
    shown = {
        kind: [np.asarray(p) for p in ave.draw(dataclasses.replace(clip, outside=kind), event, 0)]
        for kind in ave_plan.OUTSIDE
    }
    words = {"scene": clip.action, "elsewhere": clip.other}
    scenes = {
        word: ave._scene(action, generator(0, clip.youtube, word)) for word, action in words.items()
    }
    for second in range(10):
        rest, other = (np.asarray(scenes[w].frame(second + 0.5, 0.0)) for w in words)
        if 3 <= second < 6:
            assert all((shown[kind][second] == shown["seen"][second]).all() for kind in shown)
        else:
            assert (shown["seen"][second] == rest).all()
            assert (shown["nothing"][second] == other).all()
            assert (shown["heard"][second] == other).all()
    moving = [
        np.asarray(scenes["scene"].frame(s + 0.5, 0.0)) != shown["seen"][s] for s in (3, 4, 5)
    ]
    assert np.any(moving), "the sound moves the picture"


def test_the_loudest_moment_lies_in_the_event(clips, library):
    for clip in [c for c in clips if c.action == "train" and c.end - c.start < 4][:3]:
        event, _ = ave.perform(clip, library, 0)
        assert clip.start <= np.abs(event).argmax() / RATE < clip.end


def test_the_official_loader_reads_the_miniature(made, few):
    release = load(made)
    assert release.published() == dict.fromkeys(
        ["labels.h5", "mil_labels.h5", "labels_closs.h5"], (0, "")
    )
    assert release.present().classes == ("Bark", "Truck", "Clock")
    assert [(c.group, c.start, c.end) for c in release.clips] == [
        (c.youtube, c.start, c.end) for c in few
    ]
    assert sum(clip.split == "dev" for clip in release.clips) == 6
    report = release.check()
    assert report.table.set_index(["split", "modality"])["found"]["test", "video"] == 2


def test_files_have_the_official_keys_and_types(made):
    shapes = {
        "audio_feature.h5": ("avadataset", (18, 10, 32), np.float64),
        "visual_feature.h5": ("avadataset", (18, 10, 4, 4, 32), np.float64),
        "labels.h5": ("avadataset", (18, 10, 29), np.float64),
        "mil_labels.h5": ("avadataset", (18, 29), np.float32),
        "labels_closs.h5": ("avadataset", (18, 10), np.float32),
        "val_order.h5": ("order", (6,), np.int64),
    }
    for name, (key, shape, dtype) in shapes.items():
        with h5py.File(made / name) as file:
            assert list(file) == [key]
            assert (file[key].shape, file[key].dtype) == (shape, dtype)
            assert np.isfinite(file[key][:]).all()
    assert (made / "Annotations.txt").read_text().startswith("Bark&olm-av-")


def test_features_are_those_of_the_clip_of_their_row(made, few, library):
    clip = few[7]
    event, sound = ave.perform(clip, library, SIZE.seed)
    pictures = ave.draw(clip, event, SIZE.seed)
    release = load(made)
    wanted = np.stack([segments.picture(p, SIZE.visual) for p in pictures])
    np.testing.assert_array_equal(release.features("visual")[7], wanted)
    heard = release.features("audio")[7]
    assert heard.shape == (10, 32) and np.abs(heard).max() < 8
    assert not (heard == release.features("audio")[8]).all()


def test_a_few_clips_are_videos_of_ten_seconds(made, few):
    videos = sorted((made / "AVE").iterdir())
    assert {f"AVE/{video.name}" for video in videos} == ave_plan.filmed(few, 2)
    with av.open(str(videos[0])) as container:
        assert container.streams.video[0].frames == 10
        assert abs(container.duration / av.time_base - 10) < 0.2
    assert len(ave_plan.filmed(few, 100)) == 18
    first = [clip for clip in few if clip.video in ave_plan.filmed(few, 3)]
    assert [(clip.action, clip.part) for clip in first] == [(action, "test") for action in FEW]


def test_what_is_missing_is_made_again_the_same(made, few, monkeypatch):
    monkeypatch.setattr(ave, "plan", lambda config: few)
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    times = {path: path.stat().st_mtime_ns for path in before}
    ave.ave(SOURCE, made, SIZE)
    assert {path: path.stat().st_mtime_ns for path in before} == times
    (made / "audio_feature.h5").unlink()
    ave.ave(SOURCE, made, SIZE)
    assert {path: path.read_bytes() for path in before} == before


def test_a_real_release_is_never_overwritten(tmp_path):
    (tmp_path / "ave").mkdir()
    (tmp_path / "ave" / "Annotations.txt").write_text("Bark&aaaaaaaaaaa&good&0&10\n")
    with pytest.raises(folder.NotOurs):
        ave.ave(SOURCE, tmp_path / "ave", SIZE)


@pytest.mark.parametrize(
    "change, says",
    [
        ({"audio": 31}, "audio is 31"),
        ({"visual": (4, 4, 30)}, "visual has 30 channels: it can be 16, 24, 32 or 40"),
        ({"visual": (4, 4, 8)}, "visual has 8 channels"),
        ({"visual": (40, 4, 32)}, "visual has 40 x 4 cells"),
    ],
)
def test_a_shape_that_cannot_be_made_is_refused_at_once(tmp_path, change, says):
    with pytest.raises(ValueError, match=says):
        ave.ave(SOURCE, tmp_path / "ave", SIZE.model_copy(update=change))
    assert not (tmp_path / "ave").exists()


@pytest.mark.parametrize("shape", [(4, 4, 32), (7, 7, 16), (3, 5, 40), (1, 1, 24)])
def test_the_picture_has_any_number_of_cells(shape):
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    features = segments.picture(Image.fromarray(noise), shape)
    assert features.shape == shape and features.dtype == np.float32
    assert np.isfinite(features).all()


def test_cells_know_light_colour_and_the_direction_of_edges():
    half = np.zeros((120, 160, 3), np.uint8)
    half[:, 80:] = (255, 0, 0)
    cells = segments.picture(Image.fromarray(half), (2, 4, 16))
    assert (cells[:, 2:, 1] > cells[:, :2, 1]).all(), "red against green"
    stripes = np.zeros((120, 160, 3), np.uint8)
    stripes[:, ::16], stripes[:, 1::16] = 255, 255
    upright = segments.picture(Image.fromarray(stripes), (2, 2, 16))[..., 8:]
    lying = np.ascontiguousarray(stripes.transpose(1, 0, 2))
    flat = segments.picture(Image.fromarray(lying), (2, 2, 16))[..., 8:]
    assert (upright.argmax(-1) == 0).all() and (flat.argmax(-1) == 4).all()
    grey = segments.picture(Image.new("RGB", (160, 120), (90, 90, 90)), (2, 2, 16))
    assert np.abs(grey).max() < 1e-2


def test_machines_sound_and_move_and_are_in_no_other_release():
    assert MACHINES.keys() == RUNNING.keys() < ave_plan.CLASSES.keys()
    assert not MACHINES.keys() & {*film.ACTIONS, *mix.ACTIONS}
    for name in MACHINES:
        sound = mix.action(name, None, generator(0, name))
        assert np.isfinite(sound).all() and (loudness(sound) > 0.01).all()
        assert not (sound == mix.action(name, None, generator(1, name))).all()
        scenes = [film.Scene(name, generator(0, name)) for _ in range(2)]
        times = (1.3, 4.3, 8.3)  # for some seconds the camera may show something else
        loud = [[np.asarray(scene.frame(t, 1.0)) for t in times] for scene in scenes]
        rest = [np.asarray(scenes[0].frame(t, 0.0)) for t in times]
        np.testing.assert_array_equal(*loud)
        assert (loud[0][0] != rest[0]).any() or (loud[0][1] != rest[1]).any()
