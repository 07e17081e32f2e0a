"""Are the shipped sources what was committed? `python -m companion.store`.

DVC names its objects by their MD5, and takes those of a local store and of its cache at their word:
what git has converted, or a disk has damaged, would be in `data/` without a word.
"""

import hashlib
import shlex
import sys
from pathlib import Path

from companion.runs.sources import ROOT

STORE, CACHE = Path(".dvcstore"), Path(".dvc/cache")


def damaged(root: Path) -> list[Path]:
    """Return the objects whose bytes are not those that they are named by, relative to `root`.

    Looked at are the shipped objects, and the copies of them in DVC's cache.

    Args:
        root: of the repository.

    Raises:
        FileNotFoundError: nothing is shipped.
    """
    names = [path.relative_to(root / STORE) for path in (root / STORE).glob("files/md5/*/*")]
    if not names:
        raise FileNotFoundError(f"{STORE} is empty; fetch it: git checkout -- {STORE}")
    paths = [place / name for place in (STORE, CACHE) for name in sorted(names)]
    return [path for path in paths if (root / path).is_file() and not _intact(root / path)]


def advice(wrong: list[Path]) -> str:
    """Return what to say and do about damaged objects."""
    said = [f"{path} is not what was committed" for path in wrong]
    said += ["Git has converted it (core.autocrlf, a filter), or it is damaged. Fetch it anew:"]
    copies = [str(path) for path in wrong if CACHE in path.parents]
    said += [f"  rm {shlex.join(copies)}"] * bool(copies)
    return "\n".join([*said, f"  rm -r {STORE} data", f"  git checkout -- {STORE}", "  make data"])


def main() -> None:
    """End with 1, saying what to do, unless the shipped objects are intact."""
    try:
        wrong = damaged(ROOT)
    except OSError as error:
        sys.exit(str(error))
    if wrong:
        sys.exit(advice(wrong))


def _intact(path: Path) -> bool:
    # An object that lists a folder has a suffix, `.dir`.
    named = f"{path.parent.name}{path.stem}"
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == named


if __name__ == "__main__":
    main()
