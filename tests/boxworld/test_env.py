"""The environment as Gymnasium and its users see it."""

import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env
from small_games import SMALL, SOLUTION, small_env

import boxworld
from boxworld import BoxWorldEnv, LevelSpec, generate_level, solve


@pytest.mark.parametrize("name", boxworld.ENVIRONMENTS)
@pytest.mark.parametrize("observation", ["rgb", "onehot"])
def test_gymnasiums_checker_is_content(name, observation, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")  # warnings are errors in these tests
    env = gymnasium.make(f"boxworld:{name}", observation=observation)
    check_env(env.unwrapped)
    assert env.spec.id == name
    assert env.action_space == gymnasium.spaces.Discrete(4)
    channels = 3 if observation == "rgb" else 44
    high = 255 if observation == "rgb" else 1
    assert env.observation_space == gymnasium.spaces.Box(0, high, (14, 14, channels), np.uint8)


def test_the_ids_have_their_difficulties():
    expected = {
        "BoxWorld-v0": ((1, 4), (0, 4), 1, None, 120),
        "BoxWorld-Branch3-v0": ((1, 4), (0, 4), 3, None, 120),
        "BoxWorld-Easy-v0": ((1, 2), (0, 1), 1, None, 120),
        "BoxWorld-Path6-v0": ((6, 6), (0, 4), 1, None, 180),
        "BoxWorld-Path8-v0": ((8, 8), (0, 4), 1, None, 240),
        "BoxWorld-Path10-v0": ((10, 10), (0, 4), 1, None, 300),
        "BoxWorld-WithheldTrain-v0": ((1, 4), (0, 4), 1, "train", 120),
        "BoxWorld-WithheldTest-v0": ((2, 4), (0, 4), 1, "test", 120),
    }
    assert set(boxworld.ENVIRONMENTS) == set(expected)
    for name, (length, branches, branch_length, withheld, max_steps) in expected.items():
        env = gymnasium.make(name).unwrapped
        assert env.level_spec == LevelSpec(length, branches, branch_length, withheld=withheld)
        assert env.max_steps == max_steps
        # The step cap is the environment's own.
        assert "TimeLimit" not in str(gymnasium.make(name))


def test_every_knob_is_a_keyword_of_make():
    env = gymnasium.make(
        "BoxWorld-v0",
        solution_length=2,
        num_branches=(1, 2),
        branch_length=2,
        room_size=9,
        num_colors=10,
        max_steps=33,
        observation="onehot",
        withheld="test",
        levels=(10, 5),
        render_mode="ansi",
    )
    observation, info = env.reset(seed=0)
    assert observation.shape == (11, 11, 24)
    assert 10 <= info["level_seed"] < 15
    assert env.unwrapped.level_spec == LevelSpec(2, (1, 2), 2, 9, 10, "test")
    assert env.unwrapped.max_steps == 33
    again = gymnasium.make(env.spec)  # a spec holds all that is needed to make it again
    assert again.unwrapped.level_spec == env.unwrapped.level_spec
    np.testing.assert_array_equal(again.reset(seed=0)[0], observation)


@pytest.mark.parametrize(
    ("knobs", "error", "message"),
    [
        ({"max_steps": 0}, ValueError, "max_steps must be None or at least 1, got 0"),
        ({"max_steps": 1.5}, TypeError, "max_steps must be an integer, got 1.5"),
        ({"levels": 5}, ValueError, "levels must be None or a (first, count) pair, got 5"),
        (
            {"levels": (1, 2, 3)},
            ValueError,
            "levels must be None or a (first, count) pair, got (1, 2, 3)",
        ),
        (
            {"levels": (0, 0)},
            ValueError,
            "levels must be (first, count) with first >= 0, count >= 1 and first + count <= 2**32, "
            "got (0, 0)",
        ),
        (
            {"levels": (-1, 5)},
            ValueError,
            "levels must be (first, count) with first >= 0, count >= 1 and first + count <= 2**32, "
            "got (-1, 5)",
        ),
        (
            {"levels": (2**32 - 4, 5)},
            ValueError,
            "levels must be (first, count) with first >= 0, count >= 1 and first + count <= 2**32, "
            "got (4294967292, 5)",
        ),
        ({"levels": (0, 1.5)}, TypeError, "levels[1] must be an integer, got 1.5"),
        (
            {"render_mode": "rgb"},
            ValueError,
            "render_mode must be None or one of ['human', 'rgb_array', 'ansi'], got 'rgb'",
        ),
        (
            {"solution_length": 25},
            ValueError,
            "solution_length must be in [1, 19] for num_colors=20, got 25",
        ),
    ],
)
def test_a_bad_knob_is_named(knobs, error, message):
    with pytest.raises(error) as caught:
        BoxWorldEnv(**knobs)
    assert str(caught.value) == message


def test_info_says_how_an_episode_ended():
    env = small_env()
    _, info = env.reset(options={"level": SMALL})
    assert info == {"level_seed": -1}
    infos = [env.step(action)[4] for action in SOLUTION]
    assert infos[:-1] == [{}, {}, {}, {}]
    assert infos[-1] == {
        "is_success": True,
        "solution_length": 1,
        "num_branches": 0,
        "branch_length": 0,
        "level_seed": -1,
    }
    assert {key: type(value) for key, value in infos[-1].items()} == {
        "is_success": bool,
        "solution_length": int,
        "num_branches": int,
        "branch_length": int,
        "level_seed": int,
    }


def test_info_is_that_of_the_level():
    env = BoxWorldEnv(branch_length=3, max_steps=1)
    for seed in range(50):
        _, info = env.reset(seed=seed)
        level = env.level
        assert level == generate_level(env.level_spec, info["level_seed"])
        end = env.step(0)[4]
        assert end == {
            "is_success": False,
            "solution_length": level.solution_length,
            "num_branches": level.num_branches,
            "branch_length": level.branch_length,
            "level_seed": info["level_seed"],
        }


def test_the_level_stays_as_it_was_dealt():
    env = small_env()
    env.reset(options={"level": SMALL})
    for action in SOLUTION[:3]:
        env.step(action)
    assert env.level == SMALL
    env = BoxWorldEnv()
    env.reset(seed=1)
    level = env.level
    for action in solve(level)[:-1]:
        env.step(action)
    assert env.level == level


def test_the_best_return_is_reached_on_every_id():
    for name in boxworld.ENVIRONMENTS:
        env = gymnasium.make(name)
        for seed in range(20):
            env.reset(seed=seed)
            level = env.unwrapped.level
            total = 0.0
            for action in solve(level):
                _, reward, terminated, truncated, info = env.step(action)
                total += reward
            assert (terminated, truncated, info["is_success"]) == (True, False, True)
            assert total == level.solution_length + 10


@pytest.mark.parametrize(
    "action",
    [-1, 4, 2**70, 1.0, float("nan"), None, "0", [1], np.array([1]), True, False, np.True_],
)
def test_an_illegal_action_is_named_and_changes_nothing(action):
    env = small_env(max_steps=6)
    before, _ = env.reset(options={"level": SMALL})
    with pytest.raises(InvalidAction) as error:
        env.step(action)
    assert str(error.value) == f"action must be an integer in [0, 3], got {action!r}"
    observation, _, _, truncated, _ = env.step(0)  # up, into the border
    np.testing.assert_array_equal(observation, before)
    assert not truncated


@pytest.mark.parametrize("action", [1, np.int64(1), np.int32(1), np.uint8(1), np.array(1)])
def test_any_integer_is_an_action(action):
    env = small_env()
    env.reset(options={"level": SMALL})
    assert env.step(action)[0][2, 1].tolist() == [128, 128, 128]


def test_what_needs_a_reset_says_so():
    env = small_env(render_mode="ansi")
    for what, call in (
        ("step()", lambda: env.step(0)),
        ("render()", env.render),
        ("level", lambda: env.level),
    ):
        with pytest.raises(ResetNeeded) as error:
            call()
        assert str(error.value) == f"{what} needs a level: call reset() first"
    env.reset(options={"level": SMALL})
    for action in SOLUTION:
        env.step(action)
    with pytest.raises(ResetNeeded) as error:
        env.step(0)
    assert str(error.value) == (
        "step() needs a running episode and this one has ended: call reset()"
    )
    env.render()  # the end may be looked at
    env.reset(seed=0)
    env.step(0)


def test_render_without_a_mode_warns():
    env = small_env()
    env.reset(seed=0)
    with pytest.warns(UserWarning, match="render\\(\\) draws nothing without a render_mode"):
        assert env.render() is None


def test_observations_do_not_change_later():
    env = small_env()
    kept = [env.reset(options={"level": SMALL})[0]]
    kept += [env.step(action)[0] for action in SOLUTION]
    copies = [observation.copy() for observation in kept]
    env.reset(seed=0)
    env.step(0)
    for observation, same in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(observation, same)
    assert len({observation.tobytes() for observation in kept}) == 6
    kept[0][:] = 7  # and what the user does to them changes no game
    assert env.step(0)[0].max() <= 255
    assert not (env.step(0)[0] == 7).any()


@pytest.mark.parametrize(("length", "low", "high"), [(1, 0.020, 0.030), (4, 0.0, 0.0005)])
def test_a_random_policy_solves_as_much_as_was_published(length, low, high):
    # Footnote of the paper: 2.3 % of levels with a path of one box, none with four.
    envs = boxworld.BoxWorldVectorEnv(1024, solution_length=length, autoreset_mode="SameStep")
    envs.reset(seed=0)
    rng = np.random.default_rng(0)
    ended = solved = 0
    for _ in range(1500):
        infos = envs.step(rng.integers(0, 4, 1024))[4]
        if "final_info" in infos:
            ended += infos["_final_info"].sum()
            solved += infos["final_info"]["is_success"].sum()
    assert ended > 10_000
    assert low <= solved / ended <= high


def test_an_import_brings_in_no_tensorflow_and_registers_the_ids():
    code = (
        "import sys, boxworld, gymnasium; "
        "assert not {'tensorflow', 'torch', 'pygame', 'matplotlib'} & set(sys.modules); "
        "print(gymnasium.spec('BoxWorld-v0').entry_point)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "boxworld.env:BoxWorldEnv"
