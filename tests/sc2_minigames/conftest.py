"""Every test here needs the extra `[sc2]`, and its module is skipped without it."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def repository_root() -> Path:
    return ROOT
