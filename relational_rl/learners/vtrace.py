"""Actor-critic with V-trace targets (Espeholt et al. 2018, section 4).

Symbols: T unroll length, B batch.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from relational_rl._quiet import tf
from relational_rl.acting.unroll import Unroll
from relational_rl.agents.protocol import Agent
from relational_rl.config import VTrace
from relational_rl.learners.gradient import GradientLearner, GradientStep, means, scheduled
from relational_rl.math import losses, vtrace
from relational_rl.nn.memory import first_steps


class Batch(NamedTuple):
    """What one gradient step learns from; the fields are those of `Unroll`."""

    observations: dict[str, tf.Tensor]
    actions: tf.Tensor
    behaviour_log_probs: tf.Tensor
    rewards: tf.Tensor
    not_terminated: tf.Tensor
    weights: tf.Tensor
    initial_state: Any


def compute_losses(
    agent: Agent, config: VTrace, features: Any, batch: Batch, entropy_cost: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Computes policy-gradient, baseline and entropy losses with V-trace targets.

    Args:
      agent: whose heads are trained.
      config: thresholds, costs and reduction.
      features: [T + 1, B, ...], the agent's features of the batch's observations.
      batch: B unrolls of T steps.
      entropy_cost: float32 [], weight of the entropy bonus.

    Returns:
      float32 [] by name: the total "loss", its parts, the mean entropy of the policy and an
      estimate of KL(behaviour policy || policy), both in nats.
    """
    reduction = cast(losses.Reduction, config.reduction)
    policy = agent.evaluate(features, batch.actions)
    values, bootstrap_value = policy.values[:-1], policy.values[-1]
    live = batch.weights > 0.0
    log_rhos = policy.log_probs - batch.behaviour_log_probs
    discounts = config.discount_factor * batch.not_terminated
    rewards = config.reward_scale * batch.rewards
    returns = vtrace.from_importance_weights(
        # A dead step has no transition: no correction reaches back over it.
        tf.where(live, log_rhos, -np.inf),
        discounts,
        rewards,
        values,
        bootstrap_value,
        config.clip_rho_threshold,
        config.clip_pg_rho_threshold,
        config.trace_decay,
    )
    advantages = returns.pg_advantages
    if config.policy_clip:
        # The surrogate's own ratio takes the place of the clipped rho.
        next_values = tf.concat([returns.vs[1:], bootstrap_value[tf.newaxis]], axis=0)
        advantages = tf.stop_gradient(rewards + discounts * next_values - values)
    if config.min_advantage_deviation is not None:
        advantages = losses.normalize_advantages(
            advantages, batch.weights, config.min_advantage_deviation
        )
    if config.policy_clip:
        policy_loss = losses.clipped_policy_gradient_loss(
            policy.log_probs,
            batch.behaviour_log_probs,
            advantages,
            config.policy_clip,
            batch.weights,
            reduction,
        )
    else:
        policy_loss = losses.policy_gradient_loss(
            policy.log_probs, advantages, batch.weights, reduction
        )
    baseline_loss = losses.baseline_loss(values, returns.vs, batch.weights, reduction)
    entropy_loss = losses.entropy_loss(policy.entropies, batch.weights, reduction)
    count = tf.maximum(tf.reduce_sum(batch.weights), 1.0)
    # rho - 1 - log(rho), never negative, has the divergence as its mean over actions taken.
    divergence = tf.exp(log_rhos) - 1.0 - log_rhos
    return {
        "loss": policy_loss + config.baseline_cost * baseline_loss + entropy_cost * entropy_loss,
        "policy_loss": policy_loss,
        "baseline_loss": baseline_loss,
        "entropy": losses.entropy_loss(policy.entropies, batch.weights, "mean") * -1.0,
        "behaviour_kl": tf.reduce_sum(divergence * batch.weights) / count,
    }


class VTraceLearner(GradientLearner):
    """Learns from unrolls by V-trace."""

    def __init__(self, agent: Agent, config: VTrace, seed: int):
        """Makes a learner.

        Args:
          agent: the agent to be trained.
          config: of the learner.
          seed: decides how environments are grouped into batches.
        """
        super().__init__(agent, config, seed)
        self._config = config
        self._entropy_cost = tf.Variable(config.entropy_cost, trainable=False)
        # What XLA cannot compile are packed features; everything after them it can.
        self._losses = tf.function(
            lambda *args: compute_losses(agent, config, *args),
            jit_compile=agent.can_compile_heads,
            autograph=False,
        )
        self._train_step = tf.function(
            self._update_once, jit_compile=agent.can_compile, autograph=False
        )

    def update(self, data: Unroll, progress: float) -> dict[str, float]:
        """Learns from an unroll: `num_passes` times, in batches of `batch_size` environments.

        Args:
          data: T steps of a multiple of `batch_size` environments.
          progress: share of the training done, in [0, 1], for the schedules.

        Returns:
          Means over the gradient steps: the losses, the entropy, the divergence from the
          behaviour policy, the gradient norm; nothing for an agent without variables.

        Raises:
          NonFiniteError: a loss or a gradient is NaN or infinite; the message names the first.
            The parameters are then spoilt and must not be saved.
        """
        config = self._config
        self.begin_update(progress)
        self._entropy_cost.assign(scheduled(config.entropy_cost, config.entropy_schedule, progress))
        if not self.variables:
            return {}
        num_envs = data.actions.shape[1]
        rows = []
        for _ in range(config.num_passes):
            order = self.random.permutation(num_envs)
            for first in range(0, num_envs, config.batch_size):
                batch = take(data, np.sort(order[first : first + config.batch_size]))
                rows.append(self.read(self._train_step(batch)))
        return means(rows)

    def _update_once(self, batch: Batch) -> GradientStep:
        def compute() -> dict[str, tf.Tensor]:
            features = self.agent.unroll_features(
                batch.observations, batch.initial_state, first_steps(batch.weights)
            )
            return self._losses(features, batch, self._entropy_cost.read_value())

        return self.take_step(compute)


def take(unroll: Unroll, environments: Sequence[int] | np.ndarray) -> Batch:
    """Returns the given environments of an unroll as a batch."""
    return Batch(
        {key: tf.constant(value[:, environments]) for key, value in unroll.observations.items()},
        tf.constant(unroll.actions[:, environments]),
        tf.constant(unroll.behaviour_log_probs[:, environments]),
        tf.constant(unroll.rewards[:, environments]),
        tf.constant(unroll.not_terminated[:, environments]),
        tf.constant(unroll.weights[:, environments]),
        tf.nest.map_structure(lambda leaf: tf.constant(leaf[environments]), unroll.initial_state),
    )
