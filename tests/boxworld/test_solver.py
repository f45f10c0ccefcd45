"""The solver against drawn levels, against the environment, and over thousands of dealt levels."""

import ast
import inspect
from collections import deque

import numpy as np
import pytest

from boxworld import (
    BoxWorldEnv,
    Level,
    LevelSpec,
    generate_level,
    search,
    solve,
    solver,
)
from boxworld.solver import solution_steps

MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))  # up, down, left, right


KEYS, LOCKS = "abcdefghijklmnopqrst", "ABCDEFGHIJKLMNOPQRST"


def _env_for(level):
    """An environment whose room has the size of `level`'s."""
    return BoxWorldEnv(solution_length=1, num_branches=0, room_size=level.room_size)


def _play(env, level, actions):
    """Plays from the start; returns the last observation, the rewards, if it ended, and how."""
    observation, _ = env.reset(options={"level": level})
    rewards, terminated, info = [], False, {}
    for action in actions:
        observation, reward, terminated, _, info = env.step(action)
        rewards.append(reward)
    return observation, rewards, terminated, info


def _slow_shortest(level):
    """The steps of a shortest solution, or None, by replaying the environment: plain and slow."""
    env = _env_for(level)
    observation, _ = env.reset(options={"level": level})
    seen = {observation.tobytes()}  # an observation shows the whole state
    queue = deque([()])
    while queue:
        actions = queue.popleft()
        here = None
        for action in range(4):
            if here is None:  # the last action has changed the state
                here = _play(env, level, actions)[0].tobytes()
            observation, _, terminated, _, info = env.step(action)
            there = observation.tobytes()
            if terminated and info["is_success"]:
                return len(actions) + 1
            if not terminated and there not in seen:
                seen.add(there)
                queue.append((*actions, action))
            if there != here:
                here = None
    return None


def _assert_wins(level, actions):
    """`actions` win `level`, with the last one, and earn all there is."""
    _, rewards, terminated, info = _play(_env_for(level), level, actions)
    assert terminated and info["is_success"]
    assert sum(rewards) == level.solution_length + 10
    assert rewards[-1] == 10


# Each with a shortest solution found by hand.
SOLVABLE = {
    "around the gem, which is locked from above too": (
        """
        a.@
        ...
        *A.
        """,
        "LLDRDL",
    ),
    "around the box, whose content is locked from below too": (
        """
        ...a
        ....
        .*A.
        .@..
        """,
        "RRUUUDDLL",
    ),
    "a key from a box": (
        """
        @.a..
        .....
        bA...
        .....
        ...*B
        """,
        "RRDDLLDRRRRDL",
    ),
    "past a useless key": (
        """
        @.c.a
        .....
        ..*A.
        .....
        ....c
        """,
        "RRRRDDLL",
    ),
    "a distractor with the same lock is nearer": (
        """
        a@...
        cA...
        .....
        .....
        ...*A
        """,
        "LRRDDDRRDL",
    ),
    "a key in the only gap would replace the one that is needed, so it is taken out first": (
        """
        a@...
        dDcdD
        .....
        ..*A.
        .....
        """,
        "RDULLRRDDRDL",
    ),
    "the lock of the first box is the gap": (
        """
        @ca..
        dAbA.
        .....
        ..*B.
        .....
        """,
        "RRRDLDRDL",
    ),
}
WITHOUT_SOLUTION = {
    "boxes that nothing opens wall off the gem": """
        @..a..
        bCbCbC
        ......
        .*A...
        ......
        ......
        """,
    "boxes that nothing opens wall off the key": """
        @......
        .......
        .bCbC..
        .bCabC.
        .bCbC..
        .......
        ...*A..
        """,
    "the only gap has a key that replaces the one that is needed": """
        @a...
        dDcdD
        .....
        ..*A.
        .....
        """,
    "the only way leads through a distractor": """
        @..c..
        bDbCbD
        ......
        .a....
        ......
        ..*A..
        """,
    "the first key walls off itself, inside a box that needs the second": """
        @....b
        ......
        cCcCcC
        .aB...
        ......
        ...*A.
        """,
}


@pytest.mark.parametrize("name", SOLVABLE)
def test_drawn_levels(name):
    text, plan = SOLVABLE[name]
    level = Level.from_text(text)
    by_hand = tuple("UDLR".index(letter) for letter in plan)
    _assert_wins(level, by_hand)
    _assert_wins(level, solve(level))
    assert len(solve(level)) == len(by_hand)


@pytest.mark.parametrize("name", WITHOUT_SOLUTION)
def test_drawn_levels_without_a_solution(name):
    level = Level.from_text(WITHOUT_SOLUTION[name])
    assert solve(level) is None
    assert _slow_shortest(level) is None


def _draw_crowded_level(rng):
    """Draws a small level whose objects may touch, so that some have no solution."""
    size = int(rng.choice([4, 4, 5]))
    colors = rng.permutation(20)[:8]
    length = int(rng.integers(1, 4))
    path, others = colors[:length], colors[length:]
    things = [KEYS[path[0]]]
    for color, content in zip(path, [*(KEYS[color] for color in path[1:]), "*"], strict=True):
        things.append(content + LOCKS[color])
    for _ in range(rng.integers(0, 4)):
        things.append(KEYS[rng.choice(others)] + LOCKS[rng.choice(colors[: length + 1])])
    things.extend(KEYS[color] for color in rng.choice(others, rng.integers(0, 3)))
    things.append("@")
    while True:
        rows = [["."] * size for _ in range(size)]
        for thing in things:
            row, column = rng.integers(size), rng.integers(size - len(thing) + 1)
            if any(cell != "." for cell in rows[row][column : column + len(thing)]):
                break
            rows[row][column : column + len(thing)] = thing
        else:
            return Level.from_text("\n".join("".join(row) for row in rows))


def test_agrees_with_a_plain_search_of_the_environment():
    rng = np.random.default_rng(0)
    without_solution = 0
    for _ in range(40):
        level = _draw_crowded_level(rng)
        slow, actions = _slow_shortest(level), solve(level)
        if slow is None:
            assert actions is None, level
            without_solution += 1
        else:
            assert actions is not None and len(actions) == slow, level
            _assert_wins(level, actions)
    assert 5 <= without_solution <= 35  # both kinds were met


def test_agrees_with_a_plain_search_on_dealt_levels():
    spec = LevelSpec(solution_length=(1, 2), num_branches=(0, 1), room_size=5)
    for level_seed in range(10):
        level = generate_level(spec, level_seed)
        assert len(solve(level)) == _slow_shortest(level)


def test_more_configurations_and_objects_than_there_is_room_for_at_first():
    # Ten useless keys on the way can be taken in hundreds of orders, and 79 keys and locks need
    # more than one word of bits. No walk can be shorter than straight lines from the agent to the
    # key, its lock, the next lock.
    rows = [["."] * 24 for _ in range(24)]
    for row in (0, 2, 4, 18):
        for column in range(0, 24, 3):
            rows[row][column : column + 2] = "tT"
    for row, keys in ((10, "defgh"), (12, "ijklm")):
        rows[row][1:10:2] = keys
    rows[9][0], rows[13][10], rows[16][3:5], rows[20][7:9] = "@", "a", "bA", "*B"
    level = Level.from_text("\n".join("".join(row) for row in rows))
    to_key, to_lock, to_next_lock = (13 - 9) + 10, (16 - 13) + (10 - 4), (20 - 16) + (8 - 3)
    actions = solve(level)
    assert len(actions) == to_key + to_lock + 1 + to_next_lock + 1
    _assert_wins(level, actions)


def test_exhausts_many_configurations():
    # Six useless keys, a gem behind boxes: 6 * 2**5 + 1 sets of taken keys and last keys taken.
    level = Level.from_text("""
        @.a.....
        d.e.f.g.
        h...i...
        bCbCbCbC
        ........
        ...*A...
        ........
        ........
        """)
    assert solve(level) is None


def test_max_steps_is_the_longest_solution_looked_for():
    level = Level.from_text(SOLVABLE["a key from a box"][0])
    assert len(solve(level, max_steps=13)) == 13
    assert solve(level, max_steps=12) is None
    assert solve(level, max_steps=0) is None


def test_bad_arguments_are_named():
    level = Level.from_text(SOLVABLE["a key from a box"][0])
    with pytest.raises(ValueError, match=r"^max_steps must be None or at least 0, got -1$"):
        solve(level, max_steps=-1)
    with pytest.raises(TypeError, match=r"^max_steps must be an integer, got 1\.5$"):
        solve(level, max_steps=1.5)
    with pytest.raises(ValueError, match=r"^level_seed must be in \[0, 2\*\*63\), got -1$"):
        solution_steps(LevelSpec(), [3, -1])
    with pytest.raises(TypeError, match=r"^level_seeds must be integers, got float64$"):
        solution_steps(LevelSpec(), [3.0])
    with pytest.raises(ValueError, match=r"^level_seeds must have one dimension, got shape \(\)$"):
        solution_steps(LevelSpec(), 3)


def test_no_level_seeds_no_steps():
    assert solution_steps(LevelSpec(), []).shape == (0,)


@pytest.mark.parametrize("module", [search, solver])
def test_the_rules_are_written_apart_from_the_environment(module):
    imported = [
        getattr(node, "module", None) or node.names[0].name
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert imported
    assert not any("dynamics" in module or "core" in module for module in imported)
