"""The agent with maps, memory and arguments: acting, learning and enumeration agree."""

import itertools
import math

import by_hand
import numpy as np
import pytest
import tensorflow as tf
from flat import flat, image_spec, make_agent, uniforms, unrolled

from relational_rl.observations.actions import ArgumentSpec, LastActionSpec, MaskSpec
from relational_rl.observations.image import ImageSpec
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.observations.vector import VectorSpec
from relational_rl.run.checkpoint import CheckpointStore

T, B, A = 4, 3, 4
# Two images of 8x8 and of 4x4; arguments: a cell of either, and one of three values.
ARGUMENTS = ArgumentSpec(
    sizes=(64, 3, 16), taken_by=((), (0,), (0, 1), (1, 2)), images=("image", None, "image_1")
)
SPEC = EnvironmentSpec(
    (
        ImageSpec("screen", (8, 8, 2), "int16", (0, 5), scale=10.0),
        ImageSpec("minimap", (4, 4, 1), "int16", name="image_1"),
        VectorSpec("player", 2),
        MaskSpec("available", A),
        LastActionSpec("last", 4),
    ),
    A,
    arguments=ARGUMENTS,
)
SMALL = {
    "network": "spatial",
    "memory": "convlstm",
    "memory_size": 6,
    "map_size": 4,
    "map_channels": 4,
    "embedding_size": 3,
    "num_heads": 2,
    "head_size": 4,
    "block_mlp": (8, 8),
    "vector_mlp": (6, 5),
    "mlp": (8,),
    "head_mlp": (8,),
    "action_embedding": 4,
    "argument_channels": 4,
    "control_convolutions": 3,
    "control_channels": 5,
}
KINDS = {
    "relational": {},
    "control": {"agent": "control"},
    "no memory": {"memory": "none"},
    "pixels": {"argument_pixels": True},
    "no layers": {"memory": "none", "block_mlp": (), "mlp": (), "head_mlp": (), "vector_mlp": ()},
    "random": {"agent": "random"},
}
LEARNING = [name for name in KINDS if name != "random"]


@pytest.fixture(autouse=True, scope="module")
def eager():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def make(spec=SPEC, **values):
    agent = make_agent(spec, **{**SMALL, **values})
    by_hand.randomize(agent)
    return agent


@pytest.fixture(scope="module")
def agents():
    return {name: make(**values) for name, values in KINDS.items()}


def observations(*leading, seed=0):
    random = np.random.default_rng(seed)
    mask = random.random((*leading, A)) < 0.7
    mask[..., 2] = True
    last = np.stack(
        [random.integers(size, size=leading) for size in (A, *ARGUMENTS.sizes)], axis=-1
    )
    values = {
        "image": random.integers(0, 6, (*leading, 8, 8, 2)).astype(np.int16),
        "image_1": random.integers(0, 6, (*leading, 4, 4, 1)).astype(np.int16),
        "vector": random.integers(0, 1000, (*leading, 2)).astype(np.float32),
        "mask": mask,
        "last_action": last.astype(np.int32),
    }
    return {name: tf.constant(value) for name, value in values.items()}


def at(values, t):
    return {name: value[t] for name, value in values.items()}


@pytest.mark.parametrize("name", KINDS)
def test_acting_and_learning_see_the_same_numbers(agents, name):
    agent, seen = agents[name], observations(T, B)
    state = agent.initial_state(B)
    output = unrolled(agent, seen, state)
    steps = []
    for t in range(T):
        step, state = agent.act(at(seen, t), state, uniforms(B, agent, seed=t))
        steps.append(step)
        assert (step.actions.shape, step.actions.dtype) == ((B, 4), tf.int32)
        np.testing.assert_allclose(step.policy_logits, output.policy_logits[t], atol=1e-4)
        np.testing.assert_allclose(step.baseline, output.baseline[t], atol=1e-4)
    assert output.policy_logits.shape == (T, B, A)
    features = agent.unroll_features(seen, agent.initial_state(B))
    actions = tf.stack([step.actions for step in steps])
    evaluation = agent.evaluate(features, actions[:-1])
    for t in range(T - 1):
        np.testing.assert_allclose(steps[t].log_probs, evaluation.log_probs[t], atol=1e-4)
    np.testing.assert_allclose(evaluation.values, output.baseline, atol=1e-4)
    np.testing.assert_allclose(evaluation.policy_logits, output.policy_logits[:-1], atol=1e-4)
    assert np.ptp(evaluation.log_probs) > 0.1


def every_action():
    for a in range(A):
        ranges = [
            range(s) if k in ARGUMENTS.taken_by[a] else [0] for k, s in enumerate((64, 3, 16))
        ]
        yield from ((a, *values) for values in itertools.product(*ranges))


@pytest.mark.parametrize("name", ["relational", "control", "pixels"])
def test_probabilities_and_entropy_are_those_of_the_enumeration(name):
    agent = make(**KINDS[name], argument_entropy="exact")
    available = np.array([True, True, False, True])
    seen = {**observations(2, 1), "mask": tf.constant([[available]] * 2)}
    features = agent.unroll_features(seen, agent.initial_state(1))
    actions = list(every_action())
    assert len(actions) == 1 + 64 + 64 * 3 + 3 * 16
    # All actions at once, as so many environments that see the same.
    many = tf.nest.map_structure(lambda x: tf.repeat(x, len(actions), axis=1), features)
    evaluation = agent.evaluate(many, tf.constant([actions], tf.int32))
    available = available[np.array(actions)[:, 0]]
    assert 0 < available.sum() < len(actions)
    log_probs = evaluation.log_probs[0].numpy().astype(np.float64)
    assert np.exp(log_probs[~available]).max() == 0.0
    real = log_probs[available]
    assert np.exp(real).sum() == pytest.approx(1.0, rel=1e-4)
    enumerated = -(np.exp(real) * real).sum()
    np.testing.assert_allclose(evaluation.entropies[0], enumerated, rtol=1e-4)
    assert 0.1 < enumerated < math.log(len(actions)) - 0.1
    # Sampled, the mean over the types is the same.
    sampled = make(**KINDS[name])
    entropies = sampled.evaluate(many, tf.constant([actions], tf.int32)).entropies[0].numpy()
    assert (np.exp(log_probs) * entropies)[available].sum() == pytest.approx(enumerated, rel=1e-3)


def test_the_type_has_a_say_in_where(agents):
    agent = agents["relational"]
    seen = {**observations(2, 2), "mask": tf.ones([2, 2, A], tf.bool)}
    features = agent.unroll_features(seen, agent.initial_state(2))
    # Types 1 and 2 both take the screen, types 2 and 3 both take the plain argument.
    shares = []
    for a in (1, 2):
        cells = [agent.evaluate(features, tf.constant([[[a, c, 0, 0]] * 2])) for c in range(64)]
        log_probs = np.stack([each.log_probs[0] for each in cells], axis=1)
        shares.append(np.exp(log_probs - np.log(np.exp(log_probs).sum(axis=1, keepdims=True))))
    assert np.abs(shares[0] - shares[1]).max() > 1e-3


def test_actions_are_available_and_arguments_not_taken_are_0(agents):
    seen = observations(200)
    for name in ("no memory", "random"):
        step, _ = agents[name].act(seen, (), uniforms(200, agents[name]))
        actions = step.actions.numpy()
        assert seen["mask"].numpy()[np.arange(200), actions[:, 0]].all()
        assert len(set(actions[:, 0])) == A
        taken = ARGUMENTS.table()[actions[:, 0]]
        assert (actions[:, 1:][~taken] == 0).all()
        assert (actions[:, 1:][taken] > 0).any()
        assert (actions[:, 1:] < ARGUMENTS.sizes).all()


def test_greedy_takes_the_most_probable_type_and_arguments(agents):
    agent, seen = agents["no memory"], observations(50)
    best, _ = agent.act(seen, (), uniforms(50, agent), greedy=True)
    np.testing.assert_array_equal(best.actions[:, 0], np.argmax(best.policy_logits, axis=-1))
    again, _ = agent.act(seen, (), uniforms(50, agent, seed=5), greedy=True)
    np.testing.assert_array_equal(best.actions, again.actions)
    for seed in range(5):
        drawn, _ = agent.act(seen, (), uniforms(50, agent, seed))
        same = drawn.actions.numpy()[:, 0] == best.actions.numpy()[:, 0]
        assert (drawn.log_probs.numpy() <= best.log_probs.numpy() + 1e-5)[same].all()
        assert (drawn.actions.numpy() != best.actions.numpy()).any()


@pytest.mark.parametrize("name", ["image", "image_1", "vector", "last_action"])
@pytest.mark.parametrize("kind", ["relational", "control"])
def test_everything_seen_is_felt(agents, kind, name):
    agent = agents[kind]
    seen, other = observations(1), observations(1, seed=1)
    other["last_action"] = (seen["last_action"] + 1) % 3
    draws = uniforms(1, agent)
    before, _ = agent.act(seen, agent.initial_state(1), draws)
    after, _ = agent.act({**seen, name: other[name]}, agent.initial_state(1), draws)
    assert np.abs(before.baseline - after.baseline).max() > 1e-4


def test_images_know_whether_the_action_before_was_on_them(agents):
    # With the embedding of the types out of the way only the masks tell them apart: types 1 and 2
    # are on the screen alone, type 3 is on the minimap, type 0 on neither.
    agent = make(memory="none")
    for variable in agent.encoder._last_type.variables:
        variable.assign(tf.zeros_like(variable))
    seen, baselines = observations(1), []
    for a in range(A):
        last = tf.constant([[a, 0, 0, 0]])
        step, _ = agent.act({**seen, "last_action": last}, (), uniforms(1, agent))
        baselines.append(float(step.baseline[0]))
    assert baselines[1] == baselines[2]
    assert len({round(value, 5) for value in baselines}) == 3


@pytest.mark.parametrize("name", LEARNING)
def test_gradients_reach_every_parameter(name):
    agent = make(**KINDS[name])
    seen = observations(T, 8)
    random = np.random.default_rng(0)
    actions = np.stack(
        [random.integers(size, size=(T - 1, 8)) for size in (A, *ARGUMENTS.sizes)], axis=-1
    )
    mask = np.ones((T, 8, A), bool)
    with tf.GradientTape() as tape:
        features = agent.unroll_features(
            {**seen, "mask": tf.constant(mask)}, agent.initial_state(8)
        )
        evaluation = agent.evaluate(features, tf.constant(actions, tf.int32))
        loss = tf.reduce_sum(evaluation.log_probs) + tf.reduce_sum(evaluation.values**2)
        loss += tf.reduce_sum(evaluation.entropies)
    gradients = tape.gradient(loss, agent.trainable_variables)
    for variable, gradient in zip(agent.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.name
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 1e-7, variable.name


def test_relational_and_control_differ_by_one_module(agents):
    def names(agent):
        inside = {v.ref() for v in agent.core.variables}
        outside = [v for v in agent.variables if v.ref() not in inside]
        return sorted(v.name for v in outside), len(inside)

    (ours, of_core), (theirs, of_other) = names(agents["relational"]), names(agents["control"])
    assert ours == theirs
    assert of_core != of_other


def test_attention_is_filled_when_asked_for(agents):
    agent, seen = agents["relational"], observations(2)
    state = agent.initial_state(2)
    plain, _ = agent.act(seen, state, uniforms(2, agent))
    told, _ = agent.act(seen, state, uniforms(2, agent), with_attention=True)
    assert plain.attention is None
    assert len(told.attention.weights) == flat(**SMALL).agent.num_blocks
    for block in told.attention.weights:
        assert block.shape == (2, 2, 16, 16)
        np.testing.assert_allclose(np.sum(block, axis=-1), 1.0, atol=1e-5)
    assert told.attention.cells.numpy().tolist() == [list(range(16))] * 2
    assert told.attention.mask.numpy().all()
    agent = agents["control"]
    control, _ = agent.act(seen, agent.initial_state(2), uniforms(2, agent), with_attention=True)
    assert control.attention.weights == ()


def test_the_memory_starts_anew_with_an_episode(agents):
    agent, seen = agents["relational"], observations(T, B)
    is_first = np.zeros((T, B), bool)
    is_first[2, 1] = True
    output = unrolled(agent, seen, agent.initial_state(B), tf.constant(is_first))
    later = {name: value[2:] for name, value in seen.items()}
    fresh = unrolled(agent, later, agent.initial_state(B))
    np.testing.assert_allclose(output.baseline[2:, 1], fresh.baseline[:, 1], atol=1e-4)
    assert np.abs(output.baseline[2:, 0] - fresh.baseline[:, 0]).min() > 1e-4


@pytest.mark.parametrize("name", LEARNING)
def test_a_checkpoint_brings_every_number_back(agents, name, tmp_path):
    CheckpointStore(tmp_path, agent=agents[name]).save(1, {})
    other = make(**KINDS[name])
    for variable in other.variables:
        variable.assign(tf.zeros_like(variable))
    assert CheckpointStore(tmp_path, agent=other).restore_latest() is not None
    for ours, theirs in zip(agents[name].variables, other.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)


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
