"""python -m experiments.benchmark: the same as `relational-rl benchmark`."""

import sys

from experiments.cli.old_names import command

main = command("benchmark")

if __name__ == "__main__":
    sys.exit(main())
