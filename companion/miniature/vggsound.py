"""A miniature VGGSound in the official layout.

    vggsound.csv     youtube_id,start_seconds,label,train|test without header
    stat.csv         class,count,group without header, of the miniature's classes
    test.csv         file name,label of the test clips, without header
    video/*.mp4      10 s, H.264 and AAC, 160x120 at 2 pictures a second
    build.json       ours: what the folder was made from

What it is and is not: `vggsound.md` beside this file.
"""

from collections import Counter
from functools import partial
from pathlib import Path

from companion.data import sections
from companion.miniature import events, recording, release
from companion.miniature.sounds import mix
from companion.miniature.sounds.instruments import Library

# Each action's label in VGGSound, its number of clips in the release, and a group of our choice:
# the sizes of the miniature's classes stand in the same proportion.
CLASSES = {
    "violin": ("playing violin, fiddle", 1050, "music"),
    "guitar": ("playing acoustic guitar", 1050, "music"),
    "piano": ("playing piano", 1050, "music"),
    "drums": ("playing drum kit", 1050, "music"),
    "flute": ("playing flute", 1050, "music"),
    "xylophone": ("playing marimba, xylophone", 1050, "music"),
    "dog": ("dog barking", 767, "animals"),
    "church_bell": ("church bell ringing", 807, "others"),
    "helicopter": ("helicopter", 1050, "vehicle"),
    "siren": ("police car (siren)", 1050, "vehicle"),
    "heartbeat": ("heart sounds, heartbeat", 756, "people"),
    "birds": ("bird chirping, tweeting", 1050, "animals"),
    "typing": ("typing on computer keyboard", 561, "tools"),
    "train": ("train horning", 771, "vehicle"),
    "ripping_paper": ("ripping paper", 560, "others"),
    "basketball": ("basketball bounce", 1050, "sports"),
}
NAMES = dict.fromkeys(("train", "test"), "{youtube}_{start:06d}")


def plan(config: sections.Miniature) -> list[events.EventClip]:
    """Return the clips of the release, sorted by name."""
    weights = {action: size for action, (_, size, _) in CLASSES.items()}
    return events.clips("olm-vs-", weights, mix.ACTIONS, config.clips, config.seed, NAMES)


def vggsound(source: Path, out: Path, config: sections.Miniature, workers: int = 1) -> Path:
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
    return release.make(
        out,
        about={"release": "vggsound (miniature)", "config": config.model_dump()},
        identity=release.identity("companion.miniature.vggsound", config, library.files()),
        tables=_tables(clips),
        clips=clips,
        media=_media,
        write=partial(_write, library=library, seed=config.seed),
        workers=workers,
    )


def _tables(clips: list[events.EventClip]) -> dict[str, bytes]:
    labels = {clip.name: CLASSES[clip.action][0] for clip in clips}
    sizes = Counter(labels.values())
    classes = sorted(CLASSES.values(), key=lambda row: (-sizes[row[0]], row[0]))
    return {
        "vggsound.csv": release.table(
            (clip.youtube, clip.start, labels[clip.name], clip.split) for clip in clips
        ),
        "stat.csv": release.table((name, sizes[name], group) for name, _, group in classes),
        "test.csv": release.table(
            (f"{clip.name}.mp4", labels[clip.name]) for clip in clips if clip.split == "test"
        ),
    }


def _media(clip: events.EventClip) -> tuple[str]:
    return (f"video/{clip.name}.mp4",)


def _write(
    out: Path, clip: events.EventClip, missing: set[str], library: Library, seed: int
) -> None:
    recording.write(out, clip, missing, library, seed, *_media(clip))
