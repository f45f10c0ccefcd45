"""relational-rl demo: the whole product in one command."""

import argparse
from pathlib import Path

from experiments.cli.shared import path, whole

DEFAULT = "boxworld_easy"
HELP = (
    "Train on Box-World, evaluate, draw attention maps; --config=boxworld --generalisation "
    "reproduces the paper's Box-World."
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument("--config", default=DEFAULT, help=f"what to train (default {DEFAULT})")
    parser.add_argument("--seed", type=whole, default=0, help="of the training (default 0)")
    parser.add_argument("--run_dir", type=path, help="default: runs/demo_CONFIG_seedSEED")
    parser.add_argument("--levels", type=whole, default=2000, help="evaluated on (default 2000)")
    parser.add_argument("--generalisation", action="store_true", help="play the published tests")


def run(flags: argparse.Namespace) -> int:
    """Trains, evaluates, draws."""
    from experiments import configs
    from experiments.cli.main import main
    from experiments.training import train
    from relational_rl.config import replace

    run_dir = flags.run_dir or Path("runs") / f"demo_{flags.config}_seed{flags.seed}"
    experiment = replace(configs.load(flags.config), {"run.seed": flags.seed})
    most = experiment.run.max_minutes
    limit = f" (at most {most:.0f} minutes)" if most else ""
    print(f"1. Training {flags.config}{limit}", flush=True)
    if train(run_dir, experiment).reason == "interrupted":
        return 0
    steps = [
        (
            f"Evaluating on {flags.levels:,} levels it has never seen",
            ["evaluate", f"--levels={flags.levels}", "--video"],
        )
    ]
    if flags.generalisation:
        steps += [("Longer solutions, withheld pairs", ["generalise"])]
    steps += [("Drawing what it attends to", ["attention"])]
    for number, (title, command) in enumerate(steps, start=2):
        print(f"\n{number}. {title}", flush=True)
        status = main([*command, f"--run_dir={run_dir}"])
        if status:
            return status
    print(f"\nEverything is in {run_dir}: learning_curve.png, evaluation, attention, checkpoints")
    return 0
