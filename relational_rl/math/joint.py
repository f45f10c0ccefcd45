"""Distributions over whole actions: one choice, or K choices and D amounts side by side.

Choices and amounts are independent of one another given the observation, so log probabilities and
entropies are sums over them. An action is

    int32 [...]            one choice (`OneChoice`)
    int32 [..., K]         K choices (`Joint` without amounts)
    float32 [..., K + D]   K choices, as whole numbers, and D amounts u (see `squashed`)

and a distribution is given by its parameters float32 [..., P]: the logits of all choices side by
side, then the means and the raw deviations of the amounts.
"""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Protocol

from relational_rl._quiet import tf
from relational_rl.math import distributions, squashed


class ActionDistribution(Protocol):
    """Distributions over actions that are given by parameters float32 [..., P]."""

    def choose(self, parameters: tf.Tensor, uniforms: tf.Tensor, greedy: bool = False) -> tf.Tensor:
        """Draws actions by uniforms float64 [..., draws], or takes the most probable ones."""

    def log_prob(self, parameters: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
        """Returns the log probabilities (for amounts: densities) of actions, float32 [...]."""

    def entropy(self, parameters: tf.Tensor) -> tf.Tensor:
        """Returns the entropies in nats, float32 [...]."""

    def masked(self, parameters: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Takes away the choices that a mask bool [..., M] has as False."""


class OneChoice:
    """One of A actions; the parameters are its logits, the draw is one number."""

    def choose(self, parameters: tf.Tensor, uniforms: tf.Tensor, greedy: bool = False) -> tf.Tensor:
        """Returns int32 [...]; see `ActionDistribution`."""
        return distributions.choose(parameters, uniforms[..., 0], greedy)

    def log_prob(self, parameters: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
        """See `ActionDistribution`."""
        return distributions.log_prob(parameters, actions)

    def entropy(self, parameters: tf.Tensor) -> tf.Tensor:
        """See `ActionDistribution`."""
        return distributions.entropy(parameters)

    def masked(self, parameters: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Takes away the actions that a mask bool [..., A] has as False."""
        return distributions.mask_logits(parameters, mask)


_NONE = squashed.Bounds((), ())


@dataclasses.dataclass(frozen=True)
class Joint:
    """K choices and D amounts.

    Attributes:
      sizes: how many values each choice has.
      bounds: of the amounts.
      spread: whether amounts are uniform between finite bounds, and standard normal u elsewhere,
        without parameters.
    """

    sizes: tuple[int, ...]
    bounds: squashed.Bounds = _NONE
    spread: bool = False

    @property
    def num_choices(self) -> int:
        """K."""
        return len(self.sizes)

    @property
    def num_logits(self) -> int:
        """How many of the parameters are logits of choices."""
        return sum(self.sizes)

    @property
    def num_parameters(self) -> int:
        """P."""
        return self.num_logits + (0 if self.spread else 2 * len(self.bounds.low))

    @property
    def num_draws(self) -> int:
        """K + D."""
        return len(self.sizes) + len(self.bounds.low)

    def choose(self, parameters: tf.Tensor, uniforms: tf.Tensor, greedy: bool = False) -> tf.Tensor:
        """Returns int32 [..., K], or float32 [..., K + D]; see `ActionDistribution`."""
        chosen, first = [], 0
        for logits in self._logits(parameters):
            count = logits.shape[-2]
            chosen.append(
                distributions.choose(logits, uniforms[..., first : first + count], greedy)
            )
            first += count
        if not self.bounds.low:
            return tf.concat(chosen, axis=-1)
        rest, draws = parameters[..., self.num_logits :], uniforms[..., first:]
        if self.spread:
            amounts = squashed.spread(draws, self.bounds)
        else:
            amounts = squashed.choose(rest, draws, self.bounds, greedy)
        return tf.concat([*(tf.cast(each, tf.float32) for each in chosen), amounts], axis=-1)

    def log_prob(self, parameters: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
        """Returns float32 [...] of actions int32 [..., K] or float32 [..., K + D].

        Raises:
          ValueError: the actions have another number of columns.
        """
        actions = tf.convert_to_tensor(actions)
        if actions.shape.rank is None or actions.shape[-1] != self.num_draws:
            raise ValueError(
                f"actions must have shape [..., {self.num_draws}] for {self.num_choices} choices "
                f"and {len(self.bounds.low)} amounts, got {actions.shape}"
            )
        total = tf.zeros(tf.shape(actions)[:-1])
        first = 0
        for logits in self._logits(parameters):
            count = logits.shape[-2]
            chosen = tf.cast(actions[..., first : first + count], tf.int32)
            total += tf.reduce_sum(distributions.log_prob(logits, chosen), axis=-1)
            first += count
        u = actions[..., first:]
        if self.bounds.low and self.spread:
            total += squashed.spread_log_prob(u, self.bounds)
        elif self.bounds.low:
            total += squashed.log_prob(parameters[..., self.num_logits :], u, self.bounds)
        return total

    def entropy(self, parameters: tf.Tensor) -> tf.Tensor:
        """See `ActionDistribution`."""
        total = tf.zeros(tf.shape(parameters)[:-1])
        for logits in self._logits(parameters):
            total += tf.reduce_sum(distributions.entropy(logits), axis=-1)
        if self.bounds.low and self.spread:
            total += squashed.spread_entropy(self.bounds)
        elif self.bounds.low:
            total += squashed.entropy(parameters[..., self.num_logits :], self.bounds)
        return total

    def masked(self, parameters: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Takes away choices.

        Args:
          parameters: float32 [..., P].
          mask: bool [..., M], of all choices side by side, or of the first ones alone.
        """
        count = mask.shape[-1]
        logits = distributions.mask_logits(parameters[..., :count], mask)
        return tf.concat([logits, parameters[..., count:]], axis=-1)

    def _logits(self, parameters: tf.Tensor) -> Iterator[tf.Tensor]:
        """Yields logits [..., count, size] of neighbouring choices of one size, in their order."""
        first = 0
        for size, run in itertools.groupby(self.sizes):
            count = len(list(run))
            part = parameters[..., first : first + count * size]
            shape = tf.concat([tf.shape(part)[:-1], [count, size]], axis=0)
            yield tf.ensure_shape(tf.reshape(part, shape), [*part.shape[:-1], count, size])
            first += count * size
