"""Levels: the text form both ways, what is read from it, and what is said when it is no level."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxworld import Box, Level, LevelSpec, generate_level
from boxworld.cells import BORDER, DISTRACTOR, FLOOR, GEM, KEY, LOCK

# The loose key a opens b, which opens the gem; a also opens a branch of two, c and d.
DRAWN = """
    .@.....
    ...bA..
    a......
    ....*B.
    .......
    cA..dC.
    .......
"""
TEXT = "\n".join(line.strip() for line in DRAWN.strip().splitlines())


def test_a_drawn_level_is_read():
    level = Level.from_text(DRAWN)
    assert level.to_text() == TEXT == str(level)
    assert level.room_size == 7
    assert level.agent == (0, 1)
    assert level.solution == (Box(1, 4, lock=0, key=1), Box(3, 5, lock=1, key=None))
    assert level.distractors == (Box(5, 1, lock=0, key=2), Box(5, 5, lock=2, key=3))
    assert (level.solution_length, level.num_branches, level.branch_length) == (2, 1, 2)
    assert level.num_colors == 4


def test_a_byte_order_mark_is_ignored():
    for text in (TEXT, DRAWN, TEXT.replace("\n", "\r\n")):
        assert Level.from_text("\ufeff" + text) == Level(TEXT)


def test_the_board_holds_codes_and_no_agent():
    board = Level(TEXT).board()
    assert board.dtype == np.uint8
    expected = np.full((9, 9), BORDER)
    expected[1:-1, 1:-1] = FLOOR
    expected[2, 4:6] = KEY + 1, LOCK + 0
    expected[3, 1] = KEY + 0
    expected[4, 5:7] = GEM, LOCK + 1
    expected[6, 1:3] = KEY + 2, DISTRACTOR + 0  # the same lock, off the path
    expected[6, 5:7] = KEY + 3, DISTRACTOR + 2
    np.testing.assert_array_equal(board, expected)


def test_levels_are_values():
    level, same = Level.from_text(DRAWN), Level(TEXT)
    assert level == same
    assert hash(level) == hash(same)
    assert level != Level(TEXT.replace("@.", ".@"))
    assert pickle.loads(pickle.dumps(level)) == level
    assert copy.deepcopy(level).solution == level.solution
    with pytest.raises(dataclasses.FrozenInstanceError):
        level.text = TEXT


def test_branches_of_a_drawn_level_may_differ_or_not_open_at_all():
    # Branches: b (from a), c then d (from a); nothing opens E.
    level = Level.from_text("""
        @.a....
        .......
        bA..cA.
        .......
        dC..fE.
        .......
        *A.....
    """)
    assert (level.solution_length, level.num_branches, level.branch_length) == (1, 3, 2)


def test_a_level_without_branches_has_branch_length_zero():
    level = Level.from_text("""
        @..
        a..
        .*A
    """)
    assert (level.num_branches, level.branch_length) == (0, 0)


def test_loose_keys_off_the_path_may_be_many():
    level = Level.from_text("""
        @.c.c
        .....
        a.*A.
        .....
        d.b.d
    """)
    assert level.solution == (Box(2, 3, lock=0, key=None),)
    assert level.distractors == ()


SPECS = [
    LevelSpec(),
    LevelSpec(branch_length=3),
    LevelSpec(solution_length=10),
    LevelSpec(solution_length=3, num_branches=4, branch_length=5),
    LevelSpec(solution_length=(2, 4), withheld="test"),
    LevelSpec(solution_length=1, num_branches=0, room_size=3),
    LevelSpec(solution_length=(1, 4), num_branches=(0, 6), num_colors=5, room_size=17),
    LevelSpec(solution_length=2, num_branches=8, branch_length=3, num_colors=5, room_size=30),
]


@settings(deadline=None, max_examples=300)
@given(spec=st.sampled_from(SPECS), level_seed=st.integers(0, 2**63 - 1))
def test_dealt_levels_survive_the_round_trip(spec, level_seed):
    level = generate_level(spec, level_seed)
    again = Level.from_text(level.to_text())
    assert again == level
    assert again.to_text() == level.to_text()
    assert (again.solution, again.distractors) == (level.solution, level.distractors)
    # Exact even where branches share colours (the last two specs).
    assert spec.solution_lengths[0] <= level.solution_length <= spec.solution_lengths[1]
    assert spec.branch_counts[0] <= level.num_branches <= spec.branch_counts[1]
    assert level.branch_length == (spec.branch_length if level.num_branches else 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a level must have 3 to 60 lines, got 1"),
        ("@a\n*A", "a level must have 3 to 60 lines, got 2"),
        (
            "@a.\n..x\n.*A",
            "line 2, column 3: a cell must be one of '.', '@', '*', 'a'..'t' and 'A'..'T', got 'x'",
        ),
        (
            "@a.\n.\t.\n.*A",
            "line 2, column 2: a cell must be one of '.', '@', '*', 'a'..'t' and 'A'..'T', "
            "got '\\t'",
        ),
        (
            "@a.\n....\n.*A",
            "line 2: a level must be square, with 3 cells in each of its 3 lines, got 4 cells",
        ),
        (
            "@a.\n\n.*A",
            "line 2: a level must be square, with 3 cells in each of its 3 lines, got 0 cells",
        ),
        (".a.\n...\n.*A", "a level must have exactly one agent ('@'), got 0"),
        (
            "@a@\n...\n.*A",
            "a level must have exactly one agent ('@'), got 2 at line 1, column 1 and line 1, "
            "column 3",
        ),
        ("@a.\n...\n.bA", "a level must have exactly one gem ('*'), got 0"),
        (
            "@a.\n*A.\n.*A",
            "a level must have exactly one gem ('*'), got 2 at line 2, column 1 and line 3, "
            "column 2",
        ),
        (
            "@a.\n...\n.*.",
            "line 3, column 2: the gem must be in a box, with a lock right of it",
        ),
        (
            "@a.\nB..\n.*A",
            "line 2, column 1: the cell left of lock 'B' must hold its box's content, a key or the "
            "gem, got the border",
        ),
        (
            "@a.\n..B\n.*A",
            "line 2, column 3: the cell left of lock 'B' must hold its box's content, a key or the "
            "gem, got '.'",
        ),
        (
            "@a.\n...\n*AA",
            "line 3, column 3: the cell left of lock 'A' must hold its box's content, a key or the "
            "gem, got 'A'",
        ),
        (
            "@b.\n...\n.*A",
            "line 3, column 3: the key to a lock on the solution path must be in exactly one "
            "place, got 0 of key 'a'",
        ),
        (
            "@a.\na..\n.*A",
            "line 3, column 3: the key to a lock on the solution path must be in exactly one "
            "place, got 2 of key 'a' at line 1, column 2 and line 2, column 1",
        ),
        (
            "@....\naB...\n.....\nbC...\n*AcA.",
            "line 2, column 2: the solution path must start at a loose key, but the keys to this "
            "lock are locked up behind each other",
        ),
    ],
)
def test_text_that_is_no_level_is_refused(text, message):
    with pytest.raises(ValueError) as error:
        Level(text)
    assert str(error.value) == message


def test_lines_and_columns_are_those_of_the_room():
    with pytest.raises(ValueError, match="line 2, column 3: a cell must be one of"):
        Level.from_text("\n\n    @a.\n    ..?\n    .*A\n\n")


@pytest.mark.parametrize("text", [None, 3, b"@a.\n...\n.*A", ["@a.", "...", ".*A"]])
def test_a_level_is_a_str(text):
    with pytest.raises(TypeError, match="a level's text must be a str, got "):
        Level.from_text(text)
    with pytest.raises(TypeError, match="a level's text must be a str, got "):
        Level(text)
