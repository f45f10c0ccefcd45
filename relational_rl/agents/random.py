"""The random agent: the first control of any experiment."""

from typing import Any

import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.agents.memory_agent import evaluate_choices, leading_of
from relational_rl.agents.protocol import ActOutput, Evaluation, Observations
from relational_rl.math import composite, distributions
from relational_rl.nn.memory import State
from relational_rl.observations.spec import ArgumentSpec


@snt.allow_empty_variables
class RandomAgent(snt.Module):
    """Every available action equally likely, and every value of its arguments."""

    def __init__(
        self,
        num_actions: int,
        arguments: ArgumentSpec | None = None,
        name: str = "random_agent",
    ):
        """Makes the agent for A actions, with arguments if there are any."""
        super().__init__(name=name)
        self._num_actions = num_actions
        self._arguments = arguments
        self.num_draws = 1 if arguments is None else 1 + len(arguments.sizes)

    def initial_state(self, batch_size: int) -> State:
        """Returns ()."""
        del batch_size
        return ()

    def act(
        self,
        observations: Observations,
        state: State,
        uniforms: tf.Tensor,
        greedy: bool = False,
        with_attention: bool = False,
    ) -> tuple[ActOutput, State]:
        """Samples uniformly; a greedy random policy is still random. It attends to nothing."""
        del greedy, with_attention
        batch = tf.shape(next(iter(observations.values())))[0]
        logits = self._logits(observations, [batch])
        types, baseline = distributions.choose(logits, uniforms[:, 0]), tf.zeros([batch])
        if self._arguments is None:
            log_probs = distributions.log_prob(logits, types)
            return ActOutput(types, log_probs, logits, baseline), state
        takes = tf.constant(self._arguments.table())
        argument_logits = self._argument_logits([batch])
        actions = composite.choose_arguments(argument_logits, takes, types, uniforms[:, 1:])
        log_probs = composite.log_prob(logits, argument_logits, takes, actions)
        return ActOutput(actions, log_probs, logits, baseline), state

    def unroll_features(
        self, observations: Observations, state: State, is_first: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns the uniform logits [T, B, A], which are all that `evaluate` needs."""
        del state, is_first
        return self._logits(observations, leading_of(observations))

    def evaluate(self, features: tf.Tensor, actions: tf.Tensor) -> Evaluation:
        """Evaluates actions int32 [T, B] or [T, B, 1 + K] by the features of T + 1 steps."""
        values = tf.zeros(tf.shape(features)[:-1])
        if self._arguments is None:
            return evaluate_choices(features, values, actions)
        logits, takes = features[:-1], tf.constant(self._arguments.table())
        argument_logits = self._argument_logits(tf.shape(logits)[:-1])
        return Evaluation(
            composite.log_prob(logits, argument_logits, takes, actions),
            composite.sampled_entropy(logits, argument_logits, takes, actions[..., 0]),
            values,
            logits,
        )

    def num_parameters(self) -> int:
        """Returns 0."""
        return 0

    @property
    def can_compile(self) -> bool:
        """Whether XLA can compile the whole agent."""
        return True

    @property
    def can_compile_heads(self) -> bool:
        """Whether XLA can compile what comes after the features."""
        return True

    def _logits(self, observations: Observations, leading: Any) -> tf.Tensor:
        logits = tf.zeros(tf.concat([leading, [self._num_actions]], axis=0))
        logits = tf.ensure_shape(logits, [*[None] * (logits.shape.rank - 1), self._num_actions])
        if "mask" not in observations:
            return logits
        return distributions.mask_logits(logits, observations["mask"])

    def _argument_logits(self, leading: Any) -> list[tf.Tensor]:
        assert self._arguments is not None
        return [
            tf.ensure_shape(
                tf.zeros(tf.concat([leading, [size]], axis=0)), [*[None] * len(leading), size]
            )
            for size in self._arguments.sizes
        ]
