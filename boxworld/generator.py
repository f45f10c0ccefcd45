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
from boxworld.level import Level
from boxworld.rng import next_below, next_uint64, start
from boxworld.spec import LevelSpec, as_integer
from boxworld.withheld import withheld_table

FIRST_ENDLESS_SEED = 1 << 32
LEVEL_SEED_LIMIT = 1 << 63

# Columns of the state of a slot (an environment), int64 [NUM_COLUMNS].
ROW, COLUMN, HELD, STEPS, SOLUTION_LENGTH, NUM_BRANCHES, BRANCH_LENGTH, LEVEL_SEED = range(8)
NUM_COLUMNS = 8
NO_KEY = -1

# Fields of a spec as the compiled functions take it.
_SHORTEST, _LONGEST, _FEWEST, _MOST, _BRANCH, _ROOM, _COLORS, _SPLIT = range(8)
_ALL, _TRAIN, _TEST = range(3)

_TRIES_PER_LEVEL = 16
_1 = np.uint64(1)


def spec_array(spec: LevelSpec) -> npt.NDArray[np.int64]:
    """Returns int64 [8], the spec for the compiled functions."""
    split = {None: _ALL, "train": _TRAIN, "test": _TEST}[spec.withheld]
    numbers = (spec.branch_length, spec.room_size, spec.num_colors, split)
    return np.array((*spec.solution_lengths, *spec.branch_counts, *numbers), np.int64)


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
def _count_bits(bits):
    count = 0
    while bits:
        bits &= bits - 1
        count += 1
    return count


@compiled
def _choose(counter, free, first, last):
    """Draws a set bit of rows first..last - 1; returns its (row, column), or (-1, -1) if none."""
    total = 0
    for row in range(first, last):
        total += _count_bits(free[row])
    if total == 0:
        return -1, -1
    left = next_below(counter, total)
    row = first
    while left >= _count_bits(free[row]):
        left -= _count_bits(free[row])
        row += 1
    bits = free[row]
    for _ in range(left):
        bits &= bits - 1
    return row, _count_bits((bits & -bits) - 1)


@compiled
def _scatter(counter, room, margin, count, places, free):
    """Places the key (object 0) and `count` - 1 boxes, each uniformly over all cells still free.

    Args:
        counter: uint64 [1].
        room: int, room_size.
        margin: int, all objects stay that many cells off the wall.
        count: int.
        places: int64 [at least count], written: row * room + column of each object's left cell.
        free: int64 [room], scratch: the bits are the cells at which a box's left cell may stand.

    Returns:
        bool, whether all fit.
    """
    # A box has a second cell right of its left one; the key, which comes first, has not.
    free[:] = ((1 << (room - 1 - 2 * margin)) - 1) << margin
    row = margin + next_below(counter, room - 2 * margin)
    column = margin + next_below(counter, room - 2 * margin)
    width = 1
    for i in range(count):
        if i > 0:
            row, column = _choose(counter, free, margin, room - margin)
            if row < 0:
                return False
            width = 2
        places[i] = row * room + column
        near = (((1 << (width + 3)) - 1) << column) >> 2
        for r in range(max(margin, row - 1), min(room - margin, row + 2)):
            free[r] &= ~near
    return True


@compiled
def _pack(counter, room, count, places):
    """Places all objects in every second row, which never fails: as random as the rows allow."""
    lines, per_line = (room + 1) // 2, (room + 1) // 3
    # In a room of even size one pair of lines is two rows apart, not one.
    shift_from = next_below(counter, lines + 1) if room % 2 == 0 else lines
    placed = 0
    for line in range(lines):
        row = 2 * line + (1 if line >= shift_from else 0)
        here = 0
        for i in range(per_line):
            left = (lines - line) * per_line - i
            if next_below(counter, left) < count - placed - here:
                here += 1
        slack = room - (3 * here - 1)
        column = 0
        for _ in range(here):
            gap = next_below(counter, slack + 1)
            slack -= gap
            places[placed] = row * room + column + gap
            column += gap + 3
            placed += 1
    for last in range(count - 1, 0, -1):
        other = next_below(counter, last + 1)
        places[last], places[other] = places[other], places[last]


@compiled
def _place(counter, room, count, places, free):
    """Places all objects: off the wall if they fit there, else scattered, else packed."""
    for margin in (1, 0):
        inner = room - 2 * margin
        if count <= ((inner + 1) // 2) * ((inner + 1) // 3):
            for _ in range(_TRIES_PER_LEVEL):
                if _scatter(counter, room, margin, count, places, free):
                    return
    _pack(counter, room, count, places)


@compiled
def deal(indices, spec, withheld, boards, slots):
    """Deals the level of each slot's level seed.

    Args:
        indices: int64 [M], which slots.
        spec: int64 [8], see `spec_array`.
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

        _place(counter, room, count + 1, places, free)

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
    """Returns a level seed as an int; raises TypeError or ValueError if it is none."""
    level_seed = as_integer("level_seed", level_seed)
    if not 0 <= level_seed < LEVEL_SEED_LIMIT:
        raise ValueError(f"level_seed must be in [0, 2**63), got {level_seed}")
    return level_seed


def generate_level(spec: LevelSpec, level_seed: int) -> Level:
    """Returns the level of `level_seed`: the same on every machine and for every batch size.

    Args:
        spec: which levels to deal.
        level_seed: in [0, 2**63).

    Raises:
        TypeError: if `level_seed` is no integer.
        ValueError: if it is out of range.
    """
    size = spec.room_size + 2
    boards = np.empty((1, size, size), np.uint8)
    slots = np.zeros((1, NUM_COLUMNS), np.int64)
    slots[0, LEVEL_SEED] = check_level_seed(level_seed)
    withheld = withheld_table(spec.num_colors) if spec.withheld else np.zeros((1, 1), np.bool_)
    deal(np.zeros(1, np.int64), spec_array(spec), withheld, boards, slots)
    return _read_level(boards[0], slots[0])


def _read_level(board: npt.NDArray[np.uint8], slot: npt.NDArray[np.int64]) -> Level:
    rows = [[CODE_CHARACTERS[code] for code in line] for line in board[1:-1, 1:-1].tolist()]
    rows[int(slot[ROW]) - 1][int(slot[COLUMN]) - 1] = AGENT_CHARACTER
    return Level("\n".join("".join(row) for row in rows))
