"""Your own metric, and a reason to stop of your own: a hook.

    python own_hook.py
    relational-rl train --config=boxworld_easy --run_dir=runs/hooked \
        "--config.hooks=('own_hook:Efficiency',)"

What a hook logs becomes a column of metrics.csv and a curve in TensorBoard.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from own_environment import experiment as fetch

import relational_rl as rrl


class Efficiency(rrl.Hook):
    """Logs the mean length of won episodes, and ends the run once they are short enough."""

    def __init__(self, short_enough: float = 4.0, window: int = 500):
        """Makes the hook; one that is named by its import path is made without arguments."""
        self._short_enough = short_enough
        self._window = window
        self._lengths: list[int] = []

    def on_episodes(self, run: Any, episodes: Sequence[Any]) -> None:
        """Looks at the episodes that have ended."""
        won = [episode.length for episode in episodes if episode.is_success == 1]
        self._lengths = [*self._lengths, *won][-self._window :]
        if not won:
            return
        run.log("steps_to_win", np.mean(won))
        if len(self._lengths) == self._window and np.mean(self._lengths) <= self._short_enough:
            run.stop("short enough")

    def on_run_end(self, run: Any, reason: str) -> None:
        """Says how the run ended."""
        print(f"{run.frames:,} frames: {reason}")


def main(run_dir: str = "runs/hooked", frames: int = 40_000) -> rrl.TrainingRun:
    """Trains the agent of `own_environment.py` with the hook."""
    run = rrl.train(fetch, run_dir=run_dir, frames=frames, hooks=[Efficiency()])
    print("steps to win:", *run.metrics["steps_to_win"].round(1))
    return run


if __name__ == "__main__":
    main(*sys.argv[1:2])
