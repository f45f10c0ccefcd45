"""Choices: MultiDiscrete as one-hot vectors side by side, MultiBinary as numbers 0 and 1."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

from relational_rl.observations.check import array_of, check_whole
from relational_rl.observations.entry import Arrays, Kind


@dataclasses.dataclass(frozen=True)
class ChoicesSpec:
    """A part of the vector.

    Attributes:
      key: its key in a Dict observation, None if the observation is the part.
      shape: of the value.
      sizes: how many values each choice has; 2 for a switch, which is a number, not one-hot.
      starts: the smallest of them; () for switches.
      name: of what `select` gives; all parts of the vector have the same, and are joined.
    """

    kind: ClassVar[str] = "vector"
    key: str | None
    shape: tuple[int, ...]
    sizes: tuple[int, ...] = dataclasses.field(repr=False)
    starts: tuple[int, ...] = dataclasses.field(default=(), repr=False)
    name: str = "vector"

    @property
    def groups(self) -> tuple[int, ...]:
        """How many numbers each entity is made of: those of a choice, or one switch."""
        return self.sizes if self.starts else (1,) * len(self.sizes)

    @property
    def size(self) -> int:
        """How many numbers it gives."""
        return sum(self.groups)

    def select(self, value: Any) -> Arrays:
        """Returns {"vector": float32 [B, size]}."""
        array = array_of(self.key, value, self.shape)
        array = array.reshape(len(array), len(self.sizes))
        starts = np.array(self.starts or (0,) * len(self.sizes), np.int64)
        sizes = np.array(self.sizes, np.int64)
        check_whole(self.key, array, starts, starts + sizes)
        if not self.starts:
            return {self.name: array.astype(np.float32)}
        one_hot = np.zeros((len(array), self.size), np.float32)
        places = (array - starts).astype(np.int64) + np.cumsum(sizes) - sizes
        np.put_along_axis(one_hot, places, 1.0, axis=1)
        return {self.name: one_hot}

    def zeros(self, leading: tuple[int, ...]) -> Arrays:
        """Returns zeros."""
        return {self.name: np.zeros((*leading, self.size), np.float32)}


def _matches(space: gymnasium.Space) -> bool:
    return isinstance(space, spaces.MultiDiscrete | spaces.MultiBinary)


def _read(
    key: str | None, place: int, space: Any, others: Mapping[str, gymnasium.Space]
) -> ChoicesSpec:
    del place, others
    if isinstance(space, spaces.MultiBinary):
        return ChoicesSpec(key, tuple(space.shape), (2,) * int(np.prod(space.shape)))
    sizes, starts = (tuple(int(each) for each in v.flat) for v in (space.nvec, space.start))
    return ChoicesSpec(key, tuple(space.nvec.shape), sizes, starts)


KIND = Kind("choices", "a Discrete, a MultiDiscrete, a MultiBinary", _matches, _read)
