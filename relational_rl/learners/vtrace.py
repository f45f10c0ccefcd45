"""Learning: V-trace updates of the agent from unrolls (Espeholt et al. 2018, section 4).

Symbols: T unroll length, B batch, A actions.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.acting.actor import Unroll
from relational_rl.agents import AnyAgent
from relational_rl.agents.agent import Evaluation
from relational_rl.config import LearnerConfig
from relational_rl.math import distributions, losses, vtrace
from relational_rl.nn.memory import first_steps


class NonFiniteError(ArithmeticError):
    """A loss, a gradient or a parameter has become NaN or infinite."""


class Batch(NamedTuple):
    """What one gradient step learns from; the fields are those of `Unroll`."""

    observations: dict[str, tf.Tensor]
    actions: tf.Tensor
    behaviour_logits: tf.Tensor
    rewards: tf.Tensor
    not_terminated: tf.Tensor
    weights: tf.Tensor
    initial_state: Any
    behaviour_log_probs: tf.Tensor | None


class Losses(NamedTuple):
    """The parts of the loss of a batch, float32 []."""

    total: tf.Tensor
    policy: tf.Tensor
    baseline: tf.Tensor
    entropy: tf.Tensor  # mean entropy of the policy in nats (not a loss)
    behaviour_kl: tf.Tensor  # mean KL(behaviour policy || policy) in nats; see `_divergence`


def compute_losses(
    agent: AnyAgent, config: LearnerConfig, features: Any, batch: Batch, entropy_cost: tf.Tensor
) -> Losses:
    """Computes policy-gradient, baseline and entropy losses with V-trace targets.

    Args:
      agent: whose heads are trained.
      config: thresholds, costs and reduction.
      features: [T + 1, B, ...], the agent's features of the batch's observations.
      batch: B unrolls of T steps.
      entropy_cost: float32 [], weight of the entropy bonus.
    """
    reduction = cast(losses.Reduction, config.reduction)
    policy = agent.evaluate(features, batch.actions)
    values, bootstrap_value = policy.values[:-1], policy.values[-1]
    live = batch.weights > 0.0
    behaviour_log_probs = batch.behaviour_log_probs
    if behaviour_log_probs is None:
        behaviour_log_probs = distributions.log_prob(batch.behaviour_logits, batch.actions)
    log_rhos = policy.log_probs - behaviour_log_probs
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
    if config.normalize_advantages:
        advantages = losses.normalize_advantages(
            advantages, batch.weights, config.min_advantage_deviation
        )
    if config.policy_clip:
        policy_loss = losses.clipped_policy_gradient_loss(
            policy.log_probs,
            behaviour_log_probs,
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
    total = policy_loss + config.baseline_cost * baseline_loss + entropy_cost * entropy_loss
    divergence = _divergence(batch, policy, log_rhos)
    count = tf.maximum(tf.reduce_sum(batch.weights), 1.0)
    return Losses(
        total,
        policy_loss,
        baseline_loss,
        losses.entropy_loss(policy.entropies, batch.weights, "mean") * -1.0,
        tf.reduce_sum(divergence * batch.weights) / count,
    )


def _divergence(batch: Batch, policy: Evaluation, log_rhos: tf.Tensor) -> tf.Tensor:
    """Returns KL(behaviour policy || policy) of every step, float32 [T, B].

    Exact for actions that are one choice. Of actions with arguments an unroll keeps the log
    probability alone, and rho - 1 - log(rho), never negative, has the divergence as its mean over
    actions of the behaviour policy.
    """
    if batch.behaviour_log_probs is None:
        return distributions.kl(batch.behaviour_logits, policy.policy_logits)
    return tf.exp(log_rhos) - 1.0 - log_rhos


class Learner:
    """Owns the parameters; turns unrolls into updates of them."""

    def __init__(self, agent: AnyAgent, config: LearnerConfig, seed: int):
        """Makes a learner.

        Args:
          agent: the agent to be trained.
          config: of the learner.
          seed: decides how environments are grouped into batches.
        """
        self.agent = agent
        self._config = config
        self.random = np.random.default_rng(seed)
        self._learning_rate = tf.Variable(config.learning_rate, trainable=False)
        self._entropy_cost = tf.Variable(config.entropy_cost, trainable=False)
        self.optimizer = _make_optimizer(config, self._learning_rate)
        self._variables = agent.trainable_variables
        if self._variables:
            # Creates the optimiser's slots, so that a checkpoint has them from the start.
            self.optimizer._initialize(self._variables)
        # What XLA cannot compile are packed features; everything after them it can.
        self._losses = tf.function(
            lambda *args: compute_losses(agent, config, *args),
            jit_compile=agent.can_compile_heads,
            autograph=False,
        )
        self._train_step = tf.function(
            self._update_once, jit_compile=agent.can_compile, autograph=False
        )
        self._apply = tf.function(
            lambda gradients: self.optimizer.apply(gradients, self._variables),
            jit_compile=True,
            autograph=False,
        )
        self.num_updates = 0

    def parameters(self) -> list[np.ndarray]:
        """Returns a copy of the agent's variables, in the order of `agent.variables`."""
        return [variable.numpy() for variable in self.agent.variables]

    def update(self, unroll: Unroll, progress: float) -> dict[str, float]:
        """Learns from an unroll: `num_passes` times, in batches of `batch_size` environments.

        Args:
          unroll: T steps of a multiple of `batch_size` environments.
          progress: share of the training done, in [0, 1], for the schedules.

        Returns:
          Means over the gradient steps: the losses, the entropy, the divergence from the
          behaviour policy, the gradient norm.

        Raises:
          NonFiniteError: a loss or a gradient is NaN or infinite; the message names the first.
            The parameters are then spoilt and must not be saved.
        """
        config = self._config
        left = max(1.0 - progress, 0.0)
        for variable, value, schedule in (
            (self._learning_rate, config.learning_rate, config.learning_rate_schedule),
            (self._entropy_cost, config.entropy_cost, config.entropy_schedule),
        ):
            variable.assign(value * left if schedule == "linear" else value)
        self.num_updates += 1
        if not self._variables:
            return {}
        num_envs = unroll.actions.shape[1]
        steps = []
        for _ in range(config.num_passes):
            order = self.random.permutation(num_envs)
            for first in range(0, num_envs, config.batch_size):
                batch = _take(unroll, np.sort(order[first : first + config.batch_size]))
                step_losses, norms = self._train_step(batch)
                steps.append([*step_losses, tf.linalg.global_norm([norms])])
                if not np.isfinite(float(steps[-1][-1])) or not np.isfinite(float(steps[-1][0])):
                    raise NonFiniteError(self._name_non_finite(step_losses, norms))
        means = np.mean(np.asarray(steps, np.float64), axis=0)
        names = ("loss", "policy_loss", "baseline_loss", "entropy", "behaviour_kl", "gradient_norm")
        return dict(zip(names, means.tolist(), strict=True))

    def _update_once(self, batch: Batch) -> tuple[Losses, tf.Tensor]:
        """Takes one gradient step; returns the losses and every gradient's norm [variables]."""
        with tf.GradientTape() as tape:
            features, _, _ = self.agent.unroll_features(
                batch.observations, batch.initial_state, first_steps(batch.weights)
            )
            step_losses = self._losses(features, batch, self._entropy_cost.read_value())
        gradients = tape.gradient(step_losses.total, self._variables)
        # Those of embeddings come as a list of rows.
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        norms = tf.stack([tf.norm(gradient) for gradient in gradients])
        norm = tf.linalg.global_norm([norms])
        scale = self._config.max_gradient_norm / tf.maximum(norm, self._config.max_gradient_norm)
        self._apply([gradient * scale for gradient in gradients])
        return step_losses, norms

    def _name_non_finite(self, step_losses: Losses, norms: tf.Tensor) -> str:
        for name, value in zip(("policy", "baseline"), step_losses[1:3], strict=True):
            if not np.isfinite(float(value)):
                return f"the {name} loss is {float(value)} in update {self.num_updates}"
        for variable, norm in zip(self._variables, norms.numpy(), strict=True):
            if not np.isfinite(norm):
                return f"the gradient of {variable.name} is not finite (norm {norm})"
        return f"the total loss is {float(step_losses.total)} in update {self.num_updates}"


def _make_optimizer(config: LearnerConfig, learning_rate: tf.Variable) -> snt.Optimizer:
    if config.optimizer == "adam":
        return snt.optimizers.Adam(learning_rate, epsilon=config.adam_epsilon)
    return snt.optimizers.RMSProp(
        learning_rate, decay=config.rmsprop_decay, momentum=0.0, epsilon=config.rmsprop_epsilon
    )


def _take(unroll: Unroll, environments: Sequence[int] | np.ndarray) -> Batch:
    """Returns the given environments of an unroll as a batch."""
    return Batch(
        {key: tf.constant(value[:, environments]) for key, value in unroll.observations.items()},
        tf.constant(unroll.actions[:, environments]),
        tf.constant(unroll.behaviour_logits[:, environments]),
        tf.constant(unroll.rewards[:, environments]),
        tf.constant(unroll.not_terminated[:, environments]),
        tf.constant(unroll.weights[:, environments]),
        tf.nest.map_structure(lambda leaf: tf.constant(leaf[environments]), unroll.initial_state),
        (
            None
            if unroll.behaviour_log_probs is None
            else tf.constant(unroll.behaviour_log_probs[:, environments])
        ),
    )
