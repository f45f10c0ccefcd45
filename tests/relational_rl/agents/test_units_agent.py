"""Agents over units: what they are told, where they point, and that padding does not matter."""

import numpy as np
import pytest
from gymnasium import spaces

from relational_rl._quiet import tf
from relational_rl.config import ConfigError, UnitsControl, UnitsRelational
from relational_rl.nn.unit_arguments import NOWHERE, grid_pixels, unit_pixels
from relational_rl.observations.spec import EnvironmentSpec

SIDE, COUNT = 8, 5
COLUMNS = (
    ("category", 3),
    ("place", SIDE),
    ("place", SIDE),
    ("share", 1),
    ("amount", 0),
    ("name", 0),
)
TINY = {
    "size": 8,
    "hidden": 8,
    "key_size": 4,
    "mlp": (8,),
    "action_embedding": 4,
    "policy_scale": 3.0,
}
RELATIONAL = UnitsRelational(**TINY, num_blocks=2, num_heads=2, head_size=4)
CONTROL = UnitsControl(**TINY, residual_blocks=2)


def unit_space(columns=COLUMNS, places=((SIDE, 1, 2, 3), (), (SIDE,)), mask_key="there"):
    space = spaces.Box(-np.inf, np.inf, (COUNT, len(columns)), np.float32)
    space.columns, space.argument_places, space.mask_key = columns, places, mask_key
    return space


def make_spec(**attributes):
    """Three types: the first takes nothing, the second a place, the third all arguments."""
    actions = spaces.MultiDiscrete([3, SIDE * SIDE, 3, SIDE * SIDE])
    actions.argument_mask = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 1]], bool)
    actions.mask_key, actions.last_action_key = "can", "last"
    observations = spaces.Dict(
        {
            "units": unit_space(**attributes),
            "there": spaces.MultiBinary(COUNT),
            "can": spaces.MultiBinary(3),
            "last": spaces.MultiDiscrete(actions.nvec),
            "means": spaces.Box(0, 9, (2,)),
        }
    )
    return EnvironmentSpec.from_spaces(observations, actions)


def draw(rng, *leading):
    """Returns observations: the last unit is never there, the first type never available."""
    units = np.zeros((*leading, COUNT, len(COLUMNS)), np.float32)
    units[..., 0] = rng.integers(0, 3, units.shape[:-1])
    units[..., 1:3] = rng.uniform(0, SIDE, (*leading, COUNT, 2))
    units[..., 3] = rng.random(units.shape[:-1]) < 0.8
    units[..., 4:] = rng.uniform(0, 50, (*leading, COUNT, 2))
    there = rng.random((*leading, COUNT)) < 0.8
    there[..., -1] = False
    can = np.ones((*leading, 3), bool)
    can[..., 0] = False
    return {
        "units": tf.constant(units),
        "units_mask": tf.constant(there),
        "mask": tf.constant(can),
        "last_action": tf.zeros((*leading, 4), tf.int32),
        "vector": tf.constant(rng.random((*leading, 2)).astype(np.float32)),
    }


@pytest.fixture(scope="module")
def spec():
    return make_spec()


@pytest.fixture(scope="module")
def agents(spec):
    return {"relational": RELATIONAL.build(spec), "control": CONTROL.build(spec)}


def act(agent, observations, seed=0, **options):
    count = len(observations["units"])
    uniforms = tf.constant(np.random.default_rng(seed).random((count, agent.num_draws)))
    return agent.act(observations, (), uniforms, **options)[0]


def test_units_are_read_with_what_their_columns_mean(spec):
    (units,) = (entry for entry in spec.entries if entry.kind == "units")
    assert units.columns == tuple((meaning, float(number)) for meaning, number in COLUMNS)
    assert units.argument_places == ((SIDE, 1, 2, 3), (), (SIDE,)) and units.mask_key == "there"
    observation = {"units": np.ones((2, COUNT, 6)), "there": np.eye(COUNT)[:2]}
    selected = units.select((observation["units"], observation["there"]))
    assert selected["units_mask"].sum() == 2 and selected["units"].sum() == 2 * 6


@pytest.mark.parametrize(
    "attributes, message",
    [
        ({"columns": COLUMNS[:2]}, "x and y of a place side by side"),
        ({"columns": (("colour", 3), *COLUMNS[1:])}, "pairs of a meaning, one of category"),
        ({"mask_key": "nothing"}, r"must name an entry of the shape \(5,\), got 'nothing'"),
        ({"places": ((SIDE, 1, 2, 6),)}, "with columns below 6"),
    ],
)
def test_attributes_that_do_not_fit_are_named(attributes, message):
    with pytest.raises(ValueError, match=message):
        make_spec(**attributes)


def test_a_unit_is_at_a_pixel_if_it_is_there_and_shown():
    units = np.zeros((1, 3, 6), np.float32)
    units[0, :, 1:4] = (2.9, 1.0, 1), (7.99, 8.2, 1), (3, 3, 0)
    pixels = unit_pixels(tf.constant(units), tf.ones((1, 3), tf.bool), (SIDE, 1, 2, 3))
    assert pixels.numpy().tolist() == [[SIDE + 2, 7 * SIDE + 7, NOWHERE]]
    assert grid_pixels(8, 2).tolist() == [2 * 8 + 2, 2 * 8 + 6, 6 * 8 + 2, 6 * 8 + 6]


@pytest.mark.parametrize("name", ["relational", "control"])
def test_what_was_done_is_evaluated_as_it_was_chosen(agents, spec, name):
    agent, rng = agents[name], np.random.default_rng(1)
    observations = draw(rng, 4, 3)
    steps = [act(agent, {k: v[t] for k, v in observations.items()}, t) for t in range(3)]
    actions = tf.stack([step.actions for step in steps])
    features = agent.unroll_features(observations, ())
    evaluation = agent.evaluate(features, actions)
    expected = tf.stack([step.log_probs for step in steps])
    np.testing.assert_allclose(evaluation.log_probs, expected, 1e-4, 1e-5)
    np.testing.assert_allclose(evaluation.values[:3], [s.baseline for s in steps], 1e-4, 1e-5)
    assert evaluation.values.shape == (4, 3) and evaluation.entropies.shape == (3, 3)
    assert (evaluation.entropies.numpy() > 0).all()
    taken = spec.arguments.table()[actions.numpy()[..., 0]]
    assert (actions.numpy()[..., 0] > 0).all() and not actions.numpy()[..., 1:][~taken].any()


def test_the_probabilities_of_all_actions_sum_to_one(agents):
    """Two units in one pixel, and one in a pixel of the grid, are summed over."""
    agent, observations = agents["relational"], draw(np.random.default_rng(2), 1)
    units = observations["units"].numpy()
    units[0, :3, 1:4] = (1.2, 1.5, 1), (1.7, 1.1, 1), (5.5, 3.5, 1)
    observations |= {
        "units": tf.constant(units),
        "units_mask": tf.constant([[True] * 3 + [False] * 2]),
    }
    pixels = np.arange(SIDE * SIDE)
    actions = np.zeros((len(pixels), 1, 4), np.int32)
    actions[:, 0, 0], actions[:, 0, 1] = 1, pixels
    together = {
        k: tf.repeat(v[np.newaxis], len(pixels) + 1, axis=0) for k, v in observations.items()
    }
    evaluation = agent.evaluate(agent.unroll_features(together, ()), tf.constant(actions))
    of_type = tf.nn.softmax(evaluation.policy_logits[0, 0])[1]
    probabilities = np.exp(evaluation.log_probs.numpy()[:, 0])
    np.testing.assert_allclose(probabilities.sum(), of_type, 1e-4)
    assert np.count_nonzero(probabilities) <= 16 + 2


def test_the_order_of_units_and_what_is_padding_do_not_matter(agents):
    for agent in agents.values():
        observations = draw(np.random.default_rng(3), 6)
        order = np.array([3, 4, 0, 2, 1])
        units = observations["units"].numpy()
        units[~observations["units_mask"].numpy()] = 7.0
        other = observations | {
            "units": tf.constant(units[:, order]),
            "units_mask": tf.gather(observations["units_mask"], order, axis=1),
        }
        ours, theirs = act(agent, observations, greedy=True), act(agent, other, greedy=True)
        np.testing.assert_allclose(ours.policy_logits, theirs.policy_logits, 1e-3, 1e-4)
        np.testing.assert_allclose(ours.log_probs, theirs.log_probs, 1e-3, 1e-4)
        np.testing.assert_array_equal(ours.actions, theirs.actions)


def test_relational_and_control_differ_by_one_module(agents):
    def outside(agent):
        return [v.name for v in agent.trainable_variables if "unit_re" not in v.name]

    ours, theirs = (outside(agents[name]) for name in ("relational", "control"))
    assert ours == theirs and len(ours) < len(agents["relational"].trainable_variables)
    observations = draw(np.random.default_rng(4), 2)
    attention = act(agents["relational"], observations, with_attention=True).attention
    assert [weights.shape for weights in attention.weights] == [(2, 2, COUNT, COUNT)] * 2
    there = np.broadcast_to(observations["units_mask"].numpy()[:, None, None], (2, 2, COUNT, COUNT))
    assert not attention.weights[0].numpy()[~there].any()
    assert act(agents["control"], observations, with_attention=True).attention.weights == ()


def test_only_chosen_types_are_taken(spec):
    agent = UnitsControl(**TINY, action_types=(1, 0)).build(spec)
    actions = act(agent, draw(np.random.default_rng(5), 20)).actions.numpy()
    assert set(actions[:, 0]) == {1} and not actions[:, 2:].any()
    assert agent.num_draws == 2
    with pytest.raises(ConfigError, match=r"different numbers in \[0, 3\), got \[1, 3\]"):
        UnitsControl(**TINY, action_types=(1, 3)).build(spec)


def test_an_environment_without_units_is_refused():
    spec = EnvironmentSpec.from_spaces(spaces.Box(0, 1, (3,)), spaces.Discrete(2))
    with pytest.raises(ConfigError, match="units_relational: the observation must have units"):
        RELATIONAL.build(spec)
