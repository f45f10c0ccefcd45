"""The command `relational-rl`: one module a sub-command, and what they share.

A module here has `HELP`, `add_flags(parser)` and `run(flags) -> exit status`. Nothing is imported
at its top that takes long: `--help` and a wrong flag are answered at once.
"""

from experiments.cli.main import main

__all__ = ["main"]
