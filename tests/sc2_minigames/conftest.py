"""Every test here needs the extra `[sc2]`; without it the whole folder is skipped."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

collect_ignore_glob = [] if importlib.util.find_spec("pysc2") else ["test_*.py"]


@pytest.fixture(scope="session")
def repository_root() -> Path:
    return ROOT
