"""The key-lock combinations that a training level never needs.

A combination is an ordered pair (colour of a box's lock, colour of the key inside). The paper
(arXiv:1806.01830, section 4.1) trains on levels that never need some of them to reach the gem, and
tests on levels that do; which ones, and how many, it does not say. Here: one fifth of all ordered
pairs of different colours, 76 of 380 for 20 colours, by a shuffle with the published seed
`WITHHELD_SEED`.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from boxworld.cells import MAX_COLORS
from boxworld.rng import next_below, start

WITHHELD_SEED = 1806_01830
_ONE_IN = 5


@functools.cache
def withheld_pairs(num_colors: int = MAX_COLORS) -> frozenset[tuple[int, int]]:
    """Returns the withheld (lock colour, content colour) pairs among `num_colors` colours.

    Args:
        num_colors: in 2..20; every number of colours has a set of its own, and that of 2 is empty.

    Raises:
        ValueError: if `num_colors` is out of range.
    """
    if not 2 <= num_colors <= MAX_COLORS:
        raise ValueError(f"num_colors must be in [2, {MAX_COLORS}], got {num_colors}")
    pairs = [(lock, key) for lock in range(num_colors) for key in range(num_colors) if lock != key]
    counter = np.zeros(1, np.uint64)
    start(counter, WITHHELD_SEED)
    for last in range(len(pairs) - 1, 0, -1):
        other = next_below(counter, last + 1)
        pairs[last], pairs[other] = pairs[other], pairs[last]
    return frozenset(pairs[: len(pairs) // _ONE_IN])


def withheld_table(num_colors: int = MAX_COLORS) -> npt.NDArray[np.bool_]:
    """Returns bool [20, 20], true at [lock colour, content colour] of every withheld pair."""
    table = np.zeros((MAX_COLORS, MAX_COLORS), np.bool_)
    for lock, key in withheld_pairs(num_colors):
        table[lock, key] = True
    return table
