"""What is said to a batch of games: seeds, masks and actions, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sc2_minigames.actions import ARGUMENTS, InvalidActionError

_MOST = np.iinfo(np.int64).max


def check_whole(name: str, value: Any, low: int, high: int = _MOST) -> int:
    """Returns a whole number of Python.

    Raises:
      ValueError: if it is none, or not in [low, high].
    """
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_whole or not low <= value <= high:
        range_ = f"of at least {low}" if high == _MOST else f"in [{low}, {high}]"
        raise ValueError(f"{name} must be a whole number {range_}, got {value!r}")
    return int(value)


def check_seeds(seed: Any, count: int) -> npt.NDArray[np.int64]:
    """Returns a seed for each game, -1 for none.

    Args:
      seed: None; a whole number s for s + i in game i; or one whole number or None for each game.
      count: number of games.

    Raises:
      ValueError: if a seed is no whole number of at least 0, or there are not `count` of them.
    """
    if seed is None:
        return np.full(count, -1, np.int64)
    if not isinstance(seed, Sequence | np.ndarray):
        first = check_whole("seed", seed, 0, _MOST - count)
        return np.arange(first, first + count, dtype=np.int64)
    if len(seed) != count:
        raise ValueError(f"seed must be one for each of {count} games, got {len(seed)}")
    return np.array([-1 if s is None else check_whole("seed", s, 0) for s in seed], np.int64)


def check_mask(mask: Any, count: int) -> npt.NDArray[np.bool_]:
    """Returns which games to reset, bool [count]; None means all.

    Raises:
      ValueError: if it is not bool [count] with a True in it.
    """
    if mask is None:
        return np.ones(count, np.bool_)
    given = np.asarray(mask)
    if given.shape != (count,) or given.dtype != np.bool_ or not given.any():
        raise ValueError(
            f"reset_mask must be bool of shape ({count},) with a True in it, got {mask!r}"
        )
    return given


def check_shape(actions: Any, count: int) -> npt.NDArray[np.int64]:
    """Returns a copy of the actions, int64 [count, 14].

    Raises:
      InvalidActionError: if they are no whole numbers of that shape.
    """
    given = np.asarray(actions)
    shape = (count, 1 + len(ARGUMENTS))
    if given.shape != shape or given.dtype.kind not in "iu":
        raise InvalidActionError(
            f"actions must be whole numbers of shape {shape}, got {given.dtype} {given.shape}"
        )
    return given.astype(np.int64)
