"""Which frames a miniature SUN RGB-D has: buildings, their rooms, and the views of each room."""

from dataclasses import dataclass

import numpy as np

from companion.miniature.events import counts
from companion.miniature.plan import generator
from companion.miniature.rooms.camera import Camera, View, see
from companion.miniature.rooms.room import Style
from companion.miniature.rooms.scenes import SCENES, furnished
from companion.miniature.rooms.sensors import SENSORS
from companion.miniature.rooms.solids import Surface

# As the halves of the release do not share buildings; the test part is smaller.
TEST_SHARE = 0.305
BUILDINGS = {"train": 22, "test": 12}
# Collections of the release, their sensor and about the share of buildings that each has there.
COLLECTIONS = {
    "kv1/NYUdata": 4,
    "kv1/b3dodata": 1,
    "kv2/kinect2data": 5,
    "kv2/align_kv2": 1,
    "realsense/lg": 2,
    "realsense/sa": 1,
    "realsense/shr": 1,
    "xtion/sun3ddata": 5,
    "xtion/xtion_align_data": 2,
}
# Only there does a name tell which frames are of one room, seen one after another.
SEQUENCES = ("kv2/kinect2data", "xtion/sun3ddata")
VIEWS = 3
# What scene.txt says of frames that belong to none of the official scenes.
OTHERS = ("idk", "storage_room", "gym")


@dataclass(frozen=True)
class Frame:
    """One frame of the release.

    Attributes:
        path: of its folder below `SUNRGBD/`.
        scene: what is drawn.
        told: what scene.txt says, which is no official scene for a few.
        split: "train" or "test".
        building: number of the building, from 0.
        room: what its random numbers start from.
        view: which look into the room, from 0.
    """

    path: str
    scene: str
    told: str
    split: str
    building: int
    room: str
    view: int

    @property
    def sensor(self) -> str:
        """The camera."""
        return self.path.split("/")[0]


def frames(count: int, seed: int) -> list[Frame]:
    """Plan a release.

    Args:
        count: frames of the twelve scenes; a hundredth more are of other scenes.
        seed: of everything.

    Returns:
        Frames sorted by path.

    Raises:
        ValueError: too few or too many frames.
    """
    if count > 9_999:
        raise ValueError(f"{count} frames asked for: names have four digits")
    rng = generator(seed, "sunrgbd", "frames")
    collections = _collections(rng)
    sizes = counts({scene: plan.weight for scene, plan in SCENES.items()}, count)
    wanted = []
    for scene, size in sizes.items():
        test = max(1, round(TEST_SHARE * size))
        wanted += [(scene, scene, "train", size - test), (scene, scene, "test", test)]
    scenes = list(SCENES)
    for k in range(max(2, count // 100)):
        scene = scenes[int(rng.integers(len(scenes)))]
        wanted.append((scene, OTHERS[k % len(OTHERS)], ("train", "test")[k % 2], 1))
    chosen: list[Frame] = []
    for scene, told, split, size in wanted:
        left = size
        while left:
            own = [b for b, (part, _) in enumerate(collections) if part == split]
            building = int(rng.choice(own))
            collection = collections[building][1]
            views = int(rng.integers(1, VIEWS + 1)) if collection in SEQUENCES else 1
            room = f"room{len(chosen)}"
            for view in range(min(views, left)):
                path = _path(collection, len(chosen) + 1, building, room, view, seed)
                chosen.append(Frame(path, scene, told, split, building, room, view))
            left -= min(views, left)
    return sorted(chosen, key=lambda frame: frame.path)


def _collections(rng: np.random.Generator) -> list[tuple[str, str]]:
    """Return split and collection of every building, collections spread evenly over the splits."""
    names = [name for name, share in COLLECTIONS.items() for _ in range(share)]
    made = []
    for split, number in BUILDINGS.items():
        repeated = (names * (number // len(names) + 1))[:number]
        # A shorter list still has every sensor.
        evenly = [names[i * len(names) // number] for i in range(number)]
        chosen = evenly if number < len(names) else repeated
        made += [(split, chosen[i]) for i in rng.permutation(number)]
    return made


def _path(collection: str, number: int, building: int, room: str, view: int, seed: int) -> str:
    """Return the folder of a frame, named as those of its collection."""
    rng = generator(seed, room, "time")
    day, hour, minute, second = (
        int(rng.integers(*r)) for r in ((1, 29), (8, 20), (0, 60), (0, 60))
    )
    time = f"{day:02d}_{hour:02d}-{minute:02d}-{second:02d}"
    match collection:
        case "kv1/NYUdata":
            name = f"NYU{number:04d}"
        case "kv1/b3dodata":
            name = f"img_{number:04d}"
        case "kv2/kinect2data":
            name = (
                f"{number:06d}_2014-05-{time}_2605951343{building:02d}_rgbf{30 * view:06d}-resize"
            )
        case "xtion/sun3ddata":
            place = f"building_{building}/{room}_2014-06-{time}"
            name = f"{place}/{number:07d}_2014-06-{time}"
        case "kv2/align_kv2" | "xtion/xtion_align_data":
            name = f"2014-12-{time}_2605951{number:05d}"
        case _:
            name = f"2014_10_{time.replace('-', '_')}-13110{number:05d}"
    return f"{collection}/{name}"


def style(building: str, seed: int) -> Style:
    """Return the colours of a building."""
    rng = generator(seed, building, "style")
    hue = rng.uniform(0.75, 1.0, 3)
    wall = Surface(_colour(hue * rng.uniform(0.75, 1.0)))
    tone = rng.uniform(0.3, 0.75)
    kind = ("planks", "carpet", "chequer", "plain")[int(rng.integers(4))]
    ground = np.array([tone, tone * rng.uniform(0.75, 1.0), tone * rng.uniform(0.6, 1.0)])
    floor = Surface(_colour(ground), kind, _colour(0.75 * ground), int(rng.integers(1000)))
    brown = rng.uniform(0.3, 0.85)
    wood = Surface(
        _colour(np.array([brown, brown * 0.75, brown * rng.uniform(0.4, 0.6)])), "planks"
    )
    wood = Surface(wood.colour, "planks", _colour(0.75 * np.array(wood.colour)), 3)
    cloth = tuple(_colour(rng.uniform(0.1, 0.8, 3)) for _ in range(3))
    paint = _colour(np.array([brown, brown * 0.8, brown * 0.6])) if rng.random() < 0.5 else cloth[0]
    return Style(wall, floor, Surface((0.93, 0.93, 0.92)), wood, cloth, paint)


def _colour(values: np.ndarray) -> tuple[float, float, float]:
    red, green, blue = (float(np.clip(v, 0, 1)) for v in values)
    return red, green, blue


def look(
    scene: str, building: str, room: str, view: int, seed: int, focal: float, size: tuple[int, int]
) -> View:
    """Look into a room.

    Args:
        scene: which kind of room.
        building, room: what their random numbers start from.
        view: which look, from 0; the first ones of a room are close to each other.
        seed: of the miniature.
        focal, size: of the camera, in pixels.
    """
    inside = furnished(scene, style(building, seed), generator(seed, building, room, "room"))
    wide, long, high = inside.size
    first, later = generator(seed, room, "camera"), generator(seed, room, "view", str(view))
    x = wide * first.uniform(0.25, 0.75) + later.uniform(-0.25, 0.25)
    y = first.uniform(0.25, 0.9) + later.uniform(0, 0.2)
    z = inside.stand + first.uniform(1.1, 1.8)
    aim = wide * first.uniform(0.3, 0.7), long * first.uniform(0.65, 0.9)
    yaw = -np.arctan2(aim[0] - x, aim[1] - y) + later.uniform(-0.2, 0.2)
    pitch = np.arctan2(first.uniform(0.4, 0.9) - z, aim[1] - y) + later.uniform(-0.06, 0.06)
    x = float(np.clip(x, 0.2, wide - 0.2))
    camera = Camera((x, y, min(z, high - 0.3)), float(yaw), float(pitch), focal, size)
    light = wide * first.uniform(0.3, 0.7), long * first.uniform(0.3, 0.7), high - 0.3
    return see(inside.solids, inside.shell, inside.surfaces, light, camera)


def looked(frame: Frame, seed: int) -> View:
    """Look at what a frame of the release shows."""
    sensor = SENSORS[frame.sensor]
    building = f"building{frame.building}"
    return look(frame.scene, building, frame.room, frame.view, seed, sensor.focal, sensor.size)
