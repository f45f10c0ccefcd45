"""Lessons against the environment and the solver: every state is one, every label is right."""

import numpy as np
import pytest

from boxworld import BoxWorldEnv, LevelSpec, generate_level, solve
from boxworld.lessons import draw_lessons

SPEC = LevelSpec(solution_length=(1, 4), num_branches=(0, 3))


def _reachable(env, level_seed):
    """Every state of a level, observation -> (its actions' outcomes); by plain replay."""
    states, waiting = {}, [()]

    def play(actions):
        observation, _ = env.reset(options={"level_seed": level_seed})
        terminated, info = False, {}
        for action in actions:
            observation, _, terminated, _, info = env.step(action)
        return observation.tobytes(), terminated, info

    while waiting:
        actions = waiting.pop()
        here = play(actions)[0]
        if here in states:
            continue
        outcomes = []
        for action in range(4):
            there, terminated, info = play((*actions, action))
            if not terminated:
                outcomes.append(there)
                if there not in states:
                    waiting.append((*actions, action))
            else:
                outcomes.append("gem" if info["is_success"] else "lost")
        states[here] = outcomes
    return states


def _distances(states):
    """Steps to the gem by rounds over all states, slow and plain."""
    left = {"gem": 0}
    changed = True
    while changed:
        changed = False
        for state, outcomes in states.items():
            known = [left[there] + 1 for there in outcomes if there in left]
            if known and min(known) < left.get(state, 10**9):
                left[state] = min(known)
                changed = True
    return left


@pytest.mark.parametrize("level_seed", [3, 11])
def test_labels_are_those_of_a_search_of_the_whole_environment(level_seed):
    spec = LevelSpec(solution_length=2, num_branches=1, room_size=6)
    env = BoxWorldEnv(solution_length=2, num_branches=1, room_size=6, max_steps=10**6)
    states = _reachable(env, level_seed)
    left = _distances(states)
    lessons = draw_lessons(spec, [level_seed], 3000, seed=0)
    seen = {}
    for observation, best, steps in zip(*lessons, strict=True):
        seen[observation.tobytes()] = (best.tolist(), int(steps))
    solvable = {state for state in states if state in left}
    # 3000 draws of a few hundred states: nearly all are seen, and nothing else is.
    assert seen.keys() <= solvable
    assert len(seen) > 0.9 * len(solvable)
    for state, (best, steps) in seen.items():
        assert steps == left[state]
        assert best == [left.get(there, 10**9) == steps - 1 for there in states[state]]


def test_following_the_labels_solves_levels_as_fast_as_the_solver():
    seeds = np.arange(20)
    lessons = draw_lessons(SPEC, seeds, 4000, seed=1)
    env = BoxWorldEnv(solution_length=(1, 4), num_branches=(0, 3))
    complete = 0
    for seed in seeds:
        part = slice(seed * 4000, (seed + 1) * 4000)
        labels = {
            observation.tobytes(): best
            for observation, best in zip(
                lessons.observations[part], lessons.best_actions[part], strict=True
            )
        }
        observation, _ = env.reset(options={"level_seed": int(seed)})
        steps, ended, info = 0, False, {}
        while not ended and observation.tobytes() in labels:
            action = int(np.argmax(labels[observation.tobytes()]))
            observation, _, terminated, truncated, info = env.step(action)
            ended, steps = terminated or truncated, steps + 1
        if ended:
            complete += 1
            assert info["is_success"]
            assert steps == len(solve(generate_level(SPEC, int(seed))))
    assert complete >= 10  # of the others a state was never drawn


def test_is_a_function_of_its_arguments():
    one, same = (draw_lessons(SPEC, [5, 6], 8, seed=3) for _ in range(2))
    other = draw_lessons(SPEC, [5, 6], 8, seed=4)
    for left, right in zip(one, same, strict=True):
        np.testing.assert_array_equal(left, right)
    assert not np.array_equal(one.observations, other.observations)
    assert one.best_actions.any(axis=1).all()
    assert (one.steps_left >= 1).all()


def test_onehot_observations_say_the_same():
    rgb = draw_lessons(SPEC, [5], 50, seed=3)
    onehot = draw_lessons(SPEC, [5], 50, seed=3, observation="onehot")
    assert onehot.observations.shape[-1] == 4 + 2 * 20
    np.testing.assert_array_equal(rgb.best_actions, onehot.best_actions)
    agent = onehot.observations[..., 2].reshape(50, -1)
    gray = (rgb.observations == 128).all(axis=-1).reshape(50, -1)
    np.testing.assert_array_equal(agent.astype(bool), gray)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], 1, 0), r"level_seeds must be integers \[N\] with N at least 1"),
        (([0.5], 1, 0), r"level_seeds must be integers \[N\] with N at least 1"),
        (([-1], 1, 0), r"level_seed must be in \[0, 2\*\*63\), got -1"),
        (([1], 0, 0), "per_level must be at least 1, got 0"),
        (([1], 1, -1), r"seed must be in \[0, 2\*\*63\), got -1"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw_lessons(SPEC, *arguments)
