"""The Gymnasium environment on the stand-in, through the unmodified SC2Env."""

import os
import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

pytest.importorskip("pysc2")

from sc2_actions import action

from sc2_minigames.actions import InvalidActionError
from sc2_minigames.env import GameCrashedError
from sc2_minigames.maps import MINI_GAMES
from sc2_minigames.observations import (
    MINIMAP_LAYERS,
    SCREEN_LAYERS,
    UNIT_TYPE_IDS,
    UNKNOWN_UNIT_TYPE,
    dense_unit_types,
)

pytestmark = pytest.mark.usefixtures("nothing_is_left_behind")


SELECT_ARMY, BUILD_BARRACKS_SCREEN, MOVE_SCREEN = 7, 42, 331


def layer(observation, picture, name):
    layers = SCREEN_LAYERS if picture == "screen" else MINIMAP_LAYERS
    return observation[picture][:, :, [spec.name for spec in layers].index(name)]


def walk_to_the_beacon(observation):
    """PySC2's scripted agent in our arrays."""
    if not observation["available_actions"][MOVE_SCREEN]:
        return action(SELECT_ARMY)
    ys, xs = np.nonzero(layer(observation, "screen", "player_relative") == 3)
    width = observation["screen"].shape[1]
    return action(MOVE_SCREEN, screen=round(ys.mean()) * width + round(xs.mean()))


def test_larger_pictures(make):
    env = make(screen_size=64, minimap_size=64)
    observation, _ = env.reset(seed=1)
    rewards = []
    for _ in range(30):
        assert env.observation_space.contains(observation)
        observation, reward, *_ = env.step(walk_to_the_beacon(observation))
        rewards.append(reward)
    assert sum(rewards) >= 1


def test_an_episode_from_feature_layers(make):
    env = make()
    observation, info = env.reset(seed=1)
    assert info == {"game": "standin", "score": 0, "game_loop": 0}
    total, steps, terminated = 0.0, 0, False
    while not terminated:
        assert env.observation_space.contains(observation)
        chosen = walk_to_the_beacon(observation)
        observation, reward, terminated, truncated, info = env.step(chosen)
        np.testing.assert_array_equal(observation["last_action"], chosen)
        total += reward
        steps += 1
        assert not truncated
    assert steps == 240
    assert total == info["score"] == env.score >= 20
    assert info["game_loop"] == 1920
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(action(0))
    observation, info = env.reset()
    assert info["score"] == 0
    assert not observation["last_action"].any()


def test_the_images_tell_which_layers_are_categories(make):
    space = make().observation_space
    for key, layers in (("screen", SCREEN_LAYERS), ("minimap", MINIMAP_LAYERS)):
        expected = [layer.size if layer.is_categorical else 0 for layer in layers]
        assert list(space[key].categories) == expected
        # A category is below their number.
        largest = space[key].high[0, 0]
        assert [n - 1 for n in expected if n] == largest[np.flatnonzero(expected)].tolist()
    assert space["screen"].categories[5] == 5  # player_relative
    assert space["screen"].categories[8] == 0  # hit points


def test_the_seed_fixes_the_sequence_of_episodes(make):
    def first_sights(env, seed):
        sights = [env.reset(seed=seed)[0]["screen"]]
        env.step(action(0))
        sights.append(env.reset()[0]["screen"])
        return np.stack(sights)

    env = make()
    first = first_sights(env, 3)
    assert (first[0] != first[1]).any()
    np.testing.assert_array_equal(first, first_sights(env, 3))
    assert (first != first_sights(env, 4)).any()
    np.testing.assert_array_equal(first, first_sights(make(), 3))


def test_gymnasium_finds_nothing_to_complain_about(make):
    env = make(render_mode="rgb_array")
    check_env(env, skip_render_check=True)  # test_the_picture looks at it.


def test_any_integer_is_an_argument(make):
    for kind in (np.int64, np.uint8, np.array):  # the last makes 0-d arrays
        env = make(
            "CollectMineralShards",
            screen_size=kind(16),
            minimap_size=kind(8),
            step_mul=kind(4),
            max_game_loops=kind(8),
            max_crashes=kind(0),
            timeout_seconds=kind(60),
            standin_options={"num_marines": kind(3)},
        )
    observation, _ = env.reset(seed=kind(3))
    assert env.np_random_seed == 3
    assert observation["screen"].shape == (16, 16, 27)
    assert observation["minimap"].shape == (8, 8, 11)
    assert observation["player"][8] == 3
    ends = [env.step(action(0))[3:] for _ in range(2)]
    assert [(is_cut, info["game_loop"]) for is_cut, info in ends] == [(False, 4), (True, 8)]


@pytest.mark.parametrize("seed", [-1, 1.5, True])
def test_a_bad_seed_is_named(make, seed):
    with pytest.raises(ValueError, match=f"seed must be an integer >= 0, got {seed}"):
        make().reset(seed=seed)


@pytest.mark.parametrize("map_name", list(MINI_GAMES))
def test_every_map_has_an_id_and_is_played_at_random(map_name):
    env = gymnasium.make(f"SC2/{map_name}-v0", game="standin")
    try:
        rng = np.random.default_rng(0)
        observation, _ = env.reset(seed=0)
        for _ in range(60):
            chosen = rng.integers(0, env.action_space.nvec)
            chosen[0] = rng.choice(np.flatnonzero(observation["available_actions"]))
            observation, _, terminated, truncated, info = env.step(chosen)
            assert env.observation_space.contains(observation)
            assert info["game"] == "standin"
            if terminated or truncated:
                observation, _ = env.reset()
    finally:
        env.close()


def test_an_unavailable_action_is_a_no_op_that_is_reported(make):
    env, twin = make(), make(unavailable_actions="error")
    for each in (env, twin):
        each.reset(seed=0)
    for _ in range(3):
        observation, reward, terminated, truncated, info = env.step(action(MOVE_SCREEN, screen=5))
        expected, *rest, expected_info = twin.step(action(0))
        assert info == {**expected_info, "invalid_action": True}
        assert [reward, terminated, truncated] == rest
        for key, value in expected.items():
            np.testing.assert_array_equal(observation[key], value)
        assert not observation["last_action"].any()
    assert "invalid_action" not in env.step(action(0))[4]


def test_observations_are_the_callers_own(make):
    """What is written into them changes neither the next step nor the picture."""
    env, twin = make(render_mode="rgb_array"), make(render_mode="rgb_array")
    kept = []
    for each in (env, twin):
        observation, _ = each.reset(seed=0)
        if each is env:
            kept.append(observation)
            for value in observation.values():
                value[...] = 0  # no function would be available
        np.testing.assert_array_equal(env.render(), env.render())
    for chosen in (action(SELECT_ARMY), action(MOVE_SCREEN, screen=40)):
        spoilt, *rest = env.step(chosen)
        expected, *expected_rest = twin.step(chosen)
        assert rest == expected_rest
        for key, value in expected.items():
            np.testing.assert_array_equal(spoilt[key], value)
            spoilt[key][...] = 0
        np.testing.assert_array_equal(env.render(), twin.render())
        kept.append(spoilt)
    assert not any(value.any() for observation in kept for value in observation.values())


def test_invalid_actions_are_our_errors_and_change_nothing(make):
    env = make(unavailable_actions="error")
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(action(0))
    env.reset(seed=0)
    for bad, words in (
        (action(MOVE_SCREEN), r"331 \(Move_screen\)"),
        (action(573), r"got 573"),
        (action(-1), r"got -1"),
        (action(1, minimap=32 * 32), r"minimap must be in \[0, 1024\)"),
        (np.zeros(3, int), "14 integers"),
    ):
        with pytest.raises(InvalidActionError, match=words):
            env.step(bad)
    assert env.step(action(0))[4]["game_loop"] == 8


def test_a_cut_off_episode_is_truncated(make):
    env = make(max_game_loops=24)
    env.reset(seed=0)
    ends = [env.step(action(0))[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]
    env.reset()
    assert env.step(action(0))[2:4] == (False, False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (dict(map_name="Odd"), "map_name must be one of MoveToBeacon, .*got 'Odd'"),
        (dict(game="chess"), "game must be one of starcraft, standin, got 'chess'"),
        (dict(step_mul=0), "step_mul must be an integer >= 1, got 0"),
        (dict(step_mul=True), "step_mul must be an integer >= 1, got True"),
        (dict(step_mul=np.True_), "step_mul must be an integer >= 1, got np.True_"),
        (dict(step_mul=8.0), "step_mul must be an integer >= 1, got 8.0"),
        (dict(max_game_loops=0), "max_game_loops must be an integer >= 1, got 0"),
        (dict(max_crashes=-1), "max_crashes must be an integer >= 0, got -1"),
        (dict(screen_size=True), "screen_size must be an integer >= 1, got True"),
        (
            dict(standin_options={"num_marines": 1.5}),
            r"standin_options\['num_marines'\] must be an integer >= 0, got 1.5",
        ),
        (
            dict(unavailable_actions="raise"),
            "unavailable_actions must be 'no_op' or 'error', got 'raise'",
        ),
        (dict(minimap_size=64), "minimap_size must be at most screen_size=32, got 64"),
        (dict(render_mode="human"), "render_mode must be None or 'rgb_array', got 'human'"),
        (dict(directory="there"), "directory must be None with game='standin', got 'there'"),
        (
            dict(game="starcraft", standin_options={"num_marines": 1}),
            "standin_options need game='standin', got game='starcraft'",
        ),
    ],
)
def test_bad_arguments(make, arguments, words):
    with pytest.raises(ValueError, match=words):
        make(**arguments)


def test_options_of_the_stand_in(make):
    env = make("CollectMineralShards", standin_options={"num_marines": 5})
    observation, _ = env.reset(seed=0)
    assert observation["player"][8] == 5
    env = make("CollectMineralShards", standin_options={"num_marines": 50}, max_crashes=0)
    with pytest.raises(GameCrashedError, match=r"an integer in \[1, 20\], got 50"):
        env.reset(seed=0)


def test_the_picture(make, monkeypatch):
    env = make(render_mode="rgb_array")
    assert env.render() is None
    observation, _ = env.reset(seed=0)
    monkeypatch.delenv("SDL_FRAMEBUFFER_ACCELERATION", raising=False)
    frame = env.render()
    assert os.environ["SDL_FRAMEBUFFER_ACCELERATION"] == "0"  # should it be shown in a window
    monkeypatch.setenv("SDL_FRAMEBUFFER_ACCELERATION", "opengl")
    np.testing.assert_array_equal(env.render(), frame)
    assert os.environ["SDL_FRAMEBUFFER_ACCELERATION"] == "opengl"
    assert frame.shape == (256, 256, 3)
    is_drawn = frame.any(2)[4::8, 4::8]
    np.testing.assert_array_equal(is_drawn, layer(observation, "screen", "player_relative") > 0)


def test_many_games_at_once():
    """As an actor drives them: processes play just what two games in this one play."""
    processes, sync = (
        gymnasium.make_vec(
            "SC2/CollectMineralShards-v0", num_envs=2, vectorization_mode=mode, game="standin"
        )
        for mode in ("async", "sync")
    )
    try:
        observations, expected = (envs.reset(seed=[5, 6])[0] for envs in (processes, sync))
        for _ in range(5):
            for key, value in expected.items():
                np.testing.assert_array_equal(observations[key], value)
                value[...] = 0  # the caller's own
            # The second slot's function is not available.
            chosen = np.stack([action(SELECT_ARMY), action(BUILD_BARRACKS_SCREEN)])
            observations, rewards, _, _, infos = processes.step(chosen)
            expected, expected_rewards, *_ = sync.step(chosen)
            np.testing.assert_array_equal(rewards, expected_rewards)
            assert list(infos["game"]) == ["standin"] * 2
            assert infos["invalid_action"].tolist() == [False, True]
    finally:
        processes.close()
        sync.close()


def test_unit_types_are_numbered_without_gaps():
    ids = np.array([[0, 317, 48], [1680, 1961, 4], [5, 5000, -3]])
    dense = dense_unit_types(ids)
    assert dense[0, 0] == 0
    known = np.array(UNIT_TYPE_IDS)
    np.testing.assert_array_equal(dense_unit_types(known), np.arange(1, len(known) + 1))
    assert known[dense[0, 2] - 1] == 48
    assert dense[2].tolist()[1:] == [UNKNOWN_UNIT_TYPE] * 2
    assert 2 not in known
    assert dense_unit_types(np.array([2])) == [UNKNOWN_UNIT_TYPE]


def test_no_tensorflow_is_imported(repository_root):
    code = "import sys, sc2_minigames.env; assert 'tensorflow' not in sys.modules"
    environment = dict(os.environ, PYTHONPATH=str(repository_root))
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600, env=environment)
