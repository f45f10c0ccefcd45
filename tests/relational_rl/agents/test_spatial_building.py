"""What the agent with maps is built of, and what cannot be built."""

import numpy as np
import pytest
import tensorflow as tf
from flat import image_spec, make_agent, uniforms, unrolled
from spatial_agents import SMALL, SPEC, B, T, make

from relational_rl.observations.actions import ArgumentSpec
from relational_rl.observations.image import ImageSpec
from relational_rl.observations.spec import EnvironmentSpec

pytestmark = pytest.mark.usefixtures("eager")


def test_an_image_and_plain_actions_are_enough():
    agent = make(image_spec((14, 14, 3), 4), agent="relational")
    images = tf.constant(np.random.default_rng(0).integers(256, size=(T, B, 14, 14, 3)), tf.uint8)
    output = unrolled(agent, {"image": images}, agent.initial_state(B))
    step, _ = agent.act({"image": images[0]}, agent.initial_state(B), uniforms(B))
    assert agent.encoder.map_shape == (4, 4)
    assert step.actions.shape == step.log_probs.shape == (B,)
    np.testing.assert_allclose(step.policy_logits, output.policy_logits[0], atol=1e-4)
    features = agent.unroll_features({"image": images}, agent.initial_state(B))
    evaluation = agent.evaluate(features, tf.ones([T - 1, B], tf.int32))
    expected = tf.nn.log_softmax(output.policy_logits[:-1])[..., 1]
    np.testing.assert_allclose(evaluation.log_probs, expected, atol=1e-4)


def test_the_published_network_has_the_published_sizes():
    spec = image_spec((32, 32, 1), 5, dtype="int16", scale=9.0)
    values = {"num_blocks": 3, "num_heads": 3, "block_mlp": (384, 384)}
    agent = make_agent(spec, network="spatial", memory="convlstm", **values)
    sizes = {v.name.removesuffix(":0"): tuple(v.shape) for v in agent.variables}
    assert agent.encoder.map_shape == (8, 8)
    assert agent.initial_state(2).hidden.shape == (2, 8, 8, 96)
    found = [shape for name, shape in sizes.items() if "hidden_to_hidden" in name]
    assert found == [(3, 3, 96, 4 * 96)]
    # Two halvings of 4x4, each with a residual block of two 3x3.
    kernels = [
        shape[:2] for name, shape in sizes.items() if "image_encoder" in name and "/w" in name
    ]
    assert sorted(kernels) == [(3, 3)] * 4 + [(4, 4)] * 2
    block = {name.rpartition("block_0/")[2]: s for name, s in sizes.items() if "block_0/" in name}
    assert block["hidden/w"] == (96, 384)
    assert block["hidden_1/w"] == (384, 384)
    assert block["update/w"] == (384, 98)
    assert not any("block_1/" in name for name in sizes)  # blocks share their weights


@pytest.mark.parametrize(
    ("spec", "values", "message"),
    [
        (
            SPEC,
            {"network": "entities", "memory": "none"},
            "agent must be spatial_relational or spatial_control for actions with arguments",
        ),
        (
            image_spec((6, 5, 1), 2, arguments=ArgumentSpec((30,), ((0,), ()), ("image",))),
            {},
            r"must have the sides of the map \(3, 3\) times a power of 2",
        ),
        (
            EnvironmentSpec(
                (
                    ImageSpec("a", (8, 8, 1), "uint8"),
                    ImageSpec("b", (6, 6, 1), "uint8", name="image_1"),
                ),
                2,
            ),
            {},
            r"images must give maps of one shape, got \{'image': \(4, 4\), 'image_1': \(3, 3\)\}",
        ),
    ],
)
def test_what_cannot_be_built_is_a_value_error(spec, values, message):
    with pytest.raises(ValueError, match=message):
        make_agent(spec, **{**SMALL, **values})


def test_where_depends_on_the_pixels_themselves_only_if_asked():
    def has_way(**values):
        return any("from_pixels" in variable.name for variable in make(**values).variables)

    assert has_way(argument_pixels=True)
    assert not has_way()
