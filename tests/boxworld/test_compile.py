"""Compiled code is kept on disk where it can be, is never stale, and is not needed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import boxworld

PACKAGE = Path(boxworld.__file__).parent

ONE = """
from small._compile import compiled
from small.two import number

@compiled
def answer():
    return number() + 1
"""
TWO = """
from small._compile import compiled, inlined

FACTOR = 2

@inlined
def twice(value):
    return FACTOR * value

@compiled
def number():
    return twice(20)
"""
MAIN = """
from small.one import answer
print(answer(), sum(answer.stats.cache_hits.values()))
"""


@pytest.fixture
def small(tmp_path):
    """A package of two modules that is compiled as this one is."""
    package = tmp_path / "site" / "small"
    package.mkdir(parents=True)
    shutil.copy(PACKAGE / "_compile.py", package)
    (package / "__init__.py").touch()
    (package / "one.py").write_text(ONE)
    (package / "two.py").write_text(TWO)
    return package


def run(code, site, **environment):
    """Runs Python with `site` on its path and nowhere to write but what is given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    nowhere = {"HOME": os.devnull, "XDG_CACHE_HOME": os.devnull, "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**clean, **nowhere, "PYTHONPATH": str(site), **environment},
        capture_output=True,
        text=True,
        check=False,
        cwd=site,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def forbid_writing(package):
    # A file in place of the directory stops the superuser too, which permissions do not.
    shutil.rmtree(package / "__pycache__", ignore_errors=True)
    (package / "__pycache__").touch()


def test_code_is_kept_beside_the_sources(small):
    assert run(MAIN, small.parent) == "41 0"
    assert list((small / "__pycache__").glob("one.answer-*.nbi"))
    assert run(MAIN, small.parent) == "41 1"


def test_a_changed_neighbour_is_seen(small):
    assert run(MAIN, small.parent) == "41 0"
    (small / "two.py").write_text(TWO.replace("FACTOR = 2", "FACTOR = 3"))
    assert run(MAIN, small.parent) == "61 0"


def test_a_read_only_installation_uses_the_users_directory(small, tmp_path):
    forbid_writing(small)
    cache = str(tmp_path / "cache")
    assert run(MAIN, small.parent, XDG_CACHE_HOME=cache) == "41 0"
    assert run(MAIN, small.parent, XDG_CACHE_HOME=cache) == "41 1"


def test_a_given_directory_comes_first(small, tmp_path):
    cache = tmp_path / "given"
    assert run(MAIN, small.parent, NUMBA_CACHE_DIR=str(cache)) == "41 0"
    assert list(cache.rglob("one.answer-*.nbi"))
    assert not (small / "__pycache__").exists()
    assert run(MAIN, small.parent, NUMBA_CACHE_DIR=str(cache)) == "41 1"


def test_the_game_runs_with_nowhere_to_write(tmp_path):
    package = tmp_path / "boxworld"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    forbid_writing(package)
    code = (
        "import boxworld, boxworld.dynamics\n"
        "env = boxworld.BoxWorldEnv()\n"
        "env.reset(seed=0)\n"
        "env.step(0)\n"
        "print(boxworld.__file__, sum(boxworld.dynamics.step_slot.stats.cache_hits.values()))"
    )
    assert run(code, tmp_path) == f"{package / '__init__.py'} 0"
    assert [path.name for path in tmp_path.iterdir()] == ["boxworld"]
