"""Which cells are entities, where they are, and what the empty scene looks like."""

import numpy as np
import pytest
import tensorflow as tf

from relational_rl.acting.background import estimate_background
from relational_rl.acting.vectorization import make_vector_environment
from relational_rl.config import EnvSpec
from relational_rl.nn.entities import (
    Entities,
    all_cells,
    coordinates,
    gather_cells,
    max_pool,
    most_common_image,
    occupied_cells,
)
from relational_rl.observations.spec import EnvironmentSpec


def draw(*boards):
    """Returns images [B, H, W, 2] of boards: `.` is [0, 7], a digit d is [d, 7]."""
    cells = [[[0 if c == "." else int(c) for c in row] for row in board] for board in boards]
    images = np.full((*np.shape(cells), 2), 7, np.uint8)
    images[..., 0] = cells
    return images


EMPTY = draw(["....", "....", "...."])[0]
BOARDS = draw(
    ["..1.", "2...", "...3"],  # cells 2, 4, 11
    ["....", "....", "...."],
    ["1...", "....", "...."],
    ["1111", "1111", "1111"],
)


def occupied(images, max_entities, background=EMPTY):
    cells, mask = occupied_cells(tf.constant(images), tf.constant(background), max_entities)
    assert (cells.dtype, mask.dtype) == (tf.int32, tf.bool)
    return cells.numpy().tolist(), mask.numpy().astype(int).tolist()


def test_occupied_cells_come_in_reading_order_then_padding():
    cells, mask = occupied(BOARDS, 5)
    assert cells == [[2, 4, 11, 0, 0], [0] * 5, [0] * 5, [0, 1, 2, 3, 4]]
    assert mask == [[1, 1, 1, 0, 0], [0] * 5, [1, 0, 0, 0, 0], [1] * 5]


def test_more_than_there_is_room_for_keeps_the_first():
    assert occupied(BOARDS, 2) == (
        [[2, 4], [0, 0], [0, 0], [0, 1]],
        [[1, 1], [0, 0], [1, 0], [1, 1]],
    )


def test_there_are_no_more_entities_than_cells():
    cells, mask = occupied(BOARDS[3:], 100)
    assert cells == [list(range(12))]
    assert mask == [[1] * 12]


def test_a_difference_in_one_channel_is_enough():
    images = BOARDS[1:2].copy()
    images[0, 2, 1, 1] = 8
    assert occupied(images, 2) == ([[9, 0]], [[1, 0]])


def test_what_equals_an_uneven_background_is_empty():
    cells, mask = occupied(BOARDS, 2, background=BOARDS[0])
    assert mask[0] == [0, 0]
    # Where something of the background is covered or gone there is something to see.
    assert (cells[1], mask[1]) == ([2, 4], [1, 1])


def test_floats_are_compared_too():
    images, background = BOARDS / np.float32(255), EMPTY / np.float32(255)
    assert occupied(images.astype(np.float32), 5, background.astype(np.float32)) == occupied(
        BOARDS, 5
    )


def test_all_cells_are_numbered_in_reading_order():
    cells = all_cells(2, 12)
    np.testing.assert_array_equal(cells, [np.arange(12)] * 2)


def test_gathers_the_features_of_each_images_own_cells():
    feature_map = tf.reshape(tf.range(2 * 3 * 4 * 5, dtype=tf.float32), [2, 3, 4, 5])
    gathered = gather_cells(feature_map, tf.constant([[11, 0, 2], [4, 4, 7]]))
    for b, row in enumerate([[(2, 3), (0, 0), (0, 2)], [(1, 0), (1, 0), (1, 3)]]):
        for n, (y, x) in enumerate(row):
            np.testing.assert_array_equal(gathered[b, n], feature_map[b, y, x])


@pytest.mark.parametrize(("height", "width"), [(3, 5), (14, 14), (1, 4), (2, 1)])
def test_coordinates_are_evenly_spaced_between_minus_1_and_1(height, width):
    x, y = np.moveaxis(coordinates(tf.range(height * width), (height, width)).numpy(), -1, 0)
    across = np.linspace(-1, 1, width) if width > 1 else [-1.0]
    down = np.linspace(-1, 1, height) if height > 1 else [-1.0]
    np.testing.assert_allclose(x.reshape(height, width), [across] * height, atol=1e-6)
    np.testing.assert_allclose(y.reshape(height, width).T, [down] * width, atol=1e-6)


def test_max_pool_is_over_real_entities():
    features = np.array([[[-5, 1], [-3, 9], [-4, 2]], [[1, 2], [3, 4], [5, 6]]], np.float32)
    cells = tf.zeros([2, 3], tf.int32)

    def pool(mask):
        mask = None if mask is None else tf.constant(mask)
        return max_pool(Entities(tf.constant(features), mask, cells)).numpy().tolist()

    assert pool(None) == [[-3, 9], [5, 6]]
    assert pool([[True, False, True], [True, True, False]]) == [[-4, 2], [3, 4]]
    assert pool([[False] * 3, [False, False, True]]) == [[0, 0], [5, 6]]


def test_most_common_image_counts_pixels_not_channels():
    # The pixel [1, 2] is the most common one, though 0 is the most common value of channel 0.
    pixels = [[1, 2], [1, 2], [0, 3], [0, 4], [0, 5]]
    images = np.array(pixels, np.uint8).reshape(5, 1, 1, 2)
    result = most_common_image(np.concatenate([images, 9 - images], axis=2))
    assert result.dtype == np.uint8
    assert result.tolist() == [[[1, 2], [8, 7]]]


@pytest.mark.parametrize("kwargs", [{}, {"room_size": 6, "num_colors": 4, "solution_length": 1}])
def test_the_background_of_boxworld_is_its_empty_board(kwargs):
    if kwargs:
        kwargs = {**kwargs, "num_branches": 0}
    environment = make_vector_environment(EnvSpec("boxworld:BoxWorld-v0", kwargs=kwargs), 32)
    spec = EnvironmentSpec.from_spaces(
        environment.single_observation_space, environment.single_action_space
    )
    background = estimate_background(environment, spec, seed=0)
    environment.close()
    size = kwargs.get("room_size", 12) + 2
    expected = np.zeros((size, size, 3), np.uint8)
    expected[1:-1, 1:-1] = 204
    np.testing.assert_array_equal(background, expected)


def test_the_background_is_a_function_of_the_seed():
    def estimate(seed):
        environment = make_vector_environment(EnvSpec("boxworld:BoxWorld-v0"), 2)
        spec = EnvironmentSpec.from_spaces(
            environment.single_observation_space, environment.single_action_space
        )
        # So short that what stands about is part of it.
        background = estimate_background(environment, spec, seed, num_steps=1)
        environment.close()
        return background

    np.testing.assert_array_equal(estimate(3), estimate(3))
    assert (estimate(3) != estimate(4)).any()
