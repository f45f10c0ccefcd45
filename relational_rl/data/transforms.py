"""Transforms of unrolls between the actors and the learner: rewards may be relabelled.

A transform is named in `source.transforms` by its import path, is made without arguments, and is
called with every unroll. What it learns it keeps in `trackables`, which go into the checkpoint.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from relational_rl._quiet import tf
from relational_rl.acting.unroll import Unroll


class Transform(Protocol):
    """Changes unrolls before they are learned from.

    Attributes:
      trackables: objects with variables of its own, which a checkpoint keeps.
    """

    trackables: Mapping[str, Any]

    def __call__(self, unroll: Unroll) -> Unroll:
        """Returns the unroll, changed."""


class ClipRewards:
    """Clips rewards to [-1, 1], as is usual on Atari games (Mnih et al. 2015)."""

    trackables: Mapping[str, Any] = {}

    def __call__(self, unroll: Unroll) -> Unroll:
        """Returns the unroll with clipped rewards."""
        return unroll._replace(rewards=np.clip(unroll.rewards, -1.0, 1.0))


class ScaleRewards:
    """Divides rewards by the root of their mean square so far, for games of unknown scale."""

    def __init__(self) -> None:
        self._mean_square = tf.Variable(0.0, trainable=False, name="mean_square_reward")
        self._count = tf.Variable(0.0, trainable=False, name="num_rewards")
        self.trackables = {"mean_square": self._mean_square, "count": self._count}

    def __call__(self, unroll: Unroll) -> Unroll:
        """Returns the unroll with scaled rewards; its own count as well."""
        live = unroll.weights > 0
        count = float(self._count.numpy()) + float(live.sum())
        total = float(self._mean_square.numpy()) * float(self._count.numpy())
        mean = (total + float(np.square(unroll.rewards[live]).sum())) / max(count, 1.0)
        self._mean_square.assign(mean)
        self._count.assign(count)
        return unroll._replace(rewards=unroll.rewards / np.float32(max(mean**0.5, 1e-6)))
