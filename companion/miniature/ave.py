"""A miniature AVE in the official layout.

    Annotations.txt  trainSet.txt  valSet.txt  testSet.txt    Category&VideoID&Quality&Start&End
    train_order.h5   val_order.h5  test_order.h5              rows of Annotations.txt
    labels.h5  mil_labels.h5  labels_closs.h5                 one-hot over 28 classes and background
    audio_feature.h5  visual_feature.h5                       float64, smaller than the release's
    AVE/*.mp4                                                 of some clips
    build.json                                                ours: what the folder was made from

What it is and is not, and the extractors that stand in for VGG-19 and VGGish: `ave.md`.
"""

from functools import partial
from pathlib import Path

import h5py
import numpy as np
from PIL import Image
from tqdm import tqdm

from companion.data import ave_lists, sections
from companion.miniature import extractors, folder, media, release
from companion.miniature.ave_plan import CLASSES, Planned, filmed, inside, loudest_at, plan
from companion.miniature.plan import generator
from companion.miniature.scenes.film import Scene
from companion.miniature.segments import picture
from companion.miniature.sounds import mix
from companion.miniature.sounds.instruments import Library
from companion.miniature.sounds.waves import RATE, SAMPLES, curve, level
from companion.workers import Lost, refuse_lost, spread

KEY, SEGMENTS = ave_lists.KEY, ave_lists.SEGMENTS
FPS = 1


def ave(source: Path, out: Path, config: sections.SegmentMiniature, workers: int = 1) -> Path:
    """Write the release. Features are made of the pictures and the sound themselves.

    Args:
        source: the shipped sources, `data/`.
        out: folder of the release.
        config: number of clips, shapes of the features, and the seed.
        workers: processes; the bytes do not depend on it.

    Returns:
        `out`.

    Raises:
        FileNotFoundError: the shipped sources are not there.
        ValueError: too many or too few clips, or features of a shape that cannot be made.
        folder.NotOurs: `out` holds files that are not ours, such as the real release.
        RuntimeError: another process is making the same folder, or one of ours was killed.
    """
    library, out = Library(Path(source) / "sounds"), Path(out)
    clips = plan(config)
    if config.audio % 2:
        raise ValueError(f"audio is {config.audio}: a segment has two values of every band")
    picture(Image.new("RGB", (32, 32)), config.visual)  # an impossible shape is an error now
    tables, arrays, videos = _tables(clips), _labels(clips), filmed(clips, config.videos)
    features = {
        "audio_feature.h5": (KEY, np.zeros((len(clips), SEGMENTS, config.audio))),
        "visual_feature.h5": (KEY, np.zeros((len(clips), SEGMENTS, *config.visual))),
    }
    with release.claimed(
        out,
        release.identity("companion.miniature.ave", config, library.files()),
        [*tables, *arrays, *features, *videos],
        {"release": "ave (miniature)", "config": config.model_dump()},
    ) as missing:
        if missing:
            make = partial(_make, out=out, videos=videos & missing, library=library, config=config)
            made = [values for _, values in features.values()]
            _fill(made, clips, make, workers)
            for name, content in tables.items():
                folder.save_bytes(out / name, content)
            for name, array in (arrays | features).items():
                folder.save(out / name, partial(_write, *array))
    return out


def _fill(made: list[np.ndarray], clips: list[Planned], make, workers: int) -> None:
    """Put the features of every clip into its row, over `workers` processes."""
    pieces = release.pieces_of(clips, lambda clip: "", workers)
    gone = {}
    with tqdm(total=len(clips), desc="clips", unit="clip", disable=None) as bar:
        for chunk, done in spread(make, pieces, workers):
            bar.update(len(chunk))
            if isinstance(done, Lost):
                gone[f"clips {chunk[0].youtube} to {chunk[-1].youtube} of AVE"] = done
                continue
            for clip, features in zip(chunk, done, strict=True):
                for array, values in zip(made, features, strict=True):
                    array[clip.row] = values
    refuse_lost(gone)


def _make(chunk: list[Planned], out: Path, videos: set[str], library: Library, config):
    """Return sound and picture features of some clips, and write the videos of some of them."""
    made = []
    for clip in chunk:
        event, sound = perform(clip, library, config.seed)
        pictures = draw(clip, event, config.seed)
        if clip.video in videos:
            write = partial(media.write_mp4, pictures=pictures, fps=FPS, sound=sound, rate=RATE)
            folder.save(out / clip.video, write)
        heard = extractors.audio(sound, RATE, config.audio // 2, 1)
        made.append((heard, np.stack([picture(image, config.visual) for image in pictures])))
    return made


def perform(clip: Planned, library: Library, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Play a clip.

    Returns:
        The clean sound of the event, silent outside it, which the pictures follow; and what the
        microphone recorded, both `(SAMPLES,)` float32 at 16 kHz, the second in [-1, 1].
    """
    clean = mix.action(clip.action, library, generator(seed, clip.youtube, "action"))
    clean = np.roll(clean, loudest_at(clip, SAMPLES) - int(np.abs(clean).argmax()))
    start, end = float(clip.start), float(clip.end)
    gate = curve([(start - 0.05, 0), (start, 1), (end, 1), (end + 0.05, 0)])
    event = clean * gate
    heard = clean if clip.outside == "heard" else event
    heard = heard / np.float32(level(heard))
    overlaid = clip.outside == "seen" and clip.overlaid
    if overlaid or clip.distracted is not None:
        other = mix.action(clip.other, library, generator(seed, clip.youtube, "other"))
        if overlaid:
            heard = heard + (1 - gate) * other
        if clip.distracted is not None:
            heard = heard + np.float32(10 ** (clip.distracted / 20)) * other
    return event, mix.record(heard, -clip.noise, generator(seed, clip.youtube, "room"))


def draw(clip: Planned, event: np.ndarray, seed: int) -> list[Image.Image]:
    """Draw a picture for the middle of every second.

    Args:
        clip: what is shown.
        event: of `perform`, it moves what is drawn.
        seed: of the miniature.
    """
    scene = _scene(clip.action, generator(seed, clip.youtube, "scene"))
    shown = inside(clip) | (clip.outside == "seen")
    other = scene
    if not shown.all():
        other = _scene(clip.other, generator(seed, clip.youtube, "elsewhere"))
    levels = mix.pulse(event, 2 * SEGMENTS, 2)[1::2]
    return [
        (scene if seen else other).frame(second + 0.5, float(loud) if seen else 0.0)
        for second, (seen, loud) in enumerate(zip(shown, levels, strict=True))
    ]


def _scene(action: str, rng: np.random.Generator) -> Scene:
    scene = Scene(action, rng)
    # A label says what is seen: here the camera does not turn away from it by chance.
    scene.away = (-1.0, -1.0)
    return scene


def _tables(clips: list[Planned]) -> dict[str, bytes]:
    tables = {"Annotations.txt": "".join(clip.line for clip in clips).encode()}
    for part in ave_lists.PARTS:
        lines = [clip.line for clip in clips if clip.part == part]
        tables[f"{part}Set.txt"] = "".join(lines).encode()
    return tables


def _labels(clips: list[Planned]) -> dict[str, tuple[str, np.ndarray]]:
    """Return file -> key and content of the order and label files."""
    background = len(ave_lists.CLASSES)
    event = np.array([ave_lists.CLASSES.index(CLASSES[clip.action][0]) for clip in clips])
    happens = np.array([inside(clip) for clip in clips])
    one_hot = np.eye(background + 1)
    files = {
        f"{part}_order.h5": (
            ave_lists.ORDER,
            np.array([clip.row for clip in clips if clip.part == part], np.int64),
        )
        for part in ave_lists.PARTS
    }
    return files | {
        "labels.h5": (KEY, one_hot[np.where(happens, event[:, None], background)]),
        "mil_labels.h5": (KEY, one_hot[event].astype(np.float32)),
        "labels_closs.h5": (KEY, happens.astype(np.float32)),
    }


def _write(key: str, values: np.ndarray, part: Path) -> None:
    with h5py.File(part, "w") as file:
        file[key] = values
