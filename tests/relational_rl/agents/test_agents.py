"""The agents: one interface, acting and learning with the same numbers."""

import by_hand
import numpy as np
import pytest
import tensorflow as tf
from flat import flat, image_spec, make_agent, uniforms, unrolled

from relational_rl.nn.entities import Entities, max_pool

HEIGHT, WIDTH, ACTIONS = 6, 7, 4
SPEC = image_spec((HEIGHT, WIDTH, 3), ACTIONS)
WITH_VECTOR = image_spec((HEIGHT, WIDTH, 3), ACTIONS, vector=2)
SMALL = {"entity_size": 8, "head_size": 8, "num_frequencies": 4, "mlp": (16,), "match_size": 4}
OCCUPIED = {"stem": "patch", "entities": "occupied", "max_entities": 8, **SMALL}
KINDS = {
    "published": {"mlp": (16,)},
    "control": {"agent": "control", "mlp": (16,)},
    "sparse control": {**OCCUPIED, "agent": "control"},
    "separate": {"share_weights": False, "conv_padding": "VALID", "mlp": ()},
    "patches": {"stem": "patch", **SMALL},
    "occupied": OCCUPIED,
    "references": {"num_references": 2, **OCCUPIED},
    "modules": {"num_references": 2, "implementation": "plain", **OCCUPIED},
    "random": {"agent": "random"},
}
LEARNING = [name for name in KINDS if name != "random"]


def make(spec=SPEC, **values):
    agent = make_agent(spec, **values)
    by_hand.randomize(agent)
    if values.get("agent") != "random" and agent.encoder.needs_background:
        agent.encoder.background.assign(np.full(spec.image_shape, 9, np.uint8))
    return agent


@pytest.fixture(scope="module")
def agents():
    return {name: make(**values) for name, values in KINDS.items()}


def scenes(*leading, objects=5):
    """Images of `objects` coloured pixels on a background of 9s."""
    random = np.random.default_rng(3)
    images = np.full((int(np.prod(leading)), HEIGHT * WIDTH, 3), 9, np.uint8)
    for image in images:
        cells = random.choice(HEIGHT * WIDTH, objects, replace=False)
        image[cells] = random.integers(10, 256, size=(objects, 3))
    return tf.constant(images.reshape(*leading, HEIGHT, WIDTH, 3))


@pytest.mark.parametrize("name", KINDS)
def test_acting_and_learning_see_the_same_numbers(agents, name):
    agent, images = agents[name], scenes(3, 2)
    state = agent.initial_state(2)
    output = unrolled(agent, {"image": images}, state)
    assert output.policy_logits.shape == (3, 2, ACTIONS)
    assert output.baseline.shape == (3, 2)
    for t in range(3):
        step, state = agent.act({"image": images[t]}, state, uniforms(2))
        assert step.actions.shape == (2,)
        assert step.actions.dtype == tf.int32
        np.testing.assert_allclose(step.policy_logits, output.policy_logits[t], atol=1e-4)
        np.testing.assert_allclose(step.baseline, output.baseline[t], atol=1e-4)
    if name != "random":
        assert np.abs(np.diff(output.policy_logits, axis=0)).max() > 1e-2  # it does look


@pytest.mark.parametrize("name", KINDS)
def test_greedy_takes_the_most_probable_action(agents, name):
    agent, images = agents[name], scenes(64)
    step, _ = agent.act({"image": images}, (), uniforms(64), greedy=True)
    best = np.argmax(step.policy_logits, axis=-1)
    if name == "random":
        assert len(set(step.actions.numpy())) == ACTIONS  # still random
    else:
        np.testing.assert_array_equal(step.actions, best)
        sampled, _ = agent.act({"image": images}, (), uniforms(64))
        assert (sampled.actions.numpy() != best).any()


@pytest.mark.parametrize("name", ["published", "random"])
def test_actions_are_a_function_of_the_uniform_numbers_and_follow_the_policy(agents, name):
    agent = agents[name]
    images = tf.tile(scenes(1), [2000, 1, 1, 1])
    first, _ = agent.act({"image": images}, (), uniforms(2000))
    again, _ = agent.act({"image": images}, (), uniforms(2000))
    other, _ = agent.act({"image": images}, (), uniforms(2000, seed=1))
    np.testing.assert_array_equal(first.actions, again.actions)
    assert (first.actions.numpy() != other.actions.numpy()).mean() > 0.2
    shares = np.bincount(first.actions, minlength=ACTIONS) / 2000
    np.testing.assert_allclose(shares, tf.nn.softmax(first.policy_logits[0]), atol=0.04)
    chosen = tf.nn.log_softmax(first.policy_logits).numpy()[range(2000), first.actions]
    np.testing.assert_allclose(first.log_probs, chosen, atol=1e-5)


@pytest.mark.parametrize("name", LEARNING)
def test_attention_is_filled_when_asked_for(agents, name):
    agent, images = agents[name], scenes(3)
    plain, _ = agent.act({"image": images}, (), uniforms(3))
    told, _ = agent.act({"image": images}, (), uniforms(3), with_attention=True)
    np.testing.assert_allclose(told.policy_logits, plain.policy_logits, atol=1e-4)
    assert plain.attention is None
    weights, cells, mask = told.attention
    config = flat(**KINDS[name]).agent
    assert len(weights) == (0 if "control" in name else config.num_blocks)
    occupied = config.encoder.max_entities is not None
    count = 8 if occupied else np.prod(agent.encoder.map_shape)
    assert cells.shape == mask.shape == (3, count)
    for block in weights:
        assert block.shape == (3, config.num_heads, count, count)
        np.testing.assert_allclose(np.sum(block, axis=-1), 1.0, atol=1e-5)
    real = 5 if occupied else count
    assert mask.numpy().sum(axis=1).tolist() == [real] * 3


@pytest.mark.parametrize("implementation", ["plain", "packed"])
@pytest.mark.parametrize("num_references", [0, 2])
def test_room_for_more_entities_changes_nothing(num_references, implementation):
    images, outputs = scenes(4), []
    values = {**OCCUPIED, "num_references": num_references, "implementation": implementation}
    # 42 is every cell: the network over all cells, masked to the occupied ones.
    for max_entities in (5, 8, 42):
        agent = make(**{**values, "max_entities": max_entities})
        step, _ = agent.act({"image": images}, (), uniforms(4))
        outputs.append((step.policy_logits.numpy(), step.baseline.numpy()))
    for logits, baseline in outputs[1:]:
        np.testing.assert_allclose(logits, outputs[0][0], atol=1e-4)
        np.testing.assert_allclose(baseline, outputs[0][1], atol=1e-4)
    too_few = make(**{**values, "max_entities": 4})
    step, _ = too_few.act({"image": images}, (), uniforms(4))
    assert np.abs(step.policy_logits - outputs[0][0]).max() > 1e-3


def test_all_cells_masked_to_the_occupied_ones_are_the_occupied_ones():
    everything, occupied = make(stem="patch", **SMALL), make(**OCCUPIED)
    for ours, theirs in zip(
        everything.trainable_variables, occupied.trainable_variables, strict=True
    ):
        ours.assign(theirs)
    images = scenes(4)
    entities = everything.encoder({"image": images})
    differs = tf.reshape(tf.reduce_any(images != 9, axis=-1), [4, -1])
    masked = Entities(entities.features, differs, entities.cells)
    related = everything.core(masked).features
    pooled = max_pool(masked._replace(features=related))
    logits, baseline = everything.heads(pooled)
    step, _ = occupied.act({"image": images}, (), uniforms(4))
    np.testing.assert_allclose(step.policy_logits, logits, atol=1e-4)
    np.testing.assert_allclose(step.baseline, baseline, atol=1e-4)
    # Unmasked, the floor is an entity too, and says something else.
    plain, _ = everything.act({"image": images}, (), uniforms(4))
    assert np.abs(plain.policy_logits - logits).max() > 1e-3


@pytest.mark.parametrize("name", LEARNING)
def test_the_vector_reaches_the_heads(name):
    agent = make(WITH_VECTOR, **KINDS[name])
    images = scenes(2)
    logits = []
    for speed in ([[0.0, 0.0]] * 2, [[1.0, 0.0]] * 2, [[0.0, 1.0]] * 2):
        step, _ = agent.act({"image": images, "vector": tf.constant(speed)}, (), uniforms(2))
        logits.append(step.policy_logits.numpy())
    assert min(np.abs(logits[i] - logits[i - 1]).max() for i in range(3)) > 1e-2
    seen = {"image": images[tf.newaxis], "vector": tf.constant([[[0.0, 1.0]] * 2])}
    output = unrolled(agent, seen, ())
    np.testing.assert_allclose(output.policy_logits[0], logits[2], atol=1e-4)


def test_the_first_policy_is_nearly_uniform():
    far = []
    for policy_scale in (0.01, 1.0):
        agent = make_agent(SPEC, policy_scale=policy_scale)
        step, _ = agent.act({"image": scenes(20)}, (), uniforms(20))
        far.append(np.abs(tf.nn.softmax(step.policy_logits) - 1 / ACTIONS).max())
        (kernel,) = (v for v in agent.trainable_variables if v.name.endswith("policy/w:0"))
        # Of a layer with 256 inputs.
        assert kernel.numpy().std() == pytest.approx(policy_scale / 16, rel=0.15)
    assert far[0] < 0.02 < far[1]


def test_the_published_network_has_the_published_sizes():
    spec = image_spec((14, 14, 3), 4)
    agent = make_agent(spec)
    assert agent.encoder.map_shape == (14, 14)
    stem = (2 * 2 * 3 * 12 + 12) + (2 * 2 * 12 * 24 + 24)
    attention = 26 * 3 * 64 + 2 * 3 * 64
    block = attention + (64 * 26 + 26) + (26 * 26 + 26) + 2 * 26
    mlp = (26 * 256 + 256) + 3 * (256 * 256 + 256)
    heads = (256 * 4 + 4) + (256 + 1)
    assert agent.num_parameters() == stem + block + mlp + heads
    control = make_agent(spec, agent="control")
    residual = 3 * 2 * (3 * 3 * 26 * 26 + 26)
    assert control.num_parameters() == stem + residual + mlp + heads


@pytest.mark.parametrize("name", LEARNING)
def test_gradients_reach_every_parameter(agents, name):
    agent = agents[name]
    with tf.GradientTape() as tape:
        output = unrolled(agent, {"image": scenes(2, 3)}, ())
        loss = tf.reduce_sum(output.policy_logits[..., 0]) + tf.reduce_sum(output.baseline**2)
    gradients = tape.gradient(loss, agent.trainable_variables)
    for variable, gradient in zip(agent.trainable_variables, gradients, strict=True):
        if variable.name.endswith("score/b:0"):
            continue  # a softmax does not see its bias
        assert np.abs(gradient).max() > 1e-6, variable.name


def test_the_random_agent_learns_nothing_and_values_nothing(agents):
    agent = agents["random"]
    assert agent.num_parameters() == 0
    assert agent.variables == ()
    output = unrolled(agent, {"image": scenes(3, 2)}, agent.initial_state(2))
    np.testing.assert_array_equal(output.policy_logits, np.zeros((3, 2, ACTIONS)))
    np.testing.assert_array_equal(output.baseline, np.zeros((3, 2)))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"entities": "occupied", "conv_padding": "VALID"},
            "max_entities needs a map as large",
        ),
        (
            {"implementation": "packed", "head_size": 12},
            "implementation must be plain or auto, got 'packed': its head size",
        ),
    ],
)
def test_what_cannot_be_built_is_a_value_error(values, message):
    with pytest.raises(ValueError, match=message):
        make_agent(SPEC, **values)


def test_the_control_agent_has_the_entities_of_the_relational_one():
    maps = []
    for name in ("relational", "control"):
        agent = make(**{**OCCUPIED, "agent": name})
        assert agent.encoder.needs_background
        step, _ = agent.act({"image": scenes(2)}, (), uniforms(2), with_attention=True)
        maps.append(step.attention)
    np.testing.assert_array_equal(maps[0].cells, maps[1].cells)
    np.testing.assert_array_equal(maps[0].mask, maps[1].mask)
    assert maps[1].mask.numpy().sum(axis=1).tolist() == [5, 5]
    assert maps[1].weights == ()


def test_xla_compiles_what_it_makes_faster():
    assert not make(mlp=(16,)).can_compile  # its features are packed
    assert make(mlp=(16,), implementation="plain").can_compile
    assert not make(agent="control", mlp=(16,)).can_compile
