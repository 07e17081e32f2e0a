import os
from pathlib import Path

from companion import kernel

# As in the pipeline, in whose folders some tests run: the same sums here and in child processes,
# nothing of the user's. First of all: libraries look at their variables when they are imported.
kernel.isolate()
os.environ["MPLBACKEND"] = "agg"

import pytest  # noqa: E402
import torch  # noqa: E402
from hypothesis import settings  # noqa: E402

# The same examples in every run: a test that fails for somebody fails for everybody.
settings.register_profile("reproducible", derandomize=True)
settings.load_profile("reproducible")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(autouse=True)
def in_the_root(monkeypatch):
    """Paths in params.yaml and dvc.yaml start from the root, wherever pytest was started."""
    monkeypatch.chdir(ROOT)


# As in every run: threads that wait for each other on shared cores take longer than one alone.
torch.set_num_threads(1)
