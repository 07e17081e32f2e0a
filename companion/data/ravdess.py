"""Features of RAVDESS (Livingstone and Russo, PLOS ONE 2018): 24 actors speak with 8 emotions.

One file, `au_mfcc.pkl`, has a vector per clip, computed and published by other people: 35 values of
the face's action units (OpenFace) and 259 statistics of the sound (MFCC and others). It is fetched
on request by `make study-data` (3.5 MB, CC BY-NC-SA 4.0).
"""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pooch

from companion.data import restricted
from companion.data.release import ReleaseError
from companion.data.sections import PrepareVectors
from companion.data.vectors import Vectors, verified
from olmlib.files import whole

FILE = "au_mfcc.pkl"
SHA256 = "7c450c0bc83e31b968168b280c123b740693d782c35b448141b402daa4556d5a"
URL = (
    "https://github.com/KangHyunWook/"
    "Pytorch-implementation-of-Multimodal-emotion-recognition-on-RAVDESS-dataset/"
    f"raw/dd366fbcde5a8248195a47b7c0efd974f25f74c2/{FILE}"
)
CLASSES = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
VISUAL, WIDTH, ACTORS = 35, 294, 24
# Modality, channel, emotion, intensity, statement, repetition, actor: their greatest values.
FIELDS = (3, 2, len(CLASSES), 2, 2, 2, ACTORS)
_NAME = re.compile(r"\d\d(-\d\d){6}")


def load(root: str | Path, config: PrepareVectors) -> Vectors:
    """Read the features in `root`, the actors dealt into folds.

    Raises:
        ReleaseError: the file is missing or is another one, or a clip is not what it should be.
    """
    path = Path(root) / FILE
    return dealt(clips(verified(path, SHA256), path), config)


def clips(content: bytes, path: Path) -> dict[str, np.ndarray]:
    """Return clip -> features `(294,)` from a pickle, without executing what it asks for.

    Raises:
        ReleaseError: it asks for more than arrays, or is no dictionary of them.
    """
    known: dict[tuple[str, str], Callable] = {
        ("numpy.core.numeric", "_frombuffer"): _frombuffer,
        ("numpy", "dtype"): np.dtype,
    }
    try:
        found = restricted.loads(content, known)
    except ValueError as error:
        raise ReleaseError(f"{path}: {error}") from None
    if not isinstance(found, dict) or not found:
        raise ReleaseError(f"{path} is a {type(found).__name__}, expected clips by name")
    for name, vector in found.items():
        if not isinstance(vector, np.ndarray) or vector.shape != (WIDTH,):
            shape = getattr(vector, "shape", type(vector).__name__)
            raise ReleaseError(f"{path}: {name} has {shape}, expected ({WIDTH},)")
    return found


def parsed(name: str) -> tuple[int, int]:
    """Return emotion, from 0, and actor, from 1, of a clip's name.

    Raises:
        ReleaseError: it is not seven numbers in their ranges.
    """
    values = [int(part) for part in name.split("-")] if _NAME.fullmatch(str(name)) else []
    if not values or not all(1 <= v <= most for v, most in zip(values, FIELDS, strict=True)):
        raise ReleaseError(
            f"{name!r} is no clip of RAVDESS: expected "
            "modality-channel-emotion-intensity-statement-repetition-actor, such as "
            "01-01-06-01-02-01-12"
        )
    return values[2] - 1, values[6]


def dealt(found: dict[str, np.ndarray], config: PrepareVectors) -> Vectors:
    """Return the clips with their actors dealt into folds of as many men as women.

    Args:
        found: as of `clips`.
        config: number of folds, and the seed that deals.

    Raises:
        ReleaseError: a name that is none, or fewer actors than would fill the folds.
    """
    ids = sorted(found)
    labels, actors = zip(*map(parsed, ids), strict=True)
    part: dict[int, int] = {}
    generator = np.random.default_rng(config.seed)
    # Actors with odd numbers are men.
    for sex in (1, 0):
        names = sorted({actor for actor in actors if actor % 2 == sex})
        part |= {actor: i % config.folds for i, actor in enumerate(generator.permutation(names))}
    if set(part.values()) != set(range(config.folds)):
        raise ReleaseError(f"{len(part)} actors are too few for {config.folds} folds")
    vectors = np.stack([found[name] for name in ids])
    return Vectors(
        "ravdess",
        CLASSES,
        tuple(ids),
        np.array(labels),
        tuple(f"{actor:02d}" for actor in actors),
        np.array([part[actor] for actor in actors]),
        {"audio": vectors[:, VISUAL:], "visual": vectors[:, :VISUAL]},
    )


def fetch(root: str | Path, source: str | Path | None = None) -> None:
    """Put the file into `root`, unless it is there.

    Args:
        root: where to.
        source: a folder that has it; None downloads.

    Raises:
        ReleaseError: the source's file, or one that is there, is another one.
        Exception: no connection (of `requests`), or a wrong checksum (ValueError of `pooch`).
    """
    path = Path(root) / FILE
    if path.is_file():
        verified(path, SHA256)
    elif source is not None:
        content = verified(Path(source) / FILE, SHA256)
        with whole(path) as part:
            part.write_bytes(content)
    else:
        pooch.retrieve(URL, f"sha256:{SHA256}", FILE, root)


def _frombuffer(buffer: bytes, dtype: np.dtype, shape: tuple[int, ...], order: str) -> np.ndarray:
    """Return what numpy's function of this name does, on plain numbers only."""
    if dtype.kind != "f":
        raise ValueError(f"values are {dtype}, expected floating point")
    return np.frombuffer(buffer, dtype).reshape(shape, order="F" if order == "F" else "C")


# All that the pickle may call, as numpy before 2 named it.
KNOWN: dict[tuple[str, str], Callable] = {
    ("numpy.core.numeric", "_frombuffer"): _frombuffer,
    ("numpy", "dtype"): np.dtype,
}
