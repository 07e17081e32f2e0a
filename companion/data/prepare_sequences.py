"""From feature files to memory-mapped sequences, clip after clip in constant memory."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from companion.data import files, preparation, sections
from companion.data.mer2023 import CLASSES, BadFeature, EmotionClip, Release
from companion.data.preparation import PreparationError
from olmlib.data import sequences
from olmlib.data.folder import seal
from olmlib.files import whole

RECORDS = ["id", "label", "split", "group", "fold", "valence"]
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
    with preparation.alone(folder) as work:
        return _prepare(release, folder, work, config)


def _prepare(release: Release, folder: Path, work: Path, config) -> sequences.Sequences:
    mark = _fingerprint(release, config)
    known = "MER2023", len(release.clips), config.max_rejected
    if done := preparation.finished(sequences.Sequences, folder, mark, known):
        return done
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    used, starts, refused = _copy(release, work)
    rejected = preparation.lost(refused, known, work)
    _refuse_empty(used, config, work)
    for m, start in starts.items():
        with whole(work / f"{m}_start.npy") as part, part.open("wb") as file:
            np.save(file, np.array(start, np.int64))
        _to_npy(work, m, start[-1], release.widths[m])
    rows = [(c.id, c.label, c.split, c.id, c.fold, c.valence) for c in used]
    meta = {"name": "mer2023", "classes": CLASSES, "fingerprint": mark}
    meta |= config.model_dump() | {"widths": release.widths, "rejected": len(rejected)}
    arrays = [name for m in starts for name in (m, f"{m}_start")]
    seal(work, arrays, pd.DataFrame(rows, columns=RECORDS), rejected, meta)
    preparation.put(work, folder)
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
    paths = (release.path(clip, m) for clip in release.clips for m in release.features)
    return preparation.fingerprint(
        config, (__name__,), release.clips, map(files.fingerprint, paths)
    )


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
