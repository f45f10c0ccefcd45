"""What the agents that learn share: a memory, if there is one, and leading dimensions.

T unroll length, B batch.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.agents.protocol import Evaluation, Observations
from relational_rl.math import distributions
from relational_rl.nn.memory import Memory, State


class MemoryAgent(snt.Module):
    """Base of agents with an optional memory."""

    _memory: Memory | None

    def initial_state(self, batch_size: int) -> State:
        """Returns the state before the first step of `batch_size` episodes: () without memory."""
        return () if self._memory is None else self._memory.initial_state(batch_size)

    def num_parameters(self) -> int:
        """Returns how many numbers are learned."""
        return int(sum(np.prod(variable.shape) for variable in self.trainable_variables))

    def _remember(
        self, x: tf.Tensor, leading: Sequence[Any], state: State, is_first: tf.Tensor | None
    ) -> tf.Tensor:
        """Sends x [T * B, ...] through the memory, if there is one; `leading` is T, B."""
        if self._memory is None:
            return x
        is_first = tf.zeros(leading, tf.bool) if is_first is None else is_first
        x, _ = self._memory.unroll(split_leading(x, leading), state, is_first)
        return tf.reshape(x, [-1, *x.shape[2:]])


def evaluate_choices(
    policy_logits: tf.Tensor, baseline: tf.Tensor, actions: tf.Tensor
) -> Evaluation:
    """Evaluates actions that are one choice each.

    Args:
      policy_logits: float32 [T + 1, B, A].
      baseline: float32 [T + 1, B].
      actions: int32 [T, B].
    """
    logits = policy_logits[:-1]
    return Evaluation(
        distributions.log_prob(logits, actions), distributions.entropy(logits), baseline, logits
    )


def leading_of(observations: Observations) -> list[Any]:
    """Returns T, B of time-major observations, as numbers where they are known."""
    return leading_sizes(next(iter(observations.values())))


def merge_leading(observations: Observations) -> dict[str, tf.Tensor]:
    """Merges time and batch: [T, B, ...] becomes [T * B, ...]."""
    return {key: tf.reshape(value, [-1, *value.shape[2:]]) for key, value in observations.items()}


def leading_sizes(x: tf.Tensor, count: int = 2) -> list[Any]:
    """Returns the first `count` dimensions, as numbers where they are known."""
    return [size if size is not None else tf.shape(x)[i] for i, size in enumerate(x.shape[:count])]


def split_leading(x: tf.Tensor, leading: Sequence[Any]) -> tf.Tensor:
    """Splits the first dimension into several: [T * B, ...] becomes [T, B, ...]."""
    return tf.reshape(x, [*leading, *x.shape[1:]])
