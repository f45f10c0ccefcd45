"""Numbers: Discrete entries as one-hot vectors, one-dimensional Box entries as they are."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

from relational_rl.observations.entry import Arrays, Kind


@dataclasses.dataclass(frozen=True)
class VectorSpec:
    """A part of the vector.

    Attributes:
      key: its key in a Dict observation, None if the observation is the part.
      size: how many numbers it gives.
      start: of a Discrete entry its smallest value; None for a Box entry.
      name: of what `select` gives; all parts have the same, and are joined.
    """

    kind: ClassVar[str] = "vector"
    key: str | None
    size: int
    start: int | None = None
    name: str = "vector"

    def select(self, value: Any) -> Arrays:
        """Returns {"vector": float32 [B, size]}."""
        array = np.asarray(value)
        if self.start is None:
            return {self.name: array.astype(np.float32)}
        values = np.arange(self.start, self.start + self.size)
        return {self.name: (array[..., np.newaxis] == values).astype(np.float32)}

    def zeros(self, leading: tuple[int, ...]) -> Arrays:
        """Returns zeros."""
        return {self.name: np.zeros((*leading, self.size), np.float32)}


def _matches(space: gymnasium.Space) -> bool:
    return isinstance(space, spaces.Discrete) or (
        isinstance(space, spaces.Box) and len(space.shape) == 1
    )


def _read(
    key: str | None, place: int, space: Any, others: Mapping[str, gymnasium.Space]
) -> VectorSpec:
    del place, others
    if isinstance(space, spaces.Discrete):
        return VectorSpec(key, int(space.n), int(space.start))
    return VectorSpec(key, int(space.shape[0]))


KIND = Kind("vector", "a Discrete or a one-dimensional Box", _matches, _read)
