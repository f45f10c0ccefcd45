"""Sets of objects: Box (N, F) of floats, a row of features for each of at most N objects.

An object is absent where its row is all NaN. A Dict may have a mask beside the set, [N], not 0 for
present: an entry named like the set with "_mask" behind, or the one that the Box's attribute
`mask_key` names. The mask belongs to the set: `observation_keys` need not name it.

A Box (height, width) of whole numbers is no set of objects but an image without channels, which is
refused.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

from relational_rl.observations.check import array_of, check_finite
from relational_rl.observations.entry import Arrays, Kind, numbered


@dataclasses.dataclass(frozen=True)
class ObjectsSpec:
    """A set of objects.

    Attributes:
      key: its key in a Dict observation, None if the observation is the set.
      shape: (N, F).
      mask_key: key of the entry that tells which objects are there; None if only NaN rows do.
      name: of what `select` gives; the mask is NAME_mask.
    """

    kind: ClassVar[str] = "objects"
    key: str | None
    shape: tuple[int, int]
    mask_key: str | None = None
    name: str = "objects"

    @property
    def num_entities(self) -> int:
        """N."""
        return self.shape[0]

    def select(self, value: Any) -> Arrays:
        """Returns {name: float32 [B, N, F], name_mask: bool [B, N]}; absent rows are zeros.

        Args:
          value: [B, N, F]; with a mask entry a pair of it and the mask [B, N].

        Raises:
          ObservationError: it is not what its space says.
        """
        rows, given = (value, None) if self.mask_key is None else value
        features = array_of(self.key, rows, self.shape).astype(np.float32, copy=False)
        present = np.asarray(~np.isnan(features).all(axis=-1))
        if given is not None:
            present &= array_of(self.mask_key, given, self.shape[:1]) != 0
        features = np.where(present[..., np.newaxis], features, np.float32(0.0))
        check_finite(self.key, features)
        return {self.name: features, f"{self.name}_mask": present}

    def zeros(self, leading: tuple[int, ...]) -> Arrays:
        """Returns objects of zeros, none of them present."""
        return {
            self.name: np.zeros(leading + self.shape, np.float32),
            f"{self.name}_mask": np.zeros((*leading, self.shape[0]), bool),
        }


def _matches(space: gymnasium.Space) -> bool:
    return (
        isinstance(space, spaces.Box)
        and len(space.shape) == 2
        and np.issubdtype(space.dtype, np.floating)
    )


def mask_key_of(
    key: str | None, space: gymnasium.Space, others: Mapping[Any, gymnasium.Space]
) -> str | None:
    """Returns the key of the entry that is the mask of a set of objects, None if there is none."""
    if not _matches(space):
        return None
    named = getattr(space, "mask_key", None)
    if named is None and key is not None and f"{key}_mask" in others:
        return f"{key}_mask"
    return named


def _read(
    key: str | None, place: int, space: Any, others: Mapping[str, gymnasium.Space]
) -> ObjectsSpec:
    """Reads a set of objects.

    Raises:
      ValueError: its mask is not there, or not one number for each object.
    """
    mask_key = getattr(space, "mask_key", None)
    if mask_key is None and key is not None and f"{key}_mask" in others:
        mask_key = f"{key}_mask"
    count, size = (int(each) for each in space.shape)
    if mask_key is not None and mask_key not in others:
        what = "the observation space" if key is None else f"observation entry {key!r}"
        raise ValueError(
            f"mask_key of {what} must be among {sorted(others)}, the entries of a Dict, "
            f"got {mask_key!r}"
        )
    if mask_key is not None and others[mask_key].shape != (count,):
        raise ValueError(
            f"observation entry {mask_key!r} must have the shape {(count,)} to be the mask of "
            f"{key!r}, got {others[mask_key]}"
        )
    return ObjectsSpec(key, (count, size), mask_key, numbered("objects", place))


KIND = Kind("objects", "a Box set of objects (objects, features) of floats", _matches, _read)
