"""python -m experiments.evaluate: the same as `relational-rl evaluate`."""

import sys

from experiments.cli.old_names import command

main = command("evaluate")

if __name__ == "__main__":
    sys.exit(main())
