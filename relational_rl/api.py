"""Training and loading agents from Python."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from relational_rl.config import BackendConfig, Experiment, replace
from relational_rl.config.experiment import EnvSpec
from relational_rl.errors import UsageError
from relational_rl.pretrained import load_pretrained, names
from relational_rl.run.directory import CONFIG, METRICS
from relational_rl.run.hooks import Hook
from relational_rl.run.table import read_metrics
from relational_rl.run.train import train_in
from relational_rl.run.trainer import Summary
from relational_rl.trained import TrainedAgent, load_run


@dataclasses.dataclass(frozen=True)
class TrainingRun:
    """A training run that has ended.

    Attributes:
      run_dir: where its files are.
      summary: frames, minutes, and why it ended.
      metrics: float64 [rows] by column, as in metrics.csv; NaN for what is unknown.
      agent: as it was at the end.
    """

    run_dir: Path
    summary: Summary
    metrics: dict[str, np.ndarray]
    agent: TrainedAgent


def train(
    experiment: Experiment,
    run_dir: str | os.PathLike[str],
    frames: int | None = None,
    minutes: float | None = None,
    seed: int | None = None,
    hooks: Sequence[Hook] = (),
    backend: str | BackendConfig | None = None,
) -> TrainingRun:
    """Trains an agent; in the directory of an earlier run of the same experiment it resumes it.

    Args:
      experiment: what to train.
      run_dir: where the files of the run go; `~` is the home directory.
      frames: transitions to learn from; None for `experiment.run.total_frames`.
      minutes: end after so many; None for `experiment.run.max_minutes`.
      seed: of everything random; None for `experiment.run.seed`.
      hooks: called at the run's events, before the standard ones: what they log is in the row.
      backend: where actors run: "local", "ray", the import path of a `config.BackendConfig` of your
        own, or such a part with its values; None for `experiment.source.backend`.

    Returns:
      The run, with its metrics and the trained agent.

    Raises:
      UsageError: the directory is in use, or of another experiment.
      ConfigError: a value is wrong, or the environment or the agent cannot be made.
      ActorError: an actor has failed.
      NonFiniteError: a loss or a parameter is NaN or infinite.
      CheckpointError: a checkpoint cannot be read or written.
    """
    given = {"run.total_frames": frames, "run.max_minutes": minutes, "run.seed": seed}
    changes = {name: value for name, value in given.items() if value is not None}
    experiment = replace(experiment, changes)
    directory = Path(run_dir).expanduser()
    summary, trainer = train_in(directory, experiment, backend, hooks)
    agent = TrainedAgent(
        trainer.agent,
        experiment,
        trainer.spec,
        trainer.frames,
        trainer.minutes,
        trainer.source.stages.stage,
        "" if summary.reason == "interrupted" else summary.reason,
    )
    metrics = read_metrics(directory / METRICS) if (directory / METRICS).exists() else {}
    return TrainingRun(directory, summary, metrics, agent)


def load(name: str | os.PathLike[str], env: Any = None) -> TrainedAgent:
    """Loads a trained agent.

    Args:
      name: of an agent that ships with the library ("boxworld"), or the path of a run directory or
        of an exported agent.
      env: the environment of the run, where it was trained in one that cannot be imported.

    Raises:
      UsageError: there is no such agent, or its files are damaged.
      CheckpointError: no checkpoint of the run is intact.
    """
    path = Path(name).expanduser()
    if (path / CONFIG).exists() and not (path / "agent.json").exists():
        return load_run(path, None if env is None else Experiment(env=env).env)
    if isinstance(name, str) and (name in names() or (path / "agent.json").exists()):
        return load_pretrained(str(path) if path.exists() else name)
    if (path / "agent.json").exists():
        return load_pretrained(str(path))
    raise UsageError(
        f"agent must be one of {', '.join(names())}, or the path of a run directory or of an "
        f"exported agent, got {os.fspath(name)!r}"
    )


__all__ = ["EnvSpec", "TrainingRun", "load", "train"]
