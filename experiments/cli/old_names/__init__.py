"""The commands by their names of before version 0.2: `python -m experiments.launch` and the like.

`experiments/__init__.py` makes the modules of this folder modules of `experiments`.
"""

import sys
from collections.abc import Callable, Sequence

from experiments import cli


def command(name: str) -> Callable[..., int]:
    """Returns a `main` that runs a sub-command of `relational-rl`."""

    def main(arguments: Sequence[str] | None = None) -> int:
        """Runs the command line; returns the exit status."""
        return cli.main([name, *(sys.argv[1:] if arguments is None else arguments)])

    return main
