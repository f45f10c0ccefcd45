"""The agent learns: on a tiny Box-World it leaves the random policy far behind."""

import dataclasses
import io

import numpy as np
import pytest

from experiments import configs
from relational_rl.metrics import read_metrics
from relational_rl.training import Trainer


@pytest.fixture(scope="module")
def tiny():
    return dataclasses.replace(
        configs.load("boxworld_easy"),
        env_id="boxworld:BoxWorld-v0",
        env_kwargs={"solution_length": 1, "num_branches": 0, "room_size": 6, "max_steps": 30},
        curriculum=(),
        envs_per_actor=64,
        num_references=3,
        total_frames=120_000,
        stop_at_solved=0.0,
        metrics_seconds=0.0,
        seed=1,
    )


def _solved(config, run_dir, last):
    """Trains; returns the solved share over the last `last` rows of metrics."""
    Trainer(config, run_dir).run(io.StringIO())
    metrics = read_metrics(run_dir / "metrics.csv")
    solved, episodes = metrics["solved"][-last:], metrics["episodes"][-last:]
    known = np.isfinite(solved)
    return np.average(solved[known], weights=episodes[known])


def test_it_learns_what_the_random_policy_cannot_do(tiny, tmp_path):
    random = dataclasses.replace(tiny, agent="random", total_frames=40_000)
    random_solved = _solved(random, tmp_path / "random", last=15)
    trained_solved = _solved(tiny, tmp_path / "relational", last=5)
    assert random_solved < 0.15
    assert trained_solved > 0.6
