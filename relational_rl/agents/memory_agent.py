"""What the agents share: from features to actions, a memory, leading dimensions.

T unroll length, B batch, A actions or their types, K arguments of an action.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.agents.protocol import ActOutput, AttentionMaps, Evaluation, Observations
from relational_rl.math import composite, distributions
from relational_rl.math.joint import ActionDistribution, OneChoice
from relational_rl.nn.memory import Memory, State


class MemoryAgent(snt.Module):
    """Base of agents: observations -> (memory) -> features -> heads -> actions.

    A class says what the features of a step and of an unroll are (`_step_features`,
    `unroll_features`) and what `heads` makes of them; where actions have arguments also
    `_argument_logits`, and sets `_takes`, bool [A, K]: which types take which arguments. Where they
    have several parts it sets `_distribution`, whose parameters `heads` returns for logits.
    """

    can_compile_heads = True
    _memory: Memory | None = None
    _takes: tf.Tensor | None = None
    _distribution: ActionDistribution = OneChoice()

    @property
    def is_one_choice(self) -> bool:
        """Whether an action is one of A, without arguments or further parts."""
        return self._takes is None and isinstance(self._distribution, OneChoice)

    def initial_state(self, batch_size: int) -> State:
        """Returns the state before the first step of `batch_size` episodes: () without memory."""
        return () if self._memory is None else self._memory.initial_state(batch_size)

    def act(
        self,
        observations: Observations,
        state: State,
        uniforms: tf.Tensor,
        greedy: bool = False,
        with_attention: bool = False,
    ) -> tuple[ActOutput, State]:
        """Chooses an action for each of B observations; see `protocol.Agent.act`.

        Greedy is the most probable type and then its most probable arguments.
        """
        features, state, attention = self._step_features(observations, state, with_attention)
        logits, baseline = self.heads(features)
        actions, log_probs = self._choose(features, logits, uniforms, greedy)
        return ActOutput(actions, log_probs, logits, baseline, attention), state

    def evaluate(self, features: Any, actions: tf.Tensor) -> Evaluation:
        """Evaluates actions by features of T + 1 steps; see `protocol.Agent`."""
        return evaluate_choices(*self.heads(features), actions, self._distribution)

    def heads(self, features: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Maps features [..., F] to policy logits [..., A] and baseline [...].

        Each class has its own.
        """
        raise NotImplementedError(f"{type(self).__name__} must define heads(features)")

    def num_parameters(self) -> int:
        """Returns how many numbers are learned."""
        return int(sum(np.prod(variable.shape) for variable in self.trainable_variables))

    def _step_features(
        self, observations: Observations, state: State, with_attention: bool
    ) -> tuple[Any, State, AttentionMaps | None]:
        """Returns the features of B observations, the next state, attention maps if asked for.

        Each class has its own.
        """
        raise NotImplementedError(f"{type(self).__name__} must define _step_features")

    def _argument_logits(self, features: Any, types: tf.Tensor) -> list[tf.Tensor]:
        """Returns K times [..., S_k], the logits of the arguments of actions of types [...].

        Only asked for where a class sets `_takes`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define _argument_logits")

    def _choose(
        self, features: Any, logits: tf.Tensor, uniforms: tf.Tensor, greedy: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns actions [B, ...] and their log probabilities [B]."""
        if self._takes is None:
            actions = self._distribution.choose(logits, uniforms, greedy)
            return actions, self._distribution.log_prob(logits, actions)
        types = distributions.choose(logits, uniforms[:, 0], greedy)
        argument_logits = self._argument_logits(features, types)
        actions = composite.choose_arguments(
            argument_logits, self._takes, types, uniforms[:, 1:], greedy
        )
        return actions, composite.log_prob(logits, argument_logits, self._takes, actions)

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
    policy_logits: tf.Tensor,
    baseline: tf.Tensor,
    actions: tf.Tensor,
    distribution: ActionDistribution = OneChoice(),  # noqa: B008  (it has no state)
) -> Evaluation:
    """Evaluates actions.

    Args:
      policy_logits: float32 [T + 1, B, P], parameters of the distribution.
      baseline: float32 [T + 1, B].
      actions: int32 [T, B] of one choice; [T, B, ...] of another distribution.
      distribution: of the actions.
    """
    logits = policy_logits[:-1]
    return Evaluation(
        distribution.log_prob(logits, actions), distribution.entropy(logits), baseline, logits
    )


def leading_of(observations: Observations, count: int = 2) -> list[Any]:
    """Returns T, B of time-major observations, as numbers where they are known."""
    return leading_sizes(next(iter(observations.values())), count)


def merge_leading(observations: Observations) -> dict[str, tf.Tensor]:
    """Merges time and batch: [T, B, ...] becomes [T * B, ...]."""
    return {key: tf.reshape(value, [-1, *value.shape[2:]]) for key, value in observations.items()}


def leading_sizes(x: tf.Tensor, count: int = 2) -> list[Any]:
    """Returns the first `count` dimensions, as numbers where they are known."""
    return [size if size is not None else tf.shape(x)[i] for i, size in enumerate(x.shape[:count])]


def split_leading(x: tf.Tensor, leading: Sequence[Any]) -> tf.Tensor:
    """Splits the first dimension into several: [T * B, ...] becomes [T, B, ...]."""
    return tf.reshape(x, [*leading, *x.shape[1:]])
