"""relational-rl benchmark: measures this project."""

import argparse

HELP = "Measure the speed of the environment, of training and of its parts."


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    from experiments.benchmark.names import BENCHMARKS

    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)} (default: all)"
    )


def run(flags: argparse.Namespace) -> int:
    """Runs the benchmarks and prints their tables."""
    from experiments.benchmark.names import run_benchmarks

    run_benchmarks(flags.names)
    return 0
