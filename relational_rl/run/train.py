"""Training an experiment in a run directory."""

import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from relational_rl.config import (
    AgentConfig,
    BackendConfig,
    Experiment,
    Relational,
    SpatialRelational,
    replace,
)
from relational_rl.config.base import find_choice, kind_of
from relational_rl.config.tree import switch
from relational_rl.errors import ConfigError
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.run.directory import check_same_experiment, locked, record
from relational_rl.run.hooks import Hook, standard_hooks
from relational_rl.run.machine import describe_machine
from relational_rl.run.trainer import Summary, Trainer

ENDINGS = {
    "frames": "all frames learned from",
    "minutes": "the time is up",
    "solved": "solved",
    "interrupted": "interrupted and saved; rerun the command to resume",
}


def train_in(
    run_dir: Path,
    experiment: Experiment,
    backend: str | BackendConfig | None = None,
    hooks: Sequence[Hook] = (),
    stream: TextIO | None = None,
) -> tuple[Summary, Trainer]:
    """Trains an experiment in a run directory, resumed if there is a run of it already.

    Args:
      run_dir: made if it does not exist; one training run at a time can use it.
      experiment: all of it.
      backend: where actors run, by its kind or import path or as a part of the configuration;
        None for what the experiment says.
      hooks: called at the run's events, before the standard ones: what they log is in the row.
      stream: where it says how it begins and ends; standard output if None.

    Returns:
      How the run ended, and the run.

    Raises:
      UsageError: the directory is in use, or of another experiment.
      ConfigError: the environment or the agent cannot be made.
      CheckpointError: a checkpoint does not fit, none is intact, or none can be written.
      ActorError: an actor has failed.
      NonFiniteError: a loss or a parameter is NaN or infinite.
    """
    if backend is not None:
        experiment = on_backend(experiment, backend)
    say = _printer(stream or sys.stdout)
    with locked(run_dir):
        check_same_experiment(run_dir, experiment)
        trainer = Trainer(experiment, run_dir, hooks=[*hooks, *standard_hooks()])
        record(run_dir, experiment, describe_machine())
        say(f"{experiment.agent.label} agent on {experiment.env.name}; run in {run_dir}")
        say(f"parameters: {describe_parameters(experiment, trainer.agent, trainer.spec)}")
        if trainer.resumed:
            say(f"resumed at {trainer.frames:,} frames ({trainer.minutes:.1f} minutes)")
        summary = trainer.run()
    ending = ENDINGS.get(summary.reason, summary.reason)
    say(f"{summary.frames:,} frames in {summary.minutes:.1f} minutes: {ending}")
    return summary, trainer


def on_backend(experiment: Experiment, backend: str | BackendConfig) -> Experiment:
    """Returns the experiment with its actors elsewhere.

    Args:
      experiment: with any backend.
      backend: local, ray, the import path of a user's own, or one with its values.

    Raises:
      ConfigError: there is no such backend, or the experiment's source has no actors.
    """
    if not hasattr(experiment.source, "backend"):
        raise ConfigError(f"source={kind_of(experiment.source)!r} has no actors, and no backend")
    if isinstance(backend, str):
        if kind_of(experiment.source.backend) == backend:
            return experiment
        backend = find_choice(BackendConfig, backend, "backend")()
    return replace(experiment, {"source.backend": backend})


def describe_parameters(experiment: Experiment, agent: Any, spec: EnvironmentSpec) -> str:
    """Returns how many parameters an agent has, and its control or relational twin, in words."""
    counts = {experiment.agent.label: agent.num_parameters()}
    twin = _twin(experiment.agent)
    if twin is not None:
        with contextlib.suppress(ConfigError):  # there is no control without a map of cells
            counts[twin.label] = twin.build(spec).num_parameters()
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _twin(agent: Any) -> Any:
    """Returns the control of a relational agent; of others nothing."""
    if not isinstance(agent, Relational | SpatialRelational):
        return None
    return switch(agent, AgentConfig, "control", "agent")


def _printer(stream: TextIO) -> Callable[[str], None]:
    # Flushed, so that it can be read in a log file while the run goes on.
    return lambda text: print(text, file=stream, flush=True)
