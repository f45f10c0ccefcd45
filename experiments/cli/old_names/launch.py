"""python -m experiments.launch: the same as `relational-rl train`."""

import sys

from experiments.cli.old_names import command

main = command("train")

if __name__ == "__main__":
    sys.exit(main())
