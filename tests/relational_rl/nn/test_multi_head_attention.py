"""Attention against loops, exact fractions, masks and permutations."""

import math

import by_hand
import numpy as np
import pytest
import tensorflow as tf

from relational_rl.nn.attention import MultiHeadAttention, normalize

B, N, F, HEADS, SIZE = 3, 5, 6, 2, 4
ENTITIES = np.random.default_rng(0).normal(size=(B, N, F)).astype(np.float32)
MASK = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 1, 0], [0, 0, 0, 1, 0]], bool)


@pytest.fixture(scope="module")
def attention():
    module = MultiHeadAttention(HEADS, SIZE)
    module(tf.constant(ENTITIES))
    by_hand.randomize(module)
    return module


def attend(module, entities, mask=None):
    mask = None if mask is None else tf.constant(mask)
    values, weights = module(tf.constant(entities), mask)
    return values.numpy(), weights.numpy()


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
def test_equals_the_loops(attention, mask):
    values, weights = attend(attention, ENTITIES, mask)
    expected_values, expected_weights = by_hand.attention(
        ENTITIES.astype(np.float64), by_hand.variables(attention), HEADS, SIZE, mask
    )
    assert values.shape == (B, N, HEADS * SIZE)
    assert weights.shape == (B, HEADS, N, N)
    np.testing.assert_allclose(weights, expected_weights, atol=1e-5)
    np.testing.assert_allclose(values, expected_values, atol=1e-4)
    assert weights.std() > 0.05  # far from uniform


def test_parameters_are_a_projection_and_the_norm_of_its_parts(attention):
    shapes = {name: value.shape for name, value in by_hand.variables(attention).items()}
    assert shapes == {
        "qkv/w": (F, 3 * HEADS * SIZE),
        "qkv_norm_scale": (3, HEADS, SIZE),
        "qkv_norm_offset": (3, HEADS, SIZE),
    }


@pytest.mark.parametrize(
    ("mask", "fractions"),
    [
        (None, [1 / 10, 2 / 10, 3 / 10, 4 / 10]),
        ([[True, True, True, False]], [1 / 6, 2 / 6, 3 / 6, 0]),
        ([[False, False, True, True]], [0, 0, 3 / 7, 4 / 7]),
    ],
)
def test_logits_that_are_logs_of_integers_give_fractions(mask, fractions):
    # One head of size 3. `across` and `along` span the vectors of mean 0 and variance 1, on which
    # the norm does nothing: keys are points n of a circle, at the angle whose cosine is
    # log(n) / log(4); every query is the point at angle 0, log(4) from the origin.
    across = np.array([2.0, -1.0, -1.0]) / math.sqrt(6)
    along = np.array([0.0, 1.0, -1.0]) / math.sqrt(2)
    cosines = [math.log(n) / math.log(4) for n in (1, 2, 3, 4)]
    keys = [math.sqrt(3) * (c * across + math.sqrt(max(1 - c * c, 0.0)) * along) for c in cosines]
    entities = np.array([keys], np.float32)
    module = MultiHeadAttention(1, 3)
    module(tf.constant(entities))
    kernel, scale, offset = module.trainable_variables
    by_name = {v.name.split("/")[-1].removesuffix(":0"): v for v in (kernel, scale, offset)}
    by_name["w"].assign(np.concatenate([np.zeros((3, 3)), np.eye(3), np.eye(3)], axis=1))
    by_name["qkv_norm_offset"][0, 0].assign(math.log(4) * across)
    values, weights = attend(module, entities, mask)
    np.testing.assert_allclose(weights[0, 0], [fractions] * 4, atol=1e-5)
    expected = sum(fraction * key for fraction, key in zip(fractions, keys, strict=True))
    np.testing.assert_allclose(values[0], [expected] * 4, atol=1e-4)
    masked = np.array(fractions) == 0
    np.testing.assert_array_equal(weights[0, 0][:, masked], 0.0)


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
def test_rows_sum_to_one(attention, mask):
    weights = attend(attention, ENTITIES, mask)[1]
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=-1), 1.0, atol=1e-6)


def test_masked_entities_get_no_weight_and_are_not_seen(attention):
    values, weights = attend(attention, ENTITIES, MASK)
    unseen = np.broadcast_to(~MASK[:, np.newaxis, np.newaxis, :], weights.shape)
    np.testing.assert_array_equal(weights[unseen], 0.0)
    assert (weights[~unseen] > 0).all()
    changed = np.where(MASK[..., np.newaxis], ENTITIES, 50.0 - ENTITIES)
    other_values, other_weights = attend(attention, changed, MASK)
    np.testing.assert_allclose(other_values[MASK], values[MASK], atol=1e-6)
    rows = np.broadcast_to(MASK[:, np.newaxis], weights.shape[:3])
    np.testing.assert_allclose(other_weights[rows], weights[rows], atol=1e-6)
    # Without the mask they are seen: the case can fail.
    assert (
        np.abs(attend(attention, changed)[0][MASK] - attend(attention, ENTITIES)[0][MASK]).max()
        > 0.1
    )


def test_masking_equals_leaving_out(attention):
    kept = [0, 2, 3]
    values, weights = attend(attention, ENTITIES[1:2], MASK[1:2])
    few_values, few_weights = attend(attention, ENTITIES[1:2, kept])
    np.testing.assert_allclose(values[:, kept], few_values, atol=1e-5)
    np.testing.assert_allclose(weights[:, :, kept][..., kept], few_weights, atol=1e-5)


def test_permuted_entities_give_permuted_results(attention):
    order = np.array([3, 0, 4, 1, 2])
    values, weights = attend(attention, ENTITIES, MASK)
    other_values, other_weights = attend(attention, ENTITIES[:, order], MASK[:, order])
    np.testing.assert_allclose(other_values, values[:, order], atol=1e-5)
    np.testing.assert_allclose(other_weights, weights[:, :, order][..., order], atol=1e-6)
    assert np.abs(other_values - values).max() > 0.1


def test_images_of_a_batch_do_not_see_one_another(attention):
    values, _ = attend(attention, ENTITIES)
    for b in range(B):
        np.testing.assert_allclose(
            attend(attention, ENTITIES[b : b + 1])[0][0], values[b], atol=1e-5
        )


def test_every_parameter_gets_a_finite_gradient(attention):
    with tf.GradientTape() as tape:
        values, _ = attention(tf.constant(ENTITIES), tf.constant(MASK))
        loss = tf.reduce_sum(tf.square(values))
    for gradient in tape.gradient(loss, attention.trainable_variables):
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() > 1e-3


def test_normalize_is_the_layer_norm():
    result = normalize(tf.constant(ENTITIES)).numpy()
    expected = by_hand.layer_norm(ENTITIES[1, 2].astype(np.float64), 1.0, 0.0)
    np.testing.assert_allclose(result[1, 2], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((0, 4), "num_heads must be at least 1, got 0"),
        ((2, -1), "head_size must be at least 1, got -1"),
    ],
)
def test_sizes_must_be_positive(sizes, message):
    with pytest.raises(ValueError, match=message):
        MultiHeadAttention(*sizes)


def test_shapes_must_fit(attention):
    with pytest.raises(
        ValueError, match=r"entities must have rank 3 \[B, N, F\], got shape \(5, 6\)"
    ):
        attention(tf.zeros([N, F]))
    message = r"mask must be \[B, N\] = \(3, 5\), got shape \(3, 4\)"
    with pytest.raises(ValueError, match=message):
        attention(tf.constant(ENTITIES), tf.ones([B, N - 1], tf.bool))
