"""Compiled code is kept on disk where it can be, is never stale, and is not needed.

So it is in each of the packages that compile, which may not import one another.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

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


def write_small(tmp_path, compiled_as):
    """Writes a package of two modules, compiled as a package of the project is."""
    package = tmp_path / "site" / "small"
    package.mkdir(parents=True)
    shutil.copy(ROOT / compiled_as / "_compile.py", package)
    (package / "__init__.py").touch()
    (package / "one.py").write_text(ONE)
    (package / "two.py").write_text(TWO)
    return package


@pytest.fixture
def small(tmp_path):
    return write_small(tmp_path, "boxworld")


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


MADE = """
import sys
from small._compile import compiled

def make(factor):
    @compiled
    def times(value):
        return factor * value

    @compiled
    def answer(value):
        return times(value) + 1

    return answer

for factor in map(int, sys.argv[1:]):
    answer = make(factor)
    print(answer(20), sum(answer.stats.cache_hits.values()), end=" ")
"""


def test_kernels_made_of_kernels_are_kept_each_by_its_values(tmp_path):
    """Numba alone finds none of them again, and adds one more to the disk in each process."""
    small = write_small(tmp_path, "relational_rl/kernels")
    (small / "made.py").write_text(MADE)
    code = "import sys; sys.argv[1:] = ['2', '3']; import small.made"
    assert run(code, small.parent) == "41 0 61 0"
    assert run(code, small.parent) == "41 1 61 1"
    assert len(list((small / "__pycache__").glob("made.make.locals.answer-*.nbc"))) == 2


KERNEL = """
import numpy as np
import relational_rl.kernels.references as source
floats = lambda *shape: np.ones(shape, np.float32)
choose = source.reference_kernels(8, 2, 8, 0, 1).choose
weights = floats(2)
choose(
    weights, floats(2), floats(8), np.zeros(1, np.int64), np.array([0, 1]), 1, floats(1, 0),
    np.zeros((1, 1), np.int64), floats(16), floats(0), floats(6),
)
print(source.__file__, *weights.round(3), sum(choose.stats.cache_hits.values()))
"""
# One row scores 1 + a bias of 1, none of them 0: the row gets e^2 / (e^2 + e^0) = 0.881.


@pytest.fixture
def packed(tmp_path):
    """A copy of the compiled part of the agent, without TensorFlow around it."""
    copy = tmp_path / "relational_rl" / "kernels"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "relational_rl" / "kernels", copy, ignore=ignored)
    (copy.parent / "__init__.py").touch()
    return copy


def test_kernels_see_a_change_of_the_vectors_that_they_inline(packed, tmp_path):
    source, simd = packed / "references.py", packed / "simd.py"
    assert run(KERNEL, tmp_path) == f"{source} 0.881 0.881 0"
    assert run(KERNEL, tmp_path) == f"{source} 0.881 0.881 1"
    lowest = "_LOWEST, _HIGHEST = -87.0"
    assert simd.read_text().count(lowest) == 1
    simd.write_text(simd.read_text().replace(lowest, lowest.replace("-87.0", "-1.0")))
    assert run(KERNEL, tmp_path) == f"{source} 1.0 1.0 0"  # e^-2 has become 0


def test_kernels_run_with_nowhere_to_write(packed, tmp_path):
    forbid_writing(packed)
    assert run(KERNEL, tmp_path) == f"{packed / 'references.py'} 0.881 0.881 0"
    assert [path.name for path in tmp_path.iterdir()] == ["relational_rl"]


def test_the_game_runs_with_nowhere_to_write(tmp_path):
    package = tmp_path / "boxworld"
    shutil.copytree(ROOT / "boxworld", package, ignore=shutil.ignore_patterns("__pycache__"))
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
