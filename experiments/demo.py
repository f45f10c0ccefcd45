"""The whole product in one command: python -m experiments.demo (or `make demo`).

Trains the relational agent on BoxWorld-Easy, evaluates it on levels it has never seen, draws what
it attends to, and says where everything is. Run again, it goes on where it stopped.

With --config=boxworld --generalisation (`make reproduce`) it does so for the paper's Box-World, and
sets the agent longer solutions and withheld key-lock pairs beside the published numbers.
"""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments import configs, evaluate, generalisation
from experiments.attention import __main__ as attention
from experiments.launch import FAILURES, launch

DEFAULT = "boxworld_easy"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    options = _parse(arguments)
    run_dir = options.run_dir
    try:
        config = dataclasses.replace(configs.load(options.config), seed=options.seed)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1

    limit = f" (at most {config.max_minutes:.0f} minutes)" if config.max_minutes else ""
    print(f"1. Training {options.config}{limit}", flush=True)
    try:
        summary = launch(config, run_dir)
    except FAILURES as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if summary.reason == "interrupted":
        return 0
    evaluating = f"Evaluating on {options.levels:,} levels it has never seen"
    steps = [(evaluating, evaluate, [f"--levels={options.levels}", "--video"])]
    if options.generalisation:
        steps += [("Longer solutions, withheld pairs", generalisation, [])]
    steps += [("Drawing what it attends to", attention, [])]
    for number, (title, command, extra) in enumerate(steps, start=2):
        print(f"\n{number}. {title}", flush=True)
        status = command.main([f"--run_dir={run_dir}", *extra])
        if status:
            return status
    print(f"\nEverything is in {run_dir}: learning_curve.png, evaluation, attention, checkpoints")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m experiments.demo", description=__doc__)
    parser.add_argument("--config", default=DEFAULT, help=f"what to train (default {DEFAULT})")
    parser.add_argument("--seed", type=int, default=0, help="of the training (default 0)")
    parser.add_argument("--run_dir", type=Path, help="default: runs/demo_CONFIG_seedSEED")
    parser.add_argument("--levels", type=int, default=2000, help="evaluated on (default 2000)")
    parser.add_argument("--generalisation", action="store_true", help="play the published tests")
    options = parser.parse_args(arguments)
    if options.run_dir is None:
        options.run_dir = Path("runs") / f"demo_{options.config}_seed{options.seed}"
    return options


if __name__ == "__main__":
    sys.exit(main())
