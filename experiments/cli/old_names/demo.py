"""python -m experiments.demo: the same as `relational-rl demo`."""

import sys

from experiments.cli.old_names import command

main = command("demo")

if __name__ == "__main__":
    sys.exit(main())
