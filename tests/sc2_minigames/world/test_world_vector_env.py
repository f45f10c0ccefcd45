"""The compiled world as a vector environment: spaces, seeds, resets, bad input."""

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded

from sc2_minigames.actions import FUNCTION_NAMES, InvalidActionError
from sc2_minigames.maps import MINI_GAMES
from sc2_minigames.units import UNIT_FIELDS
from sc2_minigames.world import StandInVectorEnv

SMALL = {"screen_size": 16, "minimap_size": 16}
NO_OP, SELECT_ARMY, ATTACK, MOVE = (
    FUNCTION_NAMES.index(name) for name in ("no_op", "select_army", "Attack_screen", "Move_screen")
)


def make(map_name="DefeatRoaches", num_envs=2, **options):
    return StandInVectorEnv(map_name, num_envs, **{**SMALL, **options})


def call(count, function, **arguments):
    """Returns the same action for each game; arguments by their place in the vector."""
    actions = np.zeros((count, 14), np.int64)
    actions[:, 0] = function
    for place, value in arguments.items():
        actions[:, int(place[1:])] = value
    return actions


def column(observation, name):
    return observation["units"][..., UNIT_FIELDS.index(name)]


@pytest.mark.parametrize("map_name", MINI_GAMES)
def test_observations_are_in_their_space(map_name):
    env = make(map_name)
    observation, _ = env.reset(seed=1)
    assert env.observation_space.contains(observation)
    observation, rewards, terminations, truncations, infos = env.step(call(2, NO_OP))
    assert env.observation_space.contains(observation)
    assert rewards.dtype == np.float64 and terminations.dtype == truncations.dtype == np.bool_
    assert infos["game_loop"].tolist() == [8, 8] and infos["_game_loop"].all()
    assert infos["game"].tolist() == ["standin"] * 2


def test_a_game_is_fixed_by_its_seed_whatever_is_played_beside_it():
    batch = make(num_envs=3)
    batch.reset(seed=5)
    actions = call(3, ATTACK, _1=[3, 130, 250])
    for _ in range(30):
        together = batch.step(actions)
    for slot in range(3):
        alone = make(num_envs=1)
        alone.reset(seed=[5 + slot])
        for _ in range(30):
            single = alone.step(actions[slot : slot + 1])
        for key, value in single[0].items():
            np.testing.assert_array_equal(value[0], together[0][key][slot], err_msg=key)
        assert single[1][0] == together[1][slot]


def test_episodes_go_on_from_a_seed_and_start_over_with_it():
    env = make("MoveToBeacon")
    first, _ = env.reset(seed=3)
    second, _ = env.reset()
    again, _ = env.reset(seed=3)
    np.testing.assert_array_equal(first["units"], again["units"])
    assert (column(first, "map_x") != column(second, "map_x")).all()
    assert (column(first, "map_x")[0] != column(first, "map_x")[1]).all()


def test_unseeded_games_differ():
    places = [column(make("MoveToBeacon").reset()[0], "map_x") for _ in range(2)]
    assert len(np.unique(places)) == 8


def test_combat_starts_vary_unless_they_are_told_not_to():
    def starts(**options):
        env = make(num_envs=6, **options)
        observation, _ = env.reset(seed=0)
        return {tuple(row) for row in column(observation, "map_y")}

    assert len(starts()) == 6
    assert len(starts(vary_starts=False)) == 1


def test_units_stand_on_the_ground_where_starts_vary():
    env = make("DefeatZerglingsAndBanelings", num_envs=40, standin_options={"num_zerglings": 20})
    observation, _ = env.reset(seed=0)
    there = observation["unit_mask"] == 1
    assert there.sum() == 40 * (9 + 20 + 4)
    assert np.abs(column(observation, "map_x")[there] - 32).max() <= 10
    assert np.abs(column(observation, "map_y")[there] - 32).max() <= 8


def test_the_next_step_starts_the_next_episode():
    env = make("MoveToBeacon", step_mul=960)
    env.reset(seed=0)
    assert not env.step(call(2, NO_OP))[2].any()
    assert env.step(call(2, NO_OP))[2].all()
    unavailable = call(2, ATTACK, _1=999)
    observation, rewards, terminations, _, infos = env.step(unavailable)
    assert not rewards.any() and not terminations.any() and not infos["game_loop"].any()
    assert not observation["last_action"].any()


def test_without_autoreset_a_mask_resets():
    env = make(step_mul=960, autoreset_mode="Disabled")
    with pytest.raises(ResetNeeded, match="call reset"):
        env.reset(options={"reset_mask": np.array([True, False])})
    env.reset(seed=0)
    for _ in range(2):
        observation, _, terminations, _, infos = env.step(call(2, NO_OP))
    assert terminations.all()
    with pytest.raises(ResetNeeded, match=r"ended are \[0 1\]"):
        env.step(call(2, NO_OP))
    after, infos = env.reset(options={"reset_mask": np.array([True, False])})
    assert infos["game_loop"].tolist() == [0, 1920]
    np.testing.assert_array_equal(after["units"][1], observation["units"][1])
    with pytest.raises(ResetNeeded, match=r"ended are \[1\]"):
        env.step(call(2, NO_OP))
    env.reset(options={"reset_mask": np.array([False, True])})
    assert env.step(call(2, NO_OP))[4]["game_loop"].tolist() == [960, 960]


def test_a_limit_of_loops_truncates():
    env = make("MoveToBeacon", max_game_loops=16)
    env.reset(seed=0)
    assert not env.step(call(2, NO_OP))[3].any()
    _, _, terminations, truncations, _ = env.step(call(2, NO_OP))
    assert truncations.all() and not terminations.any()


def test_only_what_is_asked_for_is_observed():
    env = make(layers=False, max_units=0)
    observation, _ = env.reset(seed=0)
    assert set(observation) == {"player", "available_actions", "last_action"}
    assert env.observation_space.contains(observation)


def test_units_beyond_the_last_row_are_left_out():
    observation, _ = make(max_units=5).reset(seed=0)
    assert observation["units"].shape == (2, 5, len(UNIT_FIELDS))
    assert observation["unit_mask"].all() and (column(observation, "tag") == range(5)).all()


def test_without_copies_the_same_arrays_come_back():
    env = make(copy=False)
    first, _ = env.reset(seed=0)
    second = env.step(call(2, NO_OP))[0]
    assert all(first[key] is second[key] for key in first)
    fresh = make()
    third, _ = fresh.reset(seed=0)
    fourth = fresh.step(call(2, NO_OP))[0]
    assert not any(np.shares_memory(third[key], fourth[key]) for key in third)
    np.testing.assert_array_equal(second["screen"], fourth["screen"])


@pytest.mark.parametrize(
    "actions, message",
    [
        (call(2, 573), r"function must be in \[0, 573\), got 573"),
        (call(2, -1), r"function must be in \[0, 573\), got -1"),
        (call(2, ATTACK, _1=256), r"screen must be in \[0, 256\) for Attack_screen, got 256"),
        (call(2, FUNCTION_NAMES.index("Train_SCV_quick")), "the function must be available now"),
        (call(3, NO_OP), r"whole numbers of shape \(2, 14\), got int64 \(3, 14\)"),
        (call(2, NO_OP).astype(float), r"got float64 \(2, 14\)"),
        (call(2, NO_OP) == 0, r"got bool \(2, 14\)"),
    ],
)
def test_a_bad_action_is_named_and_nothing_is_played(actions, message):
    env = make(unavailable_actions="error")
    env.reset(seed=0)
    with pytest.raises(InvalidActionError, match=message):
        env.step(actions)
    assert env.step(call(2, NO_OP))[4]["game_loop"].tolist() == [8, 8]


def test_actions_may_be_any_whole_numbers_and_are_not_changed():
    env = make()
    env.reset(seed=0)
    actions = call(2, SELECT_ARMY, _1=77).astype(np.uint16)
    kept = actions.copy()
    observation = env.step(actions)[0]
    np.testing.assert_array_equal(actions, kept)
    assert observation["last_action"][:, 1].tolist() == [0, 0]  # It takes no place.


def test_a_step_needs_a_reset():
    with pytest.raises(ResetNeeded, match="reset"):
        make().step(call(2, NO_OP))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"num_envs": 0}, "num_envs must be a whole number of at least 1, got 0"),
        ({"num_envs": 2.0}, "num_envs must be a whole number of at least 1, got 2.0"),
        ({"step_mul": 0}, "step_mul must be a whole number of at least 1, got 0"),
        ({"max_units": 265}, r"max_units must be a whole number in \[0, 264\], got 265"),
        ({"map_name": "Nowhere"}, "map_name must be one of MoveToBeacon"),
        ({"screen_size": 0}, "screen_size must be an integer >= 1, got 0"),
        ({"autoreset_mode": "SameStep"}, "autoreset_mode must be NextStep or Disabled"),
        ({"unavailable_actions": "skip"}, "unavailable_actions must be 'no_op' or 'error', got"),
        ({"standin_options": {"num_roaches": 0}}, "num_roaches must be a whole number from 1 to"),
        ({"standin_options": {"size": 3}}, "DefeatRoaches has num_marines, num_roaches in the"),
    ],
)
def test_a_bad_argument_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"seed": -1}, "seed must be a whole number in"),
        ({"seed": [1]}, "seed must be one for each of 2 games, got 1"),
        ({"options": {"mask": 1}}, "the option of reset is reset_mask, got mask"),
        ({"options": {"reset_mask": [True]}}, r"reset_mask must be bool of shape \(2,\)"),
        ({"options": {"reset_mask": np.zeros(2, bool)}}, "with a True in it"),
    ],
)
def test_a_bad_reset_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        make().reset(**arguments)


def test_it_is_a_vector_environment_of_gymnasium():
    env = make()
    assert isinstance(env, gymnasium.vector.VectorEnv)
    assert env.metadata["autoreset_mode"] is gymnasium.vector.AutoresetMode.NEXT_STEP
    env.close()
