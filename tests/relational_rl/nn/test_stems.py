"""From pixels to features: the published convolutions and the patch."""

import by_hand
import numpy as np
import pytest
import tensorflow as tf

from relational_rl.nn.entities import all_cells
from relational_rl.nn.stems import ConvStem, PatchStem

HEIGHT, WIDTH = 5, 6
SHAPE = (HEIGHT, WIDTH, 3)
IMAGES = np.random.default_rng(0).random((2, *SHAPE)).astype(np.float32)


def features_of(stem, images=IMAGES, cells=None):
    height, width = stem.map_shape(images.shape[1:])
    cells = all_cells(len(images), height * width) if cells is None else tf.constant(cells)
    return stem(tf.constant(images), cells).features.numpy()


@pytest.mark.parametrize(("padding", "height", "width"), [("SAME", 5, 6), ("VALID", 3, 4)])
def test_conv_stem_is_two_relu_convolutions_and_the_place(padding, height, width):
    stem = ConvStem(padding=padding)
    assert stem.map_shape(SHAPE) == (height, width)
    assert stem.entity_size == 26
    features = features_of(stem)
    assert features.shape == (2, height * width, 26)
    by_hand.randomize(stem)
    features = features_of(stem)
    values = by_hand.variables(stem)
    assert values["conv_0/w"].shape == (2, 2, 3, 12)
    assert values["conv_1/w"].shape == (2, 2, 12, 24)
    for b in range(2):
        x = IMAGES[b].astype(np.float64)
        for i in range(2):
            x = by_hand.convolution(x, values[f"conv_{i}/w"], values[f"conv_{i}/b"], padding)
            x = by_hand.relu(x)
        np.testing.assert_allclose(features[b, :, :24], x.reshape(-1, 24), atol=1e-5)
        assert (x == 0).any()  # the ReLU acts
        assert (x > 0).any()
    places = features[0, :, 24:].reshape(height, width, 2)
    np.testing.assert_allclose(places[1, :, 0], np.linspace(-1, 1, width), atol=1e-6)
    np.testing.assert_allclose(places[:, 2, 1], np.linspace(-1, 1, height), atol=1e-6)


def test_the_published_stem_on_the_published_image_gives_196_or_144_entities():
    shape = (14, 14, 3)
    assert np.prod(ConvStem().map_shape(shape)) == 196
    assert np.prod(ConvStem(padding="VALID").map_shape(shape)) == 144


def test_conv_stem_gives_the_cells_asked_for():
    stem = ConvStem()
    everything = features_of(stem)
    cells = np.array([[7, 0, 29], [3, 3, 12]], np.int32)
    some = features_of(stem, cells=cells)
    np.testing.assert_allclose(some, np.take_along_axis(everything, cells[..., None], axis=1))


def test_conv_stem_errors():
    with pytest.raises(ValueError, match="padding must be SAME or VALID, got 'FULL'"):
        ConvStem(padding="FULL")
    message = r"larger than the 2 pixels that VALID convolutions take, got \(2, 9, 3\)"
    with pytest.raises(ValueError, match=message):
        ConvStem(padding="VALID").map_shape((2, 9, 3))
    assert ConvStem(padding="VALID").map_shape((3, 9, 3)) == (1, 7)


@pytest.mark.parametrize("patch", [(1, 1), (1, 3), (3, 1), (3, 5)])
def test_patch_stem_sees_exactly_its_patch(patch):
    stem = PatchStem(16, patch)
    rows, columns = patch
    # One image for every pixel, in which that pixel alone is another.
    changed = np.repeat(IMAGES[:1], HEIGHT * WIDTH, axis=0)
    for i in range(HEIGHT * WIDTH):
        changed[i, i // WIDTH, i % WIDTH] = 1.0 - changed[i, i // WIDTH, i % WIDTH]
    # As many of them: sums over a batch of another size may be in another order.
    before, after = (
        features_of(stem, np.repeat(IMAGES[:1], len(changed), axis=0)),
        features_of(stem, changed),
    )
    differs = (after != before).any(axis=-1).reshape(-1, HEIGHT, WIDTH)
    for i in range(HEIGHT * WIDTH):
        down = abs(np.arange(HEIGHT) - i // WIDTH)[:, np.newaxis] <= rows // 2
        across = abs(np.arange(WIDTH) - i % WIDTH) <= columns // 2
        np.testing.assert_array_equal(differs[i], down & across)


@pytest.mark.parametrize("num_frequencies", [0, 4])
def test_patch_stem_is_a_layer_over_pixels_waves_and_place(num_frequencies):
    stem = PatchStem(8, (1, 3), num_frequencies=num_frequencies, frequency_scale=2.0)
    features_of(stem)
    by_hand.randomize(stem)
    features = features_of(stem)
    told = stem(tf.constant(IMAGES), all_cells(2, HEIGHT * WIDTH)).waves.numpy()
    assert told.shape == (2, HEIGHT * WIDTH, 3, 2 * num_frequencies)
    values = by_hand.variables(stem)
    projections, place_projections = values["projections"], values["place_projections"]
    assert projections.shape == (3, num_frequencies)
    assert place_projections.shape == (2, num_frequencies)
    padded = np.pad(IMAGES.astype(np.float64), ((0, 0), (0, 0), (1, 1), (0, 0)))
    for b in range(2):
        for y in range(HEIGHT):
            for x in range(WIDTH):
                pixels = [padded[b, y, x + dx] for dx in range(3)]  # zeros outside of the image
                waves = []
                for pixel in pixels:
                    phases = pixel @ projections
                    waves += [np.cos(phases), np.sin(phases)]
                np.testing.assert_allclose(
                    told[b, y * WIDTH + x].reshape(-1), np.concatenate(waves), atol=1e-5
                )
                place = np.array([2 * x / (WIDTH - 1) - 1, 2 * y / (HEIGHT - 1) - 1])
                phases = place @ place_projections
                inputs = np.concatenate([*pixels, *waves, place, np.cos(phases), np.sin(phases)])
                expected = by_hand.relu(inputs @ values["embed/w"] + values["embed/b"])
                np.testing.assert_allclose(features[b, y * WIDTH + x], expected, atol=1e-4)


def test_patch_stem_gives_the_cells_asked_for():
    stem = PatchStem(16)
    everything = features_of(stem)
    cells = np.array([[7, 0, 29], [3, 3, 12]], np.int32)
    some = features_of(stem, cells=cells)
    np.testing.assert_allclose(
        some, np.take_along_axis(everything, cells[..., None], axis=1), atol=1e-6
    )
    assert stem.map_shape(SHAPE) == (HEIGHT, WIDTH)
    assert stem.entity_size == 16


def test_projections_are_fixed_the_same_everywhere_and_of_the_scale_asked_for():
    stems = [PatchStem(8, num_frequencies=500, frequency_scale=scale) for scale in (20, 20, 5)]
    for stem in stems:
        features_of(stem)
        assert not any("projections" in variable.name for variable in stem.trainable_variables)
    first, second, smaller = (by_hand.variables(stem)["projections"] for stem in stems)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, 4 * smaller, rtol=1e-5)
    assert first.std() == pytest.approx(20, rel=0.05)
    assert by_hand.variables(stems[0])["place_projections"].std() == pytest.approx(5, rel=0.1)


@pytest.mark.parametrize("patch", [(2, 3), (1, 0), (1, -1)])
def test_patch_must_be_odd(patch):
    message = f"patch must be two odd positive numbers, got \\({patch[0]}, {patch[1]}\\)"
    with pytest.raises(ValueError, match=message):
        PatchStem(8, patch)
