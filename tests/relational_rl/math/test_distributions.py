"""Categorical distributions against sums over every action."""

import math

import numpy as np
import pytest
import tensorflow as tf

from relational_rl.math import distributions

# Logits are logarithms of integers, so the probabilities are exact fractions.
COUNTS = np.array([[1.0, 2.0, 5.0, 8.0], [6.0, 6.0, 3.0, 1.0]])
LOGITS = (np.log(COUNTS) + np.array([[0.0], [50.0]])).astype(np.float32)
PROBABILITIES = COUNTS / 16.0


def test_log_prob_of_every_action():
    for action in range(4):
        actions = np.full(2, action, np.int32)
        result = np.exp(distributions.log_prob(LOGITS, actions))
        np.testing.assert_allclose(result, PROBABILITIES[:, action], rtol=1e-5)


def test_log_prob_picks_by_position():
    logits = np.random.default_rng(0).normal(size=(3, 2, 4)).astype(np.float32)
    actions = np.array([[0, 3], [1, 2], [2, 0]])
    result = distributions.log_prob(logits, actions)
    for t in range(3):
        for b in range(2):
            exponentials = [math.exp(x) for x in logits[t, b]]
            expected = math.log(exponentials[actions[t, b]] / sum(exponentials))
            assert float(result[t, b]) == pytest.approx(expected, rel=1e-5)


def test_entropy_is_the_expected_surprise():
    expected = [-sum(p * math.log(p) for p in row) for row in PROBABILITIES]
    np.testing.assert_allclose(distributions.entropy(LOGITS), expected, rtol=1e-5)
    np.testing.assert_allclose(
        distributions.entropy(np.zeros((1, 4), np.float32)), [math.log(4.0)], rtol=1e-6
    )


def test_kl_by_enumeration():
    expected = sum(p * math.log(p / q) for p, q in zip(*PROBABILITIES, strict=True))
    assert distributions.kl(LOGITS[0], LOGITS[1]).numpy() == pytest.approx(expected, rel=1e-5)
    backwards = sum(q * math.log(q / p) for p, q in zip(*PROBABILITIES, strict=True))
    assert abs(backwards - expected) > 0.01
    np.testing.assert_allclose(distributions.kl(LOGITS, LOGITS + 3.0), [0.0, 0.0], atol=1e-5)


def test_mode_is_the_lowest_of_the_most_probable():
    result = distributions.mode(LOGITS)
    assert result.dtype == tf.int32
    np.testing.assert_array_equal(result, [3, 0])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_samples_have_the_probabilities(jit_compile):
    number = 40_000
    sample = tf.function(distributions.sample, jit_compile=jit_compile)
    uniforms = np.random.default_rng(1).random((2, number))
    actions = sample(np.repeat(LOGITS[:, np.newaxis], number, axis=1), uniforms).numpy()
    assert actions.dtype == np.int32
    for row, probabilities in zip(actions, PROBABILITIES, strict=True):
        counts = np.bincount(row, minlength=4)
        chi_square = ((counts - number * probabilities) ** 2 / (number * probabilities)).sum()
        assert chi_square < 16.27  # 99.9 % of chi-square with 3 degrees of freedom


def test_a_sample_is_where_its_number_falls_among_the_probabilities():
    logits = np.log(np.array([[0.1, 0.0, 0.6, 0.3]], np.float32) + 1e-30).repeat(7, axis=0)
    uniforms = np.array([0.0, 0.0999, 0.1001, 0.6999, 0.7001, 0.9999, 0.4])
    assert distributions.sample(logits, uniforms).numpy().tolist() == [0, 0, 2, 2, 3, 3, 2]
    assert distributions.choose(logits, uniforms, greedy=True).numpy().tolist() == [2] * 7
    # A row does not depend on the others.
    alone = distributions.sample(logits[:1], uniforms[4:5])
    assert alone.numpy().tolist() == [3]


MASK = np.array([[True, False, True, False], [False, False, True, False]])


def test_masked_actions_have_no_probability_at_all():
    masked = distributions.mask_logits(LOGITS, MASK)
    probabilities = tf.nn.softmax(masked).numpy()
    np.testing.assert_array_equal(probabilities[~MASK], 0.0)
    np.testing.assert_allclose(probabilities[0, [0, 2]], [1 / 6, 5 / 6], rtol=1e-5)
    assert probabilities[1, 2] == 1.0
    np.testing.assert_allclose(
        distributions.entropy(masked)[0], -(math.log(1 / 6) + 5 * math.log(5 / 6)) / 6, rtol=1e-5
    )
    assert distributions.entropy(masked)[1] == 0.0
    np.testing.assert_allclose(
        np.exp(distributions.log_prob(masked, [2, 2])), [5 / 6, 1.0], rtol=1e-5
    )
    edges = [0.0, 1 - 2**-53]
    for seed in range(20):
        uniforms = np.concatenate([np.random.default_rng(seed).random(998), edges])
        actions = distributions.sample(np.repeat(masked, 500, axis=0), uniforms)
        assert np.repeat(MASK, 500, axis=0)[np.arange(1000), actions].all()


@pytest.mark.parametrize("jit_compile", [False, True])
def test_masked_gradients_are_finite_and_stop_at_masked_logits(jit_compile):
    logits = tf.constant(LOGITS)

    def entropy(masked):
        return distributions.entropy(masked)

    def log_prob(masked):
        return distributions.log_prob(masked, [0, 2])

    def kl_between(masked):
        return distributions.kl(masked, distributions.mask_logits(-LOGITS, MASK))

    def kl_to_uniform(masked):
        return distributions.kl(masked, tf.zeros_like(masked))

    def masked_action(masked):
        return distributions.log_prob(masked, [1, 1])

    for function in (entropy, log_prob, kl_between, kl_to_uniform, masked_action):

        @tf.function(jit_compile=jit_compile, autograph=False)
        def gradient_of(logits, function=function):
            with tf.GradientTape() as tape:
                tape.watch(logits)
                result = function(distributions.mask_logits(logits, tf.constant(MASK)))
            return result, tape.gradient(result, logits)

        result, gradient = gradient_of(logits)
        assert np.isfinite(result).all(), function.__name__
        assert np.isfinite(gradient).all(), function.__name__
        np.testing.assert_array_equal(gradient.numpy()[~MASK], 0.0)
    # The gradient of the entropy is the one over the available actions alone.
    with tf.GradientTape(persistent=True) as tape:
        available = tf.Variable(LOGITS[0, [0, 2]])
        everything = tf.Variable(LOGITS[0])
        few = distributions.entropy(available)
        masked = distributions.entropy(distributions.mask_logits(everything, MASK[0]))
    expected = tape.gradient(few, available).numpy()
    assert np.abs(expected).min() > 0.01
    np.testing.assert_allclose(
        tape.gradient(masked, everything).numpy()[[0, 2]], expected, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: distributions.entropy(np.zeros((2, 4))), "logits must be float32, got float64"),
        (
            lambda: distributions.entropy(np.float32(1.0)),
            r"logits must have shape \[..., A\] with A >= 1, got \[\]",
        ),
        (
            lambda: distributions.log_prob(LOGITS, [0.0, 1.0]),
            "actions must be int32 or int64, got float32",
        ),
        (
            lambda: distributions.log_prob(LOGITS, [[0, 1]]),
            r"actions must have shape \[2\], got \[1, 2\]",
        ),
        (
            lambda: distributions.kl(LOGITS, LOGITS[:, :3]),
            r"q_logits must have shape \[2, 4\], got \[2, 3\]",
        ),
        (
            lambda: distributions.sample(LOGITS, np.zeros(3)),
            r"uniforms must have shape \[2\], got \[3\]",
        ),
        (
            lambda: distributions.sample(LOGITS, np.zeros(2, np.float32)),
            "uniforms must be float64, got float32",
        ),
        (
            lambda: distributions.mask_logits(LOGITS, MASK[0]),
            r"mask must have shape \[2, 4\], got \[4\]",
        ),
        (lambda: distributions.mask_logits(LOGITS, LOGITS), "mask must be bool, got float32"),
    ],
)
def test_errors_name_thing_rule_and_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()
