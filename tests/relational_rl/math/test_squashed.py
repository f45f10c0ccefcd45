"""Squashed normal distributions against SciPy: the change of variables, and numerical integrals."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import integrate, stats

from relational_rl.math import squashed
from relational_rl.observations.action_parts import AmountsPart

INF = math.inf
ENDS = {
    "both": (-2.0, 5.0),
    "low": (1.5, INF),
    "high": (-INF, -0.5),
    "neither": (-INF, INF),
}
LOW, HIGH = (tuple(side) for side in zip(*ENDS.values(), strict=True))
BOUNDS = squashed.Bounds(LOW, HIGH)
D = len(LOW)
RNG = np.random.default_rng(0)
MEANS = RNG.normal(size=(5, D))
RAW = RNG.normal(size=(5, D)) * 2
PARAMETERS = tf.constant(np.concatenate([MEANS, RAW], axis=1), tf.float32)
STDS = squashed.deviations(tf.constant(RAW, tf.float32)).numpy().astype(np.float64)
U = MEANS + STDS * RNG.normal(size=(5, D)) * 2


def value(u, low, high):
    """g(u), written down once more."""
    if math.isfinite(low) and math.isfinite(high):
        return low + (high - low) * (1 + np.tanh(u)) / 2
    if math.isfinite(low):
        return low + np.log1p(np.exp(u))
    return high - np.log1p(np.exp(-u)) if math.isfinite(high) else u


def slope(u, low, high, step=1e-5):
    return (value(u + step, low, high) - value(u - step, low, high)) / (2 * step)


def one(end):
    low, high = ENDS[end]
    return squashed.Bounds((low,), (high,))


def parameters(mean, raw):
    return tf.constant([[mean, raw]], tf.float32)


def std(raw):
    return float(squashed.deviations(tf.constant(raw)))


def test_log_probabilities_are_scipys_of_u_and_the_slope():
    expected = np.zeros(5)
    for d, (low, high) in enumerate(ENDS.values()):
        normal = stats.norm.logpdf(U[:, d], MEANS[:, d], STDS[:, d])
        expected += normal - np.log(slope(U[:, d], low, high))
    found = squashed.log_prob(PARAMETERS, tf.constant(U, tf.float32), BOUNDS)
    np.testing.assert_allclose(found, expected, atol=1e-3, rtol=1e-4)


def test_the_density_between_two_bounds_is_the_normal_with_the_tanh_correction():
    u = np.linspace(-2, 2, 9)
    found = squashed.log_prob(
        tf.tile(parameters(0.3, 0.0), [9, 1]),
        tf.constant(u[:, np.newaxis], tf.float32),
        squashed.Bounds((-1.0,), (1.0,)),
    )
    expected = stats.norm.logpdf(u, 0.3, 1.0) - np.log(1 - np.tanh(u) ** 2)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("end", ENDS)
def test_densities_integrate_to_1(end):
    u = np.linspace(0.4 - 8 * std(-1.0), 0.4 + 8 * std(-1.0), 201)
    many = tf.tile(parameters(0.4, -1.0), [201, 1])
    density = np.exp(squashed.log_prob(many, tf.constant(u[:, np.newaxis], tf.float32), one(end)))
    assert integrate.trapezoid(density, value(u, *ENDS[end])) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(("mean", "raw"), [(0.0, 20.0), (2.5, 0.0), (-1.0, -3.0)])
def test_entropies_are_those_of_numerical_integrals(end, mean, raw):
    low, high = ENDS[end]
    deviation = std(raw)
    normal = stats.norm(mean, deviation)

    def minus_log(u):
        logs = np.zeros_like(u)
        if end == "both":  # of the hyperbolic secant squared
            logs = math.log(2 * (high - low)) - 2 * np.logaddexp(u, -u)
        elif end != "neither":  # of the logistic function
            logs = -np.logaddexp(0, -u if end == "low" else u)
        return (logs - normal.logpdf(u)) * normal.pdf(u)

    points = np.linspace(mean - 5.5 * deviation, mean + 5.5 * deviation, 4001)
    expected = integrate.trapezoid(minus_log(points), points)
    found = squashed.entropy(parameters(mean, raw), one(end))
    np.testing.assert_allclose(found, [expected], atol=2e-3)


def test_deviations_stay_within_their_limits_and_begin_at_1():
    found = squashed.deviations(tf.constant([-1e3, 0.0, 1e3])).numpy()
    np.testing.assert_allclose(found, [math.exp(-5), 1.0, math.e], rtol=1e-5)


def test_draws_follow_the_distribution_and_their_numbers_alone():
    count = 4000
    uniforms = np.random.default_rng(1).random((count, D))
    many = tf.tile(PARAMETERS[:1], [count, 1])
    u = squashed.choose(many, tf.constant(uniforms), BOUNDS).numpy()
    for d in range(D):
        assert stats.kstest(u[:, d], stats.norm(MEANS[0, d], STDS[0, d]).cdf).pvalue > 1e-3
    np.testing.assert_allclose(u[:7], squashed.choose(many[:7], uniforms[:7], BOUNDS), rtol=1e-5)
    np.testing.assert_array_equal(
        squashed.choose(PARAMETERS, np.zeros((5, D)), BOUNDS, greedy=True), PARAMETERS[:, :D]
    )
    assert np.isfinite(squashed.choose(PARAMETERS, np.zeros((5, D)), BOUNDS)).all()


def test_spread_amounts_are_uniform_between_bounds():
    uniforms = np.random.default_rng(2).random((4000, D))
    u = squashed.spread(tf.constant(uniforms), BOUNDS).numpy()
    amounts = AmountsPart((), (D,), LOW, HIGH).to_environment(u)
    assert stats.kstest(amounts[:, 0], stats.uniform(-2, 7).cdf).pvalue > 1e-3
    assert stats.kstest(u[:, 1], stats.norm.cdf).pvalue > 1e-3
    found = squashed.spread_log_prob(tf.constant(u[:, :1]), one("both"))
    np.testing.assert_allclose(found, np.full(4000, -math.log(7)), atol=1e-5)
    standard = tf.zeros([4000, 6])  # of the three others
    others = squashed.Bounds(LOW[1:], HIGH[1:])
    expected = found + squashed.log_prob(standard, tf.constant(u[:, 1:]), others)
    np.testing.assert_allclose(
        squashed.spread_log_prob(tf.constant(u), BOUNDS), expected, atol=1e-3
    )
    entropy = float(squashed.spread_entropy(BOUNDS))
    np.testing.assert_allclose(
        entropy, math.log(7) + squashed.entropy(standard[:1], others)[0], atol=1e-4
    )


def test_environments_are_given_g_of_u_within_bounds():
    part = AmountsPart((), (D,), LOW, HIGH)
    sent = part.to_environment(U.astype(np.float32))
    assert (sent.shape, sent.dtype) == ((5, D), np.float32)
    for d, (low, high) in enumerate(ENDS.values()):
        np.testing.assert_allclose(sent[:, d], value(U[:, d], low, high), rtol=1e-4, atol=1e-5)
    far = part.to_environment(np.array([[-500.0] * D, [500.0] * D], np.float32))
    assert (far >= np.array(LOW, np.float32)).all() and (far <= np.array(HIGH, np.float32)).all()
    assert np.isfinite(far).all()
    tight = AmountsPart((), (1,), (0.1,), (0.3,), "float32").to_environment(
        np.array([[30.0], [-30.0]], np.float32)
    )
    np.testing.assert_array_equal(tight, np.array([[0.3], [0.1]], np.float32))


def test_everything_compiles_and_has_finite_gradients():
    @tf.function(jit_compile=True)
    def both(parameters, uniforms):
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            u = squashed.choose(parameters, uniforms, BOUNDS)
            total = squashed.log_prob(parameters, u, BOUNDS) + squashed.entropy(parameters, BOUNDS)
        return u, tape.gradient(total, parameters)

    uniforms = np.random.default_rng(3).random((5, D))
    u, gradient = both(PARAMETERS, tf.constant(uniforms))
    np.testing.assert_allclose(u, squashed.choose(PARAMETERS, uniforms, BOUNDS), rtol=1e-4)
    assert np.isfinite(gradient).all() and (np.abs(gradient) > 1e-6).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: squashed.entropy(tf.zeros([2, 3]), BOUNDS), r"\[\.\.\., 2 D\] for D=4 amounts"),
        (lambda: squashed.log_prob(PARAMETERS, tf.zeros([5, 3]), BOUNDS), "u must have shape"),
        (lambda: squashed.log_prob(PARAMETERS, tf.zeros([5, 4], tf.int32), BOUNDS), "u must be"),
    ],
)
def test_wrong_shapes_and_dtypes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
