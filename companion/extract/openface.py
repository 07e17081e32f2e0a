"""OpenFace 2 (Baltrusaitis et al., FG 2018): aligned faces and HOG from its files.

OpenFace is a program of its own; `run` calls it, and the readers below read what it wrote.
"""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

CELLS = (12, 12, 31)
BINARY = "FeatureExtraction"


def run(video: Path, out: Path) -> None:
    """Let OpenFace write `<clip>.hog` and `<clip>_aligned/` of a video into `out`.

    Raises:
        FileNotFoundError: OpenFace is not installed.
        RuntimeError: it failed; the message has its last words.
    """
    if shutil.which(BINARY) is None:
        raise FileNotFoundError(
            f"OpenFace's program {BINARY} is not on the PATH: install OpenFace 2 "
            "(TadasBaltrusaitis/OpenFace; cmusatyalab/openface is another program)"
        )
    command = [BINARY, "-f", str(video), "-out_dir", str(out), "-hogalign", "-simalign"]
    done = subprocess.run([*command, "-simsize", "112"], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"OpenFace failed on {video}: {done.stderr[-500:]}")


def hog(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a `.hog` file: per picture three int32 sizes, a float32 flag, and the cells.

    Args:
        path: of a file with 12 x 12 cells of 31 channels.

    Returns:
        `(T, 4464)` float32, a row per picture, those without a face included as the official
        features have them; and `(T,)` bool, whether a face was found.

    Raises:
        ValueError: empty, cut off, or of another size.
    """
    data = path.read_bytes()
    width = int(np.prod(CELLS))
    size = 4 * (4 + width)
    if not data or len(data) % size:
        raise ValueError(
            f"{path} has {len(data)} bytes, not a multiple of {size}: it is cut off, or its cells "
            f"are not {' x '.join(map(str, CELLS))}"
        )
    head = np.frombuffer(data, "<i4").reshape(-1, 4 + width)[:, :3]
    if not (head == (CELLS[1], CELLS[0], CELLS[2])).all():
        shape = " x ".join(map(str, head[0]))
        raise ValueError(f"{path} has cells of {shape}, expected {' x '.join(map(str, CELLS))}")
    values = np.frombuffer(data, "<f4").reshape(-1, 4 + width)
    return values[:, 4:].copy(), values[:, 3] > 0


def faces(folder: Path) -> list[Image.Image]:
    """Return the aligned faces in `folder`, RGB, in the order of their picture numbers.

    By number, because the names' own order puts `10.bmp` before `2.bmp`. Empty without faces.

    Raises:
        ValueError: a picture without a number in its name, or one that is no whole picture.
    """
    files = {}
    for path in folder.glob("*.bmp"):
        numbers = re.findall(r"\d+", path.stem)
        if not numbers:
            raise ValueError(f"{path} has no number, so its place among the pictures is unknown")
        files[int(numbers[-1])] = path
    return [_face(files[number]) for number in sorted(files)]


def _face(path: Path) -> Image.Image:
    try:
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} cannot be read: {error}; let OpenFace make it anew") from None
