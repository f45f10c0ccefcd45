"""Unrolls of a scripted game, entry by entry."""

import math

import by_hand
import gymnasium
import numpy as np
import pytest
import tensorflow as tf
from flat import image_spec, make_agent, unrolled
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from scripted import (
    GO_ON,
    NUM_ACTIONS,
    REWARD_OF_ACTION,
    TERMINATED,
    TRUNCATED,
    LinearAgent,
    ScriptedEnv,
    one_each,
)

from relational_rl.acting.actor import Actor, ActorDescription
from relational_rl.acting.unroll import Episode
from relational_rl.acting.vectorization import make_vector_environment
from relational_rl.config import EnvSpec, Random
from relational_rl.observations.spec import EnvironmentSpec

SPEC = EnvironmentSpec.from_spaces(ScriptedEnv.observation_space, ScriptedEnv.action_space)
# The first environment ends for good after three steps, the second is cut off after two and
# then ends after one.
LONG = [[(1.0, GO_ON), (2.0, GO_ON), (4.0, TERMINATED)]]
SHORT = [[(0.0, GO_ON), (8.0, TRUNCATED)], [(-1.0, TERMINATED)]]


def make_actor(scripts=(LONG, SHORT), length=4, seed=0, agent=None, **kwargs):
    agent = agent or LinearAgent()
    env = EnvSpec(id="", make=one_each(*scripts, **kwargs))
    actor = Actor(describe(env, len(scripts), length, seed), agent)
    actor.set_parameters([variable.numpy() for variable in agent.variables], 0)
    actor.set_stage(0, {})
    return actor


def describe(env, num_envs=1, length=2, seed=0, spec=SPEC):
    # The agent is given to the actor, not built of this.
    return ActorDescription(env, Random(), spec, num_envs, length, index=0, seed=seed)


def images(unroll):
    """Returns the number that every pixel of an image is, [T + 1, B]."""
    image = unroll.observations["image"]
    np.testing.assert_array_equal(image, np.broadcast_to(image[..., :1, :1, :], image.shape))
    return image[..., 0, 0, 0]


def test_an_unroll_holds_what_happened():
    unroll = make_actor().unroll()
    # Ten times the episode plus the step: 13 is the true last observation, 20 the next first.
    assert images(unroll).T.tolist() == [[10, 11, 12, 13, 20], [10, 11, 12, 20, 21]]
    assert unroll.not_terminated.T.tolist() == [[1, 1, 0, 1], [1, 1, 1, 0]]
    # A step that only resets is no transition.
    assert unroll.weights.T.tolist() == [[1, 1, 1, 0], [1, 1, 0, 1]]
    live = unroll.weights > 0
    scripted = np.array([[1, 2, 4, 0], [0, 8, 0, -1]], np.float32).T
    paid = scripted + live * REWARD_OF_ACTION * unroll.actions
    np.testing.assert_array_equal(unroll.rewards, paid)
    assert len(set(unroll.actions[live])) == NUM_ACTIONS


def test_types_and_shapes_are_as_documented():
    unroll = make_actor(length=5).unroll()
    assert unroll.observations["image"].shape == (6, 2, 2, 2, 1)
    assert unroll.observations["image"].dtype == np.uint8
    assert unroll.actions.dtype == np.int32
    for name in ("behaviour_log_probs", "rewards", "not_terminated", "weights"):
        value = getattr(unroll, name)
        assert (value.shape, value.dtype) == ((5, 2), np.float32)
    assert unroll.initial_state == ()


def test_episodes_are_counted_without_the_steps_that_reset():
    actor = make_actor(length=7)
    unroll = actor.unroll()
    actions, episodes = unroll.actions * REWARD_OF_ACTION, unroll.episodes
    assert images(unroll).T.tolist() == [
        [10, 11, 12, 13, 20, 21, 22, 23],
        [10, 11, 12, 20, 21, 30, 31, 32],
    ]
    # In the order in which they started: both at once, and then the second before the first. The
    # last one of the second waits for an earlier one of the first, which has just ended too.
    assert [(episode.length, episode.is_success) for episode in episodes] == [
        (3, 1.0),
        (2, 0.0),
        (1, 1.0),
        (3, 1.0),
        (2, 0.0),
    ]
    assert [episode.episode_return for episode in episodes] == pytest.approx(
        [
            7.0 + actions[:3, 0].sum(),
            8.0 + actions[:2, 1].sum(),
            -1.0 + actions[3, 1],
            7.0 + actions[4:7, 0].sum(),
            8.0 + actions[5:7, 1].sum(),
        ]
    )


def test_success_is_unknown_where_the_environment_does_not_say():
    episodes = make_actor(tells_success=False).unroll().episodes
    assert len(episodes) == 3
    assert all(math.isnan(episode.is_success) for episode in episodes)


def test_unrolls_follow_on_one_another():
    long = make_actor(length=8).unroll()
    actor = make_actor(length=4)
    first, second = actor.unroll(), actor.unroll()
    for name in ("actions", "rewards", "not_terminated", "weights", "behaviour_log_probs"):
        both = np.concatenate([getattr(first, name), getattr(second, name)])
        np.testing.assert_allclose(both, getattr(long, name), atol=1e-5, err_msg=name)
    np.testing.assert_array_equal(images(second)[0], images(first)[-1])
    np.testing.assert_array_equal(
        np.concatenate([images(first)[:-1], images(second)]), images(long)
    )
    assert (*first.episodes, *second.episodes) == long.episodes


def test_an_earlier_unroll_is_not_written_to_by_a_later_one():
    actor = make_actor()
    first = actor.unroll()
    kept = {name: np.copy(getattr(first, name)) for name in ("actions", "rewards", "weights")}
    image = first.observations["image"].copy()
    actor.unroll()
    for name, value in kept.items():
        np.testing.assert_array_equal(getattr(first, name), value)
    np.testing.assert_array_equal(first.observations["image"], image)


@pytest.mark.parametrize("kind", ["linear", "relational"])
def test_log_probabilities_are_those_of_the_parameters_that_acted(kind):
    def make():
        if kind == "linear":
            return LinearAgent()
        values = {"entity_size": 8, "head_size": 8, "mlp": (8,), "num_blocks": 1}
        return make_agent(SPEC, stem="patch", implementation="plain", **values)

    actor, judge = make_actor(agent=make()), make()
    for version in (3, 4):
        by_hand.randomize(judge, seed=version)
        actor.set_parameters([variable.numpy() for variable in judge.variables], version)
        unroll = actor.unroll()
        assert unroll.version == version
        seen = {"image": tf.constant(unroll.observations["image"])}
        found = judge.evaluate(judge.unroll_features(seen, ()), tf.constant(unroll.actions))
        np.testing.assert_allclose(
            unroll.behaviour_log_probs, found.log_probs, rtol=1e-4, atol=1e-4
        )
        assert found.policy_logits.numpy().std() > 0.01


def test_actions_follow_the_policy():
    unroll = make_actor(scripts=[LONG] * 1500, length=10).unroll()
    seen = {"image": tf.constant(unroll.observations["image"])}
    probabilities = tf.nn.softmax(unrolled(LinearAgent(), seen, ()).policy_logits[:-1]).numpy()
    for image in (10, 11, 12):
        here = images(unroll)[:-1] == image
        shares = np.bincount(unroll.actions[here], minlength=NUM_ACTIONS) / here.sum()
        np.testing.assert_allclose(shares, probabilities[here].mean(axis=0), atol=0.04)


def test_a_version_already_known_is_not_copied_again():
    agent = LinearAgent()
    actor = make_actor(agent=agent)
    actor.set_parameters([np.zeros_like(variable) for variable in agent.variables], 0)
    assert np.abs(agent.w).max() > 0
    actor.set_parameters([np.zeros_like(variable) for variable in agent.variables], 1)
    assert np.abs(agent.w).max() == 0


def test_a_new_stage_is_a_new_environment_with_new_episodes():
    made = []
    env = EnvSpec(id="", make=one_each(LONG, made=made))
    actor = Actor(describe(env), LinearAgent())
    actor.set_parameters(LinearAgent().variables, 0)
    actor.set_stage(0, {"size": 1})
    first = actor.unroll()
    actor.set_stage(0, {"size": 1})  # the same: nothing happens
    second = actor.unroll()
    assert (first.stage, second.stage, len(made)) == (0, 0, 1)
    assert images(second)[:, 0].tolist() == [12, 13, 20]
    actor.set_stage(1, {"size": 2})
    third = actor.unroll()
    assert third.stage == 1
    assert [env_kwargs for env_kwargs, _ in made] == [{"size": 1}, {"size": 2}]
    assert images(third)[:, 0].tolist() == [10, 11, 12]
    assert third.weights.tolist() == [[1], [1]]
    assert not made[1][1].is_closed
    assert made[0][1].is_closed
    # The return of the episode that was broken off is not carried over.
    fourth = actor.unroll()
    actions = np.concatenate([third.actions, fourth.actions])[:3, 0]
    assert fourth.episodes == (Episode(7.0 + REWARD_OF_ACTION * float(actions.sum()), 3, 1.0),)
    actor.close()
    assert made[1][1].is_closed


def test_an_actor_is_a_function_of_its_seed():
    first, again, other = (make_actor(seed=seed, length=20).unroll() for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.actions, again.actions)
    assert (first.actions != other.actions).any()


def test_the_environments_of_an_actor_get_different_seeds():
    levels = []
    for seed in (0, 0, 1):
        spec, env = image_spec((14, 14, 3), NUM_ACTIONS), EnvSpec(id="boxworld:BoxWorld-v0")
        actor = Actor(describe(env, 8, 1, seed, spec), LinearAgent(num_features=14 * 14 * 3))
        actor.set_parameters(LinearAgent(num_features=14 * 14 * 3).variables, 0)
        actor.set_stage(0, {})
        levels.append(actor.unroll().observations["image"][0])
        actor.close()
    assert len(np.unique(levels[0].reshape(8, -1), axis=0)) == 8
    np.testing.assert_array_equal(levels[0], levels[1])
    assert (levels[0] != levels[2]).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("missing", ["set_parameters", "set_stage"])
def test_unroll_needs_parameters_and_a_stage(missing):
    agent = LinearAgent()
    actor = Actor(describe(EnvSpec(id="", make=one_each(LONG))), agent)
    if missing != "set_parameters":
        actor.set_parameters(agent.variables, 0)
    if missing != "set_stage":
        actor.set_stage(0, {})
    with pytest.raises(RuntimeError, match="set_parameters and set_stage must be called before"):
        actor.unroll()
    actor.close()


def test_single_environments_are_made_into_a_batch():
    environment = make_vector_environment(EnvSpec(id="Scripted-v0", kwargs={"episodes": LONG}), 3)
    assert isinstance(environment, SyncVectorEnv)
    assert environment.num_envs == 3
    observations, _ = environment.reset(seed=0)
    assert observations[:, 0, 0, 0].tolist() == [10, 10, 10]
    for expected in (11, 12, 13, 20):  # the true last observation, then the next first
        observations = environment.step([0, 0, 0])[0]
        assert observations[:, 0, 0, 0].tolist() == [expected] * 3
    environment.close()


def test_an_environments_own_batch_is_used_where_there_is_one():
    environment = make_vector_environment(
        EnvSpec(id="boxworld:BoxWorld-Easy-v0", kwargs={"room_size": 6}), 5
    )
    assert type(environment.unwrapped).__name__ == "BoxWorldVectorEnv"
    assert environment.observation_space.shape == (5, 8, 8, 3)
    environment.close()


class SameStepVectorEnv(SyncVectorEnv):
    """Resets itself in the step that ends an episode."""

    def __init__(self, num_envs=1, **kwargs):
        super().__init__(
            [lambda: ScriptedEnv(LONG)] * num_envs, autoreset_mode=AutoresetMode.SAME_STEP
        )


def test_another_way_of_resetting_is_refused():
    gymnasium.register("SameStep-v0", vector_entry_point=SameStepVectorEnv)
    message = "vector environment of SameStep-v0 must reset in NEXT_STEP mode, got .*SAME_STEP"
    try:
        with pytest.raises(ValueError, match=message):
            make_vector_environment(EnvSpec(id="SameStep-v0"), 2)
    finally:
        del gymnasium.registry["SameStep-v0"]


@pytest.mark.parametrize(
    ("env_id", "env_kwargs", "message"),
    [
        ("boxworld:Chess-v0", None, r"env='boxworld:Chess-v0' with \{\} cannot be made: .*Chess"),
        ("Chess-v0", None, r"env='Chess-v0' with \{\} cannot be made: .*Chess"),
        ("no_such_module:Chess-v0", None, "env='no_such_module:Chess-v0'.*no_such_module"),
        ("Scripted-v0", {"colour": 1}, r"env='Scripted-v0' with \{'colour': 1\} .*colour"),
        ("boxworld:BoxWorld-v0", {"room_sise": 6}, "'room_sise': 6} .*room_sise"),
        ("boxworld:BoxWorld-v0", {"room_size": 1}, "room_size must be .* got 1"),
    ],
)
def test_what_cannot_be_made_is_named(env_id, env_kwargs, message):
    with pytest.raises(ValueError, match=message):
        make_vector_environment(EnvSpec(id=env_id), 2, env_kwargs)
