"""A miniature Kinetics-Sounds in the layout that its users share.

    my_train.txt  my_test.txt         id,10,label without header; labels of the 31 classes
    k31/video_train/*.mp4             10 s, H.264 and AAC, 160x120 at 2 pictures a second
    k31/video_test/*.mp4
    k31/audio_train/*.wav             16 kHz, one channel, 16 bit
    k31/audio_test/*.wav
    build.json                        ours: what the folder was made from

What it is and is not: `ks.md` beside this file.
"""

from functools import partial
from pathlib import Path

from companion.data import sections
from companion.miniature import events, recording, release
from companion.miniature.sounds import mix
from companion.miniature.sounds.instruments import Library

# Each action's label in the published lists, and its number of clips in the published train list:
# the sizes of the miniature's classes stand in the same proportion.
CLASSES = {
    "bowling": (2, 607),
    "chopping_wood": (3, 512),
    "basketball": (4, 497),
    "mowing_lawn": (6, 635),
    "accordion": (7, 478),
    "drums": (11, 486),
    "guitar": (12, 604),
    "organ": (15, 339),
    "piano": (16, 333),
    "trumpet": (19, 538),
    "violin": (20, 654),
    "xylophone": (21, 386),
    "tap_dancing": (27, 523),
}
NAMES = {"train": "{youtube}_{start:06d}_{stop:06d}", "test": "{youtube}_{start}"}


def plan(config: sections.Miniature) -> list[events.EventClip]:
    """Return the clips of the release, sorted by name."""
    weights = {action: size for action, (_, size) in CLASSES.items()}
    return events.clips("olm_ks_", weights, mix.ACTIONS, config.clips, config.seed, NAMES)


def ks(source: Path, out: Path, config: sections.Miniature, workers: int = 1) -> Path:
    """Write the release, or what is missing of it.

    Args:
        source: the shipped sources, `data/`.
        out: folder of the release.
        config: number of clips and the seed.
        workers: processes; the bytes do not depend on it.

    Returns:
        `out`.

    Raises:
        FileNotFoundError: the shipped sources are not there.
        ValueError: too many or too few clips; the message has the limits.
        folder.NotOurs: `out` holds files that are not ours, such as the real release.
        RuntimeError: another process is making the same folder.
    """
    library = Library(Path(source) / "sounds")
    clips = plan(config)
    tables = {
        f"my_{split}.txt": release.table(
            ((clip.name, 10, CLASSES[clip.action][0]) for clip in clips if clip.split == split),
            ending="\r\n",
        )
        for split in ("train", "test")
    }
    return release.make(
        out,
        about={"release": "ks (miniature)", "config": config.model_dump()},
        identity=release.identity("companion.miniature.ks", config, library.files()),
        tables=tables,
        clips=clips,
        media=_media,
        write=partial(_write, library=library, seed=config.seed),
        workers=workers,
    )


def _media(clip: events.EventClip) -> tuple[str, str]:
    video, audio = f"k31/video_{clip.split}", f"k31/audio_{clip.split}"
    return f"{video}/{clip.name}.mp4", f"{audio}/{clip.name}.wav"


def _write(
    out: Path, clip: events.EventClip, missing: set[str], library: Library, seed: int
) -> None:
    mp4, wav = _media(clip)
    recording.write(out, clip, missing, library, seed, mp4, wav)
