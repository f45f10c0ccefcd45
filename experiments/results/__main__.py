"""python -m experiments.results: the same as `relational-rl results`."""

import sys

from experiments.cli.old_names import command

main = command("results")

if __name__ == "__main__":
    sys.exit(main())
