"""python -m experiments.imitation: the same as `relational-rl imitate`."""

import sys

from experiments.cli.old_names import command

main = command("imitate")

if __name__ == "__main__":
    sys.exit(main())
