"""The step cap: ours, the authors', and Gymnasium's time limit beside it."""

import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import TimeAwareObservation

from boxworld import BoxWorldEnv, BoxWorldVectorEnv, Level

SMALL = Level.from_text("""
    @a.
    ...
    .*A
""")
SOLUTION = (3, 1, 3, 1, 2)  # the fourth step opens the box, the fifth takes the gem
UP = 0
ROOM = {"solution_length": 1, "num_branches": 0, "room_size": 3}


def small_env(**knobs):
    env = BoxWorldEnv(**ROOM, **knobs)
    env.reset(options={"level": SMALL})
    return env


def steps_to_end(env, action=UP):
    """Resets, steps into the border until the end; returns how many steps and both flags."""
    env.reset(seed=0, options={"level": SMALL} if env.unwrapped.level_spec.room_size == 3 else {})
    for steps in range(1, 1000):
        _, _, terminated, truncated, _ = env.step(action)
        if np.any(terminated) or np.any(truncated):
            return steps, bool(np.any(terminated)), bool(np.any(truncated))
    return None


@pytest.mark.parametrize("max_steps", [1, 3])
def test_ours_truncates_and_the_authors_terminates_one_action_later(max_steps):
    assert steps_to_end(small_env(max_steps=max_steps)) == (max_steps, False, True)
    theirs = small_env(max_steps=max_steps, step_cap="terminate")
    assert theirs.max_steps == max_steps
    assert steps_to_end(theirs) == (max_steps + 1, True, False)


def test_the_published_cap_of_120_leaves_121_actions_in_the_authors_game():
    envs = {"solution_length": 4, "num_branches": 4, "levels": (3, 1)}
    assert steps_to_end(BoxWorldEnv(**envs)) == (120, False, True)
    assert steps_to_end(BoxWorldEnv(**envs, step_cap="terminate")) == (121, True, False)
    assert steps_to_end(BoxWorldVectorEnv(2, **envs, step_cap="terminate"), np.zeros(2, int)) == (
        121, True, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("step_cap", "actions", "flags"),
    [("truncate", 4, (False, True)), ("terminate", 4, (True, False))],
)
def test_the_last_action_is_rewarded_in_full(step_cap, actions, flags):
    max_steps = actions - (step_cap == "terminate")
    env = small_env(max_steps=max_steps, step_cap=step_cap)
    *_, (_, reward, terminated, truncated, info) = map(env.step, SOLUTION[:actions])
    assert (reward, terminated, truncated) == (1, *flags)
    assert info == {
        "is_success": False,
        "solution_length": 1,
        "num_branches": 0,
        "branch_length": 0,
        "level_seed": -1,
    }
    env = small_env(max_steps=max_steps + 1, step_cap=step_cap)
    *_, (_, reward, terminated, truncated, info) = map(env.step, SOLUTION)
    assert (reward, terminated, truncated, info["is_success"]) == (10, True, False, True)


@pytest.mark.parametrize("make", [BoxWorldEnv, BoxWorldVectorEnv])
@pytest.mark.parametrize("step_cap", [None, "Truncate", 1])
def test_a_bad_step_cap_is_named(make, step_cap):
    with pytest.raises(ValueError) as error:
        make(step_cap=step_cap)
    assert str(error.value) == f"step_cap must be 'truncate' or 'terminate', got {step_cap!r}"


def test_a_cap_that_is_never_reached_may_be_as_large_as_one_likes():
    for max_steps in (2**63 - 1, 2**80):
        env = small_env(max_steps=max_steps, step_cap="terminate")
        assert env.step(UP)[2:4] == (False, False)


# --- Gymnasium's time limit


def play(envs, steps):
    """Plays the solution in slot 0 and up in slot 1, over and over; returns all results."""
    envs.reset(seed=0, options={"level": SMALL})
    return [envs.step(np.array([SOLUTION[t % 5], UP])) for t in range(steps)]


@pytest.mark.parametrize("step_cap", ["truncate", "terminate"])
@pytest.mark.parametrize(("max_steps", "limit"), [(9, 4), (9, 5), (4, 5), (4, 9), (4, 4), (3, -1)])
def test_a_time_limit_of_the_native_batch_is_gymnasiums(max_steps, limit, step_cap):
    knobs = {**ROOM, "max_steps": max_steps, "step_cap": step_cap, "max_episode_steps": limit}
    native, sync = (
        gymnasium.make_vec("BoxWorld-v0", num_envs=2, vectorization_mode=mode, **knobs)
        for mode in (None, "sync")
    )
    assert type(native) is BoxWorldVectorEnv
    for ours, theirs in zip(play(native, 12), play(sync, 12), strict=True):
        for result, expected in zip(ours[:4], theirs[:4], strict=True):
            np.testing.assert_array_equal(result, expected)
        ended = ours[2] | ours[3]
        if ended.any():  # what Gymnasium's wrapper cannot tell is told too
            np.testing.assert_array_equal(ours[4]["_is_success"], ended)
            np.testing.assert_array_equal(ours[4]["is_success"], ours[1] == 10)
    again = gymnasium.make_vec(native.spec)
    for ours, same in zip(play(native, 12), play(again, 12), strict=True):
        np.testing.assert_array_equal(ours[3], same[3])


@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.DISABLED])
def test_a_time_limit_works_in_every_reset_mode(mode):
    envs = BoxWorldVectorEnv(2, **ROOM, max_episode_steps=np.int64(2), autoreset_mode=mode)
    results = play(envs, 2)
    assert [result[3].tolist() for result in results] == [[False] * 2, [True] * 2]
    if mode is AutoresetMode.SAME_STEP:
        assert results[1][4]["final_info"]["solution_length"].tolist() == [1, 1]
    else:
        envs.reset(options={"reset_mask": np.array([True, True])})
    assert not envs.step(np.zeros(2, int))[3].any()


@pytest.mark.parametrize(
    ("limit", "error", "message"),
    [
        (0, ValueError, "max_episode_steps must be None, -1 or at least 1, got 0"),
        (-2, ValueError, "max_episode_steps must be None, -1 or at least 1, got -2"),
        (1.5, TypeError, "max_episode_steps must be an integer, got 1.5"),
    ],
)
def test_a_bad_time_limit_is_named(limit, error, message):
    with pytest.raises(error) as caught:
        BoxWorldVectorEnv(2, max_episode_steps=limit)
    assert str(caught.value) == message


# --- What others can read of it


def test_the_spec_tells_the_step_cap():
    for name, cap in (("BoxWorld-v0", 120), ("BoxWorld-Path10-v0", 300)):
        env = gymnasium.make(name)
        assert env.spec.max_episode_steps == cap
        assert "TimeLimit" not in str(env)  # the step cap is the environment's own
        assert gymnasium.spec(name).max_episode_steps is None
    assert BoxWorldEnv().spec is None
    env = gymnasium.make("BoxWorld-v0", step_cap="terminate", max_steps=7)
    assert env.spec.max_episode_steps == 8
    assert pickle.loads(pickle.dumps(env)).spec == env.spec
    env = gymnasium.make("BoxWorld-v0", max_episode_steps=5)
    assert env.spec.max_episode_steps == 5
    assert str(env).count("TimeLimit") == 1


@pytest.mark.parametrize(
    ("knobs", "ends"),
    [
        ({"max_steps": 4}, (4, False, True)),
        ({"max_steps": 4, "step_cap": "terminate"}, (5, True, False)),
        ({"max_steps": 4, "max_episode_steps": 3}, (3, False, True)),
    ],
)
def test_time_can_be_observed(knobs, ends):
    env = gymnasium.make("BoxWorld-v0", **ROOM, **knobs)
    env = TimeAwareObservation(env, flatten=False, normalize_time=True)
    assert steps_to_end(env) == ends
    env.reset(seed=0, options={"level": SMALL})
    times = [env.step(UP)[0]["time"].item() for _ in range(ends[0])]
    assert times == pytest.approx([(step + 1) / ends[0] for step in range(ends[0])])


def test_an_environment_made_from_a_spec_ends_at_the_same_step():
    env = gymnasium.make("BoxWorld-v0", **ROOM, max_steps=4)
    assert steps_to_end(gymnasium.make(env.spec)) == (4, False, True)
    longer = gymnasium.make(env.spec, max_steps=6, max_episode_steps=-1)
    assert steps_to_end(longer) == (6, False, True)
