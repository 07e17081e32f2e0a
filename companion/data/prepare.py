"""From a release to memory-mapped arrays: parallel, resumable, in constant memory.

The work goes on in `.<name>.partial` beside the folder and becomes the folder in one step at the
end. Every chunk of clips that is written leaves a mark, so that a stopped preparation loses at
most the chunks it was writing. The bytes do not depend on the number of workers.
"""

import errno
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout
from sklearn.model_selection import GroupShuffleSplit, train_test_split

from companion.data import chunks, files
from companion.data.release import Release
from companion.data.sections import Prepare
from companion.runs.sources import closure
from olmlib.data.arrays import REJECTED, SPLITS, Prepared, seal


class PreparationError(RuntimeError):
    """Data that cannot be prepared; the message says why and where to look."""


def prepare(release: Release, folder: str | Path, config: Prepare, workers: int = 1) -> Prepared:
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
    with alone(folder) as work:
        return _prepare(release, folder, work, config, workers)


@contextmanager
def alone(folder: Path) -> Iterator[Path]:
    """Yield the working folder of a preparation of `folder`, which no other process then has.

    Raises:
        PreparationError: another preparation of the same folder is running.
        OSError: of the block; one of either folder says what to do.
    """
    work = folder.parent / f".{folder.name}.partial"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{folder.name}.lock", timeout=0):
            yield work
    except Timeout:
        raise PreparationError(
            f"another preparation is writing {folder}; wait for it, then run this again"
        ) from None
    except OSError as error:
        raise explained(error, folder, work) from None


def _prepare(release, folder, work, config, workers) -> Prepared:
    splits = _with_dev(release, config)
    fingerprint = _fingerprint(release, config)
    known = release.name, len(release.clips), config.max_rejected
    if (folder / "meta.json").is_file():
        done = Prepared(folder)
        if done.meta.get("fingerprint") == fingerprint:
            judge(pd.read_csv(folder / "rejected.csv"), *known, folder)
            return done
    shapes = {
        "audio": chunks.spectrogram(np.zeros(1), config).shape,
        "visual": (config.n_frames, config.frame_size, config.frame_size, 3),
    }
    chunks.start(work, fingerprint, {k: (len(release.clips), *v) for k, v in shapes.items()})
    chunks.decode_all(release, work, config, workers)
    reasons = chunks.reasons(work)
    refused = [(c.id, splits[c.id], reasons[c.id]) for c in release.clips if c.id in reasons]
    rejected = pd.DataFrame(refused, columns=REJECTED)
    rejected.to_csv(work / "rejected.csv", index=False, lineterminator="\n")
    judge(rejected, *known, work)
    used = [(c.id, c.label, splits[c.id], c.group) for c in release.clips if c.id not in reasons]
    records = pd.DataFrame(used, columns=["id", "label", "split", "group"])
    refuse_empty(
        records,
        release.name,
        release.classes,
        work,
        ", or raise prepare.dev_fraction in params.yaml",
    )
    if reasons:
        chunks.compact(work, [i for i, c in enumerate(release.clips) if c.id not in reasons])
    meta = {"name": release.name, "classes": release.classes, "fingerprint": fingerprint}
    meta |= {f"{s}_clips": int((records["split"] == s).sum()) for s in SPLITS}
    seal(work, records, rejected, meta | config.model_dump() | {"rejected": len(rejected)})
    chunks.clean(work)
    shutil.rmtree(folder, ignore_errors=True)
    work.replace(folder)
    return Prepared(folder)


def _with_dev(release: Release, config: Prepare) -> dict[str, str]:
    """Return the split of every id, with a share of "train" turned into "dev".

    The choice is made before anything is decoded, so it does not depend on rejected clips. With
    `split="actor"` nobody is in both train and dev, else the shares of the classes are kept.
    """
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


def _fingerprint(release: Release, config: Prepare) -> str:
    """Return the SHA-256 of everything the arrays depend on: configuration, clips, files, code."""
    digest = hashlib.sha256()
    # Without max_rejected: a user who allows more continues where the preparation stopped.
    digest.update(json.dumps(config.model_dump(exclude={"max_rejected"}), sort_keys=True).encode())
    digest.update(json.dumps(closure(__name__, type(release).__module__)).encode())
    digest.update(repr((release.name, release.classes)).encode())
    for clip in release.clips:
        digest.update(repr((clip.id, clip.label, clip.split, clip.group)).encode())
    for path in dict.fromkeys(p for clip in release.clips for p in (clip.audio, clip.video)):
        digest.update(files.fingerprint(path) + b";")
    return digest.hexdigest()


def judge(rejected: pd.DataFrame, name: str, clips: int, allowed: float, folder: Path) -> None:
    """Refuse a preparation that rejected too many clips.

    Args:
        rejected: columns id and reason; also in `folder / "rejected.csv"`.
        name: of the data set.
        clips: of the release.
        allowed: share of them that may be rejected.
        folder: where `rejected.csv` lies.

    Raises:
        PreparationError: as said; names the first five and why.
    """
    if len(rejected) > allowed * clips:
        first = "\n".join(f"  {row.id}: {row.reason}" for row in rejected.head(5).itertuples())
        raise PreparationError(
            f"{len(rejected)} of {clips} clips of {name} cannot be used, more than max_rejected = "
            f"{allowed:.2%}. The first:\n{first}\nAll of them are in "
            f"{folder / 'rejected.csv'}; mend them or raise max_rejected in params.yaml"
        )


def refuse_empty(
    records: pd.DataFrame, name: str, classes: tuple[str, ...], work: Path, advice: str = ""
) -> None:
    """Refuse a split without a clip, or without one of some class.

    Args:
        records: columns label and split.
        name: of the data set.
        classes: what a label is a position in.
        work: where `rejected.csv` lies.
        advice: what else may help where the dev split lacks a class.

    Raises:
        PreparationError: as said.
    """
    for split in SPLITS:
        labels = set(records["label"][records["split"] == split])
        if not labels:
            raise PreparationError(
                f"the {split} split of {name} has no usable clip; see {work / 'rejected.csv'}"
            )
        absent = [known for i, known in enumerate(classes) if i not in labels]
        if absent:
            raise PreparationError(
                f"class {', '.join(absent)} has no usable clip in the {split} split of {name}; see "
                f"{work / 'rejected.csv'}" + (advice if split == "dev" else "")
            )


def explained(error: OSError, folder: Path, work: Path) -> OSError:
    """Return `error` with what to do about it, if it is of the folder that is written.

    Args:
        error: what went wrong. One that names a file elsewhere is returned as it is.
        folder: for the arrays.
        work: where they are made.
    """
    where = f"{folder.parent.resolve()}"
    if isinstance(error.filename, str):
        named = Path(error.filename)
        ours = folder, work, folder.parent / f".{folder.name}.lock"
        if named != folder.parent and not any(named.is_relative_to(path) for path in ours):
            return error
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = shutil.disk_usage(folder.parent).free
        text = (
            f"no space left for {folder}: {error.strerror or ''}; {free / 1e6:.0f} MB are free in "
            f"{where}. Make room and run this again: it goes on from {work}"
        )
        return OSError(error.errno, text)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return PermissionError(
            error.errno, f"{where} cannot be written ({error.strerror}); choose another folder"
        )
    return error
