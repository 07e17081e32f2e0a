"""A miniature SUN RGB-D in the official layout, of drawn rooms.

    SUNRGBD/<sensor>/<collection>/<frame>/{image,depth,depth_bfx}/*  intrinsics.txt  scene.txt
    SUNRGBDtoolbox/traintestSUNRGBD/allsplit.mat
    places.pth.tar   the small network of its features, in the layout of Places365's checkpoints
    build.json       ours: what the folder was made from

What it is and is not: `sunrgbd.md` beside this file.
"""

import io
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from companion.data import sections
from companion.data.sunrgbd_lists import LISTS, SPLIT
from companion.miniature import folder, release
from companion.miniature.plan import generator
from companion.miniature.rooms import buildings, sensors
from companion.miniature.rooms.buildings import Frame
from companion.runs.sources import closure

CHECKPOINT = "places.pth.tar"
# Where the authors had the frames; the official lists have some with a double slash.
AUTHORS = "/n/fs/sun3d/data"


def sunrgbd(source: Path, out: Path, config: sections.Miniature, workers: int = 1) -> Path:
    """Write the release, or what is missing of it.

    Args:
        source: the shipped sources; nothing of them is needed.
        out: folder of the release.
        config: number of frames, and the seed.
        workers: processes; the bytes do not depend on it.

    Returns:
        `out`.

    Raises:
        ValueError: too few or too many frames.
        folder.NotOurs: `out` holds files that are not ours, such as the real release.
        RuntimeError: another process is making the same folder.
    """
    frames = buildings.frames(config.clips, config.seed)
    network = closure("companion.data.places")["companion.data.places"]
    return release.make(
        out,
        about={"release": "sunrgbd (miniature)", "config": config.model_dump()},
        identity=f"{release.identity('companion.miniature.sunrgbd', config, ())}-{network[:16]}",
        tables={SPLIT.as_posix(): allsplit(frames), **_texts(frames)},
        # The network first: it takes longest.
        clips=[None, *frames],
        media=_media,
        write=partial(_write, seed=config.seed),
        workers=workers,
    )


def encode(millimetres: np.ndarray) -> np.ndarray:
    """Return depth as the release stores it: 16 bits rotated left by three."""
    return (millimetres << 3) | (millimetres >> 13)


def allsplit(frames: list[Frame]) -> bytes:
    """Return the official lists: a MATLAB file of two rows of cells, each with a path."""
    # Late: it takes most of a second, and only the process that writes the lists needs it.
    from scipy.io import savemat

    save: Any = savemat  # its types allow no open file
    lists = {}
    for split, name in LISTS.items():
        paths = [frame.path for frame in frames if frame.split == split]
        cells = np.empty((1, len(paths)), object)
        for k, path in enumerate(paths):
            slash = "//" if "/sun3ddata/" in path and k % 2 else "/"
            cells[0, k] = f"{AUTHORS}/SUNRGBD/{path.replace('/', slash, 1)}"
        lists[name] = cells
    file = io.BytesIO()
    save(file, lists, do_compression=True)
    # Its first 116 bytes are a text with the hour.
    text = b"MATLAB 5.0 MAT-file, made by companion.miniature".ljust(116)
    return text + file.getvalue()[116:]


def _texts(frames: list[Frame]) -> dict[str, bytes]:
    texts = {}
    for frame in frames:
        sensor = sensors.SENSORS[frame.sensor]
        (wide, high), focal = sensor.size, sensor.focal
        matrix = f"{focal} 0 {wide / 2 - 0.5}\n0 {focal} {high / 2 - 0.5}\n0 0 1\n"
        texts[f"SUNRGBD/{frame.path}/intrinsics.txt"] = matrix.encode()
        texts[f"SUNRGBD/{frame.path}/scene.txt"] = frame.told.encode()
    return texts


def _media(frame: Frame | None) -> tuple[str, ...]:
    if frame is None:
        return (CHECKPOINT,)
    name = frame.path.rpartition("/")[2]
    files = (f"image/{name}.jpg", f"depth/{name}.png", f"depth_bfx/{name}.png")
    return tuple(f"SUNRGBD/{frame.path}/{file}" for file in files)


def _write(out: Path, frame: Frame | None, missing: set[str], seed: int) -> None:
    if frame is None:
        if CHECKPOINT in missing:
            # Late: torch takes seconds to load, and one process alone needs it.
            from companion.miniature.rooms import network

            folder.save_bytes(out / CHECKPOINT, network.checkpoint(seed))
        return
    photo, raw = taken(frame, seed)
    pictures = (photo, encode(raw), encode(sensors.filled(raw)))
    for file, picture in zip(_media(frame), pictures, strict=True):
        if file in missing:
            folder.save_bytes(out / file, _image(picture))


def taken(frame: Frame, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what a frame shows: the photograph, `(H, W, 3)` uint8, and millimetres, `(H, W)`."""
    view = buildings.looked(frame, seed)
    rng = generator(seed, frame.path, "photo")
    photo = sensors.photographed(view.colour, rng)
    return photo, sensors.measured(view, sensors.SENSORS[frame.sensor], rng)


def _image(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    if picture.dtype == np.uint16:
        Image.fromarray(picture).save(file, "PNG", compress_level=3)
    else:
        Image.fromarray(picture).save(file, "JPEG", quality=88)
    return file.getvalue()
