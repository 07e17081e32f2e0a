from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(autouse=True)
def in_the_root(monkeypatch):
    """Paths in params.yaml and dvc.yaml start from the root, wherever pytest was started."""
    monkeypatch.chdir(ROOT)
