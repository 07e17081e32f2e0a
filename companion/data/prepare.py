"""From a release to memory-mapped arrays: parallel, resumable, in constant memory.

The work goes on in `.<name>.partial` beside the folder and becomes the folder in one step at the
end. Every chunk of clips that is written leaves a mark, so that a stopped preparation loses at
most the chunks it was writing. The bytes do not depend on the number of workers.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupShuffleSplit, train_test_split

from companion.data import chunks, files, preparation
from companion.data.preparation import PreparationError
from companion.data.release import Release
from companion.data.sections import Decoding, Prepare
from olmlib.data.arrays import Prepared
from olmlib.data.folder import seal


def prepare(release: Release, folder: str | Path, config: Decoding, workers: int = 1) -> Prepared:
    """Decode every clip of `release` into arrays under `folder`.

    A finished folder made from the same files with the same configuration and code is reused, an
    unfinished one is continued, any other is replaced.

    Args:
        release: what to prepare.
        folder: for the arrays; see `olmlib.data.arrays`.
        config: front end, sizes, dev split and how many clips may be rejected.
        workers: processes, one thread each.

    Raises:
        PreparationError: too many clips rejected, an empty class or split, or another preparation
            of the same folder is running.
        OSError: the disk is full or the folder cannot be written.
    """
    folder = Path(folder)
    with preparation.alone(folder) as work:
        return _prepare(release, folder, work, config, workers)


def _prepare(release, folder, work, config, workers) -> Prepared:
    splits = _with_dev(release, config)
    mark = _fingerprint(release, config)
    known = release.name, len(release.clips), config.max_rejected
    if done := preparation.finished(Prepared, folder, mark, known):
        return done
    shapes = {
        "audio": chunks.spectrogram(np.zeros(1), config).shape,
        "visual": (config.n_frames, config.frame_size, config.frame_size, 3),
    }
    chunks.start(work, mark, {k: (len(release.clips), *v) for k, v in shapes.items()})
    chunks.decode_all(release, work, config, workers)
    reasons = chunks.reasons(work)
    refused = [(c.id, splits[c.id], reasons[c.id]) for c in release.clips if c.id in reasons]
    rejected = preparation.lost(refused, known, work)
    used = [(c.id, c.label, splits[c.id], c.group) for c in release.clips if c.id not in reasons]
    records = pd.DataFrame(used, columns=["id", "label", "split", "group"])
    preparation.refuse_empty(
        records,
        release.name,
        release.classes,
        work,
        ", or raise prepare.dev_fraction in params.yaml",
    )
    if reasons:
        chunks.compact(work, [i for i, c in enumerate(release.clips) if c.id not in reasons])
    meta = {"name": release.name, "classes": release.classes, "fingerprint": mark}
    meta |= preparation.counts(records) | config.model_dump() | {"rejected": len(rejected)}
    seal(work, chunks.ARRAYS, records, rejected, meta)
    chunks.clean(work)
    preparation.put(work, folder)
    return Prepared(folder)


def _with_dev(release: Release, config: Decoding) -> dict[str, str]:
    """Return the split of every id, with a share of "train" turned into "dev".

    The choice is made before anything is decoded, so it does not depend on rejected clips. With
    `split="actor"` nobody is in both train and dev, else the shares of the classes are kept. A
    release whose splits are its people says itself who is dev.
    """
    if not isinstance(config, Prepare):
        return {clip.id: clip.split for clip in release.clips}
    train = [clip for clip in release.clips if clip.split == "train"]
    indices, labels = np.arange(len(train)), [clip.label for clip in train]
    try:
        if config.split == "actor":
            cut = GroupShuffleSplit(1, test_size=config.dev_fraction, random_state=config.seed)
            dev = next(cut.split(indices, groups=[clip.group for clip in train]))[1]
        else:
            dev = train_test_split(
                indices, test_size=config.dev_fraction, stratify=labels, random_state=config.seed
            )[1]
    except ValueError as error:
        raise PreparationError(
            f"{config.dev_fraction:.0%} of the {len(train)} train clips of {release.name} cannot "
            f"be held out as dev split: {error}. Set another prepare.dev_fraction in params.yaml"
        ) from None
    held_out = {train[i].id for i in dev}
    return {c.id: "dev" if c.id in held_out else c.split for c in release.clips}


def _fingerprint(release: Release, config: Decoding) -> str:
    known = [(c.id, c.label, c.split, c.group) for c in release.clips]
    paths = dict.fromkeys(p for clip in release.clips for p in (clip.audio, clip.video))
    return preparation.fingerprint(
        config,
        (__name__, type(release).__module__),
        (release.name, release.classes, known),
        map(files.fingerprint, paths),
    )
