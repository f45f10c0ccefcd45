"""relational-rl export: writes a run's agent into a small folder."""

import argparse
import shlex

from experiments.cli.shared import path, whole

HELP = "Write a run's agent into a small folder that --pretrained=NAME loads."


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument("--run_dir", type=path, required=True, help="of the trained agent")
    parser.add_argument("--name", required=True, help="of the agent, for --pretrained=NAME")
    parser.add_argument(
        "--to", type=path, metavar="DIR", help="default: relational_rl/pretrained of the checkout"
    )
    parser.add_argument(
        "--min_solved",
        type=float,
        metavar="SHARE",
        help="refuse an agent that solves less; a regression test enforces it for shipped agents",
    )
    parser.add_argument(
        "--levels", type=whole, default=1000, help="for --min_solved (default 1000)"
    )
    parser.add_argument(
        "--unfinished", action="store_true", help="even if the training is not over"
    )
    parser.add_argument("--replace", action="store_true", help="an agent of the same name")


def run(flags: argparse.Namespace) -> int:
    """Exports."""
    from experiments.evaluation.export import export, new_directory
    from relational_rl.shipped import SHIPPED

    directory = new_directory(flags.name, flags.to, flags.replace)
    card = export(
        flags.run_dir, directory, flags.min_solved, flags.levels, flags.unfinished, progress=True
    )
    size = sum(each.stat().st_size for each in directory.iterdir())
    print(card.description)
    if card.evaluation:
        print(f"solves {card.evaluation['share']:.2%} of {card.evaluation['num_levels']:,} levels")
    print(f"written to {directory} ({size / 1024:.0f} KB)")
    shown = flags.name if directory.parent == SHIPPED else directory
    print(f"evaluate it: relational-rl evaluate {shlex.quote(f'--pretrained={shown}')}")
    return 0
