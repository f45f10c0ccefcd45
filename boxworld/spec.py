"""What levels to deal: the knobs of the level generator, checked when they are set.

Zambaldi et al., arXiv:1806.01830, section 4.1 and appendix: solution length, number of distractor
branches and branch length.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

from boxworld.cells import MAX_COLORS

MIN_ROOM_SIZE = 3
MAX_ROOM_SIZE = 60

Range = tuple[int, int]


def room_capacity(room_size: int) -> int:
    """Returns how many objects (the loose key and boxes) a room is certain to hold.

    In every second row, boxes two cells wide with a free cell between them.
    """
    return ((room_size + 1) // 2) * ((room_size + 1) // 3)


def as_integer(name: str, value: Any, rule: str = "an integer") -> int:
    """Returns `value` as an int; raises a TypeError that states `rule` if it is not an integer."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be {rule}, got {value!r}") from None


def as_range(name: str, value: Any) -> Range:
    """Returns an int or an inclusive (low, high) pair as a pair.

    Raises:
        TypeError: if it is neither, or the pair is not of integers.
        ValueError: if there are not two, or low is above high.
    """
    if isinstance(value, tuple | list):
        if len(value) != 2:
            raise ValueError(f"{name} must be an integer or a (low, high) pair, got {value!r}")
        low, high = (
            as_integer(name, bound, rule="an integer or a pair of integers") for bound in value
        )
        if low > high:
            raise ValueError(f"{name} must have low <= high, got ({low}, {high})")
        return low, high
    bound = as_integer(name, value, rule="an integer or a (low, high) pair")
    return bound, bound


@dataclass(frozen=True)
class LevelSpec:
    """Which levels to deal.

    The defaults are the training distribution of the paper (section 4.1) with branch length 1. The
    solution length and the number of branches of a level are drawn uniformly and independently, and
    every combination can be dealt: a spec whose hardest combination would not fit raises.

    Attributes:
        solution_length: boxes on the solution path, the gem's included; an int or an inclusive
            (low, high) pair. Kept as a pair.
        num_branches: distractor branches, likewise.
        branch_length: boxes in each distractor branch.
        room_size: cells along a side of the square room, without the border.
        num_colors: colours of keys and locks; the first `num_colors` of the palette.
        withheld: None: all key-lock combinations. "train": none of the withheld ones (see
            `boxworld.withheld_pairs`) on the solution path. "test": at least one there.

    Raises:
        TypeError: if a number is not an integer.
        ValueError: if a value is out of range, or levels of this spec would not fit.
    """

    solution_length: int | Range = (1, 4)
    num_branches: int | Range = (0, 4)
    branch_length: int = 1
    room_size: int = 12
    num_colors: int = MAX_COLORS
    withheld: str | None = None

    def __post_init__(self) -> None:
        normalise = object.__setattr__
        normalise(self, "solution_length", as_range("solution_length", self.solution_length))
        normalise(self, "num_branches", as_range("num_branches", self.num_branches))
        for name in ("branch_length", "room_size", "num_colors"):
            normalise(self, name, as_integer(name, getattr(self, name)))
        self._check_colors()
        self._check_room()
        self._check_withheld()

    @property
    def solution_lengths(self) -> Range:
        """The shortest and the longest solution length."""
        return as_range("solution_length", self.solution_length)

    @property
    def branch_counts(self) -> Range:
        """The smallest and the largest number of branches."""
        return as_range("num_branches", self.num_branches)

    def _check_colors(self) -> None:
        shortest, longest = self.solution_lengths
        if not 2 <= self.num_colors <= MAX_COLORS:
            raise ValueError(f"num_colors must be in [2, {MAX_COLORS}], got {self.num_colors}")
        # One colour at least is left for distractors, none of which may open the solution's boxes.
        if not 1 <= shortest <= longest < self.num_colors:
            wrong = longest if shortest >= 1 else shortest
            raise ValueError(
                f"solution_length must be in [1, {self.num_colors - 1}] for "
                f"num_colors={self.num_colors}, got {wrong}"
            )
        if self.branch_counts[0] < 0:
            raise ValueError(f"num_branches must be at least 0, got {self.branch_counts[0]}")
        # The keys of one branch are all different.
        most = self.num_colors - longest
        if not 1 <= self.branch_length <= most:
            raise ValueError(
                f"branch_length must be in [1, {most}] for num_colors={self.num_colors} and "
                f"solution_length={longest}, got {self.branch_length}"
            )

    def _check_room(self) -> None:
        if not MIN_ROOM_SIZE <= self.room_size <= MAX_ROOM_SIZE:
            raise ValueError(
                f"room_size must be in [{MIN_ROOM_SIZE}, {MAX_ROOM_SIZE}], got {self.room_size}"
            )
        longest, most = self.solution_lengths[1], self.branch_counts[1]
        objects = 1 + longest + most * self.branch_length
        what = (
            f"{objects} objects (a loose key, solution_length={longest}, num_branches={most} of "
            f"branch_length={self.branch_length})"
        )
        if objects > room_capacity(MAX_ROOM_SIZE):
            raise ValueError(
                f"num_branches must be less for {what}: room_size={MAX_ROOM_SIZE}, the largest, "
                f"holds {room_capacity(MAX_ROOM_SIZE)}"
            )
        needed = self.room_size
        while room_capacity(needed) < objects:
            needed += 1
        if needed > self.room_size:
            raise ValueError(
                f"room_size must be at least {needed} for {what}, got {self.room_size}"
            )

    def _check_withheld(self) -> None:
        if self.withheld not in (None, "train", "test"):
            raise ValueError(f"withheld must be None, 'train' or 'test', got {self.withheld!r}")
        if self.withheld is not None and self.num_colors < 3:
            raise ValueError(
                f"num_colors must be at least 3 for withheld={self.withheld!r}, "
                f"got {self.num_colors}"
            )
        if self.withheld == "test" and self.solution_lengths[0] < 2:
            raise ValueError(
                "solution_length must be at least 2 for withheld='test', as a path of one box "
                f"needs no key from a box, got {self.solution_lengths[0]}"
            )
