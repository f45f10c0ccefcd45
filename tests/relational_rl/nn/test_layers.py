"""Feature layers: amounts, categories, and the maps made of them."""

import by_hand
import numpy as np
import pytest
import tensorflow as tf

from relational_rl.nn.arguments import ArgumentHeads
from relational_rl.nn.layers import LayerEmbedding, MapEncoder, map_stages, signed_log

E = 3


def test_amounts_go_through_a_logarithm_of_either_sign():
    amounts = tf.constant([0, 1, 9, -9, 30_000], tf.int16)
    expected = [0.0, np.log(2), np.log(10), -np.log(10), np.log(30_001)]
    np.testing.assert_allclose(signed_log(amounts), expected, rtol=1e-5)


def test_categories_are_looked_up_each_in_its_own_table():
    module = LayerEmbedding((0, 4, 0, 2), 4, E)
    by_hand.randomize(module)
    images = np.random.default_rng(0).integers(0, 9, size=(2, 3, 5, 4)).astype(np.int16)
    output = module(tf.constant(images)).numpy()
    assert output.shape == (2, 3, 5, 2 + 2 * E)
    (table,) = module.variables
    assert table.shape == (4 + 2, E)
    for n, y, x in np.ndindex(2, 3, 5):
        first, second, third, fourth = images[n, y, x].tolist()
        np.testing.assert_allclose(output[n, y, x, :2], np.log([1 + first, 1 + third]), rtol=1e-5)
        # More than the last category is the last.
        np.testing.assert_array_equal(output[n, y, x, 2 : 2 + E], table[min(second, 3)])
        np.testing.assert_array_equal(output[n, y, x, 2 + E :], table[4 + min(fourth, 1)])


def test_without_categories_there_is_nothing_to_learn():
    module = LayerEmbedding((), 2, E)
    assert module.variables == ()
    output = module(tf.ones([1, 2, 2, 2], tf.uint8))
    np.testing.assert_allclose(output, np.full((1, 2, 2, 2), np.log(2)), rtol=1e-5)


@pytest.mark.parametrize(
    ("side", "size", "stages"),
    [(8, 8, 0), (9, 8, 1), (16, 8, 1), (32, 8, 2), (64, 8, 3), (1, 8, 0)],
)
def test_images_are_halved_until_they_are_small_enough(side, size, stages):
    assert map_stages(side, size) == stages
    shape = (side, max(side // 2, 1), 2)
    encoder = MapEncoder(shape, size, 3)
    output = encoder(tf.ones([2, *shape]))
    assert tuple(output.shape[1:3]) == encoder.map_shape
    assert max(encoder.map_shape) <= size
    assert len(encoder.variables) == 6 * max(stages, 1)


def test_a_stage_is_a_convolution_and_a_residual_block():
    encoder = MapEncoder((6, 6, 2), 3, 4)
    images = np.random.default_rng(0).normal(size=(1, 6, 6, 2)).astype(np.float32)
    encoder(tf.constant(images))
    by_hand.randomize(encoder)
    w = by_hand.variables(encoder)
    everywhere = by_hand.convolution(
        np.pad(images[0], ((1, 1), (1, 1), (0, 0))), w["down_0/w"], w["down_0/b"], "VALID"
    )
    x = by_hand.relu(everywhere[::2, ::2])
    update = by_hand.relu(by_hand.convolution(x, w["residual_0_first/w"], w["residual_0_first/b"]))
    x = x + by_hand.convolution(update, w["residual_0_second/w"], w["residual_0_second/b"])
    np.testing.assert_allclose(encoder(tf.constant(images))[0], x, atol=1e-4)


def test_arguments_follow_from_shared_features_map_and_type():
    heads = ArgumentHeads(3, (16, 2, 4, 16, 64), [(4, 4), None, None, (4, 4), (8, 8)], (2, 2), 4, 5)
    random = np.random.default_rng(0)
    shared = tf.constant(random.normal(size=(2, 6)).astype(np.float32))
    cells = tf.constant(random.normal(size=(2, 2, 2, 7)).astype(np.float32))
    types = tf.constant([2, 0])
    heads(shared, heads.canvases(cells), types)
    by_hand.randomize(heads)
    canvases = heads.canvases(cells)
    assert [tuple(canvas.shape) for canvas in canvases] == [(2, 4, 4, 5), (2, 8, 8, 5)]
    logits = heads(shared, canvases, types)
    assert [tuple(each.shape) for each in logits] == [(2, 16), (2, 2), (2, 4), (2, 16), (2, 64)]
    w = by_hand.variables(heads)
    for n in range(2):
        embedded = w["type_embeddings"][types[n]]
        plain = np.concatenate([shared[n], embedded]) @ w["plain_arguments/w"]
        plain = plain + w["plain_arguments/b"]
        np.testing.assert_allclose(logits[1][n], plain[:2], atol=1e-4)
        np.testing.assert_allclose(logits[2][n], plain[2:], atol=1e-4)
        for canvas, i, places in ((canvases[0], 0, (0, 3)), (canvases[1], 1, (4,))):
            hidden = by_hand.relu(canvas[n].numpy() + embedded @ w[f"from_type_{i}/w"])
            pixels = hidden @ w[f"pixels_{i}/w"][0, 0]
            for channel, k in enumerate(places):
                np.testing.assert_allclose(logits[k][n], pixels[..., channel].ravel(), atol=1e-4)


def test_arguments_may_see_the_pixels_of_their_image():
    sides = [(4, 4), None, (4, 4), (4, 4)]
    sees = ("screen", None, "minimap", "screen")
    heads = ArgumentHeads(3, (16, 2, 16, 16), sides, (2, 2), 4, 5, sees=sees)
    random = np.random.default_rng(0)
    shared, cells = tf.ones([2, 6]), tf.ones([2, 2, 2, 7])
    images = {
        name: random.normal(size=(2, 4, 4, 3)).astype(np.float32) for name in ("screen", "minimap")
    }
    types = tf.constant([2, 0])
    heads(shared, heads.canvases(cells, heads.pixels(images)), types)
    by_hand.randomize(heads)
    w = by_hand.variables(heads)
    blank = {name: np.zeros_like(image) for name, image in images.items()}
    without = heads.canvases(cells, heads.pixels(blank))
    canvases = heads.canvases(cells, heads.pixels(images))
    assert len(canvases) == 2  # two arguments share the screen
    logits = heads(shared, canvases, types)
    for i, (name, places) in enumerate((("screen", (0, 3)), ("minimap", (2,)))):
        seen = images[name] @ w[f"from_pixels_{i}/w"][0, 0]
        np.testing.assert_allclose((canvases[i] - without[i])[..., :5], seen, atol=1e-4)
        # Through the layer that the type conditions, and past it.
        embedded = w["type_embeddings"][types.numpy()] @ w[f"from_type_{i}/w"]
        hidden = by_hand.relu(canvases[i].numpy()[..., :5] + embedded[:, None, None])
        pixels = hidden @ w[f"pixels_{i}/w"][0, 0] + images[name] @ w[f"direct_{i}/w"][0, 0]
        for channel, k in enumerate(places):
            np.testing.assert_allclose(logits[k], pixels[..., channel].reshape(2, -1), atol=1e-4)
    images["screen"][0, 1, 2] += 1.0
    changed = heads(shared, heads.canvases(cells, heads.pixels(images)), types)
    for k, name in enumerate(sees):
        differs = np.flatnonzero(np.abs(changed[k][0] - logits[k][0]) > 1e-6)
        assert differs.tolist() == ([1 * 4 + 2] if name == "screen" else [])


def test_an_image_must_be_the_map_doubled():
    message = r"sides of the map \(2, 2\) times a power of 2, got \(6, 6\)"
    with pytest.raises(ValueError, match=message):
        ArgumentHeads(3, (36,), [(6, 6)], (2, 2))
