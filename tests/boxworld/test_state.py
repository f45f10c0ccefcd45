"""Snapshots: `get_state()` and `set_state(state)`."""

import copy
import pickle

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode

from boxworld import BoxWorldEnv, BoxWorldVectorEnv, Level, solve

SMALL = Level.from_text("""
    @a.
    ...
    .*A
""")
KNOBS = {"solution_length": (1, 2), "num_branches": (0, 1), "room_size": 6, "max_steps": 30}


def assert_equal(left, right):
    assert data_equivalence(left, right, exact=True), (left, right)


def play_on(env, seed=0, episodes=3):
    """Plays at random to the end of the episode and some more; returns all that was seen."""
    rng, seen = np.random.default_rng(seed), []
    for _ in range(episodes):
        ended = not env._playing
        while not ended:
            seen.append(env.step(int(rng.integers(4))))
            ended = seen[-1][2] or seen[-1][3]
        seen += [env.level, env.reset(), env.np_random.random()]
    return seen


def env_after(steps, knobs=KNOBS, options=None):
    env = BoxWorldEnv(**knobs)
    env.reset(seed=5, options=options)
    for action in solve(env.level)[:steps]:
        env.step(action)
    return env


@pytest.mark.parametrize("steps", [0, 3, 1000])
def test_what_follows_a_restored_state_is_the_same(steps):
    env = env_after(steps)
    state = env.get_state()
    first = play_on(env)
    observation = env.set_state(state)
    assert_equal(play_on(env), first)
    assert_equal(env.set_state(state), observation)  # as often as one likes
    assert_equal(play_on(env), first)


def test_taking_a_state_changes_nothing():
    env, twin = env_after(3), env_after(3)
    env.get_state()
    assert_equal(play_on(env), play_on(twin))


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))])
def test_a_state_fits_another_environment_of_its_kind(clone):
    env = env_after(3)
    state, level = clone(env.get_state()), env.level
    first = play_on(env)
    for other in (BoxWorldEnv(**KNOBS), env_after(1, options={"level_seed": 9})):
        other.set_state(state)
        assert other.level == level
        assert other.np_random_seed == 5
        assert_equal(play_on(other), first)


def test_a_level_given_as_text_is_part_of_the_state():
    env = BoxWorldEnv(solution_length=1, num_branches=0, room_size=3)
    env.reset(seed=0, options={"level": SMALL})
    env.step(3)
    state = env.get_state()
    env.reset(seed=1)
    observation = env.set_state(state)
    assert env.level == SMALL
    assert (observation[0, 0] != 0).any()  # the held key
    assert [env.step(action)[1] for action in (1, 3, 1, 2)] == [0, 0, 1, 10]


def test_a_generator_of_the_users_own_is_restored():
    env = env_after(2)
    env.np_random = np.random.Generator(np.random.Philox(3))
    env.reset()
    state = env.get_state()
    first = play_on(env)
    other = env_after(0)
    other.set_state(state)
    assert_equal(play_on(other), first)


@pytest.mark.parametrize("mode", AutoresetMode)
def test_a_vector_goes_on_from_a_state(mode):
    def play_on(envs):
        rng, seen = np.random.default_rng(1), []
        for _ in range(20):
            ended = envs._ended
            if mode is AutoresetMode.DISABLED and ended.any():
                seen.append(envs.reset(options={"reset_mask": ended}))
            seen.append(envs.step(rng.integers(0, 4, 3)))
        return [*seen, envs.dealt_levels, envs.reset(), envs.np_random_seed]

    envs = BoxWorldVectorEnv(3, autoreset_mode=mode, **KNOBS)
    envs.reset(seed=4, options={"level_seed": [7, 8, 9]})
    for _ in range(KNOBS["max_steps"]):  # the last step ends every episode
        envs.step(np.zeros(3, int))
    state = envs.get_state()
    first = play_on(envs)
    observations = envs.set_state(state)
    assert_equal(play_on(envs), first)
    other = BoxWorldVectorEnv(3, autoreset_mode=mode, **KNOBS)
    assert_equal(other.set_state(pickle.loads(pickle.dumps(state))), observations)
    assert_equal(play_on(other), first)


def test_a_state_needs_a_level():
    for env, what in ((BoxWorldEnv(), "a level"), (BoxWorldVectorEnv(2), "levels")):
        with pytest.raises(ResetNeeded) as error:
            env.get_state()
        assert str(error.value) == f"get_state() needs {what}: call reset() first"


def test_a_state_that_does_not_fit_is_named_and_changes_nothing():
    env = env_after(3)
    onehot, longer = {**KNOBS, "observation": "onehot"}, {**KNOBS, "solution_length": 3}
    batch = BoxWorldVectorEnv(2, **KNOBS)
    batch.reset(seed=0)
    before = env.get_state().observations
    for state, error, message in (
        ({}, TypeError, "state must be what get_state() returned, got dict"),
        (
            batch.get_state(),
            ValueError,
            "state must be of an environment with the same num_envs, 1, got 2",
        ),
        (
            env_after(0, onehot).get_state(),
            ValueError,
            "state must be of an environment with the same observation shape, (8, 8, 3), "
            "got (8, 8, 44)",
        ),
        (
            env_after(0, longer).get_state(),
            ValueError,
            f"state must be of an environment with the same level_spec, {env.level_spec}, got "
            f"{BoxWorldEnv(**longer).level_spec}",
        ),
    ):
        with pytest.raises(error) as caught:
            env.set_state(state)
        assert str(caught.value) == message
        np.testing.assert_array_equal(env.get_state().observations, before)
