"""What a run directory holds.

config.json          the whole configuration
machine.json         versions and machine, one entry each time the run was started
checkpoints/         see checkpoint.py
metrics.csv          one row every few seconds; tensorboard/ holds the same
learning_curve.png
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from relational_rl.config import Experiment, from_dict, to_dict
from relational_rl.config.tree import paths
from relational_rl.errors import ConfigError, UsageError
from relational_rl.files import write_atomically

CONFIG = "config.json"
MACHINE = "machine.json"
CHECKPOINTS = "checkpoints"
METRICS = "metrics.csv"
TENSORBOARD = "tensorboard"
CURVE = "learning_curve.png"
_LOCK = ".lock"
# These may change when a run is resumed; the others define the experiment.
RESUMABLE = (
    "run.total_frames",
    "run.max_minutes",
    "run.stop_at",
    "run.metrics_seconds",
    "run.checkpoint_seconds",
    "run.checkpoints_kept",
    "source.backend",
    "hooks",
)


def read_experiment(run_dir: Path) -> Experiment:
    """Returns the configuration of a run directory.

    Raises:
      UsageError: it is no run directory, or its configuration is damaged.
    """
    path = run_dir / CONFIG
    try:
        return from_dict(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"{run_dir} is no run directory: {path}: {error.strerror}") from error
    except (ConfigError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no configuration: {error}") from error


def check_same_experiment(run_dir: Path, experiment: Experiment) -> None:
    """Checks that a run directory, if there is one already, belongs to this experiment.

    Raises:
      UsageError: its configuration differs in more than may change, which the message names.
    """
    if not (run_dir / CONFIG).exists():
        return
    before, now = _fixed(read_experiment(run_dir)), _fixed(experiment)
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            raise UsageError(
                f"{run_dir} was started with config.{name}={before.get(name)!r}, "
                f"got {now.get(name)!r}; choose another --run_dir"
            )


def _fixed(experiment: Experiment) -> dict[str, Any]:
    """Returns the values that define an experiment, as JSON would have them."""
    plain = from_dict(to_dict(experiment))
    return {
        name: value
        for name, value in paths(plain).items()
        if not any(name == free or name.startswith(f"{free}.") for free in RESUMABLE)
    }


def record(run_dir: Path, experiment: Experiment, machine: Mapping[str, Any]) -> None:
    """Writes the configuration, and adds what makes the numbers of this session.

    A list of earlier sessions that is damaged is kept beside the new one, under another name.

    Raises:
      UsageError: the directory cannot be written.
    """
    path = run_dir / MACHINE
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        write_atomically(run_dir / CONFIG, json.dumps(to_dict(experiment), indent=1))
        sessions = read_sessions(run_dir)
        if sessions is None:
            path.rename(path.with_suffix(".damaged"))
        write_atomically(path, json.dumps([*(sessions or []), dict(machine)], indent=1))
    except OSError as error:
        raise UsageError(f"cannot write to {run_dir}: {error.strerror}") from error


def read_sessions(run_dir: Path) -> list[dict[str, Any]] | None:
    """Returns what the run says of its machines, once for each start; None if it is damaged."""
    path = run_dir / MACHINE
    if not path.exists():
        return []
    try:
        sessions = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(sessions, list) or not all(isinstance(each, dict) for each in sessions):
        return None
    return sessions


@contextlib.contextmanager
def locked(run_dir: Path) -> Iterator[None]:
    """Keeps a run directory to one training run at a time; the lock ends with the process.

    Raises:
      UsageError: another run is training in it, or it cannot be written.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(run_dir / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UsageError(f"cannot write to {run_dir}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(
                f"{run_dir} is in use: another run is training in it; wait for it, stop it, or "
                "choose another --run_dir"
            ) from error
        yield
    finally:
        os.close(descriptor)
