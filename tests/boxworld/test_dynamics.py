"""The rules: each one drawn, and all of them against a second implementation on played games."""

import dataclasses
import random
import re
from collections import Counter

import numpy as np
import pytest
from boxworld_reference import ReferenceGame
from hypothesis import given, settings
from hypothesis import strategies as st

from boxworld import BoxWorldEnv, Level, LevelSpec, generate_level

ACTIONS = {"U": 0, "D": 1, "L": 2, "R": 3}

# a opens b, b opens the gem; a also opens c. The loose d opens e. Both lead nowhere.
LEVEL = Level.from_text("""
    @a...d.
    .......
    .bA.*B.
    .......
    .cA.eD.
    .......
    .......
""")


def env_for(level, **knobs):
    return BoxWorldEnv(solution_length=1, num_branches=0, room_size=level.room_size, **knobs)


def drawing(env):
    """The running game in the characters of the text form, and what is held."""
    return re.sub(r"\x1b\[[0-9;]*m", "", env.render()).split("\n")


@pytest.mark.parametrize(
    ("rule", "moves", "reward", "terminated", "changes"),
    [
        ("down", "D", 0, False, {0: ".a...d.", 1: "@......"}),
        ("down and up", "DU", 0, False, {}),
        ("down and right", "DR", 0, False, {0: ".a...d.", 1: ".@....."}),
        ("down, right and left", "DRL", 0, False, {0: ".a...d.", 1: "@......"}),
        ("the border above blocks", "U", 0, False, {}),
        ("the border at the left blocks", "L", 0, False, {}),
        ("the border below blocks", "DDDDDDD", 0, False, {0: ".a...d.", 6: "@......"}),
        (
            "the border at the right blocks",
            "DRRRRRRR",
            0,
            False,
            {0: ".a...d.", 1: "......@"},
        ),
        ("a loose key is picked up", "R", 0, False, {0: ".@...d.", "holds": "a"}),
        ("a lock blocks without a key", "DRRD", 0, False, {0: ".a...d.", 1: "..@...."}),
        (
            "a lock blocks another key",
            "DRRRRRUDLLLD",
            0,
            False,
            {0: ".a.....", 1: "..@....", "holds": "d"},
        ),
        ("the key in a locked box blocks", "DRD", 0, False, {0: ".a...d.", 1: ".@....."}),
        ("the gem in a locked box blocks", "DRRRRD", 0, False, {0: ".a...d.", 1: "....@.."}),
        (
            "content blocks from the left too, with the key in hand",
            "RDLDR",
            0,
            False,
            {0: ".....d.", 2: "@bA.*B.", "holds": "a"},
        ),
        (
            "the matching key opens the lock and is used up",
            "RDRD",
            1,
            False,
            {0: ".....d.", 2: ".b@.*B."},
        ),
        (
            "the content is collected by a second step",
            "RDRDL",
            0,
            False,
            {0: ".....d.", 2: ".@..*B.", "holds": "b"},
        ),
        (
            "a used key opens nothing more",
            "RDRDDD",
            0,
            False,
            {0: ".....d.", 2: ".b..*B.", 3: "..@....", "holds": "nothing"},
        ),
        (
            "another key discards the held one",
            "RRRRR",
            0,
            False,
            {0: ".....@.", "holds": "d"},
        ),
        (
            "a key may be carried away and its box left open",
            "RDRDLL",
            0,
            False,
            {0: ".....d.", 2: "@...*B.", "holds": "b"},
        ),
        (
            "the gem's box opens",
            "RDRDLURRRRD",
            1,
            False,
            {0: ".....d.", 2: "....*@."},
        ),
        (
            "the gem ends the game",
            "RDRDLURRRRDL",
            10,
            True,
            {0: ".....d.", 2: "....@.."},
        ),
        (
            "a distractor with the same key ends the game at its lock",
            "RDRRDDDL",
            -1,
            True,
            {0: ".....d.", 4: ".c@.eD."},
        ),
        (
            "a distractor with a key of its own too",
            "RRRRRDRDDDL",
            -1,
            True,
            {0: ".......", 4: ".cA.e@."},
        ),
    ],
)
def test_rule(rule, moves, reward, terminated, changes):
    env = env_for(LEVEL, render_mode="ansi")
    env.reset(options={"level": LEVEL})
    for move in moves:
        _, got_reward, got_terminated, truncated, _ = env.step(ACTIONS[move])
    expected = LEVEL.to_text().split("\n")
    for row, line in changes.items():
        if row != "holds":
            expected[row] = line
    assert drawing(env) == [*expected, f"holds {changes.get('holds', 'nothing')}", ""]
    assert (got_reward, got_terminated, truncated) == (reward, terminated, False)


def test_every_reward_of_a_solved_game():
    env = env_for(LEVEL)
    env.reset(options={"level": LEVEL})
    rewards = [env.step(ACTIONS[move])[1] for move in "RDRDLURRRRDL"]
    assert rewards == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 10]
    assert sum(rewards) == LEVEL.solution_length + 10
    assert {type(reward) for reward in rewards} == {float}


def test_the_held_key_is_shown_at_the_top_left_corner():
    env = env_for(LEVEL)
    observation, _ = env.reset(options={"level": LEVEL})
    corners = [observation[0, 0].tolist()]
    for move in "RDRDL":
        observation = env.step(ACTIONS[move])[0]
        corners.append(observation[0, 0].tolist())
    black, a, b = [0, 0, 0], [179, 89, 89], [179, 116, 89]
    assert corners == [black, a, a, a, black, b]


@pytest.mark.parametrize("max_steps", [1, 2, 7])
def test_the_step_cap_cuts_off(max_steps):
    env = env_for(LEVEL, max_steps=max_steps)
    env.reset(options={"level": LEVEL})
    results = [env.step(ACTIONS["U"]) for _ in range(max_steps)]
    assert [truncated for _, _, _, truncated, _ in results] == [False] * (max_steps - 1) + [True]
    assert not any(terminated for _, _, terminated, _, _ in results)
    assert results[-1][4]["is_success"] is False


def test_a_game_that_ends_with_the_last_step_is_not_cut_off():
    for moves, success in (("RDRDLURRRRDL", True), ("RDRRDDDL", False)):
        env = env_for(LEVEL, max_steps=len(moves))
        env.reset(options={"level": LEVEL})
        for move in moves:
            _, _, terminated, truncated, info = env.step(ACTIONS[move])
        assert (terminated, truncated, info["is_success"]) == (True, False, success)


def test_opening_a_box_of_the_path_with_the_last_step_pays_and_cuts_off():
    env = env_for(LEVEL, max_steps=4)
    env.reset(options={"level": LEVEL})
    for move in "RDRD":
        _, reward, terminated, truncated, info = env.step(ACTIONS[move])
    assert (reward, terminated, truncated, info["is_success"]) == (1.0, False, True, False)


SPECS = [
    LevelSpec(),
    LevelSpec(branch_length=3),
    LevelSpec(solution_length=10),
    LevelSpec(solution_length=(1, 2), num_branches=2, room_size=6),
    LevelSpec((1, 3), (0, 4), num_colors=4, room_size=9),
]

# Not as dealt: many loose keys, objects that touch, boxes side by side and with the same lock.
CROWDED = Level.from_text("""
    abc@de.
    .......
    fA.bA.g
    ...*FbA
    gBcC.hD
    ccc.ddd
    .b.b.g.
""")


def explore(game, rng):
    """Yields actions: to objects by the shortest way, into walls, and here and there at random."""
    while True:
        goals = [cell for cell in game.cells if rng.random() < 0.5]
        for goal in goals[:1]:
            yield from game.actions_to(goal) or ()
        for _ in range(rng.randrange(4)):
            yield rng.randrange(4)


def compare(level, spec, rng, seen, max_steps):
    """Plays one game in both; everything must be equal at every step."""
    env = BoxWorldEnv(**dataclasses.asdict(spec), max_steps=max_steps)
    game = ReferenceGame(level.to_text(), max_steps, seen)
    observation, _ = env.reset(options={"level": level})
    np.testing.assert_array_equal(observation, game.observation())
    for action in explore(game, rng):
        observation, reward, terminated, truncated, info = env.step(action)
        assert (reward, terminated, truncated) == game.step(action)
        np.testing.assert_array_equal(observation, game.observation())
        if terminated or truncated:
            assert info["is_success"] == (reward == 10)
            break


def test_played_games_equal_the_reference():
    rng, seen = random.Random(0), Counter()
    for number in range(400):
        spec = rng.choice(SPECS)
        level = generate_level(spec, rng.randrange(2**63))
        compare(level, spec, rng, seen, max_steps=rng.choice([3, 50, 120, 300]))
        if number % 4 == 0:
            spec = LevelSpec(1, 0, room_size=7)
            compare(rng.choice([LEVEL, CROWDED]), spec, rng, seen, max_steps=60)
    # All of it has happened, and often.
    assert set(seen) == {
        "border", "floor", "no key", "wrong key", "opened", "distractor", "locked content",
        "gem", "picked up", "discarded", "cut off",
    }  # fmt: skip
    assert min(seen.values()) >= 20, seen


@settings(deadline=None, max_examples=60)
@given(
    spec=st.sampled_from(SPECS),
    level_seed=st.integers(0, 2**63 - 1),
    player=st.integers(0, 2**32),
    max_steps=st.integers(1, 200),
)
def test_any_game_equals_the_reference(spec, level_seed, player, max_steps):
    level = generate_level(spec, level_seed)
    compare(level, spec, random.Random(player), Counter(), max_steps)
