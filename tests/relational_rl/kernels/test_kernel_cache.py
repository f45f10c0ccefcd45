"""Kernels that different processes compiled and kept do not run in place of one another."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

COMPILE = Path(__file__).resolve().parents[3] / "relational_rl" / "kernels" / "_compile.py"

MADE = """
import sys
import numpy as np
from _compile import compiled

def make(size):
    @compiled
    def times(values, scale):
        for i in range(values.shape[0]):
            for _ in range(size):
                for value in values:
                    scale += value % size
            values[i] = scale * size
        return values.sum()

    @compiled
    def answer(values):
        return times(values, 1.0) + times(values, 2.0)

    return answer

for size in map(int, sys.argv[1:]):
    answer = make(size)
    print(answer(np.ones(3)) == answer.py_func(np.ones(3)), sum(answer.stats.cache_hits.values()))
"""


def _run(directory, *sizes):
    result = subprocess.run(
        [sys.executable, "made.py", *map(str, sizes)],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "NUMBA_CACHE_DIR": str(directory / "cache")},
        check=True,
        capture_output=True,
        text=True,
    )
    return result.stdout.splitlines()


def test_two_sizes_kept_by_two_processes_are_both_right_in_a_third(tmp_path):
    shutil.copy(COMPILE, tmp_path)
    (tmp_path / "made.py").write_text(MADE)
    assert _run(tmp_path, 2) == ["True 0"]
    assert _run(tmp_path, 3) == ["True 0"]
    assert _run(tmp_path, 2, 3) == ["True 1", "True 1"]
