"""What a profile lacks on this machine, all at once: files, room, devices and their memory.

Asked before any hour is spent. A miniature is made on the spot and lacks nothing.
"""

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from companion import registry
from companion.data import chunks
from companion.data.ave_lists import SEGMENTS
from companion.data.sections import PICTURES
from companion.settings import DataSet, Features, Segments
from olmlib import optimise

if TYPE_CHECKING:
    from companion import params

# GiB that a training takes of a GPU at the paper's sizes in float32, the largest of Concat, three
# heads and OLM on an H100 (`results/gpu`); VGGSound's clips have the sizes of Kinetics-Sounds'.
MEMORY = {"cremad": 3.9, "ks": 11.8, "vggsound": 11.8, "mer2023": 15.4}
# GiB of the weights that a data set's finished runs keep at the paper's sizes.
WEIGHTS = {"cremad": 7.0, "ks": 4.2, "vggsound": 4.2, "mer2023": 130.6, "ave": 0.8}
GIB = 2**30
FC7 = 4096  # numbers that Places-CNN makes of a picture


def lacking(name: str, profile: "params.Profile", root: Path) -> list[str]:
    """Return a line for everything that keeps a profile from being trained here.

    Args:
        name: of the profile.
        profile: its values.
        root: the repository's root.
    """
    lines, room = [], 0
    for dataset, section in profile.datasets.items():
        place, entry = f"params.yaml, profiles.{name}.{dataset}", registry.entry(dataset)
        try:
            device = optimise.device(section.train.device)
            lines += [f"{place}: {line}" for line in _memory(dataset, device)]
        except RuntimeError as error:
            lines.append(f"{place}: {error}")
        if section.miniature or not entry.table:
            continue
        try:
            release = entry.load(root / registry.raw(dataset, name), section.prepare)
            found = release.check()
        except (OSError, ValueError) as error:
            lines.append(f"{entry.title}: {error}")
            continue
        allowed = section.prepare.max_rejected
        if found.total - found.used > allowed * found.total:
            lines.append(
                f"{entry.title}: {found.total - found.used} of {found.total} clips are not there, "
                f"prepare.max_rejected allows {allowed:.0%}\n{found}"
            )
        if not (root / "prepared" / name / dataset / "meta.json").is_file():
            room += len(release.clips) * clip_bytes(section)
        if not (root / "runs" / name / entry.table / dataset).is_dir():
            room += int(WEIGHTS.get(dataset, 0) * GIB)
    free = shutil.disk_usage(root).free
    if room > free:
        lines.append(
            f"{root}: the arrays of the releases that are here and the weights of their runs take "
            f"{room / GIB:.0f} GiB, {free / GIB:.0f} GiB are free: make room, or let `prepared` "
            "and `runs` be links to another disk"
        )
    return lines


def clip_bytes(section: "params.AnySection") -> int:
    """Return what a clip takes among the prepared arrays; 0 where that differs from clip to clip.

    Args:
        section: of a data set, in a profile.
    """
    half = np.dtype(np.float16).itemsize
    if isinstance(section, DataSet):
        own = section.prepare
        pixels = 3 * own.n_frames * own.frame_size**2
        return half * chunks.spectrogram(np.zeros(1), own).size + pixels
    if isinstance(section, Segments):
        return half * SEGMENTS * (section.prepare.audio + math.prod(section.prepare.visual))
    return half * len(PICTURES) * FC7 if isinstance(section, Features) else 0


def _memory(dataset: str, device: torch.device) -> list[str]:
    """Return a line if a GPU is smaller than the one that a training needs."""
    if device.type != "cuda" or dataset not in MEMORY:
        return []
    total = torch.cuda.get_device_properties(device).total_memory / GIB
    if total >= MEMORY[dataset]:
        return []
    return [
        f"a training takes {MEMORY[dataset]:.1f} GiB of a GPU at a batch of 64 clips (32 of "
        f"MER2023's) in float32, {device} has {total:.1f}: set a smaller train.batch_size, or "
        "train.mixed_precision, which takes six tenths"
    ]
