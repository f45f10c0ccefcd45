"""Numbers: Discrete entries as one-hot vectors, Box entries of at most one dimension as they are.

By default each number of a Box is an entity, and each Discrete one; a Box of more than 64 numbers
is one entity as a whole.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

from relational_rl.observations.check import array_of, check_finite, check_whole, warn_outside
from relational_rl.observations.entry import Arrays, Kind

MOST_NUMBERS = 64


@dataclasses.dataclass(frozen=True)
class VectorSpec:
    """A part of the vector.

    Attributes:
      key: its key in a Dict observation, None if the observation is the part.
      size: how many numbers it gives.
      start: of a Discrete entry its smallest value; None for a Box entry.
      name: of what `select` gives; all parts have the same, and are joined.
      is_number: whether a Box entry is a number without an axis.
      low: the smallest bound of a Box entry.
      high: its largest bound.
    """

    kind: ClassVar[str] = "vector"
    key: str | None
    size: int
    start: int | None = None
    name: str = "vector"
    is_number: bool = False
    low: float = dataclasses.field(default=-np.inf, repr=False, compare=False)
    high: float = dataclasses.field(default=np.inf, repr=False, compare=False)

    @property
    def groups(self) -> tuple[int, ...]:
        """How many numbers each entity is made of."""
        each_is_one = self.start is None and self.size <= MOST_NUMBERS
        return (1,) * self.size if each_is_one else (self.size,)

    def select(self, value: Any) -> Arrays:
        """Returns {"vector": float32 [B, size]}.

        Raises:
          ObservationError: it is not what its space says.
        """
        of_one = () if self.is_number or self.start is not None else (self.size,)
        array = array_of(self.key, value, of_one)
        if self.start is None:
            numbers = array.astype(np.float32).reshape(-1, self.size)
            check_finite(self.key, numbers)
            warn_outside(self.key, numbers, self.low, self.high)
            return {self.name: numbers}
        check_whole(self.key, array, self.start, self.start + self.size)
        values = np.arange(self.start, self.start + self.size)
        return {self.name: (array[..., np.newaxis] == values).astype(np.float32)}

    def zeros(self, leading: tuple[int, ...]) -> Arrays:
        """Returns zeros."""
        return {self.name: np.zeros((*leading, self.size), np.float32)}


def _matches(space: gymnasium.Space) -> bool:
    return isinstance(space, spaces.Discrete) or (
        isinstance(space, spaces.Box) and len(space.shape) <= 1
    )


def _read(
    key: str | None, place: int, space: Any, others: Mapping[str, gymnasium.Space]
) -> VectorSpec:
    del place, others
    if isinstance(space, spaces.Discrete):
        return VectorSpec(key, int(space.n), int(space.start))
    size, low, high = int(np.prod(space.shape)), float(space.low.min()), float(space.high.max())
    return VectorSpec(key, size, None, "vector", not space.shape, low, high)


KIND = Kind("vector", "a Box of at most one dimension", _matches, _read)
