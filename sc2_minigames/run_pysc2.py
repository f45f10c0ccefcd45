"""Runs a program of PySC2, with the game or with the stand-in.

    python -m sc2_minigames.run_pysc2 [--game=standin|starcraft] MODULE [ARGUMENTS ...]

For example, PySC2's own agent for MoveToBeacon against the stand-in:

    python -m sc2_minigames.run_pysc2 --game=standin pysc2.bin.agent --map MoveToBeacon \
        --agent pysc2.agents.scripted_agent.MoveToBeacon --norender --max_episodes 1

The module is run unchanged, with its own arguments; PySC2 is made to work on today's Python first.
"""

from __future__ import annotations

import argparse
import os
import runpy
import sys
from collections.abc import Sequence

from sc2_minigames import compatibility
from sc2_minigames.standin import installation


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m sc2_minigames.run_pysc2", description="Run a program of PySC2."
    )
    parser.add_argument("--game", choices=["starcraft", "standin"], default="starcraft")
    parser.add_argument("module", help="what to run, such as pysc2.bin.agent")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its own arguments")
    options = parser.parse_args(arguments)
    compatibility.install()
    directory = None
    if options.game == "standin":
        directory = installation.make()
        os.environ["SC2PATH"] = str(directory)
        print("Playing the stand-in: its scores are not scores of StarCraft II.", flush=True)
    sys.argv = [options.module, *options.arguments]
    try:
        runpy.run_module(options.module, run_name="__main__", alter_sys=True)
    finally:
        if directory is not None:
            installation.remove(directory)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
