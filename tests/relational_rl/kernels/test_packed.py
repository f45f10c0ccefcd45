"""The packed network gives the numbers of the modules, gradients included."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from numba import njit
from numba.core.errors import TypingError

from relational_rl.agents import make_agent
from relational_rl.config import AgentConfig
from relational_rl.kernels import network, pointwise, simd
from relational_rl.kernels.scenes import pack
from relational_rl.observations.spec import EnvironmentSpec

SPEC = EnvironmentSpec((9, 11, 3), "uint8", 255.0, 4)
PUBLISHED = {"stem": "conv", "entities": "all"}
VARIANTS = {
    "shared": {},
    "references": {"num_references": 2},
    "likeness": {"num_references": 2, "likeness": True},
    "likeness, separate": {"share_weights": False, "likeness": True, "patch": (3, 1)},
    "separate": {"share_weights": False, "num_blocks": 3, "num_heads": 4, "head_size": 8},
    "wide patch": {"patch": (3, 3), "entity_size": 24, "num_references": 3, "match_size": 5},
    "no waves": {"num_frequencies": 0, "num_blocks": 1},
    "published": PUBLISHED,
    "published, VALID": {**PUBLISHED, "conv_padding": "VALID", "share_weights": False},
    "three convolutions": {**PUBLISHED, "conv_channels": (6, 5, 14), "num_heads": 3},
}


def _agent(spec=SPEC, **values):
    tf.random.set_seed(0)
    sparse = {"stem": "patch", "entities": "occupied", "max_entities": 20}
    agent = make_agent(AgentConfig(**{**sparse, "mlp": (16,), **values}), spec)
    random = np.random.default_rng(0)
    for variable in agent.trainable_variables:
        noise = random.normal(size=variable.shape).astype(np.float32)
        variable.assign(variable + 0.1 * noise)
    if agent.encoder.needs_background:
        agent.encoder.background.assign(np.full(SPEC.image_shape, 7, np.uint8))
    return agent


def _images(count, most=23):
    """Scenes of 0 to `most` objects in 12 colours on a background of 7s."""
    random = np.random.default_rng(4)
    images = np.full((count, 99, 3), 7, np.uint8)
    colours = random.integers(0, 256, (12, 3))
    for i in range(count):
        number = random.integers(0, most + 1)
        places = random.choice(99, number, replace=False)
        images[i, places] = colours[random.integers(0, 12, number)]
    images[0] = 7  # an empty scene
    return images.reshape(count, *SPEC.image_shape)


def _features_and_gradients(agent, images, packed):
    kept = agent._packed
    if not packed:
        agent._packed = None
    random = np.random.default_rng(2)
    with tf.GradientTape() as tape:
        features, _ = agent.features({"image": tf.constant(images)})
        loss = tf.reduce_sum(features * random.normal(size=features.shape).astype(np.float32))
    gradients = tape.gradient(loss, agent.trainable_variables)
    agent._packed = kept
    names = [variable.name for variable in agent.trainable_variables]
    present = {
        name: value.numpy()
        for name, value in zip(names, gradients, strict=True)
        if value is not None
    }
    return features.numpy(), present


@pytest.mark.parametrize("variant", VARIANTS)
def test_equals_the_modules_gradients_included(variant):
    agent = _agent(**VARIANTS[variant])
    assert not agent.can_compile  # it does compute over packed rows
    images = _images(300)  # enough to be shared out over threads
    features, gradients = _features_and_gradients(agent, images, packed=True)
    expected_features, expected = _features_and_gradients(agent, images, packed=False)
    np.testing.assert_allclose(features, expected_features, atol=1e-4)
    assert gradients.keys() == expected.keys()
    largest = max(np.linalg.norm(value) for value in expected.values())
    for name, value in expected.items():
        # Nearly always equal to 1e-6; where rounding falls on the other side of a ReLU or of a
        # maximum, one scene of 300 takes another path. A softmax does not see its bias: that
        # gradient is 0 but for rounding.
        error = np.linalg.norm(gradients[name] - value)
        assert error <= 1e-2 * np.linalg.norm(value) + 1e-5 * largest, name


def test_too_many_colours_for_a_table_are_compared_one_by_one(monkeypatch):
    agent, images = _agent(likeness=True), _images(40)
    expected, _ = _features_and_gradients(agent, images, packed=True)
    monkeypatch.setattr(network, "_MOST_COMPARED", 0)
    features, _ = _features_and_gradients(agent, images, packed=True)
    np.testing.assert_allclose(features, expected, atol=1e-5)
    monkeypatch.setattr(pointwise, "compare_waves", lambda *arrays: arrays[-1].fill(0))
    broken, _ = _features_and_gradients(agent, images, packed=True)
    assert np.abs(broken - expected).max() > 1e-3  # it was used, and it matters


def test_more_objects_than_room_keeps_the_first():
    agent = _agent(max_entities=5)
    images = _images(40, most=30)
    features, _ = _features_and_gradients(agent, images, packed=True)
    expected, _ = _features_and_gradients(agent, images, packed=False)
    np.testing.assert_allclose(features, expected, atol=1e-4)


def test_larger_images_than_the_specs_have_more_cells():
    agent = _agent(**PUBLISHED)
    images = np.random.default_rng(0).integers(0, 256, (2, 10, 14, 3), np.uint8)
    features, _ = _features_and_gradients(agent, images, packed=True)
    expected, _ = _features_and_gradients(agent, images, packed=False)
    np.testing.assert_allclose(features, expected, atol=1e-4)


def test_empty_scenes_have_zero_features_and_finite_gradients():
    agent = _agent(num_references=2)
    images = np.full((3, *SPEC.image_shape), 7, np.uint8)
    features, gradients = _features_and_gradients(agent, images, packed=True)
    np.testing.assert_array_equal(features, 0.0)
    assert all(np.isfinite(value).all() for value in gradients.values())


def test_pack_lists_cells_in_reading_order_with_their_patch():
    background = np.zeros((2, 3, 1), np.uint8)
    images = np.array([[[0, 5, 0], [0, 0, 9]], [[0, 0, 0], [0, 0, 0]]], np.uint8)[..., np.newaxis]
    scenes = pack(images, background, max_entities=4, patch=(1, 3))
    np.testing.assert_array_equal(scenes.starts, [0, 2, 2])
    np.testing.assert_array_equal(scenes.cells, [1, 5])
    around = scenes.colours[scenes.pixels][..., 0]
    np.testing.assert_array_equal(around, [[0, 5, 0], [0, 9, 0]])  # outside are zeros
    assert len(scenes.colours) == 3


class TestVectors:
    """Each function of simd.py against NumPy, from the second number of longer arrays."""

    def _run(self, function, x, y):
        """What `function(x vector, y vector)` gives for two arrays of 16 numbers."""
        inner = njit(function, fastmath=True)

        @njit(fastmath=True)  # as the kernels are
        def run(x, y, out):
            result = inner(simd.load(x, 1, 16), simd.load(y, 1, 16))
            simd.store(out, 1, result)

        out = np.full(18, 5.0, np.float32)
        run(np.append(np.float32(9), x), np.append(np.float32(9), y), out)
        np.testing.assert_array_equal(out[[0, -1]], 5.0)  # nothing else is touched
        return out[1:-1]

    @pytest.fixture
    def pair(self):
        random = np.random.default_rng(0)
        return random.normal(size=(2, 16)).astype(np.float32)

    @pytest.mark.parametrize(
        "function",
        [
            lambda x, y: x + y * np.float32(3.0),
            lambda x, y: np.float32(2.0) - x * y,
        ],
    )
    def test_arithmetic(self, pair, function):
        np.testing.assert_allclose(self._run(function, *pair), function(*pair), rtol=1e-6)

    def test_sums_and_limits(self, pair):
        x, y = pair
        spread = self._run(lambda x, y: simd.spread(simd.total(x), 16) + simd.largest(y), x, y)
        np.testing.assert_allclose(spread, x.sum() + y.max(), rtol=1e-5)
        np.testing.assert_array_equal(
            self._run(lambda x, y: simd.positive(x), x, y), np.maximum(x, 0)
        )
        np.testing.assert_array_equal(
            self._run(lambda x, y: simd.larger(x, y), x, y), np.maximum(x, y)
        )
        np.testing.assert_array_equal(
            self._run(lambda x, y: simd.choose(y, x, np.float32(2.0)), x, y),
            np.where(y > 0, x, 2),
        )
        np.testing.assert_array_equal(
            self._run(lambda x, y: simd.below(simd.iota(16), np.float32(5.0)), x, y),
            np.arange(16) < 5,
        )

    def test_exponential_is_exact_to_rounding_and_ends_in_zero(self):
        x = np.array(
            [0, 1, -1, 0.3466, -0.3466, 0.5, -5.2, 20, -20, 80, -86.9, -87.5, -1e30, 1e-8, 3, -60],
            np.float32,
        )
        result = self._run(lambda x, y: simd.exponential(x), x, x)
        expected = np.where(x < -87, 0, np.exp(x.astype(np.float64)))
        np.testing.assert_allclose(result, expected, rtol=3e-7)

    def test_scatter_writes_a_column(self):
        @njit
        def run(source, out):
            simd.scatter(out, 2, 3, simd.load(source, 0, 8))

        out = np.zeros(27, np.float32)
        run(np.arange(1, 9, dtype=np.float32), out)
        expected = np.zeros(27)
        expected[2:26:3] = np.arange(1, 9)
        np.testing.assert_array_equal(out, expected)

    def test_what_is_no_vector_is_an_error(self):
        @njit
        def run(array, lanes):
            return simd.total(simd.load(array, 0, lanes))

        with pytest.raises(TypingError, match="lanes must be a compile-time constant, got int64"):
            run(np.zeros(8, np.float32), 8)

        @njit
        def strided(array):
            return simd.total(simd.load(array, 0, 8))

        with pytest.raises(TypingError, match="an array must be flat, contiguous and float32"):
            strided(np.zeros(16, np.float32)[::2])


def test_likeness_needs_waves():
    with pytest.raises(ValueError, match=r"likeness must be false without .* num_frequencies=0"):
        _agent(likeness=True, num_frequencies=0)
    with pytest.raises(ValueError, match=r"got true with stem='conv'"):
        make_agent(AgentConfig(likeness=True), SPEC)


def test_what_cannot_be_packed_says_why():
    for why, values in (
        ("its core is not the relational module", {"agent": "control"}),
        ("its patch stem looks at all cells, not at occupied ones", {"entities": "all"}),
        ("its convolutions are not followed by all cells, without references", {"stem": "conv"}),
        (
            "its convolutions are not followed by all cells, without references",
            {**PUBLISHED, "num_references": 1},
        ),
        ("its blocks have hidden layers of other sizes than the entity's", {"block_mlp": (8, 8)}),
        ("its head size is not a multiple of 8", {"head_size": 12}),
    ):
        with pytest.raises(ValueError, match=f"implementation=packed is not possible: {why}"):
            _agent(**values, implementation="packed")
    for why, change in (
        ("its images are not uint8", {"image_dtype": "float32"}),
        ("its images have more than 7 channels", {"image_shape": (9, 11, 8)}),
    ):
        with pytest.raises(ValueError, match=f"implementation=packed is not possible: {why}"):
            _agent(dataclasses.replace(SPEC, **change), implementation="packed")
    assert _agent(head_size=12).can_compile  # auto falls back to the modules
