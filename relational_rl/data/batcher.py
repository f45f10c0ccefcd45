"""Joining the unrolls of small actors into batches.

T unroll length, B environments.
"""

import math
from collections.abc import Sequence

import numpy as np

from relational_rl._quiet import tf
from relational_rl.acting.unroll import Unroll


class Batcher:
    """Joins unrolls until their environments make whole batches.

    An actor of as many environments as a multiple of the batch size fills batches alone, and its
    unrolls pass unchanged. Unrolls of different stages of a curriculum, whose observations may have
    different sizes, are never joined: once one of the next stage has come, those of the earlier
    stage are dropped.
    """

    def __init__(self, envs_per_actor: int, batch_size: int):
        """Makes a batcher for unrolls of `envs_per_actor` environments."""
        self.num_joined = batch_size // math.gcd(envs_per_actor, batch_size)
        self._waiting: list[Unroll] = []

    def add(self, unroll: Unroll) -> Unroll | None:
        """Takes an unroll; returns the joined ones where there are enough, else None."""
        if self._waiting and unroll.stage < self._waiting[0].stage:
            return None  # of an actor that was behind
        if self._waiting and unroll.stage > self._waiting[0].stage:
            self._waiting = []
        self._waiting.append(unroll)
        if len(self._waiting) < self.num_joined:
            return None
        waiting, self._waiting = self._waiting, []
        return join(waiting)


def join(unrolls: Sequence[Unroll]) -> Unroll:
    """Returns unrolls [T, B, ...] of one stage side by side, as one of all their environments."""
    if len(unrolls) == 1:
        return unrolls[0]

    def side_by_side(name: str) -> np.ndarray:
        return np.concatenate([getattr(unroll, name) for unroll in unrolls], axis=1)

    first = unrolls[0]
    return Unroll(
        {
            key: np.concatenate([unroll.observations[key] for unroll in unrolls], axis=1)
            for key in first.observations
        },
        side_by_side("actions"),
        side_by_side("behaviour_log_probs"),
        side_by_side("rewards"),
        side_by_side("not_terminated"),
        side_by_side("weights"),
        tf.nest.map_structure(
            lambda *leaves: np.concatenate(leaves, axis=0),
            *[unroll.initial_state for unroll in unrolls],
        ),
        float(np.mean([unroll.version for unroll in unrolls])),
        first.stage,
        tuple(episode for unroll in unrolls for episode in unroll.episodes),
    )
