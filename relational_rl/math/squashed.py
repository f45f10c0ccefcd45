"""Amounts as normal distributions squashed between bounds, as pure TensorFlow functions.

An amount is x = g(u), where u is normal with mean m and deviation s, and g is increasing:

    both bounds finite    g(u) = low + (high - low) (1 + tanh u) / 2
    only low finite       g(u) = low + log(1 + exp u)
    only high finite      g(u) = high - log(1 + exp(-u))
    neither               g(u) = u

so that, with H for entropies in nats,

    log p(x) = log N(u; m, s) - log g'(u)
    H(x) = H(N(m, s)) + E[log g'(u)]

Agents and unrolls hold u, which always has an exact log probability; environments are given g(u).
The expectation has no closed form; it is a sum over 32 points of the normal distribution, whose
error is below 1e-4 nats for all deviations that `deviations` allows.

Symbols: D amounts. `parameters` are float32 `[..., 2 D]`, the means and what `deviations` maps to
s; `u` is float32 `[..., D]`.
"""

import math
from typing import NamedTuple

import numpy as np

from relational_rl._quiet import tf
from relational_rl.math import distributions

# log s lies between these; a deviation above e fills the bounds from end to end, and no more.
_LOG_DEVIATIONS = (-5.0, 1.0)
_LOG_2_PI = math.log(2.0 * math.pi)
_POINTS = np.linspace(-5.0, 5.0, 32)
_WEIGHTS = np.exp(-0.5 * _POINTS**2) / np.exp(-0.5 * _POINTS**2).sum()
# The smallest uniform number that is inverted: half the spacing of those in [0, 1).
_TINY = 2.0**-54


class Bounds(NamedTuple):
    """The bounds of D amounts; -inf and inf for a side without one.

    Attributes:
      low: D numbers.
      high: D numbers, each above that of `low`.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]


def deviations(raw: tf.Tensor) -> tf.Tensor:
    """Maps any numbers float32 `[...]` to deviations s in (exp(-5), e); 0 becomes 1."""
    lowest, highest = _LOG_DEVIATIONS
    of_zero = math.log(-lowest / highest)
    return tf.exp(lowest + (highest - lowest) * tf.sigmoid(raw + of_zero))


def log_prob(parameters: tf.Tensor, u: tf.Tensor, bounds: Bounds) -> tf.Tensor:
    """Returns log p(g(u)), the sum over the D amounts.

    Args:
      parameters: float32 `[..., 2 D]`.
      u: float32 `[..., D]`.
      bounds: of the amounts.

    Returns:
      float32 `[...]`.

    Raises:
      ValueError: If a shape or a dtype is wrong.
    """
    means, stds = _split(parameters, bounds)
    u = tf.convert_to_tensor(u)
    distributions.check_float("u", u)
    distributions.check_shape("u", u, means.shape)
    normal = -0.5 * (tf.square((u - means) / stds) + _LOG_2_PI) - tf.math.log(stds)
    return tf.reduce_sum(normal - log_slope(u, bounds), axis=-1)


def entropy(parameters: tf.Tensor, bounds: Bounds) -> tf.Tensor:
    """Returns H(x) in nats, the sum over the D amounts; negative for narrow distributions.

    Args:
      parameters: float32 `[..., 2 D]`.
      bounds: of the amounts.

    Returns:
      float32 `[...]`.

    Raises:
      ValueError: If a shape or a dtype is wrong.
    """
    means, stds = _split(parameters, bounds)
    normal = 0.5 * (1.0 + _LOG_2_PI) + tf.math.log(stds)
    points = tf.constant(_POINTS, tf.float32)[:, tf.newaxis]  # [points, 1]
    spread = means[..., tf.newaxis, :] + stds[..., tf.newaxis, :] * points  # [..., points, D]
    weights = tf.constant(_WEIGHTS, tf.float32)[:, tf.newaxis]
    slopes = tf.reduce_sum(weights * log_slope(spread, bounds), axis=-2)
    return tf.reduce_sum(normal + slopes, axis=-1)


def choose(
    parameters: tf.Tensor, uniforms: tf.Tensor, bounds: Bounds, greedy: bool = False
) -> tf.Tensor:
    """Draws u by inverting the normal distribution, or takes its mean.

    Args:
      parameters: float32 `[..., 2 D]`.
      uniforms: float64 `[..., D]` in [0, 1).
      bounds: of the amounts.
      greedy: whether to take the mean of u, which is the median of x.

    Returns:
      float32 `[..., D]`.

    Raises:
      ValueError: If a shape or a dtype is wrong.
    """
    means, stds = _split(parameters, bounds)
    if greedy:
        return means
    uniforms = tf.convert_to_tensor(uniforms)
    distributions.check_shape("uniforms", uniforms, means.shape)
    standard = tf.math.ndtri(tf.maximum(uniforms, _TINY))
    return means + stds * tf.cast(standard, tf.float32)


def spread(uniforms: tf.Tensor, bounds: Bounds) -> tf.Tensor:
    """Draws u so that x is uniform between finite bounds; u is standard normal elsewhere.

    Args:
      uniforms: float64 `[..., D]` in [0, 1).
      bounds: of the amounts.

    Returns:
      float32 `[..., D]`.
    """
    inside = tf.maximum(tf.convert_to_tensor(uniforms), _TINY)
    bounded = tf.constant(np.isfinite(_widths(bounds)))
    u = tf.where(bounded, tf.math.atanh(2.0 * inside - 1.0), tf.math.ndtri(inside))
    return tf.cast(u, tf.float32)


def spread_log_prob(u: tf.Tensor, bounds: Bounds) -> tf.Tensor:
    """Returns log p(g(u)) of what `spread` draws, float32 `[...]`."""
    widths = _widths(bounds)
    bounded = np.isfinite(widths)
    uniform = tf.constant(-np.log(np.where(bounded, widths, 1.0)), tf.float32)
    normal = -0.5 * (tf.square(u) + _LOG_2_PI) - log_slope(u, bounds)
    return tf.reduce_sum(tf.where(tf.constant(bounded), uniform, normal), axis=-1)


def spread_entropy(bounds: Bounds) -> tf.Tensor:
    """Returns H(x) of what `spread` draws, float32 []."""
    widths = _widths(bounds)
    ends = [Bounds((low,), (high,)) for low, high in zip(*bounds, strict=True)]
    standard = tf.zeros([2])  # the mean 0, the deviation 1
    entropies = [
        tf.constant(np.log(width), tf.float32) if np.isfinite(width) else entropy(standard, end)
        for width, end in zip(widths, ends, strict=True)
    ]
    return tf.add_n(entropies)


def log_slope(u: tf.Tensor, bounds: Bounds) -> tf.Tensor:
    """Returns log g'(u), float32 `[..., D]`, finite for every finite u."""
    low, high = (np.isfinite(np.asarray(side)) for side in bounds)
    widths = np.where(low & high, _widths(bounds), 2.0)
    both = tf.constant(np.log(0.5 * widths) + 2.0 * math.log(2.0), tf.float32) - 2.0 * (
        u + tf.nn.softplus(-2.0 * u)
    )
    one_sided = tf.where(tf.constant(low), -tf.nn.softplus(-u), -tf.nn.softplus(u))
    one = tf.where(tf.constant(low | high), one_sided, tf.zeros_like(u))
    return tf.where(tf.constant(low & high), both, one)


def _widths(bounds: Bounds) -> np.ndarray:
    return np.asarray(bounds.high, np.float64) - np.asarray(bounds.low, np.float64)


def _split(parameters: tf.Tensor, bounds: Bounds) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns means and deviations, float32 `[..., D]` each."""
    parameters = tf.convert_to_tensor(parameters)
    distributions.check_float("parameters", parameters)
    count = len(bounds.low)
    if parameters.shape.rank is None or parameters.shape[-1] != 2 * count:
        raise ValueError(
            f"parameters must have shape [..., 2 D] for D={count} amounts, got {parameters.shape}"
        )
    return parameters[..., :count], deviations(parameters[..., count:])
