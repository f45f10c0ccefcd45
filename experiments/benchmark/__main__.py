"""Runs benchmarks by name: `python -m experiments.benchmark [NAME ...]`; all of them by default."""

from __future__ import annotations

import argparse
import pkgutil
from collections.abc import Callable, Sequence

from experiments.benchmark import Table, format_table

BENCHMARKS = {
    "environment": "experiments.benchmark.environment:environment",
    "solvable": "experiments.benchmark.environment:solvable",
    "standin": "experiments.benchmark.standin:standin",
    "training": "experiments.benchmark.training:training",
    "frameworks": "experiments.benchmark.frameworks:frameworks",
    "profile": "experiments.benchmark.profile:profile",
}
"""The function of each benchmark, as `module:function`, so that none is imported unless it runs."""


def load(name: str) -> Callable[[], Table]:
    """Returns the function of a benchmark.

    Raises:
        ValueError: if there is none of that name.
    """
    if name not in BENCHMARKS:
        raise ValueError(f"a benchmark must be one of {', '.join(BENCHMARKS)}, got {name!r}")
    return pkgutil.resolve_name(BENCHMARKS[name])


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the benchmarks that the command line names, and prints their tables."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.benchmark", description="Measures this project."
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)} (default: all)"
    )
    names = parser.parse_args(arguments).names or list(BENCHMARKS)
    try:
        benchmarks = [load(name) for name in names]
    except ValueError as error:
        parser.error(str(error))
    for name, benchmark in zip(names, benchmarks, strict=True):
        print(format_table(benchmark(), f"python -m experiments.benchmark {name}"), flush=True)


if __name__ == "__main__":
    main()
