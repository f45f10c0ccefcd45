"""Actions of an environment: one choice, or a type and its arguments.

Actions with arguments are a MultiDiscrete space: first the action type, then K arguments. What
spaces cannot say, an environment says by attributes of them, all optional:

    argument_mask      bool [A, K], which arguments each type takes; absent: all of them
    argument_images    K keys of images of the observation, each for an argument that is a cell of
                       that image, row * width + column; None for any other argument
    mask_key           key of the entry [A] that is not 0 where a type is available
    last_action_key    key of the entry [1 + K] that is the action before

The last two are of use to Discrete actions as well.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from relational_rl.observations.availability import LastActionSpec, MaskSpec
from relational_rl.observations.image import ImageSpec


@dataclasses.dataclass(frozen=True)
class ArgumentSpec:
    """The K arguments of actions.

    Attributes:
      sizes: how many values each argument has.
      taken_by: for each action type the arguments that it takes, as places in `sizes`.
      images: for an argument that is a cell of an image that image's name in `select`, else None.
    """

    sizes: tuple[int, ...]
    taken_by: tuple[tuple[int, ...], ...] = dataclasses.field(repr=False)  # long
    images: tuple[str | None, ...]

    def table(self) -> np.ndarray:
        """Returns which action type takes which argument, bool [A, K]."""
        table = np.zeros((len(self.taken_by), len(self.sizes)), bool)
        for action, places in enumerate(self.taken_by):
            table[action, list(places)] = True
        return table


def read_actions(space: Any) -> tuple[int, int]:
    """Returns how many actions, or action types, there are, and the smallest.

    Raises:
      ValueError: the space is not supported.
    """
    if isinstance(space, spaces.MultiDiscrete):
        if space.nvec.ndim != 1 or np.any(space.start):
            raise ValueError(
                f"action_space must be a MultiDiscrete [1 + K] that starts at 0, got {space}"
            )
        return int(space.nvec[0]), 0
    if isinstance(space, spaces.Discrete):
        return int(space.n), int(space.start)
    raise ValueError(
        "action_space must be Discrete, or a MultiDiscrete of action type and arguments, "
        f"got {space}"
    )


def read_arguments(space: Any, images: Mapping[str, ImageSpec]) -> ArgumentSpec | None:
    """Reads the arguments of actions, None if actions are one choice.

    Args:
      space: of the actions.
      images: of the observation, by their names.

    Raises:
      ValueError: an attribute of the space does not fit it.
    """
    if not isinstance(space, spaces.MultiDiscrete):
        return None
    num_types, *sizes = (int(size) for size in space.nvec)
    mask = np.asarray(getattr(space, "argument_mask", np.ones((num_types, len(sizes)))))
    if mask.shape != (num_types, len(sizes)):
        raise ValueError(
            f"argument_mask must have shape {(num_types, len(sizes))}, got {mask.shape}"
        )
    keys = tuple(getattr(space, "argument_images", (None,) * len(sizes)))
    if len(keys) != len(sizes):
        raise ValueError(f"argument_images must be {len(sizes)} keys or None, got {keys}")
    by_key = {image.key: image for image in images.values()}
    for key, size in zip(keys, sizes, strict=True):
        if key is None:
            continue
        if key not in by_key:
            known = sorted(str(key) for key in by_key)
            raise ValueError(f"argument_images must name images among {known}, got {key!r}")
        height, width = by_key[key].shape[:2]
        if size != height * width:
            raise ValueError(
                f"an argument on {key!r} must have {height} * {width} values, got {size}"
            )
    return ArgumentSpec(
        sizes=tuple(sizes),
        taken_by=tuple(tuple(int(k) for k in np.flatnonzero(row)) for row in mask),
        images=tuple(None if key is None else by_key[key].name for key in keys),
    )


def read_availability(
    space: Any, observations: Mapping[str, gymnasium.Space], keys: Sequence[str]
) -> tuple[MaskSpec | LastActionSpec, ...]:
    """Reads the entries of a Dict observation that an action space names.

    Args:
      space: of the actions.
      observations: the spaces of all entries by key.
      keys: the entries that are used.

    Raises:
      ValueError: an entry is not used, or has not the shape that the actions ask for.
    """
    num_actions, start = read_actions(space)
    size = len(space.nvec) if isinstance(space, spaces.MultiDiscrete) else 1
    mask_key, last_key = (
        getattr(space, attribute, None) for attribute in ("mask_key", "last_action_key")
    )
    entries: list[MaskSpec | LastActionSpec] = []
    if mask_key is not None:
        _check("mask_key", mask_key, observations, keys, [(num_actions,)])
        entries.append(MaskSpec(mask_key, num_actions))
    if last_key is not None:
        shapes = [(size,)] if size > 1 else [(size,), ()]
        _check("last_action_key", last_key, observations, keys, shapes)
        entries.append(LastActionSpec(last_key, size, start))
    return tuple(entries)


def _check(
    attribute: str,
    key: str,
    observations: Mapping[str, gymnasium.Space],
    keys: Sequence[str],
    shapes: Sequence[tuple[int, ...]],
) -> None:
    """Checks that an entry which an action space names is there and has one of some shapes."""
    if key not in keys:
        raise ValueError(f"{attribute} must be among {sorted(keys)}, got {key!r}")
    if observations[key].shape not in shapes:
        allowed = " or ".join(str(shape) for shape in shapes)
        raise ValueError(
            f"{attribute} must name an entry of the shape {allowed}, got {key!r}: "
            f"{observations[key]}"
        )
