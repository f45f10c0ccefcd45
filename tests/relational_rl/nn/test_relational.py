"""The two cores: relational blocks and the control agent's residual blocks."""

import by_hand
import numpy as np
import pytest
import tensorflow as tf
from gymnasium.spaces import Box, Discrete

from relational_rl.config import Cells, Control, Convolutions, Patch, Relational
from relational_rl.nn.entities import Entities
from relational_rl.nn.relational import RelationalModule
from relational_rl.nn.residual import ResidualModule
from relational_rl.observations.spec import EnvironmentSpec

B, N, F, HEADS, SIZE = 2, 6, 5, 2, 4
FEATURES = np.random.default_rng(0).normal(size=(B, N, F)).astype(np.float32)
MASK = np.array([[1, 1, 1, 1, 1, 1], [1, 0, 1, 0, 1, 0]], bool)
CELLS = np.tile(np.arange(N, dtype=np.int32), (B, 1))


def entities(features=FEATURES, mask=None):
    mask = None if mask is None else tf.constant(mask)
    return Entities(tf.constant(features), mask, tf.constant(CELLS))


def make_relational(**values):
    module = RelationalModule(**{"num_blocks": 2, "num_heads": HEADS, "head_size": SIZE, **values})
    module(entities())
    by_hand.randomize(module)
    return module


def count(module):
    return sum(int(np.prod(variable.shape)) for variable in module.trainable_variables)


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
@pytest.mark.parametrize("num_blocks", [1, 3])
def test_shared_blocks_equal_the_loops(num_blocks, mask):
    module = make_relational(num_blocks=num_blocks)
    output = module(entities(mask=mask))
    expected = FEATURES.astype(np.float64)
    weights = by_hand.variables(module)
    assert len(output.attention_weights) == num_blocks
    for block_weights in output.attention_weights:
        expected, attended = by_hand.block(expected, weights, HEADS, SIZE, mask)
        np.testing.assert_allclose(block_weights, attended, atol=1e-4)
    np.testing.assert_allclose(output.features, expected, atol=1e-3)


def test_blocks_may_have_hidden_layers_of_other_sizes():
    module = make_relational(mlp=(7, 9))
    output = module(entities())
    expected, weights = FEATURES.astype(np.float64), by_hand.variables(module)
    assert (weights["hidden/w"].shape[1], weights["hidden_1/w"].shape) == (7, (7, 9))
    for _ in range(2):
        expected, _ = by_hand.block(expected, weights, HEADS, SIZE)
    np.testing.assert_allclose(output.features, expected, atol=1e-3)


def test_separate_blocks_are_applied_in_their_order():
    module = make_relational(num_blocks=3, share_weights=False)
    expected, output = FEATURES.astype(np.float64), module(entities())
    for block, block_weights in zip(module.blocks, output.attention_weights, strict=True):
        expected, attended = by_hand.block(expected, by_hand.variables(block), HEADS, SIZE)
        np.testing.assert_allclose(block_weights, attended, atol=1e-4)
    np.testing.assert_allclose(output.features, expected, atol=1e-3)
    first, second, third = output.attention_weights
    assert np.abs(first - second).max() > 0.05
    assert np.abs(second - third).max() > 0.05


def test_sharing_decides_how_many_parameters_there_are():
    width = HEADS * SIZE
    attention = F * 3 * width + 2 * 3 * width
    layers = (width * F + F) + (F * F + F)
    block = attention + layers + 2 * F
    assert [count(make_relational(num_blocks=n)) for n in (1, 2, 4)] == [block] * 3
    separate = [count(make_relational(num_blocks=n, share_weights=False)) for n in (1, 2, 4)]
    assert separate == [block, 2 * block, 4 * block]


@pytest.mark.parametrize("share_weights", [True, False])
def test_permuted_entities_give_permuted_results(share_weights):
    module = make_relational(share_weights=share_weights)
    order = np.array([4, 2, 0, 5, 1, 3])
    output = module(entities(mask=MASK))
    permuted = module(entities(FEATURES[:, order], MASK[:, order]))
    np.testing.assert_allclose(
        permuted.features.numpy(), output.features.numpy()[:, order], atol=1e-4
    )
    for other, weights in zip(permuted.attention_weights, output.attention_weights, strict=True):
        np.testing.assert_allclose(
            other.numpy(), weights.numpy()[:, :, order][..., order], atol=1e-5
        )


def test_padding_does_not_matter():
    module = make_relational()
    output = module(entities(mask=MASK)).features.numpy()
    changed = np.where(MASK[..., np.newaxis], FEATURES, 9.0)
    np.testing.assert_allclose(
        module(entities(changed, MASK)).features.numpy()[MASK], output[MASK], atol=1e-5
    )
    kept = module(
        Entities(tf.constant(FEATURES[1:, MASK[1]]), None, tf.constant(CELLS[1:, MASK[1]]))
    )
    np.testing.assert_allclose(kept.features.numpy()[0], output[1][MASK[1]], atol=1e-4)


@pytest.mark.parametrize("share_weights", [True, False])
def test_gradients_reach_every_parameter(share_weights):
    module = make_relational(share_weights=share_weights)
    with tf.GradientTape() as tape:
        output = module(entities(mask=MASK)).features
        loss = tf.reduce_sum(output * tf.constant(FEATURES[:, ::-1]))
    for variable, gradient in zip(
        module.trainable_variables, tape.gradient(loss, module.trainable_variables), strict=True
    ):
        assert np.abs(gradient).max() > 1e-4, variable.name


@pytest.mark.parametrize("make", [RelationalModule, lambda n: ResidualModule(n, (2, 3))])
def test_there_must_be_a_block(make):
    with pytest.raises(ValueError, match="num_blocks must be at least 1, got 0"):
        make(0)


def make_residual(num_blocks=2, **values):
    module = ResidualModule(num_blocks, (2, 3), **values)
    module(entities())
    by_hand.randomize(module)
    return module


def residual_by_hand(values, x):
    for i in range(2):
        update = x
        for which in ("first", "second"):
            kernel, bias = values[f"block_{i}_{which}/w"], values[f"block_{i}_{which}/b"]
            assert kernel.shape == (3, 3, F, F)
            update = by_hand.convolution(by_hand.relu(update), kernel, bias)
        x = x + update
    return x


def test_residual_blocks_equal_sums_over_windows():
    module = make_residual()
    output = module(entities())
    assert output.attention_weights == ()
    values = by_hand.variables(module)
    for b in range(B):
        x = residual_by_hand(values, FEATURES[b].reshape(2, 3, F).astype(np.float64))
        np.testing.assert_allclose(output.features[b], x.reshape(N, F), atol=1e-4)


def test_residual_blocks_see_entities_in_their_cells_of_an_empty_map():
    module = ResidualModule(2, (3, 4))
    cells = np.array([[1, 2, 5, 6, 10, 11], [0, 0, 3, 0, 8, 0]], np.int32)  # padding is in cell 0
    sparse = Entities(tf.constant(FEATURES), tf.constant(MASK), tf.constant(cells))
    module(sparse)
    by_hand.randomize(module)
    output, values = module(sparse), by_hand.variables(module)
    for b in range(B):
        real = np.flatnonzero(MASK[b])
        scene = np.zeros((12, F))
        scene[cells[b, real]] = FEATURES[b, real]
        expected = residual_by_hand(values, scene.reshape(3, 4, F)).reshape(12, F)
        np.testing.assert_allclose(
            output.features.numpy()[b, real], expected[cells[b, real]], atol=1e-4
        )


def test_residual_blocks_may_have_more_convolutions_and_other_channels():
    module = make_residual(num_convolutions=3, channels=4)
    output = module(entities())
    assert output.features.shape == (B, N, 4)
    values = by_hand.variables(module)
    x = FEATURES.astype(np.float64) @ values["project/w"] + values["project/b"]
    for b in range(B):
        image = x[b].reshape(2, 3, 4)
        for i in range(2):
            update = image
            for which in ("first", "second", "3"):
                kernel, bias = values[f"block_{i}_{which}/w"], values[f"block_{i}_{which}/b"]
                update = by_hand.convolution(by_hand.relu(update), kernel, bias)
            image = image + update
        np.testing.assert_allclose(output.features[b], image.reshape(N, 4), atol=1e-4)


def test_residual_blocks_have_two_convolutions_each():
    for num_blocks in (1, 3):
        assert count(make_residual(num_blocks)) == num_blocks * 2 * (9 * F * F + F)


def test_tensorflow_compiles_residual_blocks_without_an_error(capfd):
    module = make_residual(3)
    compiled = tf.function(lambda: module(entities()).features)
    np.testing.assert_allclose(compiled(), module(entities()).features, atol=1e-4)
    assert capfd.readouterr().err == ""


def test_a_residual_block_needs_a_convolution():
    with pytest.raises(ValueError, match="num_convolutions must be at least 1, got 0"):
        ResidualModule(1, (2, 3), num_convolutions=0)


def test_residual_blocks_need_every_cell():
    module = ResidualModule(1, (3, 3))
    with pytest.raises(
        ValueError, match="needs all 3x3 cells as entities, or a mask, got 6 without one"
    ):
        module(entities())


@pytest.mark.parametrize("stem", [Convolutions(), Patch()], ids=["conv", "patch"])
def test_control_and_relational_agents_differ_by_their_core_only(stem):
    spec = EnvironmentSpec.from_spaces(Box(0, 255, (7, 6, 3), np.uint8), Discrete(4))
    outside, core = {}, {}
    for description in (Relational(encoder=Cells(stem)), Control(encoder=Cells(stem))):
        name, agent = description.kind, description.build(spec)
        inner = {variable.ref() for variable in agent.core.variables}
        outside[name], core[name] = {}, {}
        for variable in agent.variables:
            where = core[name] if variable.ref() in inner else outside[name]
            assert variable.name not in where
            where[variable.name] = tuple(variable.shape)
    assert outside["relational"] == outside["control"]
    # The stem (with the fixed projections of a patch), four layers, policy and baseline.
    assert len(outside["control"]) == 4 + 2 * 4 + 2 * 2
    assert not core["relational"].keys() & core["control"].keys()
    size = 26 if stem.kind == "conv" else 64
    # 3 residual blocks of two 3x3 convolutions with as many channels as an entity has features.
    assert sorted(core["control"].values()) == sorted([(3, 3, size, size), (size,)] * 6)
