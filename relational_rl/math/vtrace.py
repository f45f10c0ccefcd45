r"""V-trace: off-policy corrected value targets and policy gradient advantages.

Espeholt et al., "IMPALA: Scalable Distributed Deep-RL with Importance Weighted
Actor-Learner Architectures", arXiv:1802.01561, equation 1 and section 4.2; `lambda_` is
remark 2. Symbols, for a behaviour policy mu, a target policy pi and a value function V:

    log_rho_t = log pi(a_t | x_t) - log mu(a_t | x_t)
    rho_t     = min(clip_rho_threshold, exp(log_rho_t))
    c_t       = lambda_ * min(1, exp(log_rho_t))
    delta_t   = rho_t * (r_t + discount_t * V(x_{t+1}) - V(x_t))
    vs_t      = V(x_t) + delta_t + discount_t * c_t * (vs_{t+1} - V(x_{t+1}))
    pg_t      = min(clip_pg_rho_threshold, exp(log_rho_t))
                * (r_t + discount_t * vs_{t+1} - V(x_t))

with vs_T = V(x_T) = bootstrap_value. `discounts` are the discount factor times "not
ended". T is the unroll length, B the batch, A the number of actions; all is time-major.

A step that carries no transition (the step at which an environment resets itself) is
marked by `log_rhos = -inf`: rho_t and c_t are zero there, hence vs_t = V(x_t) and
pg_t = 0 exactly, and the step before it bootstraps from V(x_t) as from the end of an
unroll.
"""

from typing import NamedTuple

from relational_rl._quiet import tf
from relational_rl.math import distributions


class VTraceReturns(NamedTuple):
    """V-trace targets; no gradient flows through either field."""

    vs: tf.Tensor  # float32 [T, B], the targets of the value function
    pg_advantages: tf.Tensor  # float32 [T, B], the weights of the policy gradient


def from_importance_weights(
    log_rhos: tf.Tensor,
    discounts: tf.Tensor,
    rewards: tf.Tensor,
    values: tf.Tensor,
    bootstrap_value: tf.Tensor,
    clip_rho_threshold: float | None = 1.0,
    clip_pg_rho_threshold: float | None = 1.0,
    lambda_: float = 1.0,
) -> VTraceReturns:
    """Computes V-trace from the logarithms of the importance weights.

    Args:
      log_rhos: float32 `[T, B]`, log pi(a_t | x_t) - log mu(a_t | x_t); -inf for a step
          that carries no transition.
      discounts: float32 `[T, B]`.
      rewards: float32 `[T, B]`.
      values: float32 `[T, B]`, V(x_t).
      bootstrap_value: float32 `[B]`, V(x_T).
      clip_rho_threshold: Upper limit of rho_t; None for no limit.
      clip_pg_rho_threshold: Upper limit of the advantages' weight; None for no limit.
      lambda_: Mixes targets of all lengths, in `[0, 1]`; 0 is the one-step target.

    Returns:
      The targets; no gradient flows through them.

    Raises:
      ValueError: If a shape, a dtype or a constant is wrong.
    """
    log_rhos, discounts, rewards, values, bootstrap_value = _check(
        log_rhos, discounts, rewards, values, bootstrap_value
    )
    _check_constants(clip_rho_threshold, clip_pg_rho_threshold, lambda_)

    weights = tf.exp(log_rhos)  # [T, B]
    rhos = _clip(weights, clip_rho_threshold)
    cs = lambda_ * _clip(weights, 1.0)
    next_values = _shift(values, bootstrap_value)
    deltas = rhos * (rewards + discounts * next_values - values)
    vs = values + _discounted_sums(deltas, discounts * cs)

    next_vs = _shift(vs, bootstrap_value)
    pg_rhos = _clip(weights, clip_pg_rho_threshold)
    pg_advantages = pg_rhos * (rewards + discounts * next_vs - values)
    return VTraceReturns(vs=vs, pg_advantages=pg_advantages)


def _discounted_sums(terms: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
    """Returns y with y_t = terms_t + factors_t * y_{t+1} and y_T = 0; all `[T, B]`."""
    return tf.scan(
        lambda later, step: step[0] + step[1] * later,
        (terms, factors),
        initializer=tf.zeros_like(terms[0]),
        reverse=True,
    )


def _shift(series: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
    """Returns the `[T, B]` series one step ahead, with the `[B]` last at its end."""
    return tf.concat([series[1:], last[tf.newaxis]], axis=0)


def _clip(weights: tf.Tensor, threshold: float | None) -> tf.Tensor:
    return weights if threshold is None else tf.minimum(weights, threshold)


def _check(
    log_rhos: tf.Tensor,
    discounts: tf.Tensor,
    rewards: tf.Tensor,
    values: tf.Tensor,
    bootstrap_value: tf.Tensor,
) -> list[tf.Tensor]:
    """Returns the inputs as tensors without gradients, of shapes `[T, B]` and `[B]`."""
    named = {
        "log_rhos": log_rhos,
        "discounts": discounts,
        "rewards": rewards,
        "values": values,
        "bootstrap_value": bootstrap_value,
    }
    tensors = {name: tf.stop_gradient(tf.convert_to_tensor(x)) for name, x in named.items()}
    distributions.check_shape("log_rhos", tensors["log_rhos"], (None, None))
    time_batch = tensors["log_rhos"].shape
    for name, tensor in tensors.items():
        distributions.check_float(name, tensor)
        shape = time_batch[1:] if name == "bootstrap_value" else time_batch
        distributions.check_shape(name, tensor, shape)
    return list(tensors.values())


def _check_constants(
    clip_rho_threshold: float | None, clip_pg_rho_threshold: float | None, lambda_: float
) -> None:
    thresholds = {
        "clip_rho_threshold": clip_rho_threshold,
        "clip_pg_rho_threshold": clip_pg_rho_threshold,
    }
    for name, threshold in thresholds.items():
        if threshold is not None and not threshold > 0.0:
            raise ValueError(f"{name} must be above 0, or None for no limit, got {threshold}")
    if not 0.0 <= lambda_ <= 1.0:
        raise ValueError(f"lambda_ must be in [0, 1], got {lambda_}")
