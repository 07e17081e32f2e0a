"""Does anything but time and disk grow with the number of clips, and time only in proportion?

Preparation and one epoch of training, each on some clips and on ten times as many, every one in a
process of its own. Needs Linux, whose `/proc` tells which memory is whose.

What counts as memory is what the kernel cannot take back: the anonymous pages of the process and of
its workers. Pages of memory-mapped arrays are read from the disk again when they are needed, so a
process shows as many of them as the machine has room for; `gib.scale.*_mapped` has them in it.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import torch

from companion import params
from companion.data import cremad, sections
from companion.data.prepare import prepare
from companion.miniature.cremad import cremad as miniature
from companion.runs.sources import ROOT
from olmlib import train
from olmlib.config import LateFusionConfig, TrainConfig
from olmlib.data.arrays import Prepared
from olmlib.data.folder import REJECTED, seal
from olmlib.data.synthetic import synthetic
from olmlib.evaluate import epoch_row
from olmlib.methods.table import create

BUDGETS = {
    "scale.prepare_memory": 1.10,
    "scale.prepare_time": 1.2,
    "scale.epoch_memory": 1.10,
    "scale.epoch_time": 1.2,
}
WORKERS = 2
# Decoded and drawn once: its clips are then repeated under the names of other actors.
MADE = sections.Miniature(actors=6, clips=64)
# Multiples of 64: both workers have equally many whole chunks.
FEW = {"prepare": 4 * MADE.clips, "epoch": 3000}
TIMES = 10
# The paper's sizes, 304 kB a clip: read as a whole, 2,560 clips are 778 MB and 256 are 78, beside
# the 690 MB that the three processes need for themselves: a ratio of 1.9.
PREPARE = sections.Prepare(dev_fraction=0.15, seconds=3.0, frame_size=224)
# 6.3 kB a clip: read as a whole, 30,000 clips are 188 MB and 3,000 are 19, beside the 545 MB of the
# process: a ratio of 1.3. So many, because what is kept of a clip may be small: 2 kB are 10 %.
CLIPS = {"bins": 25, "frames": 29, "size": 40}
TRAIN = TrainConfig(epochs=1, batch_size=32, lr=0.01)


def grown(root: Path, folder: Path, times: int) -> Path:
    """Repeat a release of CREMA-D, its files linked under the names of other actors."""
    for name in ("AudioWAV", "VideoFlash"):
        (folder / name).mkdir(parents=True)
        for file in (root / name).iterdir():
            for i in range(times):
                (folder / name / _renamed(file.name, i)).hardlink_to(file)
    for name in ("train.csv", "test.csv"):
        lines = (root / name).read_text("utf-8-sig").splitlines()
        text = "".join(f"{_renamed(line, i)}\n" for i in range(times) for line in lines)
        (folder / name).write_text(text, "utf-8")
    return folder


def _renamed(name: str, i: int) -> str:
    return f"{int(name[:4]) + 100 * i}{name[4:]}"


def repeated(data: Prepared, folder: Path, times: int) -> Prepared:
    """Write prepared data again and again into one folder."""
    folder.mkdir()
    for name, part in (("audio", data.audio), ("visual", data.visual)):
        shape = (times * len(part), *part.shape[1:])
        whole = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", part.dtype, shape)
        for i in range(times):
            whole[i * len(part) : (i + 1) * len(part)] = part
    records = data.records.drop(columns="row")
    records = pd.concat([records.assign(id=f"{i}_" + records["id"]) for i in range(times)])
    seal(folder, ("audio", "visual"), records, pd.DataFrame(columns=REJECTED), data.meta)
    return Prepared(folder)


def preparation(source: Path, out: Path) -> float:
    """Prepare a release and return the seconds."""
    start = processor_seconds()
    prepare(cremad.load(source), out, PREPARE, WORKERS)
    return processor_seconds() - start


def epoch(source: Path, out: Path) -> float:
    """Take one epoch as `train.fit` does and return its seconds, those of the first weights apart.

    These cost as much as 500 clips and would hide what grows.
    """
    out.mkdir()
    row = params.load(ROOT / "params.yaml").rows["olm"]
    method = create(row.method, 0, **row.options)
    data, model = Prepared(source), LateFusionConfig(width=8)
    training = train.Training(method, data, model, TRAIN, 0, out / "checkpoint.pt")
    method.pre_run(training)
    start = processor_seconds()
    training.train_epoch(1, training.clips["train"])
    training.rows.append(epoch_row(training.model, method, training.clips, training.device))
    training.save()
    return processor_seconds() - start


def processor_seconds() -> float:
    """Return what this process and its workers have computed so far.

    Not the clock's: a machine that is busy with something else stretches the longer work only.
    """
    family = (psutil.Process(), *psutil.Process().children(recursive=True))
    return sum(sum(p.cpu_times()[:2]) for p in family)


def main() -> None:
    """Do one work, warmed up on a little data, and print its seconds; called by `measured`."""
    work = {"prepare": preparation, "epoch": epoch}[sys.argv[1]]
    warm, source, box = map(Path, sys.argv[2:])
    torch.set_num_threads(1)
    work(warm, box / "warm")
    print(json.dumps(work(source, box / "out")))


def measured(work: str, warm: Path, source: Path) -> dict[str, float]:
    """Return seconds of a work, and peak memory in GiB, without and with mapped pages."""
    with tempfile.TemporaryDirectory() as box:
        command = [sys.executable, "-m", "benchmarks.scale", work, warm, source, box]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        parent, peaks = psutil.Process(child.pid), {"RssAnon": 0, "VmRSS": 0}
        while child.poll() is None:
            family = [_kib(p.pid) for p in (parent, *parent.children(recursive=True))]
            for name, peak in peaks.items():
                peaks[name] = max(peak, sum(kib.get(name, 0) for kib in family))
            # A look takes some 10 ms of a core; what is loaded stays for longer than a tenth.
            time.sleep(0.1)
        if child.returncode:
            raise subprocess.CalledProcessError(child.returncode, command)
        memory, mapped = (kib / 2**20 for kib in peaks.values())
        return {"seconds": json.loads(child.stdout.read()), "memory": memory, "mapped": mapped}


def _kib(pid: int) -> dict[str, int]:
    """Return the sizes in a process's status, in KiB; none if it has ended meanwhile."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {name: int(kib) for name, kib in re.findall(r"(\w+):\s+(\d+) kB", text)}


def measure() -> dict[str, float]:
    """Return memory and time per clip of both works at ten times the clips over those at once."""
    found = {}
    with tempfile.TemporaryDirectory() as name:
        box = Path(name)
        made = miniature(ROOT / "data", box / "made", MADE, WORKERS)
        tenth = synthetic(box / "tenth", clips=FEW["epoch"] // TIMES, **CLIPS)
        sources = {
            "prepare": [made, *(grown(made, box / f"grown{n}", n) for n in (4, 4 * TIMES))],
            "epoch": [
                tenth.folder,
                *(repeated(tenth, box / f"repeated{n}", n).folder for n in (TIMES, TIMES**2)),
            ],
        }
        for work, (warm, few, many) in sources.items():
            # Few before and after many, so that a machine that is busy for a while falls on both.
            runs = [measured(work, warm, source) for source in (few, many, few)]
            small = {key: statistics.mean((runs[0][key], runs[2][key])) for key in runs[0]}
            large = runs[1]
            found[f"scale.{work}_memory"] = large["memory"] / small["memory"]
            found[f"scale.{work}_time"] = large["seconds"] / small["seconds"] / TIMES
            for size, run in (("few", small), ("many", large)):
                found[f"seconds.scale.{work}_{size}"] = run["seconds"]
                found[f"gib.scale.{work}_{size}"] = run["memory"]
                found[f"gib.scale.{work}_{size}_mapped"] = run["mapped"]
    return found


if __name__ == "__main__":
    main()
