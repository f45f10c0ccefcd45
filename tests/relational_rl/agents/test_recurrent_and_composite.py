"""Acting and learning with a memory, and with arguments: what the actor did the learner finds."""

import math

import by_hand
import gymnasium
import numpy as np
import pytest
import tensorflow as tf
from flat import flat, make_agent, unrolled
from scripted import GO_ON, TAKES, TERMINATED, TRUNCATED, Calls, ScriptedEnv, one_each

from relational_rl.acting.actor import Actor, ActorDescription
from relational_rl.acting.unroll import Unroll
from relational_rl.config import EnvSpec, VTrace
from relational_rl.config.tree import replace
from relational_rl.learners.vtrace import VTraceLearner
from relational_rl.nn.memory import first_steps
from relational_rl.observations.spec import EnvironmentSpec

LONG = [[(1.0, GO_ON), (2.0, GO_ON), (4.0, TERMINATED)]]
SHORT = [[(0.0, GO_ON), (8.0, TRUNCATED)], [(-1.0, TERMINATED)]]


class CallsEnv(ScriptedEnv):
    """The scripted game with arguments; type 1 is available in every second step alone."""

    observation_space = gymnasium.spaces.Dict(
        {
            "available": gymnasium.spaces.MultiBinary(3),
            "image": ScriptedEnv.observation_space,
            "last": gymnasium.spaces.MultiDiscrete([3, 4, 3]),
        }
    )
    action_space = Calls(mask_key="available", last_action_key="last")

    def reset(self, *, seed=None, options=None):
        self._last = np.zeros(3, np.int64)
        image, info = super().reset(seed=seed)
        return self._dict(image), info

    def step(self, action):
        assert self._dict(None)["available"][action[0]], "not available"
        assert not np.asarray(action)[1:][~TAKES[action[0]]].any()
        self._last = np.asarray(action, np.int64)
        image, reward, *rest = super().step(int(action[0]))
        return self._dict(image), reward, *rest

    def _dict(self, image):
        available = np.array([1, self._step % 2, 1], np.int8)
        return {"available": available, "image": image, "last": self._last}


PLAIN_SPEC = EnvironmentSpec.from_spaces(ScriptedEnv.observation_space, ScriptedEnv.action_space)
CALLS_SPEC = EnvironmentSpec.from_spaces(CallsEnv.observation_space, CallsEnv.action_space)
SMALL = {"head_size": 4, "num_heads": 1, "num_blocks": 1, "mlp": (6,), "memory_size": 5}
SPATIAL = {
    "network": "spatial",
    "memory": "convlstm",
    "map_size": 2,
    "map_channels": 3,
    "vector_mlp": (4,),
    "head_mlp": (6,),
    **SMALL,
}
pytestmark = pytest.mark.usefixtures("eager")
KINDS = {
    "lstm": (PLAIN_SPEC, {"memory": "lstm", **SMALL}),
    "convlstm": (PLAIN_SPEC, SPATIAL),
    "lstm and shortcut": (PLAIN_SPEC, {"memory": "lstm", "memory_shortcut": True, **SMALL}),
    "convlstm and shortcut": (PLAIN_SPEC, {**SPATIAL, "memory_shortcut": True}),
    "arguments": (CALLS_SPEC, SPATIAL),
    "arguments that see pixels": (CALLS_SPEC, {**SPATIAL, "argument_pixels": True}),
    "arguments, no memory": (CALLS_SPEC, {**SPATIAL, "memory": "none"}),
}


def make(kind, seed=0):
    spec, values = KINDS[kind]
    agent = make_agent(spec, **values)
    by_hand.randomize(agent, seed)
    return agent


def make_actor(kind, length=6):
    (spec, values), agent = KINDS[kind], make(kind)
    cls = ScriptedEnv if spec is PLAIN_SPEC else CallsEnv
    env = EnvSpec(id="", make=one_each(LONG, SHORT, cls=cls))
    actor = Actor(ActorDescription(env, flat(**values).agent, spec, 2, length, 0, 0), agent)
    actor.set_parameters([variable.numpy() for variable in agent.variables], 0)
    actor.set_stage(0, {})
    return actor


def evaluate(agent, unroll, state=None, is_first=None):
    """What the learner finds for an unroll."""
    observations = {key: tf.constant(value) for key, value in unroll.observations.items()}
    state = unroll.initial_state if state is None else state
    is_first = first_steps(tf.constant(unroll.weights)) if is_first is None else is_first
    features = agent.unroll_features(observations, state, is_first)
    return agent.evaluate(features, tf.constant(unroll.actions))


@pytest.mark.parametrize("kind", KINDS)
def test_the_learner_finds_the_policy_that_acted(kind):
    agent, actor = make(kind), make_actor(kind)
    for _ in range(3):
        unroll = actor.unroll()
        assert (unroll.weights == 0).any()
        found = evaluate(agent, unroll)
        np.testing.assert_allclose(unroll.behaviour_log_probs, found.log_probs, atol=1e-4)
    if "no memory" in kind:
        return
    # It would not without the state at the start, nor without the resets within.
    fresh = evaluate(agent, unroll, state=agent.initial_state(2))
    never = evaluate(agent, unroll, is_first=tf.zeros([7, 2], tf.bool))
    for other in (fresh, never):
        assert np.abs(other.log_probs - unroll.behaviour_log_probs).max() > 3e-4


@pytest.mark.parametrize("kind", ["lstm", "convlstm"])
def test_an_unroll_that_starts_with_an_episode_starts_from_the_first_state(kind):
    actor = make_actor(kind, length=4)
    first, second = actor.unroll(), actor.unroll()
    # The first environment has just reset; the second is in its episode's second step.
    assert first.weights[-1].tolist() == [0.0, 1.0]
    for leaf in tf.nest.flatten(second.initial_state):
        assert isinstance(leaf, np.ndarray)
        rows = np.abs(leaf.reshape(2, -1)).max(axis=1)
        assert rows[0] == 0.0 < rows[1]


def test_actions_with_arguments_reach_the_environment():
    actor = make_actor("arguments", length=40)
    unroll = actor.unroll()  # CallsEnv checks them
    live = unroll.weights > 0
    assert (unroll.actions.shape, unroll.actions.dtype) == ((40, 2, 3), np.int32)
    assert unroll.behaviour_log_probs.shape == (40, 2)
    assert {tuple(action) for action in unroll.actions[live]} > {(0, 0, 0)}
    # The observation after an action holds it; a step that resets holds zeros.
    last = unroll.observations["last_action"][1:]
    np.testing.assert_array_equal(last[live], unroll.actions[live])
    assert not last[~live].any()


CONFIG = VTrace(
    batch_size=2,
    discount_factor=0.9,
    entropy_cost=0.2,
    learning_rate=0.01,
    reduction="mean",
    max_gradient_norm=1e6,
)


def update(unroll, **changes):
    learner = VTraceLearner(make("arguments"), replace(CONFIG, changes), 0)
    metrics = learner.update(unroll, 0.0)
    return metrics, np.concatenate([value.ravel() for value in learner.parameters()])


def test_losses_on_composite_log_probabilities_equal_the_loops():
    unroll, agent = make_actor("arguments").unroll(), make("arguments")
    # As if another policy had acted, so that the ratios are on both sides of the clip.
    shift = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
    unroll = unroll._replace(behaviour_log_probs=unroll.behaviour_log_probs + shift)
    found = evaluate(agent, unroll)
    values, log_pi = found.values.numpy(), found.log_probs.numpy()
    vs, policy, baseline, kl = values[-1].copy(), 0.0, 0.0, 0.0
    live = unroll.weights > 0
    clipped = 0
    for e in range(2):
        vs, next_value = values[6, e], values[6, e]
        for t in reversed(range(6)):
            if not live[t, e]:
                vs = next_value = values[t, e]
                continue
            ratio = math.exp(log_pi[t, e] - unroll.behaviour_log_probs[t, e])
            rho, clipped = min(1.0, ratio), clipped + (ratio > 1.0)
            gamma = 0.9 * unroll.not_terminated[t, e]
            reward = unroll.rewards[t, e]
            policy -= log_pi[t, e] * rho * (reward + gamma * vs - values[t, e])
            delta = rho * (reward + gamma * next_value - values[t, e])
            vs = values[t, e] + delta + gamma * rho * (vs - next_value)
            baseline += 0.5 * (vs - values[t, e]) ** 2
            next_value = values[t, e]
            kl += ratio - 1.0 - math.log(ratio)
    count = live.sum()
    assert 0 < clipped < count
    metrics, _ = update(unroll)
    assert metrics["policy_loss"] == pytest.approx(policy / count, rel=1e-3)
    assert metrics["baseline_loss"] == pytest.approx(baseline / count, rel=1e-3)
    assert metrics["entropy"] == pytest.approx(found.entropies.numpy()[live].mean(), rel=1e-3)
    assert metrics["behaviour_kl"] == pytest.approx(kl / count, rel=1e-3)


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam"])
def test_dead_steps_and_arguments_not_taken_change_nothing(optimizer):
    unroll = make_actor("arguments").unroll()
    dead = unroll.weights == 0
    _, before = update(unroll, optimizer=optimizer)
    taken = TAKES[unroll.actions[..., 0]]
    for where, is_same in ((~taken, True), (taken & ~dead[..., np.newaxis], False)):
        actions = unroll.actions.copy()
        actions[..., 1:][where] = (actions[..., 1:][where] + 1) % 3
        _, after = update(unroll._replace(actions=actions), optimizer=optimizer)
        assert (np.abs(after - before).max() > 1e-5) != is_same
    shifted = np.where(dead, -50.0, unroll.behaviour_log_probs).astype(np.float32)
    _, after = update(unroll._replace(behaviour_log_probs=shifted), optimizer=optimizer)
    np.testing.assert_array_equal(after, before)


def test_compiled_the_update_is_the_same():
    unroll = make_actor("arguments").unroll()
    _, eager_parameters = update(unroll)
    tf.config.run_functions_eagerly(False)
    _, compiled = update(unroll)
    np.testing.assert_allclose(compiled, eager_parameters, atol=1e-4)


def test_a_memory_learns_what_was_seen_before(traced):
    # The image of the first step says which action will be paid in the third.
    tf.random.set_seed(0)
    agent = make_agent(PLAIN_SPEC, memory="lstm", stem="patch", entity_size=8, **SMALL)
    random = np.random.default_rng(0)
    changes = {"optimizer": "adam", "learning_rate": 0.02, "entropy_cost": 0.0, "batch_size": 16}
    learner = VTraceLearner(agent, replace(CONFIG, changes), 0)
    look = tf.function(lambda images, state: unrolled(agent, {"image": images}, state))
    shares = []
    for _ in range(120):
        cue = random.integers(2, size=16)
        images = np.zeros((4, 16, 2, 2, 1), np.uint8)
        images[0] = np.where(cue, 250, 20)[:, None, None, None]
        state = agent.initial_state(16)
        logits = look(tf.constant(images), state).policy_logits[:3].numpy()
        actions = np.array([[_draw(row, random) for row in step] for step in logits], np.int32)
        rewards = np.zeros((3, 16), np.float32)
        rewards[2] = actions[2] == cue
        shares.append(rewards[2].mean())
        not_terminated = np.ones((3, 16), np.float32)
        not_terminated[2] = 0.0
        learner.update(
            Unroll(
                {"image": images},
                actions,
                _log_probs(logits, actions),
                rewards,
                not_terminated,
                np.ones((3, 16), np.float32),
                tf.nest.map_structure(np.asarray, state),
                0,
                0,
                (),
            ),
            0.0,
        )
    # Three actions, two cues: without memory at most a half.
    assert np.mean(shares[:5]) < 0.5
    assert np.mean(shares[-20:]) > 0.85


def _log_probs(logits, actions):
    log_probs = tf.nn.log_softmax(logits).numpy()
    return np.take_along_axis(log_probs, actions[..., np.newaxis], axis=-1)[..., 0]


def _draw(logits, random):
    exps = np.exp(logits - logits.max())
    return random.choice(len(logits), p=exps / exps.sum())
