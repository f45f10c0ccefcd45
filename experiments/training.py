"""Training as the commands do it."""

from collections.abc import Sequence
from pathlib import Path

from relational_rl.config import BackendConfig, Experiment
from relational_rl.errors import UsageError
from relational_rl.run.directory import CONFIG, read_experiment
from relational_rl.run.hooks import Hook
from relational_rl.run.train import train_in
from relational_rl.run.trainer import Summary

IMITATION = "imitation.json"  # in a run of `experiments.imitation` of before version 0.2


def train(
    run_dir: Path,
    experiment: Experiment,
    backend: str | BackendConfig | None = None,
    hooks: Sequence[Hook] = (),
) -> Summary:
    """Trains an experiment in a run directory; see `relational_rl.run.train.train_in`."""
    if experiment.learner.kind != "cloning":
        check_learned_by_reinforcement(run_dir)
    return train_in(run_dir, experiment, backend, hooks)[0]


def check_learned_by_reinforcement(run_dir: Path) -> None:
    """Checks that a run directory, if there is one already, is not one of imitation.

    Raises:
      UsageError: it is.
    """
    taught = (run_dir / IMITATION).exists()
    if not taught and (run_dir / CONFIG).exists():
        taught = read_experiment(run_dir).learner.kind == "cloning"
    if taught:
        raise UsageError(
            f"run_dir must be that of a run of reinforcement learning, got {run_dir}, whose agent "
            "was taught the solver's moves; choose another --run_dir"
        )
