"""Your own backend: where and how actors run. This one needs no threads and no processes.

    python own_backend.py

A backend is anything with the methods of `relational_rl.acting.backends.Backend`; a choice of the
configuration makes it. `LockStep` acts in the learner's own thread, one unroll for each that is
asked for: acting never runs ahead of learning, so the same seed gives the same numbers on every
run. A scheduler of your own would send the descriptions of the actors, which can be pickled, to its
machines, and hand back what `Actor.unroll` returns there.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from own_environment import experiment as fetch

import relational_rl as rrl
from relational_rl.acting.actor import Actor, ActorDescription
from relational_rl.acting.unroll import Unroll
from relational_rl.config import BackendConfig, part, replace, value


@part
class LockStep(BackendConfig):
    """The values of the backend; they are flags, `--config.source.backend.rounds=2`."""

    rounds: int = value(default=1, meaning="unrolls of an actor before it is the next one's turn")

    def build(self, actors: Sequence[ActorDescription], room: int) -> "LockStepBackend":
        """Makes the backend; `room` bounds what may wait, and here nothing does."""
        return LockStepBackend(actors, self.rounds)


class LockStepBackend:
    """Actors that act when they are asked."""

    def __init__(self, actors: Sequence[ActorDescription], rounds: int):
        """Makes the backend; the actors are made when it starts."""
        self._descriptions = actors
        self._rounds = rounds
        self._actors: list[Actor] = []
        self._count = 0

    def publish(self, parameters: Sequence[np.ndarray], version: int) -> None:
        """Takes new parameters."""
        self._parameters, self._version = parameters, version

    def set_stage(self, stage: int, env_kwargs: Mapping[str, Any]) -> None:
        """Takes a stage of the curriculum."""
        self._stage, self._env_kwargs = stage, env_kwargs

    def start(self) -> None:
        """Makes the actors."""
        self._actors = [description.build() for description in self._descriptions]

    def get(self, timeout: float) -> Unroll:
        """Lets the next actor act."""
        actor = self._actors[self._count // self._rounds % len(self._actors)]
        self._count += 1
        actor.set_stage(self._stage, self._env_kwargs)
        actor.set_parameters(self._parameters, self._version)
        return actor.unroll()

    def stop(self) -> None:
        """Closes the environments."""
        for actor in self._actors:
            actor.close()

    def metrics(self) -> dict[str, float]:
        """Returns what goes into the next row of metrics; this method may be left out."""
        return {"unrolls": float(self._count)}


def main(run_dir: str = "runs/lock_step", frames: int = 20_000) -> rrl.TrainingRun:
    """Trains in the environment of `own_environment.py`."""
    experiment = replace(fetch, {"source.backend": LockStep()})
    run = rrl.train(experiment, run_dir=run_dir, frames=frames)
    print(f"{run.metrics['unrolls'][-1]:.0f} unrolls, policy lag {run.metrics['policy_lag'][-1]:g}")
    return run


if __name__ == "__main__":
    from own_backend import main  # by its import path, which goes into the run's config.json

    main(*sys.argv[1:2])
