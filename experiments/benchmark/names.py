"""The benchmarks by name."""

import pkgutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from relational_rl.errors import UsageError

if TYPE_CHECKING:
    from experiments.benchmark.table import Table

BENCHMARKS = {
    "environment": "experiments.benchmark.environment:environment",
    "solvable": "experiments.benchmark.environment:solvable",
    "standin": "experiments.benchmark.standin:standin",
    "sc2_world": "experiments.benchmark.sc2_world:sc2_world",
    "training": "experiments.benchmark.training:training",
    "frameworks": "experiments.benchmark.frameworks:frameworks",
    "ray": "experiments.benchmark.ray_actors:ray_actors",
    "profile": "experiments.benchmark.profile:profile",
}
"""The function of each benchmark, as `module:function`, so that none is imported unless it runs."""


def load(name: str) -> "Callable[[], Table]":
    """Returns the function of a benchmark.

    Raises:
      UsageError: there is none of that name.
    """
    if name not in BENCHMARKS:
        raise UsageError(f"a benchmark must be one of {', '.join(BENCHMARKS)}, got {name!r}")
    return pkgutil.resolve_name(BENCHMARKS[name])


def run_benchmarks(names: Sequence[str]) -> None:
    """Runs benchmarks by name, all of them if there is no name, and prints their tables.

    Raises:
      UsageError: there is none of a name; then none is run.
    """
    from experiments.benchmark.table import format_table

    benchmarks = {name: load(name) for name in names or BENCHMARKS}
    for name, benchmark in benchmarks.items():
        print(format_table(benchmark(), f"relational-rl benchmark {name}"), flush=True)
