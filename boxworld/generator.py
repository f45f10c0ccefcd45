"""Levels as a pure function of (spec, level seed).

The difficulty (solution length, then number of branches) is drawn first and kept; only the colours
(for a withheld split) and the placement are drawn again. So the difficulties that come out are
distributed as asked. The authors' later code (pycolab's `box_world` example) draws the difficulty
again after a failed placement, which thins out the hard levels; this is where we deviate. As there,
objects keep a free cell around them and stand off the wall; a level too dense for that may use the
cells along the wall too, so that every level a spec allows can be dealt.

Level seeds: environments without a fixed range of levels draw from [2**32, 2**63), so a range below
2**32 holds levels that no such environment has ever dealt.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from boxworld._compile import compiled
from boxworld.cells import (
    AGENT_CHARACTER,
    BORDER,
    CODE_CHARACTERS,
    DISTRACTOR,
    FLOOR,
    GEM,
    KEY,
    LOCK,
    MAX_COLORS,
)
from boxworld.dynamics import (
    BRANCH_LENGTH,
    COLUMN,
    HELD,
    LEVEL_SEED,
    NO_KEY,
    NUM_BRANCHES,
    NUM_COLUMNS,
    ROW,
    SOLUTION_LENGTH,
    STEPS,
)
from boxworld.level import Level
from boxworld.placement import place_objects
from boxworld.rng import next_below, next_uint64, start
from boxworld.spec import LevelSpec, as_integer, room_capacity
from boxworld.withheld import withheld_table

FIRST_ENDLESS_SEED = 1 << 32
LEVEL_SEED_LIMIT = 1 << 63

# Fields of a spec as the compiled functions take it.
_SHORTEST, _LONGEST, _FEWEST, _MOST, _BRANCH, _ROOM, _INNER, _COLORS, _SPLIT = range(9)
_ALL, _TRAIN, _TEST = range(3)

_1 = np.uint64(1)
_CHARACTERS = np.frombuffer(CODE_CHARACTERS.encode("ascii"), np.uint8)
_AGENT_CHARACTER = ord(AGENT_CHARACTER)


def spec_array(spec: LevelSpec) -> npt.NDArray[np.int64]:
    """Returns int64 [9], the spec for the compiled functions."""
    split = {None: _ALL, "train": _TRAIN, "test": _TEST}[spec.withheld]
    room = (spec.room_size, room_capacity(spec.room_size - 2))
    numbers = (*spec.solution_lengths, *spec.branch_counts, spec.branch_length, *room)
    return np.array((*numbers, spec.num_colors, split), np.int64)


@compiled
def _deal_path(counter, colors, length, spec, withheld):
    """Draws a permutation of the colours; its first `length` are the keys of the path, in order."""
    num_colors = spec[_COLORS]
    for color in range(num_colors):
        colors[color] = color
    while True:
        for i in range(num_colors - 1):
            j = i + next_below(counter, num_colors - i)
            colors[i], colors[j] = colors[j], colors[i]
        if spec[_SPLIT] == _ALL:
            return
        found = False
        for i in range(length - 1):
            found |= withheld[colors[i], colors[i + 1]]
        if found == (spec[_SPLIT] == _TEST):
            return


@compiled
def _deal_boxes(counter, colors, length, branches, branch_length, num_colors, boxes):
    """Writes the boxes as (content code, lock code), solution path first; returns how many."""
    for i in range(length):
        boxes[i, 0] = KEY + colors[i + 1] if i < length - 1 else GEM
        boxes[i, 1] = LOCK + colors[i]
    count = length
    spare = num_colors - length
    for _ in range(branches):
        lock = colors[next_below(counter, length)]
        for _ in range(branch_length):
            # All distractor keys differ while the colours last, then they start again.
            key = colors[length + (count - length) % spare]
            boxes[count, 0] = KEY + key
            boxes[count, 1] = DISTRACTOR + lock
            lock = key
            count += 1
    return count


@compiled
def deal(indices, spec, withheld, boards, slots):
    """Deals the level of each slot's level seed.

    Args:
        indices: int64 [M], which slots.
        spec: int64 [9], see `spec_array`.
        withheld: bool [20, 20], see `withheld_table`.
        boards: uint8 [N, room_size + 2, room_size + 2], written.
        slots: int64 [N, NUM_COLUMNS]; LEVEL_SEED is read, the other columns are written.
    """
    room = spec[_ROOM]
    most = spec[_LONGEST] + spec[_MOST] * spec[_BRANCH]
    counter = np.empty(1, np.uint64)
    colors = np.empty(MAX_COLORS, np.int64)
    boxes = np.empty((most, 2), np.int64)
    places = np.empty(most + 1, np.int64)
    free = np.empty(room, np.int64)
    for index in indices:
        slot, board = slots[index], boards[index]
        start(counter, slot[LEVEL_SEED])
        length = spec[_SHORTEST] + next_below(counter, spec[_LONGEST] - spec[_SHORTEST] + 1)
        branches = spec[_FEWEST] + next_below(counter, spec[_MOST] - spec[_FEWEST] + 1)
        _deal_path(counter, colors, length, spec, withheld)
        count = _deal_boxes(counter, colors, length, branches, spec[_BRANCH], spec[_COLORS], boxes)

        place_objects(counter, room, spec[_INNER], count + 1, places, free)

        board[:] = BORDER
        board[1 : room + 1, 1 : room + 1] = FLOOR
        board[1 + places[0] // room, 1 + places[0] % room] = KEY + colors[0]
        for i in range(count):
            row, column = 1 + places[i + 1] // room, 1 + places[i + 1] % room
            board[row, column] = boxes[i, 0]
            board[row, column + 1] = boxes[i, 1]
        while True:
            agent = next_below(counter, room * room)
            row, column = 1 + agent // room, 1 + agent % room
            if board[row, column] == FLOOR:
                break
        slot[ROW] = row
        slot[COLUMN] = column
        slot[HELD] = NO_KEY
        slot[STEPS] = 0
        slot[SOLUTION_LENGTH] = length
        slot[NUM_BRANCHES] = branches
        slot[BRANCH_LENGTH] = spec[_BRANCH] if branches else 0


@compiled
def draw_level_seeds(indices, streams, first, count, slots):
    """Draws the next level seed of each slot from its stream.

    Args:
        indices: int64 [M], which slots.
        streams: uint64 [N, 1], a counter of `boxworld.rng` per slot, advanced.
        first: int64, the first seed of the range.
        count: int64, its length, at most 2**32; or 0 for [2**32, 2**63).
        slots: int64 [N, NUM_COLUMNS]; LEVEL_SEED is written.
    """
    for index in indices:
        counter = streams[index]
        if count > 0:
            slots[index, LEVEL_SEED] = first + next_below(counter, count)
        else:
            seed = np.int64(next_uint64(counter) >> _1)
            while seed < FIRST_ENDLESS_SEED:
                seed = np.int64(next_uint64(counter) >> _1)
            slots[index, LEVEL_SEED] = seed


def check_level_seed(level_seed: int) -> int:
    """Returns a level seed as an int; raises TypeError or ValueError if it is not valid."""
    level_seed = as_integer("level_seed", level_seed)
    if not 0 <= level_seed < LEVEL_SEED_LIMIT:
        raise ValueError(f"level_seed must be in [0, 2**63), got {level_seed}")
    return level_seed


def check_level_seeds(level_seeds: npt.NDArray[np.integer]) -> None:
    """Checks integers of any shape; raises ValueError if one of them is no level seed."""
    if level_seeds.size:
        check_level_seed(level_seeds.min())
        check_level_seed(level_seeds.max())


def generate_level(spec: LevelSpec, level_seed: int) -> Level:
    """Returns the level of `level_seed`: the same on every machine and for every batch size.

    Args:
        spec: which levels to deal.
        level_seed: in [0, 2**63).

    Raises:
        TypeError: if `level_seed` is not an integer.
        ValueError: if it is out of range.
    """
    boards, slots = deal_levels(spec, np.array([check_level_seed(level_seed)]))
    (text,) = text_arrays(boards, slots)
    return Level("\n".join(line.tobytes().decode("ascii") for line in text))


def deal_levels(
    spec: LevelSpec, level_seeds: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Deals the levels of N level seeds.

    Returns:
        boards: uint8 [N, room_size + 2, room_size + 2], codes of cells.
        slots: int64 [N, NUM_COLUMNS], see `dynamics.py`.
    """
    count, size = level_seeds.size, spec.room_size + 2
    boards = np.empty((count, size, size), np.uint8)
    slots = np.zeros((count, NUM_COLUMNS), np.int64)
    slots[:, LEVEL_SEED] = level_seeds
    deal(np.arange(count), spec_array(spec), withheld_table(spec.num_colors), boards, slots)
    return boards, slots


def text_arrays(
    boards: npt.NDArray[np.uint8], slots: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8]:
    """Returns uint8 [N, room_size, room_size], the characters of the text forms of dealt levels."""
    texts = _CHARACTERS[boards]
    texts[np.arange(len(slots)), slots[:, ROW], slots[:, COLUMN]] = _AGENT_CHARACTER
    return np.ascontiguousarray(texts[:, 1:-1, 1:-1])
