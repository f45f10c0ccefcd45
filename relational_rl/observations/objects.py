"""Sets of objects: Box (N, F), a row of features for each of at most N objects.

An object is absent where its row is all NaN. A Dict may have a mask beside the set, 1 for present:
an entry named like the set with "_mask" behind, or the one that the Box's attribute `mask_key`
names.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

from relational_rl.observations.entry import Arrays, Kind, numbered


@dataclasses.dataclass(frozen=True)
class ObjectsSpec:
    """A set of objects.

    Attributes:
      key: its key in a Dict observation, None if the observation is the set.
      shape: (N, F).
      mask_key: key of the entry that tells which objects are there; None if NaN rows do.
      name: of what `select` gives; the mask is NAME_mask.
    """

    kind: ClassVar[str] = "objects"
    key: str | None
    shape: tuple[int, int]
    mask_key: str | None = None
    name: str = "objects"

    def select(self, value: Any) -> Arrays:
        """Returns {name: float32 [B, N, F], name_mask: bool [B, N]}; absent rows are zeros.

        Args:
          value: [B, N, F]; with a mask entry a pair of it and the mask [B, N].
        """
        if self.mask_key is None:
            features = np.asarray(value, np.float32)
            present = ~np.isnan(features).all(axis=-1)
        else:
            features, given = np.asarray(value[0], np.float32), np.asarray(value[1])
            present = given != 0
        features = np.where(present[..., np.newaxis], features, np.float32(0.0))
        return {self.name: features, f"{self.name}_mask": present}

    def zeros(self, leading: tuple[int, ...]) -> Arrays:
        """Returns objects of zeros, none of them present."""
        return {
            self.name: np.zeros(leading + self.shape, np.float32),
            f"{self.name}_mask": np.zeros((*leading, self.shape[0]), bool),
        }


def _matches(space: gymnasium.Space) -> bool:
    return isinstance(space, spaces.Box) and len(space.shape) == 2


def _read(
    key: str | None, place: int, space: Any, others: Mapping[Any, gymnasium.Space]
) -> ObjectsSpec:
    """Reads a set of objects.

    Raises:
      ValueError: its mask is not one number for each object.
    """
    mask_key = getattr(space, "mask_key", None)
    if mask_key is None and key is not None and f"{key}_mask" in others:
        mask_key = f"{key}_mask"
    if mask_key is not None:
        mask = others.get(mask_key)
        if mask is None or mask.shape != space.shape[:1]:
            raise ValueError(
                f"the mask {mask_key!r} of observation entry {key!r} must have shape "
                f"{space.shape[:1]}, got {mask}"
            )
    count, size = (int(each) for each in space.shape)
    return ObjectsSpec(key, (count, size), mask_key, numbered("objects", place))


KIND = Kind("objects", "a Box set of objects (objects, features)", _matches, _read)
