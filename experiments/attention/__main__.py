"""python -m experiments.attention: the same as `relational-rl attention`."""

import sys

from experiments.cli.old_names import command

main = command("attention")

if __name__ == "__main__":
    sys.exit(main())
