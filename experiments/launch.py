"""Train an agent: python -m experiments.launch --config=NAME [--run_dir=DIR] [--config.X=VALUE].

The same command on the same run directory goes on from its last checkpoint.
"""

import argparse
import dataclasses
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from experiments import configs
from experiments.benchmark import machine_class
from experiments.provenance import source_commit
from relational_rl.acting.backends import ActorError
from relational_rl.agents import make_agent
from relational_rl.config import Config, from_dict, override, to_dict
from relational_rl.learners.vtrace import NonFiniteError
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.run.checkpoint import CheckpointError
from relational_rl.run.files import write_atomically
from relational_rl.run.trainer import Summary, Trainer, local_backend

CONFIG_FILE = "config.json"
MACHINE_FILE = "machine.json"
IMITATION_FILE = "imitation.json"  # only in a run of `experiments.imitation`
BACKENDS = {"local": local_backend}
# These may change when a run is resumed; the others define the experiment.
RESUMABLE = {
    "total_frames",
    "max_minutes",
    "stop_at_solved",
    "metrics_seconds",
    "checkpoint_seconds",
    "checkpoints_kept",
}
ENDINGS = {
    "frames": "all frames learned from",
    "minutes": "the time is up",
    "solved": "solved",
    "interrupted": "interrupted and saved, the same command goes on",
}
PACKAGES = ("tensorflow", "dm-sonnet", "numpy", "numba", "gymnasium")


class UsageError(Exception):
    """The command cannot be carried out as given; the message is one clear line."""


# What can go wrong in a run, each with one clear line; anything else is a bug.
FAILURES = (UsageError, CheckpointError, ActorError, NonFiniteError, OSError)


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, Config]:
    """Reads the command line.

    Raises:
      UsageError: a name is unknown or a value is wrong.
    """
    parser = argparse.ArgumentParser(
        prog="python -m experiments.launch",
        description="Train an agent. --config.NAME=VALUE replaces any value of the config.",
        allow_abbrev=False,
    )
    parser.add_argument("--config", required=True, help=", ".join(configs.names()))
    parser.add_argument("--run_dir", type=Path, help="default: runs/NAME_seedSEED")
    parser.add_argument("--backend", default="local", help=", ".join(BACKENDS))
    known, rest = parser.parse_known_args(arguments)
    texts = {}
    for argument in rest:
        name, separator, text = argument.removeprefix("--config.").partition("=")
        if not argument.startswith("--config.") or not separator:
            raise UsageError(f"unknown argument {argument!r}; values are --config.NAME=VALUE")
        texts[name] = text
    if known.backend not in BACKENDS:
        raise UsageError(f"backend must be one of {', '.join(BACKENDS)}, got {known.backend!r}")
    try:
        config = override(configs.load(known.config), texts)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if known.run_dir is None:
        known.run_dir = Path("runs") / f"{known.config}_seed{config.seed}"
    return known, config


def load_run_config(run_dir: Path) -> Config:
    """Returns the config of a run directory.

    Raises:
      UsageError: it is no run directory.
    """
    path = run_dir / CONFIG_FILE
    try:
        return from_dict(json.loads(path.read_text()))
    except OSError as error:
        raise UsageError(f"{run_dir} is no run directory: {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path} is no config: {error}") from error


def check_learned_by_reinforcement(run_dir: Path) -> None:
    """Checks that a run directory, if there is one already, is not one of `experiments.imitation`.

    Raises:
      UsageError: it is.
    """
    if (run_dir / IMITATION_FILE).exists():
        raise UsageError(
            f"run_dir must be that of a run of experiments.launch, got {run_dir}, whose agent "
            f"experiments.imitation taught the solver's moves ({IMITATION_FILE}): what comes of "
            "it is no result of reinforcement learning; choose another --run_dir"
        )


def check_same_experiment(run_dir: Path, config: Config) -> None:
    """Checks that a run directory, if there is one already, belongs to this config.

    Raises:
      UsageError: its config differs in more than may change, which the message names, or its
        agent was taught by `experiments.imitation`.
    """
    check_learned_by_reinforcement(run_dir)
    if not (run_dir / CONFIG_FILE).exists():
        return
    before, now = to_dict(load_run_config(run_dir)), to_dict(config)
    for name in sorted(now.keys() - RESUMABLE):
        if before[name] != now[name]:
            raise UsageError(
                f"{run_dir} was started with config.{name}={before[name]!r}, "
                f"got {now[name]!r}; choose another --run_dir"
            )


def record(run_dir: Path, config: Config) -> None:
    """Writes the config and what makes the numbers of this run.

    Raises:
      UsageError: the directory cannot be written.
    """
    machine = run_dir / MACHINE_FILE
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        write_atomically(run_dir / CONFIG_FILE, json.dumps(to_dict(config), indent=1))
        starts = json.loads(machine.read_text()) if machine.exists() else []
        write_atomically(machine, json.dumps([*starts, describe_machine()], indent=1))
    except OSError as error:
        raise UsageError(f"cannot write to {run_dir}: {error.strerror}") from error


def describe_machine() -> dict[str, object]:
    """Returns what made the numbers of a run: commit, versions and the class of machine."""
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "machine": machine_class(),
        "commit": source_commit(),
        "versions": {name: version(name) for name in PACKAGES},
    }


def describe_parameters(config: Config, spec: EnvironmentSpec) -> str:
    """Returns how many parameters the relational agent and its control have, in words."""
    counts = {
        name: make_agent(
            dataclasses.replace(config, agent=name, implementation="plain"), spec
        ).num_parameters()
        for name in ("relational", "control")
    }
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def launch(config: Config, run_dir: Path, backend: str = "local") -> Summary:
    """Trains a config in a run directory and says how it begins and ends."""
    check_same_experiment(run_dir, config)
    try:
        trainer = Trainer(config, run_dir, BACKENDS[backend])
    except ValueError as error:
        raise UsageError(str(error)) from error
    record(run_dir, config)
    # Flushed, so that it can be read in a log file while the run goes on.
    print(f"{config.agent} agent on {config.env_id}; run in {run_dir}", flush=True)
    print(f"parameters: {describe_parameters(config, trainer.spec)}", flush=True)
    if trainer.resumed:
        text = f"resumed at {trainer.frames:,} frames ({trainer.minutes:.1f} minutes)"
        print(text, flush=True)
    summary = trainer.run()
    ending = ENDINGS[summary.reason]
    print(f"{summary.frames:,} frames in {summary.minutes:.1f} minutes: {ending}")
    return summary


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    try:
        known, config = parse(sys.argv[1:] if arguments is None else arguments)
        launch(config, known.run_dir, known.backend)
    except FAILURES as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before the training began, or for the second time
        print("error: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
