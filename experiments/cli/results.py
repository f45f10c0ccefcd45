"""relational-rl results: keeps runs as evidence, and draws them."""

import argparse
from pathlib import Path

from experiments.cli.shared import path

HELP = "Keep runs as evidence (add), and make tables and figures of them (draw)."


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="add|draw")
    add = commands.add_parser("add", help="keep an evaluated run", allow_abbrev=False)
    add.add_argument("--run_dir", type=path, required=True, help="of the run, evaluated")
    add.add_argument("--name", required=True, help="of the experiment; runs of one share it")
    add.add_argument("--title", help="of the experiment in figures and tables (default: its name)")
    add.add_argument(
        "--additions",
        help="to the paper's network: published, generic, special (default: by the config)",
    )
    drawing = commands.add_parser("draw", help="make tables and figures", allow_abbrev=False)
    for command in (add, drawing):
        command.add_argument(
            "--results_dir", type=path, default=Path("results"), help="default: results"
        )


def run(flags: argparse.Namespace) -> int:
    """Keeps a run, or draws all."""
    if flags.action == "add":
        from experiments.results.store import add_run

        directory = add_run(
            flags.run_dir, flags.results_dir, flags.name, flags.title, flags.additions
        )
        print(f"kept in {directory}; next: relational-rl results draw")
        return 0
    from experiments.results.draw import draw

    for written in draw(flags.results_dir):
        print(f"written to {written}")
    return 0
