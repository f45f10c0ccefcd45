"""One object decides how every layer of a network starts."""

import dataclasses
import pickle

import numpy as np
import pytest
import sonnet as snt
import tensorflow as tf

from relational_rl.nn.arguments import ArgumentHeads
from relational_rl.nn.attention import MultiHeadAttention
from relational_rl.nn.encoders import EntityEncoder
from relational_rl.nn.entities import Entities
from relational_rl.nn.initializers import STANDARD, Orthogonal
from relational_rl.nn.layers import LayerEmbedding, MapEncoder
from relational_rl.nn.references import References
from relational_rl.nn.relational import RelationalModule
from relational_rl.nn.residual import ResidualModule
from relational_rl.nn.stems import ConvStem, PatchStem

INPUT, HIDDEN, OUTPUT, EMBEDDING = 1.0, 2.0, 3.0, 4.0


@dataclasses.dataclass(frozen=True)
class Roles:
    """Every weight becomes the number of its role."""

    def input(self):
        return snt.initializers.Constant(INPUT)

    def hidden(self, parts=1):
        return snt.initializers.Constant(HIDDEN + parts - 1)

    def output(self, scale=None):
        return snt.initializers.Constant(OUTPUT * scale)

    def embedding(self, stddev):
        return snt.initializers.Constant(EMBEDDING * stddev)


def _encoders(initializer):
    shape, image = (4, 4, 3), {"image": tf.zeros((1, 4, 4, 3), tf.uint8)}
    references = References(2, 3, initializer)
    patches = EntityEncoder(
        PatchStem(8, initializer=initializer), shape, "uint8", 255.0, 3, references, False,
        initializer,
    )  # fmt: skip
    convolutions = EntityEncoder(ConvStem((4, 5), initializer=initializer), shape, "uint8", 255.0)
    patches(image)
    convolutions(image)
    return [patches, convolutions]


def _cores(initializer):
    entities = Entities(tf.zeros((1, 4, 6)), None, tf.zeros((1, 4), tf.int32))
    relational = RelationalModule(1, 2, 4, mlp=(5, 7), initializer=initializer)
    residual = ResidualModule(1, (2, 2), channels=5, initializer=initializer)
    relational(entities)
    residual(entities)
    return [relational, residual]


def _spatial(initializer):
    heads = ArgumentHeads(
        3, [4, 16], [None, (4, 4)], (2, 2), 5, 6, 0.5, (None, "screen"), initializer
    )
    pixels = heads.pixels({"screen": tf.zeros((1, 4, 4, 2))})
    heads(tf.zeros((1, 7)), heads.canvases(tf.zeros((1, 2, 2, 3)), pixels), tf.constant([0]))
    layers = LayerEmbedding((0, 3), 2, 4, initializer)
    encoder = MapEncoder((8, 8, 5), 2, 3, initializer)
    encoder(layers(tf.zeros((1, 8, 8, 2))))
    return [heads, layers, encoder]


def _weights(modules):
    """Returns {name without the module: variable} of everything but biases and layer norms."""
    return {
        "/".join(variable.name.split("/")[-2:]).removesuffix(":0"): variable
        for module in modules
        for variable in module.trainable_variables
        if not any(word in variable.name for word in ("/b:0", "norm", "likeness"))
    }


def test_every_layer_tells_its_role():
    modules = [*_encoders(Roles()), *_cores(Roles()), *_spatial(Roles())]
    found = {name: set(np.unique(value)) for name, value in _weights(modules).items()}
    qkv = HIDDEN + 2  # three parts
    assert found == {
        "embed/w": {INPUT},
        "conv_0/w": {INPUT},
        "conv_1/w": {HIDDEN},
        "score/w": {HIDDEN},
        "own_match/w": {HIDDEN},
        "reference_match/w": {HIDDEN},
        "merge/w": {HIDDEN},
        "qkv/w": {qkv},
        "hidden/w": {HIDDEN},
        "hidden_1/w": {HIDDEN},
        "update/w": {HIDDEN},
        "project/w": {HIDDEN},
        "block_0_first/w": {HIDDEN},
        "block_0_second/w": {HIDDEN},
        "argument_heads/type_embeddings": {EMBEDDING},
        "plain_arguments/w": {OUTPUT * 0.5},
        "up_0/w": {HIDDEN},
        "from_map_0/w": {HIDDEN},
        "from_type_0/w": {HIDDEN},
        "from_pixels_0/w": {INPUT},
        "pixels_0/w": {OUTPUT * 0.5},
        "direct_0/w": {0.0},
        "layer_embedding/embeddings": {EMBEDDING / 2},
        "down_0/w": {INPUT},
        "residual_0_first/w": {HIDDEN},
        "residual_0_second/w": {HIDDEN},
        "down_1/w": {HIDDEN},
        "residual_1_first/w": {HIDDEN},
        "residual_1_second/w": {HIDDEN},
    }


def test_the_standard_start_is_sonnets_number_for_number():
    tf.random.set_seed(5)
    attention = MultiHeadAttention(2, 4)
    attention(tf.zeros((1, 3, 6)))
    started = attention.parameters()[0].numpy()
    tf.random.set_seed(5)
    plain = snt.Linear(24, with_bias=False)
    plain(tf.zeros((1, 6)))
    np.testing.assert_array_equal(started, plain.w)
    tf.random.set_seed(5)
    expected = snt.initializers.VarianceScaling(0.25)([7, 3], tf.float32)
    tf.random.set_seed(5)
    np.testing.assert_array_equal(STANDARD.output(0.5)([7, 3], tf.float32), expected)
    np.testing.assert_array_equal(STANDARD.output(0.0)([7, 3], tf.float32), np.zeros((7, 3)))
    assert STANDARD.input() is STANDARD.hidden() is STANDARD.output() is None


class TestOrthogonal:
    """The second start."""

    def test_queries_keys_and_values_are_each_orthogonal(self):
        attention = MultiHeadAttention(2, 4, Orthogonal(gain=3.0))
        attention(tf.zeros((1, 3, 8)))
        w = attention.parameters()[0].numpy()
        parts = np.split(w, 3, axis=1)
        for part in parts:
            np.testing.assert_allclose(part.T @ part, 9 * np.eye(8), atol=1e-4)
        assert np.abs(parts[0] - parts[1]).max() > 0.1

    def test_a_relu_layer_keeps_the_size_of_what_goes_through(self):
        tf.random.set_seed(0)
        w = Orthogonal().hidden()([128, 128], tf.float32)
        x = tf.random.normal((512, 128))
        sizes = [tf.reduce_mean(x**2).numpy()]
        for _ in range(4):
            x = tf.nn.relu(x @ w)
            sizes.append(tf.reduce_mean(x**2).numpy())
        np.testing.assert_allclose(sizes[1], sizes[0], rtol=0.05)
        np.testing.assert_allclose(sizes[4], sizes[0], rtol=0.35)

    def test_outputs_are_small_unless_the_module_asks(self):
        for initialize, size in (
            (Orthogonal().output(), 0.01),
            (Orthogonal(output_gain=0.5).output(), 0.5),
            (Orthogonal().output(0.1), 0.1),
        ):
            w = initialize([32, 4], tf.float32).numpy()
            np.testing.assert_allclose(np.linalg.svd(w)[1], size, rtol=1e-5)
        np.testing.assert_array_equal(Orthogonal().output(0.0)([3, 2], tf.float32), 0.0)

    def test_a_kernel_is_orthogonal_over_its_whole_window(self):
        stem = ConvStem((4, 5), initializer=Orthogonal(1.0))
        stem(tf.zeros((1, 6, 6, 3)), tf.zeros((1, 1), tf.int32))
        kernel = stem.parameters()[2].numpy().reshape(-1, 5)
        np.testing.assert_allclose(kernel.T @ kernel, np.eye(5), atol=1e-5)

    def test_whole_networks_start_and_travel(self):
        start = pickle.loads(pickle.dumps(Orthogonal(1.0)))
        for value in _weights([*_encoders(start), *_cores(start), *_spatial(start)]).values():
            assert np.isfinite(value).all()

    def test_wrong_values_say_so(self):
        with pytest.raises(ValueError, match=r"gain must be positive, got 0$"):
            Orthogonal(0)
        with pytest.raises(ValueError, match=r"output_gain must be positive, got -1"):
            Orthogonal(output_gain=-1)
        with pytest.raises(ValueError, match=r"multiple of 3 parts, got shape \[4, 8\]"):
            Orthogonal().hidden(3)([4, 8], tf.float32)
