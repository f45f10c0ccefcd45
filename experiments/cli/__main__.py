"""python -m experiments.cli: the command `relational-rl`."""

import sys

from experiments.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
