"""The packed network gives the numbers of the modules, gradients included."""

import numpy as np
import pytest
import sonnet as snt
import tensorflow as tf
from numba import njit
from numba.core.errors import TypingError
from packed_case import BACKGROUND, IMAGE_SHAPE, Case, Network, scenes, weights

from relational_rl.kernels import forms, network, pointwise, simd
from relational_rl.kernels.features import PackedFeatures, unsupported
from relational_rl.kernels.scenes import pack
from relational_rl.nn.residual import ResidualModule
from relational_rl.nn.stems import PatchStem

NETWORKS = {
    "shared": Network(num_frequencies=32, head_size=32),
    "references": Network(references=2),
    "likeness": Network(references=2, likeness=True),
    "likeness, separate": Network(share_weights=False, likeness=True, patch=(3, 1)),
    "separate": Network(share_weights=False, num_blocks=3, num_heads=4),
    "wide patch": Network(patch=(3, 3), entity_size=24, references=3, match_size=5),
    "no waves": Network(num_frequencies=0, num_blocks=1),
    "published": Network(conv=(12, 24)),
    "published, VALID": Network(conv=(4, 6), padding="VALID", share_weights=False),
    "three convolutions": Network(conv=(6, 5, 14), num_heads=3),
}


def _features_and_gradients(case, function, images):
    with tf.GradientTape() as tape:
        features = function(images)
        loss = tf.reduce_sum(features * weights(features))
    return features.numpy(), tape.gradient(loss, case.variables)


@pytest.mark.parametrize("name", NETWORKS)
def test_equals_the_modules_gradients_included(name):
    case = Case(NETWORKS[name])
    images = scenes(300)  # enough to be shared out over threads
    features, gradients = _features_and_gradients(case, case.packed, images)
    expected_features, expected = _features_and_gradients(case, case.plain, images)
    np.testing.assert_allclose(features, expected_features, atol=1e-4)
    # Nearly always equal to 1e-6; where rounding falls on the other side of a ReLU or of a
    # maximum, one scene of 300 takes another path.
    case.assert_same_gradients(gradients, expected, tolerance=1e-2)


def test_too_many_colours_for_a_table_are_compared_one_by_one(monkeypatch):
    case, images = Case(Network(likeness=True)), scenes(40)
    expected = case.packed(images)
    monkeypatch.setattr(network, "_MOST_COMPARED", 0)
    np.testing.assert_allclose(case.packed(images), expected, atol=1e-5)
    monkeypatch.setattr(pointwise, "compare_waves", lambda *arrays: arrays[-1].fill(0))
    assert np.abs(case.packed(images) - expected).max() > 1e-3  # it was used, and it matters


def test_more_objects_than_room_keeps_the_first():
    case, images = Case(Network(max_entities=5)), scenes(40, most=30)
    np.testing.assert_allclose(case.packed(images), case.plain(images), atol=1e-4)


def test_larger_images_than_the_specs_have_more_cells():
    case = Case(NETWORKS["published, VALID"])
    images = np.random.default_rng(0).integers(0, 256, (2, 9, 16, 3), np.uint8)
    np.testing.assert_allclose(case.packed(images), case.plain(images), atol=1e-4)


def test_empty_scenes_have_zero_features_and_finite_gradients():
    case = Case(Network(references=2))
    images = np.full((3, *IMAGE_SHAPE), BACKGROUND, np.uint8)
    features, gradients = _features_and_gradients(case, case.packed, images)
    np.testing.assert_array_equal(features, 0.0)
    assert all(np.isfinite(value).all() for value in gradients)


def test_what_is_not_learned_may_change_too():
    """A checkpoint can bring other projections and another background."""
    case, images = Case(Network(references=2)), scenes(5)
    case.packed(images)
    for variable in (case.encoder.stem.projections, case.encoder.stem.place_projections):
        variable.assign(variable * 0.25)
    case.encoder.background.assign(tf.zeros(IMAGE_SHAPE, tf.uint8))
    np.testing.assert_allclose(case.packed(images), case.plain(images), atol=1e-5)


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


def _modules(**changes):
    return Network(**changes).modules()


class _OtherStem(PatchStem):
    """A stem of its own, which happens to do what the patch stem does."""


def _with_stem(stem):
    encoder, core = _modules()
    encoder.stem = stem
    return encoder, core


NO_FORM = {
    "its core ResidualModule has no packed implementation": lambda: (
        _modules()[0],
        ResidualModule(1, IMAGE_SHAPE[:2]),
    ),
    "its encoder Linear has no packed implementation": lambda: (snt.Linear(3), _modules()[1]),
    "its stem _OtherStem has no packed implementation": lambda: _with_stem(_OtherStem(8)),
    "its patch stem looks at all cells, not at occupied ones": lambda: _modules(max_entities=None),
    "its convolutions are not followed by all cells, without references": lambda: _modules(
        conv=(4, 6), references=1
    ),
    "its blocks have hidden layers of other sizes than the entity's": lambda: _modules(
        block_mlp=(8, 8)
    ),
    "its head size is not a multiple of 8": lambda: _modules(head_size=12),
    "its images are not uint8": lambda: _modules(image_dtype="float32", conv=(4, 6)),
    "its images have more than 7 channels": lambda: _modules(image_shape=(9, 11, 8)),
}


@pytest.mark.parametrize("why", NO_FORM)
def test_what_cannot_be_packed_says_why(why):
    encoder, core = NO_FORM[why]()
    assert unsupported(encoder, core) == why
    with pytest.raises(ValueError, match=f"implementation=packed is not possible: {why}"):
        PackedFeatures(encoder, core)


def test_another_stem_is_packed_once_its_form_is_registered(monkeypatch):
    encoder, core = _with_stem(_OtherStem(32, num_frequencies=8))
    images = scenes(5)
    core(encoder({"image": tf.constant(images)}))
    monkeypatch.setitem(forms.stem_forms, _OtherStem, forms.stem_forms[PatchStem])
    expected = PackedFeatures(*_modules())(images)
    assert unsupported(encoder, core) is None
    encoder.stem._embed.w.assign(_modules()[0].stem._embed.w)
    encoder.stem._embed.b.assign(_modules()[0].stem._embed.b)
    np.testing.assert_allclose(PackedFeatures(encoder, core)(images), expected, atol=1e-5)
