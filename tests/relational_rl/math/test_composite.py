"""Actions with arguments against the enumeration of every action there is."""

import itertools
import math

import numpy as np
import pytest
import tensorflow as tf

from relational_rl.math import composite

# Four types and three arguments: taken by none, one and several types, and by all but one.
TAKES = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 1]], bool)
SIZES = (2, 3, 4)
A, K = TAKES.shape
N = 5
_random = np.random.default_rng(0)
TYPE_LOGITS = _random.normal(size=(N, A)).astype(np.float32)
# What an argument's logits are depends on the type.
ARGUMENT_LOGITS = [_random.normal(size=(N, A, size)).astype(np.float32) for size in SIZES]


def given(types):
    """The argument logits of the types int [N]."""
    return [tf.constant(logits[np.arange(N), types]) for logits in ARGUMENT_LOGITS]


def softmax(logits):
    exps = np.exp(np.asarray(logits, np.float64))
    return exps / exps.sum()


def enumerate_actions():
    """Every action once, 0 for arguments that are not taken: 1 + 2 + 2 * 3 + 3 * 4."""
    actions = []
    for a in range(A):
        ranges = [range(SIZES[k]) if TAKES[a, k] else [0] for k in range(K)]
        actions += [(a, *values) for values in itertools.product(*ranges)]
    assert len(actions) == 21
    return actions


ACTIONS = enumerate_actions()


def probability(n, action, type_logits=TYPE_LOGITS):
    a, *values = action
    result = softmax(type_logits[n])[a]
    for k in range(K):
        if TAKES[a, k]:
            result *= softmax(ARGUMENT_LOGITS[k][n, a])[values[k]]
    return result


def log_probs(actions, type_logits=TYPE_LOGITS):
    actions = np.asarray(actions, np.int32)
    return composite.log_prob(
        tf.convert_to_tensor(type_logits), given(actions[:, 0]), tf.constant(TAKES), actions
    ).numpy()


def argument_entropies():
    """H(arguments | a) of every type, [N, A]."""
    columns = [
        composite.argument_entropy(
            given(np.full(N, a)), tf.constant(TAKES), tf.constant([a] * N, tf.int32)
        )
        for a in range(A)
    ]
    return tf.stack(columns, axis=1)


def enumerated_entropy(n, type_logits=TYPE_LOGITS):
    every = [probability(n, action, type_logits) for action in ACTIONS]
    return -sum(p * math.log(p) for p in every)


def test_log_probabilities_are_those_of_the_enumeration_and_sum_to_1():
    total = np.zeros(N)
    for action in ACTIONS:
        ours = log_probs([action] * N)
        expected = [math.log(probability(n, action)) for n in range(N)]
        np.testing.assert_allclose(ours, expected, rtol=1e-5)
        total += np.exp(ours)
    np.testing.assert_allclose(total, 1.0, rtol=1e-5)


def test_arguments_that_are_not_taken_are_ignored():
    for a in range(A):
        base = np.array([[a, 0, 0, 0]] * N)
        for k in range(K):
            other = base.copy()
            other[:, 1 + k] = 1
            changed = np.abs(log_probs(other) - log_probs(base)).min() > 1e-4
            assert changed == TAKES[a, k]


def test_the_exact_entropy_is_that_of_the_enumeration():
    ours = composite.entropy(tf.constant(TYPE_LOGITS), argument_entropies())
    np.testing.assert_allclose(ours, [enumerated_entropy(n) for n in range(N)], rtol=1e-5)


def test_the_gradient_of_the_exact_entropy_is_that_of_the_enumeration():
    logits = tf.Variable(TYPE_LOGITS)
    with tf.GradientTape() as tape:
        total = composite.entropy(logits, argument_entropies())
    gradient = tape.gradient(total, logits).numpy()
    for n, a in itertools.product(range(N), range(A)):
        shift = np.zeros((N, A))
        shift[n, a] = 1e-5
        change = enumerated_entropy(n, TYPE_LOGITS + shift)
        change -= enumerated_entropy(n, TYPE_LOGITS - shift)
        assert gradient[n, a] == pytest.approx(change / 2e-5, rel=1e-3, abs=1e-5)


def test_the_sampled_entropy_has_the_entropy_as_its_mean():
    mean, values = np.zeros(N), []
    for a in range(A):
        types = tf.constant([a] * N, tf.int32)
        sampled = composite.sampled_entropy(
            tf.constant(TYPE_LOGITS), given(np.full(N, a)), tf.constant(TAKES), types
        )
        values.append(sampled.numpy())
        mean += [softmax(TYPE_LOGITS[n])[a] * values[a][n] for n in range(N)]
    np.testing.assert_allclose(mean, [enumerated_entropy(n) for n in range(N)], rtol=1e-5)
    assert np.ptp(values, axis=0).min() > 0.5  # one alone would be far from it


def test_the_sampled_entropy_does_not_pay_a_type_for_its_arguments():
    logits = tf.Variable(TYPE_LOGITS)
    gradients = []
    for a in range(A):
        types = tf.constant([a] * N, tf.int32)
        with tf.GradientTape() as tape:
            total = composite.sampled_entropy(
                logits, given(np.full(N, a)), tf.constant(TAKES), types
            )
        gradients.append(tape.gradient(total, logits).numpy())
    for gradient in gradients[1:]:
        np.testing.assert_array_equal(gradient, gradients[0])


def test_drawn_actions_follow_the_distribution():
    count = 20_000
    types = np.tile(np.arange(A), count // A).astype(np.int32)
    logits = [
        tf.constant(np.tile(of_argument[0], (count // A, 1))) for of_argument in ARGUMENT_LOGITS
    ]
    uniforms = np.random.default_rng(1).random((count, K))
    actions = composite.choose_arguments(
        logits, tf.constant(TAKES), tf.constant(types), uniforms
    ).numpy()
    assert actions.dtype == np.int32
    np.testing.assert_array_equal(actions[:, 0], types)
    for a in range(A):
        mine = actions[types == a]
        assert (mine[:, 1:][:, ~TAKES[a]] == 0).all()
        for k in np.flatnonzero(TAKES[a]):
            shares = np.bincount(mine[:, 1 + k], minlength=SIZES[k]) / len(mine)
            np.testing.assert_allclose(shares, softmax(ARGUMENT_LOGITS[k][0, a]), atol=0.03)
    # Arguments are drawn independently of one another.
    both = actions[types == 2][:, 1:3]
    joint = np.histogram2d(both[:, 0], both[:, 1], bins=[2, 3])[0] / len(both)
    expected = np.outer(softmax(ARGUMENT_LOGITS[0][0, 2]), softmax(ARGUMENT_LOGITS[1][0, 2]))
    np.testing.assert_allclose(joint, expected, atol=0.03)


def test_the_most_probable_arguments_are_taken_where_asked_for():
    types = np.array([3, 2, 1, 0, 2], np.int32)
    actions = composite.choose_arguments(
        given(types), tf.constant(TAKES), tf.constant(types), np.zeros((N, K)), greedy=True
    ).numpy()
    for n, a in enumerate(types):
        best = [ARGUMENT_LOGITS[k][n, a].argmax() * TAKES[a, k] for k in range(K)]
        assert actions[n].tolist() == [a, *best]


def test_errors_name_thing_rule_and_value():
    with pytest.raises(ValueError, match=r"actions must have shape \[..., 1 \+ K\] for K=3 argum"):
        log_probs(np.zeros((N, 3), np.int32))
    with pytest.raises(
        ValueError, match=r"argument_entropies must have shape \[5, 4\], got \[5, 2"
    ):
        composite.entropy(tf.constant(TYPE_LOGITS), argument_entropies()[:, :2])
