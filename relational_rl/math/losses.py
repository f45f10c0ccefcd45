"""Losses of an actor-critic learner, as pure TensorFlow functions.

Symbols: T unroll length, B batch; all is time-major. `weights` are float32 `[T, B]`, 1 for a
real transition and 0 for a step that carries none. The policy comes in as the log probabilities
of what was done and as its entropies, so that any kind of action can be learned: one choice
(`distributions.py`) or a choice with arguments (`composite.py`). Every function raises ValueError
where a shape, a dtype or a constant is not one that it asks for.

Reduction, said here once. Every loss turns its terms x `[T, B]` into one number:

    "sum"   sum(weights * x), over time and batch, as IMPALA's published loss does
    "mean"  sum(weights * x) / max(sum(weights), 1)

A "sum" is the "mean" times the number of real transitions (T * B when all are real). So
the gradient, and with plain gradient descent the step, grows by that factor: a learning
rate tuned for "sum" belongs to one T * B, a learning rate tuned for "mean" to any. Adam
and RMSProp divide the gradient by a running root mean square, which cancels the factor
except against their epsilon, and against a limit on the gradient norm: under "mean" both
must be T * B times smaller (RMSProp in Sonnet holds epsilon inside the root: (T * B)**2
times smaller) for the same steps.
"""

from typing import Literal

from relational_rl._quiet import tf
from relational_rl.math import distributions

Reduction = Literal["sum", "mean"]


def policy_gradient_loss(
    log_probs: tf.Tensor,
    advantages: tf.Tensor,
    weights: tf.Tensor,
    reduction: Reduction = "sum",
) -> tf.Tensor:
    """Returns the loss, float32 `[]`, whose gradient is minus the policy gradient.

    Its terms are -log pi(a_t | x_t) * advantage_t; no gradient flows through the advantages.

    Args:
      log_probs: float32 `[T, B]`, log pi(a_t | x_t) of the learning policy pi.
      advantages: float32 `[T, B]`.
      weights: float32 `[T, B]`.
      reduction: "sum" or "mean", see the module.
    """
    log_probs, advantages, weights = _check(weights, log_probs=log_probs, advantages=advantages)
    return _reduce(-log_probs * tf.stop_gradient(advantages), weights, reduction)


def clipped_policy_gradient_loss(
    log_probs: tf.Tensor,
    behaviour_log_probs: tf.Tensor,
    advantages: tf.Tensor,
    clip_ratio: float,
    weights: tf.Tensor,
    reduction: Reduction = "sum",
) -> tf.Tensor:
    """Returns the clipped surrogate loss, float32 `[]`.

    Schulman et al., "Proximal Policy Optimization Algorithms", arXiv:1707.06347, equation
    7, negated so as to be minimised; with V-trace targets as its advantages it is used by
    Luo et al., "IMPACT", arXiv:1912.00167. With r_t = pi(a_t | x_t) / mu(a_t | x_t):

        -min(r_t * advantage_t, clip(r_t, 1 - clip_ratio, 1 + clip_ratio) * advantage_t)

    The ratio already corrects for the behaviour policy mu, so the advantages must not be
    weighted by it a second time.

    Args:
      log_probs: float32 `[T, B]`, log pi(a_t | x_t) of the learning policy pi.
      behaviour_log_probs: float32 `[T, B]`, log mu(a_t | x_t); no gradient flows.
      advantages: float32 `[T, B]`; no gradient flows.
      clip_ratio: How far the ratio may leave 1 before its gradient ends, above 0.
      weights: float32 `[T, B]`.
      reduction: "sum" or "mean", see the module.
    """
    if not clip_ratio > 0.0:
        raise ValueError(f"clip_ratio must be above 0, got {clip_ratio}")
    log_probs, behaviour_log_probs, advantages, weights = _check(
        weights,
        log_probs=log_probs,
        behaviour_log_probs=behaviour_log_probs,
        advantages=advantages,
    )
    advantages = tf.stop_gradient(advantages)
    ratios = tf.exp(log_probs - tf.stop_gradient(behaviour_log_probs))
    clipped = tf.clip_by_value(ratios, 1.0 - clip_ratio, 1.0 + clip_ratio)
    return _reduce(-tf.minimum(ratios * advantages, clipped * advantages), weights, reduction)


def baseline_loss(
    values: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, reduction: Reduction = "sum"
) -> tf.Tensor:
    """Returns half the squared error of the values, float32 `[]`.

    Args:
      values: float32 `[T, B]`.
      targets: float32 `[T, B]`; no gradient flows.
      weights: float32 `[T, B]`.
      reduction: "sum" or "mean", see the module.
    """
    values, targets, weights = _check(weights, values=values, targets=targets)
    return _reduce(0.5 * tf.square(tf.stop_gradient(targets) - values), weights, reduction)


def entropy_loss(
    entropies: tf.Tensor, weights: tf.Tensor, reduction: Reduction = "sum"
) -> tf.Tensor:
    """Returns minus the entropy of the policy, float32 `[]`, to be minimised for exploration.

    Args:
      entropies: float32 `[T, B]`, of the policy at each step.
      weights: float32 `[T, B]`.
      reduction: "sum" or "mean", see the module.
    """
    entropies, weights = _check(weights, entropies=entropies)
    return _reduce(-entropies, weights, reduction)


def normalize_advantages(
    advantages: tf.Tensor, weights: tf.Tensor, min_deviation: float = 1e-3
) -> tf.Tensor:
    """Shifts and scales advantages to mean 0 and standard deviation 1 of the real transitions.

    Args:
      advantages: float32 `[T, B]`.
      weights: float32 `[T, B]`.
      min_deviation: The least number to divide by, above 0: advantages that hardly
          differ are not blown up.

    Returns:
      float32 `[T, B]`; (a - mean) / max(deviation, min_deviation), with the mean and the
      deviation weighted by `weights`.
    """
    if not min_deviation > 0.0:
        raise ValueError(f"min_deviation must be above 0, got {min_deviation}")
    advantages, weights = _check(weights, advantages=advantages)
    centred = advantages - _reduce(advantages, weights, "mean")
    deviation = tf.sqrt(_reduce(tf.square(centred), weights, "mean"))
    return centred / tf.maximum(deviation, min_deviation)


def _reduce(terms: tf.Tensor, weights: tf.Tensor, reduction: Reduction) -> tf.Tensor:
    """Returns one number for the `[T, B]` terms; see the module."""
    if reduction not in ("sum", "mean"):
        raise ValueError(f'reduction must be "sum" or "mean", got {reduction!r}')
    weights = tf.stop_gradient(weights)
    total = tf.reduce_sum(weights * terms)
    return total if reduction == "sum" else total / tf.maximum(tf.reduce_sum(weights), 1.0)


def _check(weights: tf.Tensor, **named: tf.Tensor) -> list[tf.Tensor]:
    """Returns the named values and the weights as checked tensors, in that order."""
    weights = tf.convert_to_tensor(weights)
    distributions.check_float("weights", weights)
    distributions.check_shape("weights", weights, (None, None))
    tensors = {name: tf.convert_to_tensor(value) for name, value in named.items()}
    for name, tensor in tensors.items():
        distributions.check_float(name, tensor)
        distributions.check_shape(name, tensor, weights.shape)
    return [*tensors.values(), weights]
