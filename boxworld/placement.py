"""Where the objects of a level stand, in compiled code.

Every object keeps at least one free cell around it (8-neighbourhood), so the floor around it is
connected, nothing walls anything off, and every level can be solved. (The rule is that of the
authors' later code, pycolab's `box_world` example.)

A place is a number, row * room_size + column of the object's left cell, rows and columns from 0.
"""

from __future__ import annotations

from boxworld._compile import compiled
from boxworld.rng import next_below

_TRIES = 16


@compiled
def _count_bits(bits):
    # Becomes one instruction.
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
def place_objects(counter, room, inner_capacity, count, places, free):
    """Places a loose key (object 0) and `count` - 1 boxes, a free cell around each of them.

    Off the wall if they fit there, as in the published levels; else anywhere in the room; and if
    sixteen tries at that fail, in every second row.

    Args:
        counter: uint64 [1], the random stream, advanced.
        room: int, room_size.
        inner_capacity: int, how many objects are worth a try off the wall.
        count: int, at most `boxworld.spec.room_capacity(room)`.
        places: int64 [at least count], written: row * room + column of each object's left cell.
        free: int64 [room], scratch.
    """
    for margin in (1, 0):
        if margin == 0 or count <= inner_capacity:
            for _ in range(_TRIES):
                if _scatter(counter, room, margin, count, places, free):
                    return
    _pack(counter, room, count, places)
