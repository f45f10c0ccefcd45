"""Every test here needs the extra `[sc2]`, and its module is skipped without it."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def repository_root() -> Path:
    return ROOT


@pytest.fixture
def nothing_is_left_behind(monkeypatch, tmp_path):
    """No temporary file and no process survives a test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("sc")] == []
    children = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "args="],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "sc2_minigames.standin" not in children.stdout


@pytest.fixture
def make():
    """Makes environments that are closed at the end."""
    from sc2_minigames.env import SC2MiniGameEnv

    made = []

    def make_env(map_name="MoveToBeacon", game="standin", **arguments):
        made.append(SC2MiniGameEnv(map_name, game=game, **arguments))
        return made[-1]

    yield make_env
    for env in made:
        env.close()
