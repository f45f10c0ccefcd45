"""Which levels an environment plays, and that copies of it go on by themselves."""

import copy
import pickle
import random

import numpy as np
import pytest
from small_games import SMALL

from boxworld import BoxWorldEnv, LevelSpec, generate_level, solve


def level_seeds(env, count, seed):
    seeds = [env.reset(seed=seed)[1]["level_seed"]]
    return seeds + [env.reset()[1]["level_seed"] for _ in range(count - 1)]


def test_a_seed_fixes_the_order_of_levels():
    first = level_seeds(BoxWorldEnv(), 20, seed=3)
    env = BoxWorldEnv()
    level_seeds(env, 7, seed=99)
    assert level_seeds(env, 20, seed=3) == first
    assert len(set(first)) == 20
    assert not set(first) & set(level_seeds(env, 20, seed=4))
    # What is played in between does not matter.
    env.reset(seed=3)
    for action in (0, 1, 2, 3):
        env.step(action)
    assert env.reset()[1]["level_seed"] == first[1]


def test_unseeded_environments_differ():
    assert level_seeds(BoxWorldEnv(), 3, seed=None) != level_seeds(BoxWorldEnv(), 3, seed=None)


def test_a_generator_of_the_users_own_is_drawn_from():
    def played(seed):
        env = BoxWorldEnv()
        env.reset(seed=0)
        env.np_random = np.random.default_rng(seed)
        return [env.reset()[1]["level_seed"] for _ in range(3)]

    assert played(7) == played(7)
    assert played(7) != played(8)


@pytest.mark.parametrize("seven", [7, np.int64(7), np.uint8(7), np.array(7)])
def test_any_integer_is_a_seed(seven):
    env = BoxWorldEnv()
    assert env.reset(options={"level_seed": seven})[1] == {"level_seed": 7}
    assert env.reset(seed=seven)[1] == env.reset(seed=7)[1]


@pytest.mark.parametrize("seed", [1.5, True, "7", np.array([7])])
def test_a_bad_seed_is_named(seed):
    with pytest.raises(TypeError) as error:
        BoxWorldEnv().reset(seed=seed)
    assert str(error.value) == f"seed must be an integer, got {seed!r}"


def test_endless_levels_and_ranges_never_meet():
    seeds = np.array(level_seeds(BoxWorldEnv(), 2000, seed=0))
    assert seeds.min() >= 2**32
    assert seeds.min() < 2**63 / 500  # uniform all over
    assert seeds.max() > 2**63 - 2**63 / 500
    assert abs(seeds.mean() / 2**62 - 1) < 0.05
    for levels in ((0, 1), (100, 7), (2**32 - 3, 3), (0, 2**32)):
        seeds = level_seeds(BoxWorldEnv(levels=levels), 200, seed=0)
        assert min(seeds) >= levels[0]
        assert max(seeds) < levels[0] + levels[1]
        assert len(set(seeds)) == min(levels[1], 200)


def test_one_level_can_be_played_without_moving_the_others():
    first = level_seeds(BoxWorldEnv(), 3, seed=3)
    env = BoxWorldEnv()
    observation, info = env.reset(seed=3, options={"level_seed": 42})
    assert info == {"level_seed": 42}
    level = generate_level(LevelSpec(), 42)
    assert env.level == level
    for given in (level, level.to_text(), "\n\n" + level.to_text() + "\n"):
        same, info = env.reset(options={"level": given})
        np.testing.assert_array_equal(same, observation)
        assert info == {"level_seed": -1}
        assert env.level == level
    assert [env.reset(options=options)[1]["level_seed"] for options in (None, {}, None)] == first
    assert env.level == generate_level(LevelSpec(), first[2])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"seed": 3},
            ValueError,
            "reset options must be {'level_seed': int} or {'level': Level or text}, got ['seed']",
        ),
        (
            {"level_seed": 3, "level": SMALL},
            ValueError,
            "reset options must be {'level_seed': int} or {'level': Level or text}, "
            "got ['level', 'level_seed']",
        ),
        ({"level_seed": -3}, ValueError, "level_seed must be in [0, 2**63), got -3"),
        ({"level_seed": 2**63}, ValueError, f"level_seed must be in [0, 2**63), got {2**63}"),
        ({"level_seed": None}, TypeError, "level_seed must be an integer, got None"),
        ({"level_seed": 0.5}, TypeError, "level_seed must be an integer, got 0.5"),
        ({"level_seed": True}, TypeError, "level_seed must be an integer, got True"),
        (
            {"level_seed": np.array(0.5)},
            TypeError,
            "level_seed must be an integer, got array(0.5)",
        ),
        (
            {"level_seed": [1, 2]},
            ValueError,
            "level_seed must be an int or one for each of 1 slots, got shape (2,)",
        ),
        ({"level": 3}, TypeError, "a level's text must be a str, got 3"),
        ({"level": "@a"}, ValueError, "a level must have 3 to 60 lines, got 1"),
        (
            {"level": SMALL},
            ValueError,
            "a level must have the environment's room_size=12, got 3",
        ),
    ],
)
def test_a_bad_option_is_named_and_changes_nothing(options, error, message):
    env = BoxWorldEnv()
    env.reset(seed=0)
    before = env.step(0)[0]
    level = env.level
    with pytest.raises(error) as caught:
        env.reset(options=options)
    assert str(caught.value) == message
    assert env.level == level
    observation = env.step(0)[0]
    assert (observation != before).any(axis=-1).sum() <= 2


def test_a_level_with_too_many_colors_is_refused():
    env = BoxWorldEnv(
        solution_length=1, num_branches=0, room_size=3, num_colors=4, observation="onehot"
    )
    with pytest.raises(ValueError) as error:
        env.reset(options={"level": "@e.\n...\n.*E"})
    assert str(error.value) == (
        "a level must use only the first num_colors=4 colours of the environment, got 5"
    )
    env.reset(options={"level": "@d.\n...\n.*D"})


def test_no_global_random_state_is_touched():
    state, numpy_state = random.getstate(), np.random.get_state()
    env = BoxWorldEnv()
    for seed in (0, None, 1):
        env.reset(seed=seed)
        env.step(1)
    assert random.getstate() == state
    for before, after in zip(numpy_state, np.random.get_state(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_goes_on_by_itself(clone):
    env = BoxWorldEnv(max_steps=30)
    env.reset(seed=0)
    for action in solve(env.level)[:9]:
        env.step(action)
    twin = clone(env)
    rng = np.random.default_rng(0)
    for _ in range(5):
        ended = False
        while not ended:
            action = int(rng.integers(4))
            observation, *rest = env.step(action)
            same, *also = twin.step(action)
            np.testing.assert_array_equal(observation, same)
            assert rest == also
            ended = rest[1] or rest[2]
        np.testing.assert_array_equal(env.reset()[0], twin.reset()[0])
    before = twin.step(0)[0]
    env.reset(seed=5)  # the copy does not see it
    assert (twin.step(0)[0] != before).any(axis=-1).sum() <= 2
