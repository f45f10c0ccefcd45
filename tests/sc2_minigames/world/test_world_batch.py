"""A batch of mini-games as Gymnasium makes it, beside single environments of the same arguments."""

import gymnasium
import numpy as np
import pytest

from relational_rl.acting.vectorization import make_vector_environment
from relational_rl.config import EnvSpec
from sc2_minigames.actions import FUNCTION_NAMES
from sc2_minigames.units import UNIT_FIELDS
from sc2_minigames.world import StandInVectorEnv
from sc2_minigames.world.batch import can_play
from sc2_minigames.world.single import StandInEnv

NO_OP, SELECT_ARMY, ATTACK, TRAIN = (
    FUNCTION_NAMES.index(name)
    for name in ("no_op", "select_army", "Attack_screen", "Train_SCV_quick")
)
SMALL = {"game": "standin", "screen_size": 16, "minimap_size": 16}


def make_vec(map_name="DefeatRoaches", num_envs=2, **arguments):
    return gymnasium.make_vec(
        f"SC2/{map_name}-v0",
        num_envs=num_envs,
        vectorization_mode="vector_entry_point",
        **{**SMALL, **arguments},
    )


@pytest.fixture
def single():
    env = gymnasium.make("SC2/DefeatRoaches-v0", **SMALL, max_units=20, disable_env_checker=True)
    yield env
    env.close()


def played(function, place=0):
    action = np.zeros(14, np.int64)
    action[:2] = function, place
    return action


def test_a_batch_is_made_by_its_name():
    batch = make_vec("CollectMineralShards", 3)
    assert isinstance(batch.unwrapped, StandInVectorEnv) and batch.num_envs == 3
    assert batch.spec.id == "SC2/CollectMineralShards-v0"
    with pytest.raises(ValueError, match="game must be 'standin' for a compiled batch"):
        make_vec(game="starcraft")
    with pytest.raises(ValueError, match="got 'starcraft'"):
        gymnasium.make_vec("SC2/MoveToBeacon-v0", vectorization_mode="vector_entry_point")


@pytest.mark.parametrize("options", [{}, {"max_units": 20}, {"max_units": 9, "layers": False}])
def test_spaces_are_those_of_single_environments(options):
    options = {"max_units": 0, **options}
    env = gymnasium.make("SC2/DefeatRoaches-v0", **SMALL, **options, disable_env_checker=True)
    batch = make_vec(**options)
    assert batch.single_observation_space == env.observation_space
    assert batch.single_action_space == env.action_space
    ours, theirs = batch.single_action_space, env.action_space
    assert ours.argument_images == theirs.argument_images
    for key, space in env.observation_space.items():
        assert vars(batch.single_observation_space[key]).keys() == vars(space).keys()
        for name in ("columns", "mask_key", "argument_places", "categories"):
            told = getattr(batch.single_observation_space[key], name, None)
            assert told == getattr(space, name, None)


def test_observations_are_those_of_single_environments(single):
    """The same actions from the same start; random numbers, and so shots, may differ."""
    batch = make_vec(num_envs=1, max_units=20, vary_starts=False)
    ours, _ = batch.reset(seed=0)
    theirs, info = single.reset(seed=0)
    side = UNIT_FIELDS.index("map_x")
    for _ in range(20):  # Which side the marines are on is drawn.
        if abs(ours["units"][0, 0, side] - theirs["units"][0, side]) < 1:
            break
        ours, _ = batch.reset()
    for action in (played(NO_OP), played(SELECT_ARMY), played(ATTACK, 100), played(TRAIN)):
        for key, value in theirs.items():
            np.testing.assert_allclose(ours[key][0], value, 1e-5, 1e-4, err_msg=key)
        ours, rewards, ends, cuts, infos = batch.step(action[np.newaxis])
        theirs, *results, info = single.step(action)
        assert [rewards[0], ends[0], cuts[0]] == results
        assert {key: infos[key][0] for key in info} == info
    assert info["invalid_action"] and not theirs["last_action"].any()


def test_an_unavailable_function_is_played_as_no_op():
    batch = make_vec()
    batch.reset(seed=0)
    _, _, _, _, infos = batch.step(np.stack([played(NO_OP), played(SELECT_ARMY)]))
    assert "invalid_action" not in infos
    ours, _, _, _, infos = batch.step(np.stack([played(TRAIN), played(ATTACK, 5)]))
    assert infos["invalid_action"].tolist() == infos["_invalid_action"].tolist() == [True, False]
    assert infos["game_loop"].tolist() == [16, 16]
    assert ours["last_action"][:, 0].tolist() == [NO_OP, ATTACK]
    assert "invalid_action" not in batch.reset(seed=0)[1]


def test_agents_are_given_the_batch_where_the_game_is_the_stand_in():
    env = EnvSpec(id="sc2_minigames:SC2/MoveToBeacon-v0", kwargs={**SMALL, "layers": False})
    assert isinstance(make_vector_environment(env, 2).unwrapped, StandInVectorEnv)
    for kwargs in ({}, {**SMALL, "max_crashes": 1}, {"game": "starcraft"}):
        assert not can_play(**kwargs)
        env = EnvSpec(id="sc2_minigames:SC2/MoveToBeacon-v0", kwargs=kwargs)
        one_by_one = make_vector_environment(env, 2)
        assert isinstance(one_by_one, gymnasium.vector.SyncVectorEnv)
        one_by_one.close()


def test_a_mask_stays_with_the_units_that_are_asked_for():
    env = EnvSpec(
        id="sc2_minigames:SC2/MoveToBeacon-v0",
        kwargs={**SMALL, "max_units": 2},
        observation_keys=("units", "player", "available_actions", "last_action"),
        vectorization="sync",
    )
    made = make_vector_environment(env, 1)
    assert set(made.single_observation_space) == {*env.observation_keys, "unit_mask"}
    made.close()


def test_one_game_is_that_of_a_batch():
    one, batch = StandInEnv("DefeatRoaches", **SMALL), make_vec(num_envs=1)
    assert one.observation_space == batch.single_observation_space
    ours, _ = one.reset(seed=5)
    theirs, _ = batch.reset(seed=[5])
    ended = False
    while not ended:
        for key, value in ours.items():
            np.testing.assert_array_equal(value, theirs[key][0], err_msg=key)
        action = played(NO_OP if ours["player"][8] else TRAIN)
        ours, reward, ended, cut, info = one.step(action)
        theirs, rewards, ends, _, infos = batch.step(action[np.newaxis])
        assert (reward, ended, cut, info["score"]) == (
            rewards[0],
            ends[0],
            False,
            infos["score"][0],
        )
    assert info["game"] == "standin" and info["game_loop"] == infos["game_loop"][0] > 100
