"""A release of AVE with a few clips of noise, to be damaged."""

from pathlib import Path

import h5py
import numpy as np

from companion.data import ave, ave_lists, sections

AUDIO, VISUAL = 6, (3, 3, 4)
# Category, video, start, end and part of the release: a video with two events, one in each of two
# parts, and a class (Clock) that nothing else is of.
LINES = (
    ("Bark", "aaaaaaaaaaa", 0, 10, "train"),
    ("Banjo", "bbbbbbbbbbb", 2, 7, "train"),
    ("Clock", "ccccccccccc", 5, 6, "train"),
    ("Mandolin", "bbbbbbbbbbb", 1, 9, "val"),
    ("Violin, fiddle", "-_dddddddd-", 0, 4, "train"),
    ("Mandolin", "eeeeeeeeeee", 0, 10, "train"),
    ("Bark", "fffffffffff", 3, 8, "val"),
    ("Clock", "ggggggggggg", 0, 10, "val"),
    ("Banjo", "hhhhhhhhhhh", 9, 10, "val"),
    ("Violin, fiddle", "iiiiiiiiiii", 0, 10, "val"),
    ("Bark", "jjjjjjjjjjj", 4, 10, "test"),
    ("Banjo", "kkkkkkkkkkk", 0, 10, "test"),
    ("Clock", "lllllllllll", 1, 3, "test"),
    ("Mandolin", "mmmmmmmmmmm", 0, 10, "test"),
    ("Violin, fiddle", "nnnnnnnnnnn", 2, 5, "test"),
)


def config(**changes) -> sections.PrepareSegments:
    return sections.PrepareSegments(**{"audio": AUDIO, "visual": VISUAL} | changes)


def line(category: str, video: str, start: int, end: int, *_) -> str:
    return f"{category}&{video}&good&{start}&{end}\n"


def array(path: Path, values: np.ndarray, key: str = ave.KEY) -> None:
    path.unlink(missing_ok=True)
    with h5py.File(path, "w") as file:
        file[key] = values


def write(root: Path, lines=LINES, seed: int = 0) -> Path:
    """Write lists, order files, labels and features, all in agreement, and no videos."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "Annotations.txt").write_text("".join(line(*entry) for entry in lines))
    for part in ave.PARTS:
        rows = [i for i, entry in enumerate(lines) if entry[4] == part]
        (root / f"{part}Set.txt").write_text("".join(line(*lines[i]) for i in rows))
        array(root / f"{part}_order.h5", np.array(rows), ave_lists.ORDER)
    labels = np.full((len(lines), 10), 28)
    for i, (category, _, start, end, _) in enumerate(lines):
        labels[i, start:end] = ave.CLASSES.index(category)
    array(root / "labels.h5", np.eye(29)[labels])
    array(root / "labels_closs.h5", (labels < 28).astype(np.float32))
    events = [ave.CLASSES.index(entry[0]) for entry in lines]
    array(root / "mil_labels.h5", np.eye(29, dtype=np.float32)[events])
    rng = np.random.default_rng(seed)
    array(root / "audio_feature.h5", rng.normal(size=(len(lines), 10, AUDIO)))
    array(root / "visual_feature.h5", rng.normal(size=(len(lines), 10, *VISUAL)))
    return root
