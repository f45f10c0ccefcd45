"""The random agent: the first control of any experiment."""

from typing import Any

import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.agents.memory_agent import MemoryAgent, leading_of, leading_sizes
from relational_rl.agents.protocol import Evaluation, Observations
from relational_rl.math import composite
from relational_rl.math.joint import Joint
from relational_rl.math.squashed import Bounds
from relational_rl.nn.memory import State
from relational_rl.observations.action_parts import ActionParts
from relational_rl.observations.spec import ArgumentSpec


@snt.allow_empty_variables
class RandomAgent(MemoryAgent):
    """Every available action equally likely, and every value of its arguments and of every choice.

    Amounts are uniform between their bounds; for those without, see `math/squashed.py`. A greedy
    random policy is still random. It attends to nothing.
    """

    can_compile = True

    def __init__(
        self,
        num_actions: int,
        arguments: ArgumentSpec | None = None,
        parts: ActionParts | None = None,
        name: str = "random_agent",
    ):
        """Makes the agent for A actions, with arguments, or of several parts."""
        super().__init__(name=name)
        self._num_actions = num_actions
        self._arguments = arguments
        self.num_draws = 1
        if parts is not None:
            joint = Joint(parts.sizes, Bounds(parts.low, parts.high), spread=True)
            self._distribution = joint
            self._num_actions, self.num_draws = joint.num_parameters, joint.num_draws
        elif arguments is not None:
            self.num_draws += len(arguments.sizes)
            self._takes = tf.constant(arguments.table())

    def unroll_features(
        self, observations: Observations, state: State, is_first: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns the uniform logits [T, B, A], which are all that `evaluate` needs."""
        del state, is_first
        return self._logits(observations, leading_of(observations))

    def heads(self, features: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the uniform logits [..., A], which are the features, and a baseline of 0."""
        return features, tf.zeros(tf.shape(features)[:-1])

    def evaluate(self, features: tf.Tensor, actions: tf.Tensor) -> Evaluation:
        """Evaluates actions int32 [T, B] or [T, B, 1 + K] by features of T + 1 steps."""
        if self._takes is None:
            return super().evaluate(features, actions)
        (logits, values), types = self.heads(features), actions[..., 0]
        logits = logits[:-1]
        argument_logits = self._argument_logits(logits, types)
        return Evaluation(
            composite.log_prob(logits, argument_logits, self._takes, actions),
            composite.sampled_entropy(logits, argument_logits, self._takes, types),
            values,
            logits,
        )

    def _step_features(
        self, observations: Observations, state: State, with_attention: bool
    ) -> tuple[tf.Tensor, State, None]:
        del with_attention
        return self._logits(observations, leading_of(observations, 1)), state, None

    def _choose(
        self, features: tf.Tensor, logits: tf.Tensor, uniforms: tf.Tensor, greedy: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        del greedy
        return super()._choose(features, logits, uniforms, greedy=False)

    def _logits(self, observations: Observations, leading: Any) -> tf.Tensor:
        logits = tf.zeros([*leading, self._num_actions])
        if "mask" not in observations:
            return logits
        return self._distribution.masked(logits, observations["mask"])

    def _argument_logits(self, features: tf.Tensor, types: tf.Tensor) -> list[tf.Tensor]:
        del types
        assert self._arguments is not None
        leading = leading_sizes(features, features.shape.rank - 1)
        return [tf.zeros([*leading, size]) for size in self._arguments.sizes]
