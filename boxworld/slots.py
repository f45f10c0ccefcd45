"""Arguments and infos of a batch of slots: seeds, masks, time limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from boxworld.dynamics import NO_TIME_LIMIT
from boxworld.spec import as_integer

Mask = npt.NDArray[np.bool_]


def check_time_limit(max_episode_steps: Any) -> int:
    """Returns the step at which Gymnasium's time limit truncates; None and -1 mean no limit.

    Raises:
        TypeError: if it is neither None nor an integer.
        ValueError: if it is 0, or below -1.
    """
    if max_episode_steps is None:
        return NO_TIME_LIMIT
    limit = as_integer("max_episode_steps", max_episode_steps)
    if limit == -1:
        return NO_TIME_LIMIT
    if limit < 1:
        raise ValueError(f"max_episode_steps must be None, -1 or at least 1, got {limit}")
    return min(limit, NO_TIME_LIMIT)


def check_seeds(seed: Any, num_slots: int) -> list[int | None]:
    """Returns one seed (or None) for each slot.

    Args:
        seed: None; an int s for s + i in slot i; or one int or None for each slot.
        num_slots: N.

    Raises:
        TypeError: if a seed is not an integer.
        ValueError: if there are not N seeds.
    """
    if seed is None:
        return [None] * num_slots
    if isinstance(seed, Sequence | np.ndarray) and np.ndim(seed) > 0:
        if len(seed) != num_slots:
            raise ValueError(
                f"seed must be an int or one for each of {num_slots} slots, got {len(seed)}"
            )
        return [None if each is None else as_integer("seed", each) for each in seed]
    first = as_integer("seed", seed)
    return [first + index for index in range(num_slots)]


def check_reset_mask(mask: Any, num_slots: int) -> Mask:
    """Returns which slots to reset: bool [N]; None means all.

    Raises:
        ValueError: if it is not bool [N] with a True in it.
    """
    if mask is None:
        return np.ones(num_slots, np.bool_)
    given = np.asarray(mask)
    if given.shape != (num_slots,) or given.dtype != np.bool_ or not given.any():
        raise ValueError(
            f"reset_mask must be bool of shape ({num_slots},) with a True in it, got {mask!r}"
        )
    return given


def with_masks(infos: dict[str, Any], mask: Mask) -> dict[str, Any]:
    """Adds Gymnasium's masks: `_name` marks the slots for which `name` is valid."""
    return {**infos, **{f"_{name}": mask.copy() for name in infos}}
