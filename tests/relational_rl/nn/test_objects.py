"""Sets of objects, and numbers, become entities."""

import by_hand
import numpy as np
import pytest
import tensorflow as tf

from relational_rl.nn.objects import ObjectEncoder, VectorEncoder, sets_of_objects

B, E = 2, 5
RNG = np.random.default_rng(0)
OBSERVATIONS = {
    "objects": RNG.normal(size=(B, 3, 2)).astype(np.float32),
    "objects_mask": np.array([[True, False, True], [False, False, False]]),
    "objects_1": RNG.normal(size=(B, 2, 4)).astype(np.float32),
    "objects_1_mask": np.array([[False, True], [True, True]]),
    "vector": RNG.normal(size=(B, 3)).astype(np.float32),
}


def encoded(encoder, observations=OBSERVATIONS):
    """Returns the entities, with weights that are neither 0 nor alike, and the weights."""
    encoder(observations)
    by_hand.randomize(encoder)
    return encoder(observations), [variable.numpy() for variable in encoder.variables]


def relu_of_rows(rows, weights, bias):
    return np.maximum(np.einsum("bnf,fe->bne", rows, weights) + bias, 0)


def test_rows_become_entities_with_their_mask():
    entities, (bias, weights) = encoded(ObjectEncoder(E, ["objects"]))
    np.testing.assert_allclose(
        entities.features, relu_of_rows(OBSERVATIONS["objects"], weights, bias), atol=1e-5
    )
    assert np.asarray(entities.features).any()
    np.testing.assert_array_equal(entities.mask, OBSERVATIONS["objects_mask"])
    np.testing.assert_array_equal(entities.cells, [[0, 1, 2]] * B)
    assert entities.cells.dtype == tf.int32
    assert (ObjectEncoder.map_shape, ObjectEncoder.needs_background) == (None, False)


def test_several_sets_become_one_with_a_layer_for_each():
    entities, (bias, weights, bias_1, weights_1) = encoded(ObjectEncoder(E))
    expected = [
        relu_of_rows(OBSERVATIONS["objects"], weights, bias),
        relu_of_rows(OBSERVATIONS["objects_1"], weights_1, bias_1),
    ]
    np.testing.assert_allclose(entities.features, np.concatenate(expected, axis=1), atol=1e-5)
    np.testing.assert_array_equal(
        entities.mask, [[True, False, True, False, True], [False, False, False, True, True]]
    )
    np.testing.assert_array_equal(entities.cells, [[0, 1, 2, 3, 4]] * B)


def test_sets_are_those_with_a_mask_in_one_order():
    assert sets_of_objects(["vector", "mask", *reversed(OBSERVATIONS)]) == ["objects", "objects_1"]


@pytest.mark.parametrize("sources", [(), ("objects",), ("vector",)])
def test_a_set_that_is_not_there_is_named(sources):
    with pytest.raises(ValueError, match=r"sources must be names of sets .*\['vector'\], got \["):
        ObjectEncoder(E, sources)({"vector": OBSERVATIONS["vector"]})


def test_numbers_become_entities_that_know_which_number_they_are():
    entities, (bias, weights) = encoded(VectorEncoder(E))
    value, index = weights[0], weights[1:]
    expected = [
        [np.maximum(number * value + index[place] + bias, 0) for place, number in enumerate(vector)]
        for vector in OBSERVATIONS["vector"]
    ]
    np.testing.assert_allclose(entities.features, expected, atol=1e-5)
    assert entities.mask is None
    np.testing.assert_array_equal(entities.cells, [[0, 1, 2]] * B)
    # Equal numbers in different places are different entities.
    alike = np.asarray(
        encoded(VectorEncoder(E), {"vector": np.ones((1, 3), np.float32)})[0].features
    )
    assert (np.ptp(alike[0], axis=0) > 0).any()


@pytest.mark.parametrize("make", [ObjectEncoder, VectorEncoder])
def test_the_size_of_a_batch_may_differ_within_one_graph(make):
    encoder = make(E)
    expected = encoder(OBSERVATIONS)
    signature = {
        name: tf.TensorSpec([None, *array.shape[1:]], array.dtype)
        for name, array in OBSERVATIONS.items()
    }
    features = tf.function(lambda seen: encoder(seen).features, input_signature=[signature])
    np.testing.assert_allclose(features(OBSERVATIONS), expected.features, atol=1e-6)
    fewer = {name: array[:1] for name, array in OBSERVATIONS.items()}
    np.testing.assert_allclose(features(fewer), expected.features[:1], atol=1e-6)
