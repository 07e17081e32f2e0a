"""From pictures to prepared features of a frozen network: parallel, resumable, chunk by chunk.

The work goes on in `.<name>.partial` beside the folder and becomes the folder in one step at the
end. A chunk's features are one file there, so that a stopped preparation loses at most the chunks
that it was making.
"""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold
from tqdm import tqdm

from companion.data import files, preparation
from companion.data.files import BadClip
from companion.data.preparation import PreparationError
from companion.data.sections import PrepareFeatures
from companion.data.sunrgbd import Release
from companion.workers import Lost, refuse_lost, spread
from olmlib.data import features
from olmlib.files import whole

CHUNK = 32


def prepare_features(
    release: Release, folder: str | Path, config: PrepareFeatures, workers: int = 1
) -> features.Features:
    """Make the features of every frame of `release`, under `folder`.

    A finished folder made from the same files with the same configuration and code is reused, an
    unfinished one is continued, any other is replaced. The numbers do not depend on `workers`.

    Args:
        release: what to prepare.
        folder: for the features; see `olmlib.data.features`.
        config: the network, dev split and how many frames may be rejected.
        workers: processes, one thread each.

    Raises:
        PreparationError: too many frames rejected, a scene without a frame in a split, or another
            preparation of the same folder is running.
        ReleaseError: the checkpoint is missing or of another network.
        OSError: the disk is full or the folder cannot be written.
    """
    folder = Path(folder)
    with preparation.alone(folder) as work:
        return _prepare(release, folder, work, config, workers)


def _prepare(release, folder, work, config, workers) -> features.Features:
    from companion.data import places

    # First of all: without it every frame would fail.
    network = places.load(release.checkpoint)
    splits = with_dev(release, config)
    mark = _fingerprint(release, config)
    known = release.name, len(release.clips), config.max_rejected
    if done := preparation.finished(features.Features, folder, mark, known):
        return done
    begun = work / "fingerprint"
    if not (begun.is_file() and begun.read_text("utf-8") == mark):
        shutil.rmtree(work, ignore_errors=True)
        (work / "chunks").mkdir(parents=True)
        begun.write_text(mark, "utf-8")
    _make(release, work, workers)
    chunks = [np.load(path) for path in sorted((work / "chunks").glob("*.npz"))]
    reasons = {k: v for chunk in chunks for k, v in json.loads(str(chunk["reasons"])).items()}
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
    vectors = {m: np.concatenate([c[m] for c in chunks if m in c]) for m in release.modalities}
    meta = {"name": release.name, "classes": release.classes, "fingerprint": mark}
    meta |= {"arch": network.arch, "scenes": network.scenes, "dropped": release.dropped}
    meta |= preparation.counts(records) | config.model_dump() | {"rejected": len(rejected)}
    features.seal(work, vectors, records, rejected, meta)
    begun.unlink()
    shutil.rmtree(work / "chunks")
    preparation.put(work, folder)
    return features.Features(folder)


def with_dev(release: Release, config: PrepareFeatures) -> dict[str, str]:
    """Return the split of every id, with a share of "train" turned into "dev".

    Whole sequences are held out, so that no dev frame looks like a train frame's neighbour; the
    shares of the scenes are kept as far as that allows. The share is the nearest of 1/2, 1/3, ….

    Raises:
        PreparationError: too few sequences.
    """
    train = [clip for clip in release.clips if clip.split == "train"]
    parts = round(1 / config.dev_fraction)
    labels, groups = [c.label for c in train], [c.group for c in train]
    dealer = StratifiedGroupKFold(parts, shuffle=True, random_state=config.seed)
    try:
        folds = [dev for _, dev in dealer.split(labels, labels, groups)]
    except ValueError as error:
        raise PreparationError(
            f"{config.dev_fraction:.0%} of the {len(train)} train frames of {release.name} cannot "
            f"be held out as dev split: {error}. Set another prepare.dev_fraction in params.yaml"
        ) from None
    # The first of those with the most scenes: a rare one may lie in few sequences.
    dev = max(folds, key=lambda fold: len({labels[i] for i in fold}))
    held_out = {train[i].id for i in dev}
    return {c.id: "dev" if c.id in held_out else c.split for c in release.clips}


def _make(release: Release, work: Path, workers: int) -> None:
    """Make every chunk that has no file yet.

    Raises:
        RuntimeError: the system ended processes; says which frames they had, all others are done.
    """
    starts = [s for s in range(0, len(release.clips), CHUNK) if not _file(work, s).is_file()]
    pieces = [(start, release.part(release.clips[start : start + CHUNK])) for start in starts]
    gone = {}
    with tqdm(total=len(release.clips), desc=release.name, unit="frame", disable=None) as bar:
        bar.update(len(release.clips) - sum(len(part.clips) for _, part in pieces))
        for (_, part), done in spread(partial(_chunk, work=work), pieces, workers):
            bar.update(len(part.clips))
            if isinstance(done, Lost):
                gone[f"frames {part.clips[0].id} to {part.clips[-1].id} of {release.name}"] = done
    refuse_lost(gone)


def _file(work: Path, start: int) -> Path:
    return work / "chunks" / f"{start:08d}.npz"


def _chunk(piece: tuple[int, Release], work: Path) -> None:
    """Write the features of a part, and why frames of it cannot be used."""
    import torch

    from companion.data import places

    start, part = piece
    pictures: dict[str, list[np.ndarray]] = {m: [] for m in part.modalities}
    reasons = {}
    for clip in part.clips:
        try:
            shown = part.pictures(clip)
        except BadClip as error:
            reasons[clip.id] = error.reason
            continue
        for m, picture in shown.items():
            pictures[m].append(picture)
    threads = torch.get_num_threads()
    # Sums over other numbers of threads end in other digits.
    torch.set_num_threads(1)
    try:
        network = places.load(part.checkpoint)
        arrays: dict[str, Any] = {m: network.features(p) for m, p in pictures.items() if p}
    finally:
        torch.set_num_threads(threads)
    with whole(_file(work, start)) as draft, draft.open("wb") as file:
        np.savez(file, reasons=json.dumps(reasons), **arrays)


def _fingerprint(release: Release, config: PrepareFeatures) -> str:
    known = [(c.id, c.label, c.split, c.group) for c in release.clips]
    paths = (partial(release.path, c, m) for c in release.clips for m in release.modalities)
    return preparation.fingerprint(
        config,
        (__name__,),
        (release.name, release.classes, known),
        (files.fingerprint(release.checkpoint), *map(_file_known, paths)),
    )


def _file_known(path: Callable[[], Path]) -> bytes:
    try:
        return files.fingerprint(path())
    except BadClip as error:
        return error.reason.encode()
