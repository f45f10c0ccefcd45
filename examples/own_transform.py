"""Your own reward: a transform of what actors send to the learner, with variables of its own.

    python own_transform.py
    relational-rl train --config=boxworld_easy --run_dir=runs/curious \
        "--config.source.transforms=('own_transform:CountBonus',)"

The counts are saved in the run's checkpoints, so a resumed run is as curious as it was.
"""

import sys
import zlib
from typing import Any

import numpy as np
import tensorflow as tf
from own_environment import experiment as fetch

import relational_rl as rrl
from relational_rl.config import replace


class CountBonus:
    """Adds scale / sqrt(n) to the reward of a step, n how often its observation was seen.

    Observations are counted by hash, as in Tang et al. 2017 (arXiv:1611.04717).
    """

    SCALE, SLOTS = 0.05, 4096

    def __init__(self) -> None:
        """Makes the transform, nothing seen."""
        self._counts = tf.Variable(np.zeros(self.SLOTS, np.int64), trainable=False, name="counts")
        self.trackables = {"counts": self._counts}  # what goes into the checkpoint

    def __call__(self, unroll: Any) -> Any:
        """Returns the unroll, T steps of B environments, with other rewards [T, B]."""
        images = unroll.observations["image"][1:]  # what each action led to
        steps, envs = unroll.rewards.shape
        slots = [
            zlib.crc32(images[t, b].tobytes()) % self.SLOTS
            for t in range(steps)
            for b in range(envs)
        ]
        counts = self._counts.numpy()
        np.add.at(counts, slots, 1)
        self._counts.assign(counts)
        bonus = self.SCALE / np.sqrt(counts[slots]).reshape(steps, envs)
        return unroll._replace(rewards=(unroll.rewards + bonus).astype(np.float32))


def main(run_dir: str = "runs/curious", frames: int = 40_000) -> rrl.TrainingRun:
    """Trains the agent of `own_environment.py` with the bonus."""
    experiment = replace(fetch, {"source.transforms": ("own_transform:CountBonus",)})
    run = rrl.train(experiment, run_dir=run_dir, frames=frames)
    print(f"solved {run.metrics['solved'][-1]:.0%} of the last episodes of training")
    return run


if __name__ == "__main__":
    main(*sys.argv[1:2])
