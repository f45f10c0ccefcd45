"""relational-rl train: trains an agent, or resumes a run."""

import argparse
from pathlib import Path

from experiments.cli.shared import add_experiment, config_name, experiment_of

HELP = "Train an agent. The same command on the same run directory resumes from its checkpoint."


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    add_experiment(parser, "runs/NAME_seedSEED")
    parser.add_argument("--backend", default="local", help="where actors run: local")


def run(flags: argparse.Namespace) -> int:
    """Trains."""
    experiment = experiment_of(flags)
    run_dir = flags.run_dir or Path("runs") / f"{config_name(flags)}_seed{experiment.run.seed}"
    from experiments.training import train

    train(run_dir, experiment, flags.backend)
    return 0
