"""Fetch the recordings of the study: `make study-data`, or `python -m companion.study.fetch`.

Every file is checked against its published content. What is there is kept, so that a stopped fetch
goes on. Copies below `$OLM_REAL_DATA`, by default `../shared/data`, take the place of downloads:
`ravdess/`, `digits/` and `avmnist/`, in the layouts of `raw/`.
"""

import argparse
import os
import sys
from pathlib import Path

from companion.data.release import ReleaseError
from companion.runs.sources import ROOT
from companion.study.recordings import RECORDINGS


def sources() -> Path:
    """Return the folder that may have copies."""
    return Path(os.environ.get("OLM_REAL_DATA") or ROOT.parent / "shared" / "data")


def fetch(name: str, raw: Path, copies: Path) -> None:
    """Put one set of recordings into `raw / name`.

    Raises:
        ReleaseError: it cannot be fetched; the message says why and what to do.
    """
    source = copies / name
    local = source if source.is_dir() else None
    try:
        RECORDINGS[name].fetch(raw / name, local)
    except ReleaseError:
        raise
    except (OSError, ValueError) as error:
        # `requests` speaks of every address and try; its last words say what it was.
        reason = f"{error}".strip().rsplit(":", 1)[-1].strip(" \n')") or type(error).__name__
        raise ReleaseError(
            f"{name} could not be fetched: {reason}. Without a network, put a copy into {source}"
        ) from error


def main(arguments: list[str] | None = None) -> None:
    """Fetch all of them, or those that are named."""
    parser = argparse.ArgumentParser("python -m companion.study.fetch", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RECORDINGS))
    parser.add_argument("--raw", type=Path, default=ROOT / "raw", help="where to, by default raw/")
    options = parser.parse_args(arguments)
    failed = []
    for name in options.names or RECORDINGS:
        if name not in RECORDINGS:
            parser.error(f"no recordings {name!r}; there are {', '.join(RECORDINGS)}")
        try:
            fetch(name, options.raw, sources())
            print(f"{options.raw / name}: {RECORDINGS[name].about}")
        except ReleaseError as error:
            failed.append(str(error))
    if failed:
        sys.exit("\n".join(failed))


if __name__ == "__main__":
    main()
