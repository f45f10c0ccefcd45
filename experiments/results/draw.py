"""Drawing what is kept: README.md with the tables, and the figures of learning curves."""

from pathlib import Path

from experiments.results.curves import by_figure, draw_curves, measure_of
from experiments.results.store import load_results
from experiments.results.tables import to_page
from relational_rl.errors import UsageError
from relational_rl.files import write_atomically

PAGE = "README.md"


def draw(results_dir: Path) -> list[Path]:
    """Writes the page and the figures of a folder of results; returns their paths.

    There is a figure for each environment, and of a mini-game for each game that it is played on.

    Raises:
      UsageError: there are no results, or a run among them is damaged.
      OSError: a file cannot be written.
    """
    experiments = load_results(results_dir)
    if not experiments:
        raise UsageError(
            f"{results_dir} has no results yet; first: "
            "relational-rl results add --run_dir=DIR --name=NAME"
        )
    figures = by_figure(experiments)
    for name, group in figures.items():
        draw_curves(group, results_dir / name)
    titles = {name: measure_of(group).title for name, group in figures.items()}
    write_atomically(results_dir / PAGE, to_page(experiments, titles))
    return [results_dir / name for name in (PAGE, *figures)]
