"""librosa, with a place for what its compiler keeps.

numba keeps compiled functions beside their sources or in the user's home folder, and where neither
can be written librosa cannot even be imported. Here they are kept with those of the notebooks, or
for the length of this process where our folder is somebody else's.
"""

import atexit
import os
import shutil
import tempfile

from companion.runs.sources import ROOT

CACHE = ROOT / "build" / "home" / "numba"


def _cache() -> str:
    there = next(folder for folder in (CACHE, *CACHE.parents) if folder.exists())
    if os.access(there, os.W_OK | os.X_OK):
        return str(CACHE)
    folder = tempfile.mkdtemp(prefix="numba-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


# Before numba is imported, and for worker processes too.
_given = os.environ.get("NUMBA_CACHE_DIR")
if not (_given and os.access(_given, os.W_OK | os.X_OK)):
    os.environ["NUMBA_CACHE_DIR"] = _cache()

import librosa  # noqa: E402

__all__ = ["librosa"]
