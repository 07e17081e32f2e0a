"""Is this machine ready? The first thing a newcomer asks, answered with what to do if not.

What it says is the same on every machine that is ready, so that the executed notebook is too.
"""

import os
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import av
import pandas as pd
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYTHONS = ((3, 11), (3, 13))
PROCESSORS, DISK_GB = 2, 5
Mode = Literal["r", "w"]
# What releases are made of: Flash video of CREMA-D (also written, by its miniature), and MP4.
CODECS: dict[str, tuple[Mode, ...]] = {
    "flv": ("r", "w"),
    "mp3": ("r",),
    "h264": ("r",),
    "mpeg4": ("r",),
    "aac": ("r",),
}


@dataclass(frozen=True)
class Check:
    """One question to the machine.

    Attributes:
        what: what was looked at.
        ready: whether it is as it should be.
        says: what was found, or what to do.
    """

    what: str
    ready: bool
    says: str


def checks(root: Path) -> list[Check]:
    """Look at Python, packages, processors, disk and codecs.

    Args:
        root: of the repository, with `requirements.lock`.
    """
    return [
        _python(sys.version_info[:2]),
        _packages((root / "requirements.lock").read_text(encoding="utf-8")),
        _processors(os.cpu_count() or 1),
        _disk(shutil.disk_usage(root).free / 1e9),
        _codecs(),
    ]


def table(results: list[Check]) -> pd.DataFrame:
    """Return the checks as a table, `ready` in words."""
    rows = [(check.what, "ready" if check.ready else "LOOK HERE", check.says) for check in results]
    return pd.DataFrame(rows, columns=["what", "state", "says"]).set_index("what")


def _python(running: tuple[int, int]) -> Check:
    low, high = (".".join(map(str, bound)) for bound in PYTHONS)
    ready = PYTHONS[0] <= running <= PYTHONS[1]
    says = f"between {low} and {high}"
    if not ready:
        says = f"this is {running[0]}.{running[1]}; results were made with {low} to {high}"
    return Check("Python", ready, says)


def _packages(lock: str) -> Check:
    wrong = []
    for line in lock.splitlines():
        if not line or line.startswith("#"):
            continue
        pin = Requirement(line)
        if pin.marker is not None and not pin.marker.evaluate():
            continue
        wanted = next(iter(pin.specifier)).version
        try:
            # A local part such as +cpu is another build of the same version.
            installed = version(canonicalize_name(pin.name)).partition("+")[0]
        except PackageNotFoundError:
            installed = "nothing"
        if installed != wanted:
            wrong.append(f"{pin.name} {installed} instead of {wanted}")
    if not wrong:
        return Check("packages", True, "all as in requirements.lock")
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    return Check("packages", False, f"{', '.join(wrong[:3])}{more}: run `make install`")


def _processors(count: int) -> Check:
    says = f"at least {PROCESSORS}"
    if count < PROCESSORS:
        says = f"{count}; everything works and takes longer"
    return Check("processors", count >= PROCESSORS, says)


def _disk(free_gb: float) -> Check:
    says = f"at least {DISK_GB} GB free"
    if free_gb < DISK_GB:
        says = f"{free_gb:.1f} GB free, less than {DISK_GB}: make room before `make reproduce`"
    return Check("disk", free_gb >= DISK_GB, says)


def _codecs() -> Check:
    missing = [n for n, modes in CODECS.items() if not all(_has_codec(n, mode) for mode in modes)]
    if missing:
        return Check("codecs", False, f"PyAV lacks {', '.join(missing)}: run `make install`")
    return Check("codecs", True, f"PyAV reads {', '.join(CODECS)}")


def _has_codec(name: str, mode: Mode) -> bool:
    try:
        return av.codec.Codec(name, mode) is not None
    except (av.codec.codec.UnknownCodecError, ValueError):
        return False
