"""From images to entities that are told of learned points of reference."""

import by_hand
import numpy as np
import pytest
import tensorflow as tf

from relational_rl.nn.encoders import EntityEncoder
from relational_rl.nn.entities import Entities
from relational_rl.nn.references import References
from relational_rl.nn.stems import ConvStem, PatchStem

HEIGHT, WIDTH = 4, 5
SHAPE = (HEIGHT, WIDTH, 3)
B, N, F, R, M = 2, 6, 3, 2, 4
P, W = 3, 8  # pixels around an entity, random Fourier features of each
FEATURES = np.random.default_rng(0).normal(size=(B, N, F)).astype(np.float32)
CELLS = np.array([[0, 3, 4, 9, 11, 19], [2, 7, 18, 0, 0, 0]], np.int32)
MASK = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]], bool)
PHASES = np.random.default_rng(5).uniform(0, 6, (B, N, P, W // 2)).astype(np.float32)
WAVES = np.concatenate([np.cos(PHASES), np.sin(PHASES)], axis=-1)


@pytest.fixture(scope="module")
def references():
    module = References(R, M)
    tell(module)
    by_hand.randomize(module)
    return module


def tell(module, features=FEATURES, mask=MASK, cells=CELLS, waves=WAVES):
    mask = None if mask is None else tf.constant(mask)
    entities = Entities(tf.constant(features), mask, tf.constant(cells))
    return module(entities, tf.constant(waves), (HEIGHT, WIDTH)).features.numpy()


def told_by_loops(values, features, mask, cells, waves):
    """Returns [B, N, F + R * (5 + P + M)], entity by entity."""
    features = features.astype(np.float64)
    out = []
    for b in range(len(features)):
        real = [n for n in range(len(mask[b])) if mask[b][n]]
        scores = features[b] @ values["score/w"] + values["score/b"]
        own = features[b] @ values["own_match/w"] + values["own_match/b"]
        rows = [list(row) for row in features[b]]
        for r in range(R):
            weights = by_hand.softmax([*(scores[n, r] for n in real), 0.0])[:-1]  # or none
            presence = sum(weights)
            likened = sum(w * waves[b, n, P // 2] for w, n in zip(weights, real, strict=True))
            chosen = sum(w * features[b, n] for w, n in zip(weights, real, strict=True))
            column = sum(w * (cells[b][n] % WIDTH) for w, n in zip(weights, real, strict=True))
            line = sum(w * (cells[b][n] // WIDTH) for w, n in zip(weights, real, strict=True))
            other = chosen @ values["reference_match/w"] + values["reference_match/b"]
            for n in range(len(rows)):
                across = column - presence * (cells[b][n] % WIDTH)
                down = line - presence * (cells[b][n] // WIDTH)
                rows[n] += [across / WIDTH, down / HEIGHT]
                rows[n] += [max(-1.0, min(1.0, across)), max(-1.0, min(1.0, down))]
                rows[n] += [presence]
                rows[n] += [waves[b, n, p] @ likened / (W / 2) for p in range(P)]
                rows[n] += list(own[n] * other)
        out.append(rows)
    return np.array(out)


def test_references_equal_the_loops(references):
    told = tell(references)
    assert told.shape == (B, N, F + R * (5 + P + M))
    expected = told_by_loops(by_hand.variables(references), FEATURES, MASK, CELLS, WAVES)
    np.testing.assert_allclose(told, expected, atol=1e-4)
    directions = expected[..., F + 2 : F + 4]
    assert (abs(directions) == 1).any()  # the clip acts on some
    assert (abs(directions) < 1).any()  # and not on others


def test_references_do_not_choose_padding(references):
    told = tell(references)
    changed = tell(references, np.where(MASK[..., np.newaxis], FEATURES, 30.0).astype(np.float32))
    np.testing.assert_allclose(changed[MASK], told[MASK], atol=1e-5)
    assert np.abs(tell(references, mask=None)[MASK] - told[MASK]).max() > 0.01


def test_references_do_not_depend_on_the_order(references):
    order = np.array([5, 1, 0, 4, 2, 3])
    told = tell(references)
    permuted = tell(
        references, FEATURES[:, order], MASK[:, order], CELLS[:, order], WAVES[:, order]
    )
    np.testing.assert_allclose(permuted, told[:, order], atol=1e-5)


def test_a_reference_to_equal_colours_is_as_alike_as_can_be(references):
    same = np.broadcast_to(WAVES[:1, :1, :1], WAVES.shape)
    told = tell(references, waves=same)
    presence, likeness = told[0, 0, F + 4], told[0, 0, F + 5 : F + 5 + P]
    np.testing.assert_allclose(likeness, presence, atol=1e-5)


def test_entities_know_how_alike_their_colours_are_if_asked():
    assert make_encoder(max_entities=6)({"image": tf.constant(some_images())}).likeness is None
    encoder = make_encoder(max_entities=6, likeness=True)
    encoder.background.assign(np.full(SHAPE, 9, np.uint8))
    images = np.full((1, *SHAPE), 9, np.uint8)
    images[0, 1, 1], images[0, 1, 2], images[0, 3, 3] = 200, 40, 200
    likeness = encoder({"image": tf.constant(images)}).likeness.numpy()[0]  # [N, P, N]
    np.testing.assert_allclose(likeness[0, 1, :3], [1, likeness[0, 1, 1], 1], atol=1e-4)
    assert likeness[0, 1, 1] < 0.9  # another colour
    np.testing.assert_allclose(likeness[0, 2, 1], 1, atol=1e-4)  # its neighbour to the right


def make_encoder(stem=None, **values):
    stem = stem or PatchStem(8, num_frequencies=4)
    arguments = {"image_dtype": "uint8", "image_scale": 255.0, **values}
    encoder = EntityEncoder(stem, SHAPE, **arguments)
    encoder({"image": tf.zeros([1, *SHAPE], arguments["image_dtype"])})
    return encoder


def some_images(count=3):
    random = np.random.default_rng(1)
    images = np.full((count, *SHAPE), 9, np.uint8)
    for image in images:
        for cell in random.choice(HEIGHT * WIDTH, 4, replace=False):
            image[cell // WIDTH, cell % WIDTH] = random.integers(256, size=3)
    return images


def test_every_cell_is_an_entity_unless_asked_otherwise():
    encoder = make_encoder(ConvStem())
    entities = encoder({"image": tf.constant(some_images())})
    assert entities.features.shape == (3, HEIGHT * WIDTH, 26)
    assert entities.mask is None
    np.testing.assert_array_equal(entities.cells, [np.arange(HEIGHT * WIDTH)] * 3)
    assert not encoder.needs_background


@pytest.mark.parametrize("num_references", [0, 2])
def test_occupied_entities_are_those_of_all_cells_that_differ(num_references):
    references = References(num_references, M) if num_references else None
    encoder = make_encoder(max_entities=6, references=references)
    assert encoder.needs_background
    encoder.background.assign(np.full(SHAPE, 9, np.uint8))
    images = some_images()
    features, mask, cells = (x.numpy() for x in encoder({"image": tf.constant(images)})[:3])
    assert features.shape == (3, 6, 8)
    for b in range(3):
        differs = np.flatnonzero((images[b].reshape(-1, 3) != 9).any(axis=1))
        assert mask[b].tolist() == [True] * len(differs) + [False] * (6 - len(differs))
        assert cells[b][mask[b]].tolist() == differs.tolist()
    if not num_references:
        plain = encoder.stem(
            tf.constant(images, tf.float32) / 255.0,
            tf.tile(tf.range(HEIGHT * WIDTH)[tf.newaxis], [3, 1]),
        ).features.numpy()
        for b in range(3):
            np.testing.assert_allclose(features[b][mask[b]], plain[b][cells[b][mask[b]]], atol=1e-5)


def test_references_are_merged_to_the_size_of_an_entity():
    encoder = make_encoder(max_entities=6, references=References(R, M))
    encoder.background.assign(np.full(SHAPE, 9, np.uint8))
    by_hand.randomize(encoder)
    images = tf.constant(some_images())
    merged = encoder({"image": images}).features.numpy()
    entities = encoder({"image": images})
    stem = encoder.stem(tf.cast(images, tf.float32) / 255.0, entities.cells)
    told = encoder.references(
        entities._replace(features=stem.features), stem.waves, (HEIGHT, WIDTH)
    ).features.numpy()
    values = {v.name.split("/", 1)[-1]: v.numpy() for v in encoder.trainable_variables}
    kernel = next(value for name, value in values.items() if name.endswith("merge/w:0"))
    bias = next(value for name, value in values.items() if name.endswith("merge/b:0"))
    np.testing.assert_allclose(merged, by_hand.relu(told @ kernel + bias), atol=1e-4)


def test_the_scale_divides_the_image():
    bytes_, floats = make_encoder(), make_encoder(image_dtype="float32", image_scale=1.0)
    for ours, theirs in zip(floats.variables, bytes_.variables, strict=True):
        ours.assign(theirs)
    images = some_images()
    np.testing.assert_allclose(
        bytes_({"image": tf.constant(images)}).features,
        floats({"image": tf.constant(images, tf.float32) / 255.0}).features,
        atol=1e-5,
    )


def test_occupied_cells_need_a_map_of_the_images_size():
    message = (
        r"max_entities needs a map as large as the image \(padding=SAME\), "
        r"got a map of \(2, 3\) for an image of \(4, 5\)"
    )
    with pytest.raises(ValueError, match=message):
        make_encoder(ConvStem(padding="VALID"), max_entities=4)


def test_where_every_cell_is_an_entity_images_may_be_of_any_size():
    stem = ConvStem((3,), padding="SAME")
    encoder = EntityEncoder(stem, SHAPE, "uint8", 255.0)
    images = np.random.default_rng(8).integers(0, 256, (B, 6, 4, 3), np.uint8)
    entities = encoder({"image": tf.constant(images)})
    assert entities.features.shape == (B, 24, stem.entity_size)
    same = EntityEncoder(stem, images.shape[1:], "uint8", 255.0)({"image": images})
    np.testing.assert_array_equal(entities.features, same.features)
    np.testing.assert_array_equal(entities.cells, np.tile(np.arange(24), (B, 1)))
    corners = entities.features.numpy()[0, [0, -1], -2:]
    np.testing.assert_array_equal(corners, [[-1, -1], [1, 1]])
