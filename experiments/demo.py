"""The whole product in one command: python -m experiments.demo (or `make demo`).

Trains the relational agent on BoxWorld-Easy, evaluates it on levels it has never seen, draws what
it attends to, and says where everything is. Run again, it goes on where it stopped.
"""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments import configs, evaluate
from experiments.attention import __main__ as attention
from experiments.launch import FAILURES, launch

CONFIG = "boxworld_easy"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m experiments.demo", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the training (default 0)")
    parser.add_argument("--run_dir", type=Path, help="default: runs/demo_seedSEED")
    parser.add_argument("--levels", type=int, default=2000, help="evaluated on (default 2000)")
    options = parser.parse_args(arguments)
    run_dir = options.run_dir or Path("runs") / f"demo_seed{options.seed}"
    try:
        config = dataclasses.replace(configs.load(CONFIG), seed=options.seed)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1

    print(f"1. Training {CONFIG} (at most {config.max_minutes:.0f} minutes)", flush=True)
    try:
        summary = launch(config, run_dir)
    except FAILURES as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if summary.reason == "interrupted":
        return 0
    print(f"\n2. Evaluating on {options.levels:,} levels it has never seen", flush=True)
    status = evaluate.main([f"--run_dir={run_dir}", f"--levels={options.levels}", "--video"])
    if status:
        return status
    print("\n3. Drawing what it attends to", flush=True)
    status = attention.main([f"--run_dir={run_dir}"])
    if status:
        return status
    print(f"\nEverything is in {run_dir}: learning_curve.png, evaluation, attention, checkpoints")
    return 0


if __name__ == "__main__":
    sys.exit(main())
