"""Make the feature files of AVE: `python -m companion.extract.ave RELEASE --modality visual`.

RELEASE holds the lists and `AVE/<VideoID>.mp4`. `visual_feature.h5` (VGG-19's pool5, the mean over
16 frames a second) or `audio_feature.h5` (VGGish) is written where the loader looks for it, in the
order of `Annotations.txt`. It can be stopped and started again.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from tqdm import tqdm

from companion.data import ave_lists, media
from companion.data.ave_lists import KEY, SEGMENTS
from companion.data.release import ReleaseError
from companion.extract import vgg

FRAMES = 16
SHAPES = {"visual": (SEGMENTS, 7, 7, 512), "audio": (SEGMENTS, 128)}


def describer(modality: str, weights: str | Path, device: str) -> Callable[[Path], np.ndarray]:
    """Return a function from a video to its features, of a shape in `SHAPES`.

    Raises:
        FileNotFoundError: no file of weights.
        ValueError: it does not fit the network.
    """
    if modality == "visual":
        seeing = vgg.vgg19(weights, device)
        return lambda video: vgg.seen(
            seeing, media.frames(video, FRAMES * SEGMENTS, vgg.SIDE), SEGMENTS
        )
    hearing = vgg.vggish(weights, device)
    return lambda video: vgg.heard(hearing, media.waveform(video, vgg.RATE), SEGMENTS)


def extract(release: Path, modality: str, weights: str | Path, device="cpu") -> list[str]:
    """Make the feature file of a modality, unless it is there.

    Until all rows are done the file ends in `.partial`. A clip that cannot be read has a row of
    NaN, which preparation rejects.

    Args:
        release: folder of the release.
        modality: "visual" or "audio".
        weights: file of the network's weights.
        device: where it runs.

    Returns:
        A line per clip without features, with the reason.

    Raises:
        ReleaseError: the lists cannot be read, or the partial file is of another release.
        FileNotFoundError: no file of weights.
        ValueError: it does not fit the network.
    """
    target = release / f"{modality}_feature.h5"
    if target.exists():
        return []
    events = ave_lists.read(release)
    describe = describer(modality, weights, device)
    partial = target.with_suffix(".h5.partial")
    failed = []
    with h5py.File(partial, "a") as file:
        shape = len(events), *SHAPES[modality]
        if KEY not in file:
            file.create_dataset(KEY, shape, np.float32, fillvalue=np.nan)
        rows = file[KEY]
        if rows.shape != shape:
            raise ReleaseError(f"{partial} has shape {rows.shape}, not {shape}: remove it")
        for event in tqdm(events, desc=modality, unit="clip", disable=None):
            if np.isfinite(rows[event.row]).all():
                continue
            try:
                rows[event.row] = describe(release / "AVE" / f"{event.group}.mp4")
            except media.BadClip as error:
                failed.append(f"{event.id}: {error}")
            file.flush()
    partial.replace(target)
    return failed


def main(arguments: list[str] | None = None) -> None:
    """Make the features that the arguments ask for, or say in one line why not."""
    parser = argparse.ArgumentParser(prog="python -m companion.extract.ave", description=__doc__)
    parser.add_argument("release", type=Path)
    parser.add_argument("--modality", required=True, choices=list(SHAPES))
    parser.add_argument("--weights", required=True, type=Path, help="of vgg19 or of VGGish")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args(arguments)
    try:
        failed = extract(args.release, args.modality, args.weights, args.device)
    except (OSError, ValueError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    if failed:
        sys.exit(f"{len(failed)} clips have no {args.modality} features:\n" + "\n".join(failed))


if __name__ == "__main__":
    main()
