"""Train some of the study's finished runs again and compare what they left, byte by byte.

    python -m companion.study.repeat --share 0.05 --seed 0

The runs are drawn at random from those that tables report, of every data set that is there. They
are trained into `build/repeat`; nothing of the study changes.
"""

from companion import kernel

if __name__ == "__main__":
    kernel.restart()

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from companion.runs import folder, grid
from companion.runs.identity import Run
from companion.runs.sources import ROOT
from companion.study import work
from companion.study.grid import Study


def drawn(runs: Sequence[Run], share: float, seed: int) -> list[Run]:
    """Return a random share of runs, at least one of each data set."""
    chosen = []
    generator = np.random.default_rng(seed)
    for dataset in dict.fromkeys(run.dataset for run in runs):
        own = [run for run in runs if run.dataset == dataset]
        count = max(1, round(share * len(own)))
        chosen += [own[i] for i in sorted(generator.permutation(len(own))[:count])]
    return chosen


def differing(run: Run, again: Run) -> list[str]:
    """Return the files that two folders of the same run do not have alike."""
    names = {path.name for known in (run, again) for path in known.folder.iterdir()}
    return [name for name in sorted(names) if _content(run, name) != _content(again, name)]


def repeated(runs: Sequence[Run], place: Path, workers: int) -> dict[str, list[str]]:
    """Train runs again and return folder -> files that differ, of those that have any.

    Args:
        runs: finished ones.
        place: a folder for the new ones, which is emptied first.
        workers: processes.

    Raises:
        RuntimeError: a run failed.
        FileNotFoundError, ValueError: as `folder.check`.
    """
    folder.check(runs)
    shutil.rmtree(place, ignore_errors=True)
    again = [replace(run, runs=place / run.dataset, work=place / "work") for run in runs]
    grid.train_all(again, workers)
    found = {str(run.folder): differing(run, new) for run, new in zip(runs, again, strict=True)}
    return {name: files for name, files in found.items() if files}


def _content(run: Run, name: str) -> bytes:
    path = run.folder / name
    return path.read_bytes() if path.is_file() else b""


def main(arguments: list[str] | None = None) -> None:
    """Repeat a share of the runs; end with 1 where one differs."""
    study = Study(ROOT)
    parser = argparse.ArgumentParser("python -m companion.study.repeat", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("dataset", nargs="*", help="by default every one that is trained")
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--workers", type=int, default=study.values.workers)
    chosen = parser.parse_args(arguments)
    trained = [name for name in study.sets if study.place(name).is_dir()]
    names = chosen.dataset or trained
    runs = [run for name in names for run in study.reported(name, work.choices(study, name))]
    if not runs:
        sys.exit("no data set of the study is trained: `make study`")
    some = drawn(runs, chosen.share, chosen.seed)
    different = repeated(some, ROOT / "build" / "repeat", chosen.workers)
    for name, files in different.items():
        print(f"{name}: {', '.join(files)}")
    print(f"{len(some) - len(different)} of {len(some)} runs, drawn from {len(runs)}, are the same")
    if different:
        sys.exit(1)


if __name__ == "__main__":
    main()
