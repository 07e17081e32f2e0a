"""From feature files to memory-mapped sequences, clip after clip in constant memory."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from companion.data import files, sections
from companion.data.mer2023 import CLASSES, BadFeature, EmotionClip, Release
from companion.data.prepare import PreparationError, alone, judge
from companion.runs.sources import closure
from olmlib.data import sequences
from olmlib.files import whole

RECORDS = ["row", "id", "label", "split", "group", "fold", "valence"]
LARGEST = float(np.finfo(np.float16).max)


def prepare_sequences(
    release: Release, folder: str | Path, config: sections.PrepareSequences
) -> sequences.Sequences:
    """Copy the features of every usable clip into arrays under `folder`.

    A finished folder made from the same files with the same configuration and code is reused, any
    other is replaced, in one step at the end.

    Args:
        release: what to prepare.
        folder: for the arrays; see `olmlib.data.sequences`.
        config: how many clips may be rejected.

    Raises:
        PreparationError: too many clips rejected, an emotion without a clip in a split, or another
            preparation of the same folder is running.
        ReleaseError: features of another width than `config.widths`.
        OSError: the disk is full or the folder cannot be written.
    """
    folder = Path(folder)
    with alone(folder) as work:
        return _prepare(release, folder, work, config)


def _prepare(release: Release, folder: Path, work: Path, config) -> sequences.Sequences:
    fingerprint = _fingerprint(release, config)
    known = "MER2023", len(release.clips), config.max_rejected
    if (folder / "meta.json").is_file():
        done = sequences.Sequences(folder)
        if done.meta.get("fingerprint") == fingerprint:
            judge(pd.read_csv(folder / "rejected.csv"), *known, folder)
            return done
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    used, starts, refused = _copy(release, work)
    rejected = pd.DataFrame(refused, columns=["id", "split", "reason"])
    rejected.to_csv(work / "rejected.csv", index=False, lineterminator="\n")
    judge(rejected, *known, work)
    _refuse_empty(used, config, work)
    for m, start in starts.items():
        with whole(work / f"{m}_start.npy") as part, part.open("wb") as file:
            np.save(file, np.array(start, np.int64))
        _to_npy(work, m, start[-1], release.widths[m])
    rows = [(i, c.id, c.label, c.split, c.id, c.fold, c.valence) for i, c in enumerate(used)]
    records = pd.DataFrame(rows, columns=RECORDS)
    records.to_csv(work / "records.csv", index=False, lineterminator="\n")
    digest = hashlib.sha256()
    for m in starts:
        for name in (f"{m}.npy", f"{m}_start.npy"):
            with (work / name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    digest.update((work / "records.csv").read_bytes())
    meta = {"name": "mer2023", "classes": CLASSES, "fingerprint": fingerprint}
    meta |= config.model_dump() | {"widths": release.widths, "rejected": len(rejected)}
    text = json.dumps(meta | {"digest": digest.hexdigest()}, indent=1)
    (work / "meta.json").write_text(text + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    work.replace(folder)
    return sequences.Sequences(folder)


def _copy(
    release: Release, work: Path
) -> tuple[list[EmotionClip], dict[str, list[int]], list[tuple]]:
    """Append the rows of every usable clip to a raw file per modality."""
    used, rejected, starts = [], [], {m: [0] for m in release.features}
    files = {m: (work / f"{m}.raw").open("wb") for m in release.features}
    try:
        for clip in tqdm(release.clips, desc="mer2023", unit="clip", disable=None):
            try:
                features = {m: _half(release.read(clip, m), clip, m) for m in release.features}
            except BadFeature as error:
                rejected.append((clip.id, clip.split, str(error)))
                continue
            used.append(clip)
            for m, array in features.items():
                files[m].write(array.tobytes())
                starts[m].append(starts[m][-1] + len(array))
    finally:
        for file in files.values():
            file.close()
    return used, starts, rejected


def _half(array: np.ndarray, clip: EmotionClip, modality: str) -> np.ndarray:
    largest = np.abs(array).max()
    if largest > LARGEST:
        raise BadFeature(f"{modality} features of {clip.id} reach {largest:.3g}, over {LARGEST:g}")
    return array.astype(np.float16)


def _to_npy(work: Path, modality: str, count: int, width: int) -> None:
    """Put a header before the raw rows, now that their number is known."""
    with (work / f"{modality}.npy").open("wb") as out, (work / f"{modality}.raw").open("rb") as raw:
        header = {"descr": "<f2", "fortran_order": False, "shape": (count, width)}
        np.lib.format.write_array_header_1_0(out, header)
        shutil.copyfileobj(raw, out)
    (work / f"{modality}.raw").unlink()


def _fingerprint(release: Release, config: sections.PrepareSequences) -> str:
    """Return the SHA-256 of everything the arrays depend on: configuration, clips, files, code."""
    digest = hashlib.sha256()
    # Without max_rejected: it changes no array.
    known = config.model_dump(exclude={"max_rejected"})
    digest.update(json.dumps(known, sort_keys=True).encode())
    digest.update(json.dumps(closure(__name__)).encode())
    for clip in release.clips:
        digest.update(repr(clip).encode())
        for m in release.features:
            digest.update(files.fingerprint(release.path(clip, m)) + b";")
    return digest.hexdigest()


def _refuse_empty(used: list[EmotionClip], config: sections.PrepareSequences, work: Path) -> None:
    parts = {"the test split": [c for c in used if c.split == "test"]}
    parts |= {f"fold {k}": [c for c in used if c.fold == k] for k in range(config.folds)}
    for name, clips in parts.items():
        absent = set(range(len(CLASSES))) - {clip.label for clip in clips}
        if absent:
            emotions = ", ".join(CLASSES[i] for i in sorted(absent))
            where = work / "rejected.csv"
            raise PreparationError(
                f"{name} of MER2023 has no usable clip of {emotions}; see {where}"
            )
