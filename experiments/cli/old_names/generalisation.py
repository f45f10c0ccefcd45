"""python -m experiments.generalisation: the same as `relational-rl generalise`."""

import sys

from experiments.cli.old_names import command

main = command("generalise")

if __name__ == "__main__":
    sys.exit(main())
