"""python -m experiments.export: the same as `relational-rl export`."""

import sys

from experiments.cli.old_names import command

main = command("export")

if __name__ == "__main__":
    sys.exit(main())
