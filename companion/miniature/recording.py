"""Pictures and files of one clip of an action, the same in every release."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from companion.miniature import folder, media
from companion.miniature.events import EventClip
from companion.miniature.plan import generator
from companion.miniature.scenes.film import Scene
from companion.miniature.sounds import mix
from companion.miniature.sounds.instruments import Library
from companion.miniature.sounds.waves import RATE, SECONDS

FPS = 2


def pictures(clip: EventClip, clean: np.ndarray, seed: int) -> Iterator[Image.Image]:
    """Draw the pictures of a clip, `FPS` a second, each when it is asked for.

    Args:
        clip: what is shown.
        clean: `(samples,)`, the sound of the action, which moves what is drawn.
        seed: of the miniature.
    """
    scene = Scene(clip.action, generator(seed, clip.name, "scene"))
    other = None
    if clip.elsewhere:
        other = Scene(clip.elsewhere, generator(seed, clip.name, "elsewhere"))
    levels = mix.pulse(clean, FPS * SECONDS, FPS)
    for i, level in enumerate(levels):
        away = clip.away[0] <= i / FPS < clip.away[1]
        shown = other if other is not None and away else scene
        yield shown.frame(i / FPS, float(level))


def write(
    out: Path,
    clip: EventClip,
    missing: set[str],
    library: Library,
    seed: int,
    mp4: str,
    wav: str = "",
) -> None:
    """Write the files of a clip that are missing.

    Args:
        out: folder of the release.
        clip: what to write.
        missing: relative names of the files that are wanted.
        library: the shipped notes.
        seed: of the miniature.
        mp4: relative name of the video with its sound.
        wav: relative name of the sound alone, "" where the release has none.
    """
    clean, sound = mix.perform(clip, library, seed)
    if wav in missing:
        folder.save(out / wav, lambda part: media.write_wav(part, sound, RATE))
    if mp4 in missing:
        drawn = pictures(clip, clean, seed)
        folder.save(out / mp4, lambda part: media.write_mp4(part, drawn, FPS, sound, RATE))
