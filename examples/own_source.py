"""Your own source of batches: a player by rule teaches the agent, which clones it.

    python own_source.py

A source is anything with the methods of `relational_rl.data.source.Source`. This one plays
`own_environment.py` itself and says which moves are right; `Cloning` learns them.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from own_environment import MOVES, Fetch
from own_environment import experiment as fetch

import relational_rl as rrl
from relational_rl.config import SourceConfig, part, replace, value
from relational_rl.data.source import Batch
from relational_rl.data.stages import Stages
from relational_rl.learners.cloning import Lessons


@part
class FetchLessons(SourceConfig):
    """The values of the source; they are flags, `--config.source.states=64`."""

    states: int = value(default=128, meaning="states in a batch")

    def build(self, experiment: Any, spec: Any, backend: Any) -> "LessonSource":
        """Makes the source; `backend` would run actors, which this one does not need."""
        return LessonSource(experiment, self, spec)


class LessonSource:
    """States dealt at random, with the moves that lead to the coin."""

    def __init__(self, experiment: Any, config: FetchLessons, spec: Any):
        """Makes the source."""
        self.stages = Stages(experiment)  # of the curriculum: here there is one
        self.trackables: Mapping[str, Any] = {}
        self._config = config
        self._spec = spec
        self._seed = experiment.run.seed
        self._next = 0
        self._env = Fetch()

    def start(self, parameters: Sequence[np.ndarray], version: int, session: int) -> None:
        """Starts; the seed and the number of the next batch decide what is dealt."""

    def publish(self, parameters: Sequence[np.ndarray], version: int) -> None:
        """Does nothing: what is right does not depend on the agent's parameters."""

    def next(self, timeout: float) -> Batch:
        """Returns the next batch."""
        random = np.random.default_rng((self._seed, self._next))
        self._next += 1
        drawn = [self._lesson(random) for _ in range(self._config.states)]
        images, best = (np.stack(column) for column in zip(*drawn, strict=True))
        lessons = Lessons(self._spec.select(images), best)
        return Batch(lessons, num_frames=len(images))

    def stop(self) -> None:
        """Stops; there is nothing to wait for."""

    def state(self) -> dict[str, Any]:
        """Returns what a resumed run needs."""
        return {"curriculum": self.stages.state(), "next": self._next}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to a state."""
        self._next = state["next"]

    def _lesson(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Returns an image, and which moves of [4] bring the agent nearer to the coin."""
        image, _ = self._env.reset(seed=int(random.integers(2**31)))
        agent, coin, bomb = self._env.places
        after = agent + MOVES
        nearer = np.abs(after - coin).sum(-1) < np.abs(agent - coin).sum()
        safe = nearer & (after != bomb).any(-1)
        return image, safe if safe.any() else nearer


def main(run_dir: str = "runs/taught", frames: int = 40_000) -> rrl.TrainingRun:
    """Teaches the agent of `own_environment.py`."""
    learner = rrl.Cloning(optimizer=rrl.Adam(), learning_rate=5e-3, max_gradient_norm=1.0)
    experiment = replace(fetch, {"learner": learner, "source": FetchLessons()})
    run = rrl.train(experiment, run_dir=run_dir, frames=frames)
    print(f"{run.metrics['right_moves'][-1]:.0%} of the moves are right at the end")
    return run


if __name__ == "__main__":
    from own_source import main  # by its import path, which goes into the run's config.json

    main(*sys.argv[1:2])
