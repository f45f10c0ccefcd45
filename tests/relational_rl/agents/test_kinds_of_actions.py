"""The entity agent with actions of several parts, with masks, and pointing at objects."""

import by_hand
import gymnasium
import numpy as np
import pytest
import tensorflow as tf
from gymnasium import spaces

from relational_rl.acting.actor import ActorDescription
from relational_rl.config import (
    LSTM,
    Cells,
    Control,
    Experiment,
    Objects,
    Online,
    Random,
    Relational,
    SpatialRelational,
    VTrace,
)
from relational_rl.learners.vtrace import VTraceLearner
from relational_rl.observations.spec import EnvironmentSpec

T, B, N = 3, 4, 5
UNITS = spaces.Box(-1.0, 1.0, (N, 3))
SEEN = spaces.Dict(
    {"units": UNITS, "units_mask": spaces.MultiBinary(N), "can": spaces.MultiBinary(7)}
)
SMALL = {"mlp": (8,), "num_blocks": 1, "head_size": 4, "encoder": Objects(size=6)}


def marked(space, **attributes):
    for name, value in attributes.items():
        setattr(space, name, value)
    return space


def both():
    return spaces.Dict(
        {
            "at": marked(spaces.MultiDiscrete([N, N]), points_at="units"),
            "how": spaces.Discrete(3),
            "speed": spaces.Box(-1.0, 1.0, (2,)),
        }
    )


KINDS = {
    "joint": (spaces.MultiDiscrete([3, 4]), {}),
    "masked": (marked(spaces.MultiDiscrete([3, 4]), mask_key="can"), {}),
    "one masked": (marked(spaces.Discrete(7), mask_key="can"), {}),
    "pointing": (marked(spaces.Discrete(N), points_at="units"), {}),
    "pointing and more": (both(), {}),
    "with a memory": (both(), {"memory": LSTM(size=5)}),
}


def spec_of(actions):
    keys = ("units", "can") if getattr(actions, "mask_key", None) else ("units",)
    return EnvironmentSpec.from_spaces(SEEN, actions, keys)


@pytest.fixture(scope="module")
def agents():
    made = {}
    for name, (actions, values) in KINDS.items():
        made[name] = Relational(**SMALL, **values).build(spec_of(actions))
        by_hand.randomize(made[name])
    return made


def observations(name, *leading):
    """Random objects, some of them absent, and masks that leave a value of every choice."""
    random = np.random.default_rng(1)
    seen = {
        "objects": random.normal(size=(*leading, N, 3)).astype(np.float32),
        "objects_mask": random.random((*leading, N)) < 0.6,
    }
    seen["objects_mask"][..., 0] = True
    if "masked" in name:
        seen["mask"] = random.random((*leading, 7)) < 0.5
        seen["mask"][..., [0, 3]] = True
    return {key: tf.constant(value) for key, value in seen.items()}


@pytest.mark.parametrize("name", KINDS)
def test_the_learner_finds_the_policy_that_acted(agents, name):
    agent, seen = agents[name], observations(name, T + 1, B)
    spec = spec_of(KINDS[name][0])
    state = first = agent.initial_state(B)
    random = np.random.default_rng(2)
    steps = []
    for t in range(T):
        now = {key: value[t] for key, value in seen.items()}
        step, state = agent.act(now, state, random.random((B, agent.num_draws)))
        assert step.actions.shape == (B, *spec.action_shape)
        assert step.actions.dtype == spec.action_dtype
        steps.append(step)
    actions = tf.stack([step.actions for step in steps])
    found = agent.evaluate(agent.unroll_features(seen, first), actions)
    np.testing.assert_allclose(
        found.log_probs, [step.log_probs for step in steps], rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(found.values[:-1], [s.baseline for s in steps], rtol=1e-3, atol=1e-4)
    assert found.entropies.shape == (T, B)


@pytest.mark.parametrize("name", KINDS)
def test_gradients_reach_every_parameter(agents, name):
    agent, seen = agents[name], observations(name, T + 1, B)
    with tf.GradientTape() as tape:
        features = agent.unroll_features(seen, agent.initial_state(B))
        actions = tf.zeros((T, B, *spec_of(KINDS[name][0]).action_shape), tf.int32)
        if spec_of(KINDS[name][0]).action_dtype is np.float32:
            actions = tf.cast(actions, tf.float32)
        found = agent.evaluate(features, actions)
        loss = sum(tf.reduce_sum(x) for x in (found.log_probs, found.entropies, found.values**2))
    gradients = tape.gradient(loss, agent.trainable_variables)
    for variable, gradient in zip(agent.trainable_variables, gradients, strict=True):
        assert gradient is not None and np.abs(tf.convert_to_tensor(gradient)).max() > 0, variable


@pytest.mark.parametrize("name", ["masked", "one masked"])
def test_what_the_mask_forbids_is_never_done(agents, name):
    seen = observations(name, 300)
    step, _ = agents[name].act(seen, (), np.random.default_rng(3).random((300, 2)))
    mask, actions = seen["mask"].numpy(), step.actions.numpy()
    if name == "one masked":
        assert mask[range(300), actions].all()
    else:
        assert mask[range(300), actions[:, 0]].all()
        assert mask[range(300), 3 + actions[:, 1]].all()
        assert not mask[:, 1].all()


def test_pointing_is_at_objects_that_are_there_and_follows_their_order(agents):
    agent, seen = agents["pointing"], observations("pointing", 200)
    step, _ = agent.act(seen, (), np.random.default_rng(4).random((200, 1)))
    assert seen["objects_mask"].numpy()[range(200), step.actions.numpy()[:, 0]].all()
    turned = {key: tf.reverse(value, [1]) for key, value in seen.items()}
    again, _ = agent.act(turned, (), np.random.default_rng(4).random((200, 1)))
    np.testing.assert_allclose(again.policy_logits, step.policy_logits[:, ::-1], atol=1e-3)
    assert np.ptp(step.policy_logits.numpy()[:, 0]) > 1e-2


@pytest.mark.parametrize("name", ["masked", "pointing and more"])
def test_the_random_agent_does_all_that_is_allowed_equally_often(name):
    actions = KINDS[name][0]
    agent = Random().build(spec_of(actions))
    seen = {key: tf.repeat(value[:1], 4000, axis=0) for key, value in observations(name, 1).items()}
    draws = np.random.default_rng(5).random((4000, agent.num_draws))
    step, _ = agent.act(seen, (), draws, greedy=True)
    if name == "masked":
        allowed = np.flatnonzero(seen["mask"].numpy()[0, 3:])
        counts = np.bincount(step.actions.numpy()[:, 1], minlength=4)
        np.testing.assert_allclose(counts[allowed] / 4000, 1 / len(allowed), atol=0.03)
        assert counts.sum() == counts[allowed].sum()
    else:
        speeds = spec_of(actions).to_environment(step.actions.numpy())["speed"]
        np.testing.assert_allclose(np.histogram(speeds, 4, (-1, 1))[0] / 8000, 0.25, atol=0.02)
        np.testing.assert_allclose(
            agent.evaluate(tf.zeros([2, 1, 13]), step.actions[tf.newaxis, :1]).log_probs,
            [[-np.log(N * N * 3 * 2 * 2)]],
            atol=1e-4,
        )


@pytest.mark.parametrize(
    ("config", "seen", "actions", "message"),
    [
        (
            Relational(),
            UNITS,
            marked(spaces.Discrete(N + 1), points_at="objects"),
            r"a choice that points at 'objects' must have 5 values from 0, got \(6,\) from \(0,\)",
        ),
        (
            Relational(),
            SEEN,
            marked(spaces.Discrete(N), points_at="them"),
            r"points_at must name a set of entities, one of \['objects', 'units'\], got 'them'",
        ),
        (
            Control(),
            spaces.Dict({"view": spaces.Box(0, 255, (4, 4, 3), np.uint8), "units": UNITS}),
            spaces.Discrete(2),
            "agent=control needs entities that are cells of an image",
        ),
        (
            Relational(encoder=Cells()),
            spaces.Dict({"view": spaces.Box(0, 255, (4, 4, 3), np.uint8), "units": UNITS}),
            spaces.Discrete(2),
            r"encoder=cells does not see objects \(objects\); leave it out with observation_keys",
        ),
        (
            SpatialRelational(),
            spaces.Box(0, 255, (8, 8, 3), np.uint8),
            spaces.Box(-1, 1, (2,)),
            "agent=spatial_relational needs actions that are one choice, or a type and its",
        ),
        (
            Relational(),
            SEEN,
            marked(spaces.Box(-1, 1, (2,)), mask_key="can"),
            "mask_key needs an action_space with choices, got Box",
        ),
    ],
)
def test_what_cannot_be_built_is_named(config, seen, actions, message):
    with pytest.raises(ValueError, match=message):
        config.build(EnvironmentSpec.from_spaces(seen, actions))


class FindTheOdd(gymnasium.Env):
    """One of the objects has another colour than all others; pointing at it pays."""

    observation_space = UNITS
    action_space = marked(spaces.Discrete(N), points_at="objects")

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._deal(), {}

    def step(self, action):
        reward = float(action == self._odd)
        return self._deal(), reward, True, False, {}

    def _deal(self):
        self._odd = int(self.np_random.integers(N))
        rows = self.np_random.uniform(-1, 1, (N, 3)).astype(np.float32)
        rows[:, 0] = sign = self.np_random.choice([-1.0, 1.0])
        rows[self._odd, 0] = -sign
        return rows


def test_it_learns_to_point_at_the_odd_one(traced):
    """Which colour is odd is a relation between objects: no object tells it alone."""
    experiment = Experiment(
        env=FindTheOdd,
        agent=Relational(mlp=(16,), num_blocks=1, head_size=8, encoder=Objects(size=16)),
        learner=VTrace(batch_size=64, learning_rate=6e-3, entropy_cost=0.01, discount_factor=0.5),
        source=Online(envs_per_actor=64, unroll_length=8),
    )
    tf.random.set_seed(0)
    spec = EnvironmentSpec.from_spaces(FindTheOdd.observation_space, FindTheOdd.action_space)
    agent = experiment.agent.build(spec)
    learner = VTraceLearner(agent, experiment.learner, seed=0)
    actor = ActorDescription(experiment.env, experiment.agent, spec, 64, 8, 0, 0).build()
    actor.set_stage(0, {})
    shares = []
    for version in range(60):
        actor.set_parameters(learner.parameters(), version)
        unroll = actor.unroll()
        learner.update(unroll, progress=0.0)
        shares.append(unroll.rewards.sum() / unroll.weights.sum())
        if np.mean(shares[-5:]) > 0.9:
            break
    actor.close()
    assert np.mean(shares[:3]) < 0.4  # of 5 objects
    assert np.mean(shares[-5:]) > 0.9, shares[::10]
