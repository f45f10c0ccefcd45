"""A level as it is dealt, and its text form.

One character a cell, `room_size` lines: `.` floor, `@` the agent, `a`..`t` the keys of colours
0..19, `A`..`T` their locks, `*` the gem. A lock and the cell left of it are a box and its content:
`bA` holds key b and opens with key a, `*B` holds the gem. Any other key is loose.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from boxworld.cells import (
    AGENT_CHARACTER,
    BORDER,
    DISTRACTOR,
    FLOOR,
    FLOOR_CHARACTER,
    GEM,
    GEM_CHARACTER,
    KEY,
    KEY_CHARACTERS,
    LOCK,
    LOCK_CHARACTERS,
)
from boxworld.spec import MAX_ROOM_SIZE, MIN_ROOM_SIZE

_LEGAL = FLOOR_CHARACTER + AGENT_CHARACTER + GEM_CHARACTER + KEY_CHARACTERS + LOCK_CHARACTERS


class Box(NamedTuple):
    """A box: the cell of its lock, and what it holds.

    Attributes:
        row: of the lock and the content, 0 at the top of the room.
        column: of the lock; the content is at column - 1.
        lock: colour of the lock.
        key: colour of the key inside, or None for the gem.
    """

    row: int
    column: int
    lock: int
    key: int | None


@dataclass(frozen=True)
class Level:
    """One level. Equal levels have equal text.

    Valid from construction: one agent; one gem, in a box; a content in each box; and a solution
    path, which is read from the gem's box backwards: each key that is needed is in exactly one
    place, and the first one is loose. Whether objects wall each other off is not looked at here
    (dealt levels never do; `boxworld.solve` tells).

    Attributes:
        text: the text form, lines joined by newlines, nothing else.
        solution: the boxes of the solution path in the order they are opened, the gem's last.
        distractors: all other boxes, from top left to bottom right.

    Raises:
        ValueError: if the text is not a level; the message names line and column, both from 1.
    """

    text: str
    solution: tuple[Box, ...] = field(init=False, repr=False, compare=False)
    distractors: tuple[Box, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise TypeError(f"a level's text must be a str, got {self.text!r}")
        rows = self.text.split("\n")
        _check_rows(rows)
        boxes = _read_boxes(rows)
        solution = _solution_path(rows, boxes)
        object.__setattr__(self, "solution", solution)
        object.__setattr__(self, "distractors", tuple(box for box in boxes if box not in solution))

    @classmethod
    def from_text(cls, text: str) -> Level:
        """Reads a level from its text form.

        Blank lines around it, indentation and a byte-order mark in front are ignored.

        Raises:
            TypeError: if `text` is not a str.
            ValueError: if it is not a level; lines and columns are counted within the room.
        """
        if not isinstance(text, str):
            raise TypeError(f"a level's text must be a str, got {text!r}")
        text = text.removeprefix("\ufeff")
        return cls("\n".join(line.strip() for line in text.strip().splitlines()))

    def to_text(self) -> str:
        """Returns the text form, without a newline at the end."""
        return self.text

    def __str__(self) -> str:
        return self.text

    @property
    def room_size(self) -> int:
        """Cells along a side of the room."""
        return self.text.index("\n")

    @property
    def agent(self) -> tuple[int, int]:
        """The (row, column) at which the agent starts."""
        return divmod(self.text.index(AGENT_CHARACTER), self.room_size + 1)

    @property
    def solution_length(self) -> int:
        """Boxes on the solution path, the gem's included."""
        return len(self.solution)

    @property
    def num_branches(self) -> int:
        """Distractor branches: boxes off the solution path that no distractor box holds a key to.

        Exact for every dealt level, because the first lock of a dealt branch takes a key of the
        solution path, and no distractor box holds one of those.
        """
        held = {box.key for box in self.distractors}
        return sum(box.lock not in held for box in self.distractors)

    @property
    def branch_length(self) -> int:
        """Boxes in a distractor branch, 0 if there is no branch.

        All branches of a dealt level are equally long; for a drawn level with unequal ones this is
        the mean, rounded up.
        """
        return -(-len(self.distractors) // self.num_branches) if self.num_branches else 0

    @property
    def num_colors(self) -> int:
        """The smallest number of colours that includes all colours of the level."""
        return 1 + max(KEY_CHARACTERS.find(cell.lower()) for cell in self.text)

    def board(self) -> npt.NDArray[np.uint8]:
        """Returns uint8 [room_size + 2, room_size + 2], codes of `boxworld.cells`, no agent."""
        size = self.room_size
        board = np.full((size + 2, size + 2), BORDER, np.uint8)
        for row, line in enumerate(self.text.split("\n"), start=1):
            for column, cell in enumerate(line, start=1):
                board[row, column] = _code(cell)
        for box in self.solution:
            board[box.row + 1, box.column + 1] = LOCK + box.lock
        return board


def _code(cell: str) -> int:
    if cell in KEY_CHARACTERS:
        return KEY + KEY_CHARACTERS.index(cell)
    if cell in LOCK_CHARACTERS:
        return DISTRACTOR + LOCK_CHARACTERS.index(cell)
    return GEM if cell == GEM_CHARACTER else FLOOR


def _place(row: int, column: int) -> str:
    return f"line {row + 1}, column {column + 1}"


def _find(rows: list[str], wanted: str) -> list[tuple[int, int]]:
    return [
        (row, column)
        for row, line in enumerate(rows)
        for column, cell in enumerate(line)
        if cell == wanted
    ]


def _check_rows(rows: list[str]) -> None:
    size = len(rows)
    if not MIN_ROOM_SIZE <= size <= MAX_ROOM_SIZE:
        raise ValueError(f"a level must have {MIN_ROOM_SIZE} to {MAX_ROOM_SIZE} lines, got {size}")
    for row, line in enumerate(rows):
        for column, cell in enumerate(line):
            if cell not in _LEGAL:
                raise ValueError(
                    f"{_place(row, column)}: a cell must be one of '.', '@', '*', 'a'..'t' and "
                    f"'A'..'T', got {cell!r}"
                )
        if len(line) != size:
            raise ValueError(
                f"line {row + 1}: a level must be square, with {size} cells in each of its {size} "
                f"lines, got {len(line)} cells"
            )
    for name, character in (("agent", AGENT_CHARACTER), ("gem", GEM_CHARACTER)):
        found = _find(rows, character)
        if len(found) != 1:
            where = " at " + " and ".join(_place(*cell) for cell in found) if found else ""
            raise ValueError(
                f"a level must have exactly one {name} ({character!r}), got {len(found)}{where}"
            )


def _read_boxes(rows: list[str]) -> tuple[Box, ...]:
    boxes = []
    for row, line in enumerate(rows):
        for column, cell in enumerate(line):
            if cell not in LOCK_CHARACTERS:
                continue
            content = line[column - 1] if column > 0 else "#"
            if content not in GEM_CHARACTER + KEY_CHARACTERS:
                found = repr(content) if column > 0 else "the border"
                raise ValueError(
                    f"{_place(row, column)}: the cell left of lock {cell!r} must hold its box's "
                    f"content, a key or the gem, got {found}"
                )
            key = None if content == GEM_CHARACTER else KEY_CHARACTERS.index(content)
            boxes.append(Box(row, column, LOCK_CHARACTERS.index(cell), key))
    return tuple(boxes)


def _solution_path(rows: list[str], boxes: tuple[Box, ...]) -> tuple[Box, ...]:
    """Follows the keys from the gem's box back to a loose key."""
    ((row, column),) = _find(rows, GEM_CHARACTER)
    box = next((box for box in boxes if box.key is None), None)
    if box is None:
        raise ValueError(
            f"{_place(row, column)}: the gem must be in a box, with a lock right of it"
        )
    path = [box]
    at = {(box.row, box.column - 1): box for box in boxes}
    while True:
        key = KEY_CHARACTERS[path[-1].lock]
        found = _find(rows, key)
        if len(found) != 1:
            where = " at " + " and ".join(_place(*cell) for cell in found) if found else ""
            raise ValueError(
                f"{_place(path[-1].row, path[-1].column)}: the key to a lock on the solution path "
                f"must be in exactly one place, got {len(found)} of key {key!r}{where}"
            )
        if found[0] not in at:
            return tuple(reversed(path))
        box = at[found[0]]
        if box in path:
            raise ValueError(
                f"{_place(box.row, box.column)}: the solution path must start at a loose key, but "
                f"the keys to this lock are locked up behind each other"
            )
        path.append(box)
