"""relational-rl imitate: teaches a network the solver's moves."""

import argparse
from pathlib import Path

from experiments.cli.shared import add_experiment, config_name, experiment_of, whole

HELP = "Teach a Box-World network the solver's moves (no reinforcement learning)."


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    add_experiment(parser, "runs/imitation_NAME_seedSEED")
    parser.add_argument("--minutes", type=float, default=5.0, help="of training (default 5)")
    parser.add_argument("--levels", type=whole, default=500, help="held-out levels (default 500)")
    parser.add_argument("--evaluations", type=whole, default=10, help="how often (default 10)")


def run(flags: argparse.Namespace) -> int:
    """Teaches."""
    experiment = experiment_of(flags)
    name = f"imitation_{config_name(flags)}_seed{experiment.run.seed}"
    from experiments.imitation.imitate import imitate

    imitate(
        experiment,
        flags.run_dir or Path("runs") / name,
        flags.minutes,
        flags.levels,
        flags.evaluations,
    )
    return 0
