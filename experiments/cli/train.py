"""relational-rl train: trains an agent, or resumes a run."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.cli.shared import add_experiment, config_name, experiment_of
from relational_rl.errors import UsageError

if TYPE_CHECKING:
    from relational_rl.config import Experiment

HELP = "Train an agent. The same command on the same run directory resumes from its checkpoint."


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    add_experiment(parser, "runs/NAME_seedSEED")
    parser.add_argument(
        "--backend",
        help="where actors run: local, ray, or package.module:Class of your own (default: what the "
        "configuration says, local)",
    )
    parser.add_argument(
        "--ray_address",
        metavar="ADDRESS",
        help="of a Ray cluster, host:port or auto; implies --backend=ray (default: Ray is started "
        "on this machine)",
    )


def run(flags: argparse.Namespace) -> int:
    """Trains."""
    experiment = experiment_of(flags)
    run_dir = flags.run_dir or Path("runs") / f"{config_name(flags)}_seed{experiment.run.seed}"
    from experiments.training import train

    train(run_dir, _placed(experiment, flags))
    return 0


def _placed(experiment: "Experiment", flags: argparse.Namespace) -> "Experiment":
    """Returns the experiment with its actors where the flags say.

    Raises:
      UsageError: an address of Ray is given for another backend.
      ConfigError: there is no such backend.
    """
    from relational_rl.config import replace
    from relational_rl.run.train import on_backend

    backend = flags.backend or ("ray" if flags.ray_address else None)
    if backend is not None:
        experiment = on_backend(experiment, backend)
    if not flags.ray_address:
        return experiment
    if backend != "ray":
        raise UsageError(f"--ray_address is for --backend=ray, got --backend={backend}")
    return replace(experiment, {"source.backend.address": flags.ray_address})
