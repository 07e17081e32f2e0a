"""The SUN RGB-D miniature: its plan, its rooms, its files, read by the official loader."""

import hashlib
import io
from collections import Counter, defaultdict

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat

from companion.data import depth, places, sections, sunrgbd, sunrgbd_lists
from companion.miniature import sunrgbd as writer
from companion.miniature.rooms import buildings, camera, sensors, solids, textures
from companion.miniature.rooms.scenes import SCENES
from companion.miniature.rooms.solids import Surface, box, cylinder

GREY = Surface((0.5, 0.5, 0.5))
PLAN = buildings.frames(840, 0)


def test_sizes_of_mini(root):
    from companion import params

    section = params.load(root / "params.yaml").profiles["mini"].dataset("sunrgbd")
    assert (section.miniature.clips, section.miniature.seed) == (840, 0)
    told = [f for f in PLAN if f.told in sunrgbd.CLASSES]
    counts = Counter(f.split for f in told)
    assert counts["test"] >= 250
    assert counts["train"] * section.prepare.dev_fraction >= 120
    assert len({f.told for f in told}) == 12
    assert len(PLAN) > len(told) == 840


def test_scenes_are_official_and_unequal():
    assert set(SCENES) < set(sunrgbd.CLASSES)
    counts = Counter(f.told for f in PLAN)
    assert counts["office"] > 1.5 * counts["dining_room"] > 0


def test_buildings_and_sequences_never_cross_the_split():
    splits = defaultdict(set)
    for frame in PLAN:
        splits[frame.building].add(frame.split)
        splits[frame.room].add(frame.split)
        splits[sunrgbd_lists.group(frame.path)].add(frame.split)
    assert all(len(found) == 1 for found in splits.values())


def test_every_sensor_is_in_both_lists():
    assert {(f.sensor, f.split) for f in PLAN} == {
        (sensor, split) for sensor in sensors.SENSORS for split in ("train", "test")
    }


def test_frames_of_a_room_are_one_group_and_those_of_others_are_not():
    rooms = defaultdict(set)
    for frame in PLAN:
        rooms[sunrgbd_lists.group(frame.path)].add(frame.room)
    assert all(len(found) == 1 for found in rooms.values())
    views = Counter(f.room for f in PLAN)
    assert max(views.values()) == 3
    groups = {sunrgbd_lists.group(f.path) for f in PLAN}
    assert len(groups) == len(views)


def test_paths_are_unique_and_the_plan_depends_on_the_seed_alone():
    assert len({f.path for f in PLAN}) == len(PLAN)
    assert buildings.frames(840, 0) == PLAN != buildings.frames(840, 1)


@pytest.mark.parametrize("count", [10, 10_000])
def test_impossible_numbers_are_refused(count):
    with pytest.raises(ValueError, match=f"{count} .*asked for"):
        buildings.frames(count, 0)


# The camera.


def looking(*things, size=(41, 31), focal=40.0, yaw=0.0):
    room = solids.Solid((0, 5, 1.5), (10, 10.02, 3), GREY)
    look = camera.Camera((0, 0, 1.5), yaw, 0.0, focal, size)
    return camera.see(things, room, (GREY,) * 3, (0, 5, 2.9), look)


def test_depth_of_a_wall_and_of_the_floor_by_hand():
    view = looking()
    assert view.depth[15, 20] == pytest.approx(10.01, abs=1e-3)
    # Along the camera's axis and not along the ray: the same at the edge of the same wall.
    assert view.depth[15, 2] == pytest.approx(10.01, abs=1e-3)
    # The floor 1.5 m below is seen 15 rows down at 1.5 * 40 / 15 m.
    assert view.depth[30, 20] == pytest.approx(4.0, abs=1e-3)


def test_depth_of_a_box_and_of_a_cylinder_by_hand():
    view = looking(box(0, 4, 1, (1, 2, 1), GREY))
    assert view.depth[15, 20] == pytest.approx(3.0, abs=1e-3)
    # Half a metre wide to each side, at 3 m: 6.7 pixels.
    assert (view.depth[15] < 4).sum() == 13
    view = looking(cylinder(0, 4, 1, 0.5, 1, GREY))
    assert view.depth[15, 20] == pytest.approx(3.5, abs=1e-3)


def test_a_turned_box_shows_its_edge():
    turned = solids.placed([box(0, 0, 1, (1, 1, 1), GREY)], 0, 4, np.pi / 4)
    assert looking(*turned).depth[15, 20] == pytest.approx(4 - 0.5**0.5, abs=1e-2)


def test_what_is_behind_is_not_seen_and_what_is_beside_is_after_turning():
    behind, beside = box(0, -3, 1, (1, 1, 1), GREY), box(-4, 0, 1, (1, 1, 1), GREY)
    assert np.array_equal(looking(behind, beside).depth, looking().depth)
    # Counterclockwise: to the left.
    assert looking(beside, yaw=np.pi / 2).depth[15, 20] == pytest.approx(3.5, abs=1e-2)


def test_every_texture_gives_colours():
    u, v = np.meshgrid(np.linspace(0, 2, 30), np.linspace(0, 2, 30))
    for name in textures.TEXTURES:
        for upright in (False, True):
            surface = Surface((0.5, 0.4, 0.3), name, (0.1, 0.2, 0.3))
            colours = textures.colours(surface, u.ravel(), v.ravel(), upright)
            assert colours.shape == (900, 3)
            assert colours.min() >= 0 and colours.max() <= 1


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_can_be_looked_at(scene):
    for k in range(3):
        view = buildings.look(scene, "b", f"{scene}{k}", 0, 0, 60.0, (64, 48))
        assert np.isfinite(view.depth).all() and view.depth.min() >= camera.NEAR
        assert view.depth.max() > 1.2
        assert 0 <= view.colour.min() and view.colour.max() <= 1.2
        assert view.colour.std() > 0.02


# Sensors.


@pytest.mark.parametrize("name", sensors.SENSORS)
def test_what_a_sensor_measures(name):
    sensor = sensors.SENSORS[name]
    view = buildings.look("corridor", "b", "long", 0, 0, sensor.focal, sensor.size)
    measured = sensors.measured(view, sensor, np.random.default_rng(0))
    assert measured.shape == view.depth.shape and measured.dtype == np.uint16
    seen = measured > 0
    assert not seen[view.depth > sensor.reach].any()
    off = abs(measured[seen] / 1000 - view.depth[seen])
    assert (off / view.depth[seen] < 0.1).mean() > 0.95
    filled = sensors.filled(measured)
    assert (filled > 0).all() and np.array_equal(filled[seen], measured[seen])
    assert set(filled[~seen].tolist()) <= set(measured[seen].tolist())


def test_nothing_measured_stays_nothing():
    assert not sensors.filled(np.zeros((4, 4), np.uint16)).any()


# Files.


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A few whole frames and the lists; the network is noise, whose training is tested apart."""
    root = tmp_path_factory.mktemp("sun")
    rare = next(f for f in PLAN if f.told not in sunrgbd.CLASSES)
    some = {(f.told, f.split): f for f in PLAN if f.told in ("bathroom", "corridor")}
    frames = [*some.values(), rare]
    for frame in frames:
        writer._write(root, frame, set(writer._media(frame)), 0)
    tables = {sunrgbd_lists.SPLIT.as_posix(): writer.allsplit(frames), **writer._texts(frames)}
    for name, content in tables.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root, frames


CONFIG = sections.PrepareFeatures(dev_fraction=0.25, checkpoint="places.pth.tar")


def test_the_official_loader_reads_it(made):
    root, frames = made
    loaded = sunrgbd.load(root, CONFIG)
    assert loaded.classes == ("bathroom", "corridor")
    assert {c.id: c.split for c in loaded.clips} == {
        f.path: f.split for f in frames if f.told in loaded.classes
    }
    assert sum(loaded.dropped.values()) == 1
    assert loaded.check().used == 4
    for clip in loaded.clips:
        shown = loaded.pictures(clip)
        assert shown["rgb"].shape == shown["depth"].shape
        assert shown["rgb"].std() > 5


def test_every_depth_of_a_frame_survives(made):
    root, frames = made
    for frame in frames:
        _, raw = writer.taken(frame, 0)
        folder = root / "SUNRGBD" / frame.path
        (name,) = (folder / "depth").glob("*.png")
        with Image.open(name) as image:
            assert image.mode == "I;16"
        expected = np.minimum(raw.astype(np.float64) / 1000, 8)
        np.testing.assert_allclose(depth.read(name), expected, atol=1e-6)
        (name,) = (folder / "depth_bfx").glob("*.png")
        assert (depth.read(name) > 0).all()


def test_lists_are_cells_of_the_authors_paths_in_the_same_bytes(made):
    _, frames = made
    content = writer.allsplit(frames)
    assert hashlib.sha256(content).digest() == hashlib.sha256(writer.allsplit(frames)).digest()
    assert content.startswith(b"MATLAB 5.0")
    lists = loadmat(io.BytesIO(content))
    assert lists["alltrain"].shape[0] == 1
    assert lists["alltrain"][0, 0].item().startswith("/n/fs/sun3d/data/SUNRGBD/")
    whole = loadmat(io.BytesIO(writer.allsplit(PLAN)))
    entries = [e.item() for name in ("alltrain", "alltest") for e in whole[name].ravel()]
    assert any("//" in entry for entry in entries)
    assert {sunrgbd_lists.cut(entry) for entry in entries} == {f.path for f in PLAN}


def test_a_frame_is_the_same_again():
    one, again = (writer.taken(PLAN[5], 0) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not np.array_equal(one[0], writer.taken(PLAN[5], 1)[0])


def test_the_network_sees_colour_of_other_buildings_only(monkeypatch, tmp_path):
    from companion.miniature.rooms import network

    seen = []
    real = buildings.look

    def looked(scene, building, room, *rest):
        seen.append((building, room))
        return real(scene, building, room, *rest)

    monkeypatch.setattr(network.buildings, "look", looked)
    monkeypatch.setattr(network, "PICTURES", 36)
    monkeypatch.setattr(network, "EPOCHS", 2)
    content = network.checkpoint(0)
    assert content == network.checkpoint(0)
    (tmp_path / "c.pth").write_bytes(content)
    loaded = places.load(tmp_path / "c.pth")
    assert (loaded.arch, loaded.scenes) == ("small", len(SCENES))
    listed = {f"building{f.building}" for f in PLAN} | {f.room for f in PLAN}
    assert not {name for pair in seen for name in pair} & listed
