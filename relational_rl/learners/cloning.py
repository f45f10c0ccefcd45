"""Behaviour cloning: the policy learns to take the actions that it is shown.

B batch, A actions.
"""

from typing import NamedTuple

import numpy as np

from relational_rl._quiet import tf
from relational_rl.agents.protocol import Agent, Observations
from relational_rl.config import Cloning
from relational_rl.errors import ConfigError
from relational_rl.learners.gradient import GradientLearner, GradientStep


class Lessons(NamedTuple):
    """Observations and the actions that are right there.

    Attributes:
      observations: {"image": [B, ...], ...}, in the form of `EnvironmentSpec.select`.
      best_actions: bool [B, A], at least one a row.
    """

    observations: dict[str, np.ndarray]
    best_actions: np.ndarray


def cloning_loss(policy_logits: tf.Tensor, best_actions: tf.Tensor) -> tf.Tensor:
    """Returns -log of the probability that one of the best actions is taken, mean over B.

    Args:
      policy_logits: float32 [B, A].
      best_actions: bool [B, A]; at least one a row.
    """
    log_probs = tf.nn.log_softmax(policy_logits)
    best = tf.where(best_actions, log_probs, log_probs.dtype.min)
    return -tf.reduce_mean(tf.reduce_logsumexp(best, axis=-1))


class CloningLearner(GradientLearner):
    """Learns from lessons; the baseline has no part in it and stays as it is."""

    def __init__(self, agent: Agent, config: Cloning, seed: int):
        """Makes a learner of an agent without memory.

        Raises:
          ConfigError: its actions are not one choice.
        """
        if not getattr(agent, "is_one_choice", agent.num_draws == 1):
            raise ConfigError(
                "learner=cloning needs actions that are one choice, got an agent whose actions "
                f"have {agent.num_draws} parts"
            )
        super().__init__(agent, config, seed)
        self._config = config
        self._loss = tf.function(
            self._head_losses, jit_compile=agent.can_compile_heads, autograph=False
        )
        self._train_step = tf.function(
            self._update_once, jit_compile=agent.can_compile, autograph=False
        )

    def update(self, data: Lessons, progress: float) -> dict[str, float]:
        """Takes one gradient step.

        Args:
          data: B lessons.
          progress: share of the training done, in [0, 1], for the schedule.

        Returns:
          The loss, the share of right moves before the step, the gradient norm.

        Raises:
          NonFiniteError: the loss or a gradient is NaN or infinite.
        """
        self.begin_update(progress)
        observations = {key: tf.constant(value) for key, value in data.observations.items()}
        return self.read(self._train_step(observations, tf.constant(data.best_actions)))

    def _update_once(self, observations: Observations, best_actions: tf.Tensor) -> GradientStep:
        def compute() -> dict[str, tf.Tensor]:
            one_step = {key: value[tf.newaxis] for key, value in observations.items()}
            state = self.agent.initial_state(tf.shape(best_actions)[0])
            return self._loss(self.agent.unroll_features(one_step, state), best_actions)

        return self.take_step(compute)

    def _head_losses(self, features: tf.Tensor, best_actions: tf.Tensor) -> dict[str, tf.Tensor]:
        # An evaluation is of T + 1 steps, the last one for its value alone.
        two_steps = tf.nest.map_structure(lambda x: tf.concat([x, x], axis=0), features)
        actions = tf.zeros(tf.shape(best_actions)[:1], tf.int32)[tf.newaxis]
        logits = self.agent.evaluate(two_steps, actions).policy_logits[0]
        chosen = tf.one_hot(tf.argmax(logits, axis=-1), best_actions.shape[-1]) > 0.0
        right = tf.reduce_any(chosen & best_actions, axis=-1)
        return {
            "loss": cloning_loss(logits, best_actions),
            "right_moves": tf.reduce_mean(tf.cast(right, tf.float32)),
        }
