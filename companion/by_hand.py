"""Notebooks as a reader meets them: opened by hand, with the values of their own cell.

python -m companion.by_hand ready    # once: makes and trains, at smoke size, what others read
python -m companion.by_hand check    # every notebook, with the seconds that each takes
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from companion.runs.sources import ROOT

# They write what the others read, and keep it: a second time they take a fraction.
MAKERS = ("01_prepare", "10_train", "12_train_mer", "13_train_ave", "15_train_sunrgbd")
OUT = ROOT / "build" / "by_hand"


def run(name: str, out: Path = OUT) -> float:
    """Execute a notebook with its own values, and return how many seconds it took.

    Args:
        name: without its ending.
        out: folder of the executed copy.

    Raises:
        RuntimeError: a cell failed; what it said is printed.
    """
    start = time.monotonic()
    words = ["run", str(ROOT / "notebooks" / f"{name}.ipynb"), str(out / f"{name}.ipynb")]
    command = [sys.executable, "-m", "companion.notebooks", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        raise RuntimeError(f"{name} fails when it is opened by hand; its error is above")
    return time.monotonic() - start


def main(arguments: list[str] | None = None) -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(
        prog="python -m companion.by_hand", description=__doc__.split("\n")[0]
    )
    parser.add_argument("command", choices=("ready", "check"))
    chosen = parser.parse_args(arguments).command
    every = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
    try:
        for name in MAKERS if chosen == "ready" else every:
            print(f"{name}: {run(name):.0f} s", flush=True)
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
