"""The agent with maps, memory and arguments: acting, learning and enumeration agree."""

import itertools
import math

import numpy as np
import pytest
import tensorflow as tf
from flat import flat, uniforms, unrolled
from spatial_agents import ARGUMENTS, SMALL, A, B, T, make, observations

from relational_rl.run.checkpoint import CheckpointStore

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


@pytest.fixture(scope="module")
def agents():
    return {name: make(**values) for name, values in KINDS.items()}


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
