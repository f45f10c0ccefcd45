"""Actions of an environment: one choice, several parts, or a type and its arguments.

Several parts are what `action_parts.py` lists. Actions with arguments are a MultiDiscrete space:
first the action type, then K arguments. What spaces cannot say, an environment says by attributes
of them, all optional:

    argument_mask      bool [A, K], which arguments each type takes; absent: all of them
    argument_images    K keys of images of the observation, each for an argument that is a cell of
                       that image, row * width + column; None for any other argument
    mask_key           key of the entry that is not 0 where an action is available: [A] of a
                       Discrete space or of action types, or one number for each value of each
                       choice, side by side
    last_action_key    key of the entry [1 + K] that is the action before (of a Discrete or a
                       MultiDiscrete space)

A MultiDiscrete space that has neither of the first two is taken as choices that are independent of
one another, by agents that can (`relational`, `control`).
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from relational_rl.observations.action_parts import ActionParts, ChoicesPart, read_parts
from relational_rl.observations.availability import LastActionSpec, MaskSpec
from relational_rl.observations.entry import Entry
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


def has_arguments(space: Any) -> bool:
    """Whether an action space says that it is a type and its arguments."""
    return isinstance(space, spaces.MultiDiscrete) and any(
        getattr(space, name, None) is not None for name in ("argument_mask", "argument_images")
    )


def read_actions(space: Any, entries: Sequence[Entry]) -> tuple[int, int, ActionParts | None]:
    """Reads an action space.

    Args:
      space: of the actions.
      entries: of the observation, at which choices may point.

    Returns:
      How many actions, or action types, there are, 0 where no choice comes first; the smallest as
      the environment counts; and the parts, None for one choice and for actions with arguments.

    Raises:
      ValueError: the space is not supported.
    """
    if has_arguments(space):
        if space.nvec.ndim != 1 or np.any(space.start):
            raise ValueError(
                "action_space with arguments must be a MultiDiscrete [1 + K] that starts at 0, "
                f"got {space}"
            )
        return int(space.nvec[0]), 0, None
    if isinstance(space, spaces.Discrete) and getattr(space, "points_at", None) is None:
        return int(space.n), int(space.start), None
    parts = point(read_parts(space), entries)
    first = parts.sizes[0] if isinstance(space, spaces.Discrete | spaces.MultiDiscrete) else 0
    return first, 0, parts


def read_arguments(space: Any, images: Mapping[str, ImageSpec]) -> ArgumentSpec | None:
    """Reads the arguments of actions, None if the space cannot be a type and its arguments.

    Args:
      space: of the actions.
      images: of the observation, by their names.

    Raises:
      ValueError: an attribute of the space does not fit it.
    """
    if not isinstance(space, spaces.MultiDiscrete) or hasattr(space, "points_at"):
        return None
    if space.nvec.ndim != 1 or np.any(space.start):
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
    start = int(space.start) if isinstance(space, spaces.Discrete) else 0
    sizes = read_parts(space).sizes
    mask_key, last_key = (
        getattr(space, attribute, None) for attribute in ("mask_key", "last_action_key")
    )
    entries: list[MaskSpec | LastActionSpec] = []
    if mask_key is not None:
        _check("mask_key", mask_key, observations, keys, _mask_shapes(space, sizes))
        entries.append(MaskSpec(mask_key, int(np.prod(observations[mask_key].shape or ()))))
    if last_key is not None:
        if not isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
            raise ValueError(
                f"last_action_key needs a Discrete or MultiDiscrete action_space, got {space}"
            )
        shapes = [(len(sizes),)] if len(sizes) > 1 else [(1,), ()]
        _check("last_action_key", last_key, observations, keys, shapes)
        entries.append(LastActionSpec(last_key, len(sizes), start))
    return tuple(entries)


def _mask_shapes(space: Any, sizes: Sequence[int]) -> list[tuple[int, ...]]:
    """Returns the shapes that a mask of choices may have.

    Raises:
      ValueError: there are no choices.
    """
    if not sizes:
        raise ValueError(f"mask_key needs an action_space with choices, got {space}")
    shapes: list[tuple[int, ...]] = []
    if isinstance(space, spaces.MultiDiscrete):
        shapes.append((sizes[0],))
    if not has_arguments(space):
        shapes.append((sum(sizes),))
    return shapes


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


def point(parts: ActionParts, entries: Sequence[Entry]) -> ActionParts:
    """Returns parts whose choices name what they point at as `select` does.

    Raises:
      ValueError: there is no such set of entities, or it has another number of places.
    """
    counts = {entry.name: entry.num_entities for entry in entries if hasattr(entry, "num_entities")}
    names = {entry.key: entry.name for entry in entries if entry.name in counts}
    pointed = []
    for part in parts.parts:
        if isinstance(part, ChoicesPart) and part.points_at is not None:
            name = names.get(part.points_at, part.points_at)
            if name not in counts:
                known = sorted({*counts, *(key for key in names if key is not None)})
                raise ValueError(
                    f"points_at must name a set of entities, one of {known}, got {part.points_at!r}"
                )
            if set(part.sizes) != {counts[name]} or any(part.starts):
                raise ValueError(
                    f"a choice that points at {part.points_at!r} must have {counts[name]} values "
                    f"from 0, got {part.sizes} from {part.starts}"
                )
            part = dataclasses.replace(part, points_at=name)
        pointed.append(part)
    return dataclasses.replace(parts, parts=tuple(pointed))
