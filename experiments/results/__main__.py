"""python -m experiments.results: the same as `relational-rl results`."""

import sys
from collections.abc import Sequence

from experiments import cli


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    return cli.main(["results", *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":
    sys.exit(main())
