"""The compiled batch: exactly what Gymnasium's SyncVectorEnv of single environments plays."""

import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st
from small_games import SMALL, SOLUTION, assert_equal, small_envs

from boxworld import BoxWorldEnv, BoxWorldVectorEnv, generate_level, solve

MODES = list(AutoresetMode)
KNOBS = [
    {},
    {"branch_length": 3, "max_steps": 40},
    {"solution_length": (1, 2), "num_branches": (0, 1), "levels": (0, 3), "max_steps": 5},
    {"solution_length": 1, "num_branches": 3, "room_size": 5, "observation": "onehot"},
    {"solution_length": (2, 3), "num_colors": 6, "withheld": "test", "max_steps": 1}
    | {"step_cap": "terminate"},
]
RESETTING = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]


def play_both(num_envs, mode, knobs, seed, policy_seed, steps=150):
    """Steps both with the same actions; returns the episodes that ended and those solved."""
    sync = SyncVectorEnv([lambda: BoxWorldEnv(**knobs)] * num_envs, autoreset_mode=mode)
    envs = BoxWorldVectorEnv(num_envs, autoreset_mode=mode, **knobs)
    assert_equal(envs.reset(seed=seed), sync.reset(seed=seed))
    assert envs.metadata["autoreset_mode"] is sync.metadata["autoreset_mode"]
    rng = np.random.default_rng(policy_seed)
    plans = [list(solve(env.level)) for env in sync.envs]
    ended = solved = 0
    for step in range(steps):
        # Some slots follow the solution of their first level, so that gems are reached.
        actions = rng.integers(0, 4, num_envs)
        for slot in range(0, num_envs, 2):
            if plans[slot]:
                actions[slot] = plans[slot].pop(0)
        result, expected = envs.step(actions), sync.step(actions)
        assert_equal(result, expected)
        done = result[2] | result[3]
        ended += done.sum()
        solved += (result[1] == 10).sum()
        if mode is AutoresetMode.DISABLED and done.any():
            options = {"reset_mask": done}
            new_seed = None if step % 3 else 1000 + step
            assert_equal(
                envs.reset(seed=new_seed, options=dict(options)),
                sync.reset(seed=new_seed, options=dict(options)),
            )
    assert envs.np_random_seed == sync.np_random_seed
    return ended, solved


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("knobs", KNOBS)
def test_it_equals_single_environments(mode, knobs):
    ended, _ = play_both(6, mode, knobs, seed=3, policy_seed=0)
    assert ended >= 5


@pytest.mark.parametrize("mode", MODES)
def test_it_equals_single_environments_that_solve(mode):
    ended, solved = play_both(10, mode, {}, seed=1, policy_seed=1)
    assert solved >= 5
    assert ended > solved


@settings(deadline=None, max_examples=40)
@given(
    num_envs=st.integers(1, 4),
    mode=st.sampled_from(MODES),
    knobs=st.sampled_from(KNOBS),
    seed=st.one_of(st.integers(0, 2**31), st.just("list")),
    policy_seed=st.integers(0, 2**31),
)
def test_any_batch_equals_single_environments(num_envs, mode, knobs, seed, policy_seed):
    if seed == "list":
        seed = [7 * slot for slot in range(num_envs)]
    play_both(num_envs, mode, knobs, seed, policy_seed, steps=30)


def test_seeds_can_be_given_slot_by_slot_or_not_at_all():
    sync = SyncVectorEnv([BoxWorldEnv] * 3)
    envs = BoxWorldVectorEnv(3)
    assert_equal(envs.reset(seed=[5, 5, 9]), sync.reset(seed=[5, 5, 9]))
    assert_equal(envs.reset(seed=[None, 4, None]), sync.reset(seed=[None, 4, None]))
    assert_equal(envs.reset(), sync.reset())
    assert_equal(envs.reset(options={}), sync.reset(options={}))
    _, infos = envs.reset(seed=[1, 1, 2])
    assert infos["level_seed"][0] == infos["level_seed"][1] != infos["level_seed"][2]
    # Without any seed every slot and every environment differs.
    unseeded = [BoxWorldVectorEnv(2).reset()[1]["level_seed"].tolist() for _ in range(2)]
    assert len({*unseeded[0], *unseeded[1]}) == 4


def test_infos_in_full_when_the_next_step_resets():
    envs = small_envs(2)
    _, infos = envs.reset(options={"level": SMALL}, seed=0)
    assert_equal(infos, {"level_seed": np.array([-1, -1]), "_level_seed": np.array([True, True])})
    for action in SOLUTION[:-1]:
        assert envs.step(np.array([action, 0]))[4] == {}
    observations, rewards, terminations, truncations, infos = envs.step(np.array([2, 0]))
    assert rewards.tolist() == [10, 0]
    assert terminations.tolist() == [True, False]
    assert truncations.tolist() == [False, False]
    mask = np.array([True, False])
    values = {
        "is_success": mask,
        "solution_length": np.array([1, 0]),
        "num_branches": np.array([0, 0]),
        "branch_length": np.array([0, 0]),
        "level_seed": np.array([-1, 0]),
    }
    assert_equal(infos, {**values, **{f"_{name}": mask for name in values}})
    last = observations.copy()

    observations, rewards, terminations, _, infos = envs.step(np.array([0, 0]))
    assert rewards.tolist() == [0, 0]
    assert not terminations.any()
    assert sorted(infos) == ["_level_seed", "level_seed"]
    assert infos["_level_seed"].tolist() == [True, False]
    assert infos["level_seed"][0] >= 2**32
    assert infos["level_seed"][1] == 0
    np.testing.assert_array_equal(observations[1], last[1])
    expected = BoxWorldEnv(solution_length=1, num_branches=0, room_size=3)
    np.testing.assert_array_equal(observations[0], expected.reset(seed=0)[0])


def test_infos_in_full_when_the_same_step_resets():
    envs = small_envs(2, autoreset_mode="SameStep")
    envs.reset(options={"level": SMALL}, seed=0)
    for action in SOLUTION[:-1]:
        before, *_, infos = envs.step(np.array([action, 0]))
        assert infos == {}
    observations, rewards, terminations, _, infos = envs.step(np.array([2, 0]))
    assert rewards.tolist() == [10, 0]
    assert terminations.tolist() == [True, False]
    assert sorted(name for name in infos if name[0] != "_") == [
        "final_info",
        "final_obs",
        "level_seed",
    ]
    assert infos["level_seed"][0] >= 2**32
    assert infos["final_info"]["level_seed"].tolist() == [-1, 0]
    assert infos["final_info"]["is_success"].tolist() == [True, False]
    assert infos["final_obs"][1] is None
    final = infos["final_obs"][0]
    assert final[3, 2].tolist() == [128, 128, 128]  # where the gem was
    assert final[3, 3].tolist() == [204, 204, 204]
    assert (observations[0] != final).any()
    np.testing.assert_array_equal(observations[1], before[1])
    kept = final.copy()
    envs.step(np.array([1, 1]))
    np.testing.assert_array_equal(final, kept)


def test_a_disabled_reset_is_asked_for():
    envs = small_envs(3, autoreset_mode=AutoresetMode.DISABLED)
    envs.reset(options={"level": SMALL}, seed=0)
    for action in SOLUTION:
        *_, infos = envs.step(np.array([0, action, 0]))
    assert infos["_is_success"].tolist() == [False, True, False]
    with pytest.raises(ResetNeeded) as error:
        envs.step(np.zeros(3, int))
    assert str(error.value) == (
        "step() needs a running episode in every slot as autoreset is disabled: call "
        "reset(options={'reset_mask': ...}), ended are [1]"
    )
    options = {"reset_mask": np.array([False, True, False]), "level_seed": 9}
    _, infos = envs.reset(options=options)
    assert set(options) == {"reset_mask", "level_seed"}  # not ours to change
    assert infos["level_seed"].tolist() == [0, 9, 0]
    assert infos["_level_seed"].tolist() == [False, True, False]
    assert envs.dealt_levels == (SMALL, generate_level(envs.level_spec, 9), SMALL)
    envs.step(np.zeros(3, int))


@pytest.mark.parametrize("seven", [np.int64(7), np.array(7)])
def test_any_integer_is_a_seed(seven):
    envs = small_envs(2)
    infos = envs.reset(options={"level_seed": seven})[1]
    assert infos["level_seed"].tolist() == [7, 7]
    assert_equal(envs.reset(seed=seven), small_envs(2).reset(seed=7))
    assert_equal(envs.reset(seed=[seven, 1]), small_envs(2).reset(seed=[7, 1]))


def test_every_slot_can_be_given_its_level_seed():
    envs = BoxWorldVectorEnv(3)
    for seeds in ([4, 2**40, 4], np.array([7, 8, 9])):
        observations, infos = envs.reset(options={"level_seed": seeds})
        assert infos["level_seed"].tolist() == list(seeds)
        for index, level_seed in enumerate(seeds):
            single = BoxWorldEnv().reset(options={"level_seed": level_seed})[0]
            np.testing.assert_array_equal(observations[index], single)
    masked = {"reset_mask": np.array([False, True, False]), "level_seed": [1, 2, 3]}
    assert envs.reset(options=masked)[1]["level_seed"].tolist() == [0, 2, 0]
    assert [level.to_text() for level in envs.dealt_levels] == [
        generate_level(envs.level_spec, level_seed).to_text() for level_seed in (7, 2, 9)
    ]


@pytest.mark.parametrize("copied", [True, False])
def test_copy_says_whether_observations_are_fresh(copied):
    envs = small_envs(2, copy=copied)
    first, _ = envs.reset(options={"level": SMALL})
    kept = first.copy()
    second = envs.step(np.array([3, 3]))[0]
    assert np.shares_memory(first, second) is not copied
    assert (first != kept).any() == (not copied)
    for step in range(3):  # rewards and ends are always fresh
        results = [envs.step(np.array([0, 0])) for _ in range(2)]
        for part in (1, 2, 3):
            assert not np.shares_memory(results[0][part], results[1][part]), step


def test_actions_may_be_any_integers():
    envs = small_envs(2)
    for actions in ([3, 1], (3, 1), *(np.array([3, 1], kind) for kind in "bBhilq")):
        envs.reset(options={"level": SMALL})
        observations = envs.step(actions)[0]
        assert observations[0, 1, 2].tolist() == [128, 128, 128]
        assert observations[1, 2, 1].tolist() == [128, 128, 128]


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ([0, 4, 0], "actions must be integers in [0, 3], got 4 in slot 1"),
        ([0, 0, -1], "actions must be integers in [0, 3], got -1 in slot 2"),
        ([0, 0], "actions must be integers of shape (3,), got int64 of shape (2,)"),
        (0, "actions must be integers of shape (3,), got int64 of shape ()"),
        ([0.0, 1.0, 2.0], "actions must be integers of shape (3,), got float64 of shape (3,)"),
        ([0, np.nan, 2], "actions must be integers of shape (3,), got float64 of shape (3,)"),
        ([None, 1, 2], "actions must be integers of shape (3,), got object of shape (3,)"),
        ([[0, 1, 2]], "actions must be integers of shape (3,), got int64 of shape (1, 3)"),
        (np.ones(3, bool), "actions must be integers of shape (3,), got bool of shape (3,)"),
        ([True, 0, 2], "actions must be integers, not booleans, got [True, 0, 2]"),
    ],
)
def test_illegal_actions_are_named_and_nothing_is_played(actions, message):
    envs = BoxWorldVectorEnv(3, max_steps=2)
    before, _ = envs.reset(seed=0)
    with pytest.raises(InvalidAction) as error:
        envs.step(actions)
    assert str(error.value) == message
    np.testing.assert_array_equal(envs._core.observations, before)
    assert not envs.step([0, 0, 0])[3].any()
    assert envs.step([0, 0, 0])[3].all()


def test_what_needs_a_reset_says_so():
    envs = BoxWorldVectorEnv(2, render_mode="ansi")
    for what, call in (
        ("step()", lambda: envs.step([0, 0])),
        ("render()", envs.render),
        ("dealt_levels", lambda: envs.dealt_levels),
    ):
        with pytest.raises(ResetNeeded) as error:
            call()
        assert str(error.value) == f"{what} needs levels: call reset() first"
    with pytest.raises(ResetNeeded, match="reset_mask needs levels in all other slots"):
        envs.reset(options={"reset_mask": np.array([True, False])})


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: BoxWorldVectorEnv(0), ValueError, "num_envs must be at least 1, got 0"),
        (lambda: BoxWorldVectorEnv(1.5), TypeError, "num_envs must be an integer, got 1.5"),
        (
            lambda: BoxWorldVectorEnv(2, autoreset_mode="Never"),
            ValueError,
            "'Never' is not a valid AutoresetMode",
        ),
        (
            lambda: BoxWorldVectorEnv(2, render_mode="human"),
            ValueError,
            "render_mode must be None or one of ['rgb_array', 'ansi'], got 'human'",
        ),
        (
            lambda: BoxWorldVectorEnv(3).reset(seed=[1, 2]),
            ValueError,
            "seed must be an int or one for each of 3 slots, got 2",
        ),
        (
            lambda: BoxWorldVectorEnv(3).reset(seed=1.5),
            TypeError,
            "seed must be an integer, got 1.5",
        ),
        (
            lambda: BoxWorldVectorEnv(2).reset(options={"reset_mask": [1, 0]}),
            ValueError,
            "reset_mask must be bool of shape (2,) with a True in it, got [1, 0]",
        ),
        (
            lambda: BoxWorldVectorEnv(2).reset(options={"reset_mask": np.zeros(2, bool)}),
            ValueError,
            "reset_mask must be bool of shape (2,) with a True in it, got array([False, False])",
        ),
        (
            lambda: BoxWorldVectorEnv(2).reset(options={"level_seed": [1, 2, 3]}),
            ValueError,
            "level_seed must be an int or one for each of 2 slots, got shape (3,)",
        ),
        (
            lambda: BoxWorldVectorEnv(2).reset(options={"lvel": SMALL}),
            ValueError,
            "reset options must be {'level_seed': int} or {'level': Level or text}, got ['lvel']",
        ),
    ],
)
def test_a_bad_argument_is_named(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
