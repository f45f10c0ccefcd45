"""Actions of several parts against the sums over their parts and the enumeration of all."""

import itertools
import math

import numpy as np
import pytest
import tensorflow as tf

from relational_rl.math import distributions, squashed
from relational_rl.math.joint import Joint, OneChoice

SIZES = (3, 2, 2, 4)
BOUNDS = squashed.Bounds((-1.0, 0.0), (1.0, math.inf))
CHOICES, BOTH = Joint(SIZES), Joint(SIZES, BOUNDS)
N = 3
PARAMETERS = np.random.default_rng(0).normal(size=(N, BOTH.num_parameters)).astype(np.float32)
LOGITS = PARAMETERS[:, : sum(SIZES)]
EVERY = list(itertools.product(*(range(size) for size in SIZES)))
MASK = np.array(
    [[1, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0], [0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1], [1] * 11], bool
)


def probability(row, action, logits=LOGITS):
    """The product of the probabilities of each choice."""
    result, first = 1.0, 0
    for size, chosen in zip(SIZES, action, strict=True):
        exps = np.exp(np.asarray(logits[row, first : first + size], np.float64))
        result *= exps[chosen] / exps.sum()
        first += size
    return result


def test_sizes_are_those_of_all_parts():
    assert (BOTH.num_parameters, BOTH.num_draws, BOTH.num_logits) == (11 + 4, 6, 11)
    assert (CHOICES.num_parameters, CHOICES.num_draws) == (11, 4)
    assert Joint((), BOUNDS).num_parameters == 4
    assert Joint(SIZES, BOUNDS, spread=True).num_parameters == 11


def test_log_probabilities_and_entropies_are_those_of_the_enumeration():
    for row in range(N):
        actions = tf.constant(EVERY, tf.int32)
        parameters = tf.tile(LOGITS[row : row + 1], [len(EVERY), 1])
        expected = np.array([probability(row, action) for action in EVERY])
        found = CHOICES.log_prob(parameters, actions)
        np.testing.assert_allclose(np.exp(found), expected, rtol=1e-4)
        np.testing.assert_allclose(
            CHOICES.entropy(LOGITS)[row], -(expected * np.log(expected)).sum(), rtol=1e-4
        )


def test_amounts_add_theirs():
    u = np.random.default_rng(1).normal(size=(N, 2)).astype(np.float32)
    chosen = np.array(EVERY[:N], np.float32)
    actions = tf.constant(np.concatenate([chosen, u], axis=1))
    rest = PARAMETERS[:, 11:]
    np.testing.assert_allclose(
        BOTH.log_prob(PARAMETERS, actions),
        CHOICES.log_prob(LOGITS, chosen.astype(np.int32)) + squashed.log_prob(rest, u, BOUNDS),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        BOTH.entropy(PARAMETERS),
        CHOICES.entropy(LOGITS) + squashed.entropy(rest, BOUNDS),
        rtol=1e-5,
    )


def test_draws_follow_the_probabilities_and_have_the_dtype_of_their_parts():
    count = 20_000
    uniforms = np.random.default_rng(2).random((count, 4))
    drawn = CHOICES.choose(tf.tile(LOGITS[:1], [count, 1]), tf.constant(uniforms))
    assert drawn.dtype == tf.int32
    found = {action: 0 for action in EVERY}
    for action in drawn.numpy().tolist():
        found[tuple(action)] += 1
    expected = [probability(0, action) for action in EVERY]
    np.testing.assert_allclose(np.array(list(found.values())) / count, expected, atol=0.012)
    together = BOTH.choose(PARAMETERS, np.random.default_rng(3).random((N, 6)))
    assert (together.dtype, together.shape) == (tf.float32, (N, 6))
    best = BOTH.choose(PARAMETERS, np.zeros((N, 6)), greedy=True).numpy()
    assert max(EVERY, key=lambda action: probability(0, action)) == tuple(best[0, :4].astype(int))
    np.testing.assert_array_equal(best[:, 4:], PARAMETERS[:, 11:13])


@pytest.mark.parametrize("width", [11, 3])
def test_masked_choices_have_no_probability(width):
    """A mask of the first choice alone leaves the others as they are."""
    masked = BOTH.masked(tf.constant(PARAMETERS), tf.constant(MASK[:, :width]))
    np.testing.assert_array_equal(masked[:, width:], PARAMETERS[:, width:])
    uniforms = np.random.default_rng(4).random((500, 6))
    for row in range(N):
        drawn = BOTH.choose(tf.tile(masked[row : row + 1], [500, 1]), tf.constant(uniforms))
        first = 0
        for place, size in enumerate(SIZES):
            allowed = np.flatnonzero(np.r_[MASK[row, :width], [True] * 11][first : first + size])
            assert set(drawn.numpy()[:, place].astype(int)) == set(allowed)
            first += size
    assert np.isfinite(BOTH.entropy(masked)).all()


def test_one_choice_is_the_categorical_distribution():
    logits, uniforms = tf.constant(LOGITS), np.random.default_rng(5).random((N, 1))
    actions = OneChoice().choose(logits, uniforms)
    np.testing.assert_array_equal(actions, distributions.sample(logits, uniforms[:, 0]))
    np.testing.assert_array_equal(
        OneChoice().log_prob(logits, actions), distributions.log_prob(logits, actions)
    )
    np.testing.assert_array_equal(OneChoice().entropy(logits), distributions.entropy(logits))
    np.testing.assert_array_equal(OneChoice().choose(logits, uniforms, True), LOGITS.argmax(axis=1))


def test_time_and_batch_are_carried_through_a_graph_of_unknown_sizes():
    shape = [None, None, BOTH.num_parameters]
    entropies = tf.function(
        BOTH.entropy, input_signature=[tf.TensorSpec(shape, tf.float32)], autograph=False
    )
    found = entropies(tf.tile(PARAMETERS[tf.newaxis], [2, 1, 1]))
    np.testing.assert_allclose(found[1], BOTH.entropy(PARAMETERS), rtol=1e-5)


def test_actions_of_other_columns_are_named():
    with pytest.raises(
        ValueError, match=r"\[\.\.\., 6\] for 4 choices and 2 amounts, got \(3, 4\)"
    ):
        BOTH.log_prob(PARAMETERS, tf.zeros([N, 4]))
