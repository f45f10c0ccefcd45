"""Keep runs as evidence, and draw them: python -m experiments.results add|draw.

    python -m experiments.results add --run_dir=runs/x --name=boxworld
    python -m experiments.results draw

`add` copies what matters of an evaluated run into results/NAME/seedS. `draw` makes of all that is
there README.md, the tables, and a figure of learning curves for each environment, and of a
mini-game for each game that it is played on.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.launch import UsageError
from experiments.results.curves import by_figure, draw_curves, measure_of
from experiments.results.store import ADDITIONS, add_run, load_results
from experiments.results.tables import to_page
from relational_rl.files import write_atomically

PAGE = "README.md"


def draw(results_dir: Path) -> list[Path]:
    """Writes the page and the figures of a folder of results; returns their paths.

    Raises:
      UsageError: there are no results, or a run among them is damaged.
      OSError: a file cannot be written.
    """
    experiments = load_results(results_dir)
    if not experiments:
        raise UsageError(
            f"{results_dir} has no results yet; first: "
            "python -m experiments.results add --run_dir=DIR --name=NAME"
        )
    figures = by_figure(experiments)
    for name, group in figures.items():
        draw_curves(group, results_dir / name)
    titles = {name: measure_of(group).title for name, group in figures.items()}
    write_atomically(results_dir / PAGE, to_page(experiments, titles))
    return [results_dir / name for name in (PAGE, *figures)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    known = _parse(sys.argv[1:] if arguments is None else arguments)
    try:
        if known.command == "add":
            directory = add_run(
                known.run_dir, known.results_dir, known.name, known.title, known.additions
            )
            print(f"kept in {directory}; next: python -m experiments.results draw")
        else:
            for path in draw(known.results_dir):
                print(f"written to {path}")
    except (UsageError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.results",
        description="Keep runs as evidence, and draw them.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="keep a run", allow_abbrev=False)
    add.add_argument("--run_dir", type=Path, required=True, help="of the run, evaluated")
    add.add_argument("--name", required=True, help="of the experiment; runs of one share it")
    add.add_argument("--title", help="of the experiment in figures and tables (default: its name)")
    add.add_argument(
        "--additions",
        help=f"to the paper's network: {', '.join(ADDITIONS)} (default: what the config says)",
    )
    drawing = commands.add_parser("draw", help="make tables and figures", allow_abbrev=False)
    for command in (add, drawing):
        command.add_argument(
            "--results_dir", type=Path, default=Path("results"), help="default: results"
        )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
