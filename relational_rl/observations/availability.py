"""What goes with composite actions: which action types are available, and the action before.

These entries are not told by their spaces: the action space names them (`actions.py`).
"""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from relational_rl.observations.entry import Arrays


@dataclasses.dataclass(frozen=True)
class MaskSpec:
    """Which of A action types are available.

    Attributes:
      key: its key in the Dict observation.
      size: A.
      name: of what `select` gives.
    """

    kind: ClassVar[str] = "availability"
    key: str
    size: int
    name: str = "mask"

    def select(self, value: Any) -> Arrays:
        """Returns {"mask": bool [B, A]}, whether the environment's value is not 0."""
        return {self.name: np.asarray(value) != 0}

    def zeros(self, leading: tuple[int, ...]) -> Arrays:
        """Returns a mask of nothing."""
        return {self.name: np.zeros((*leading, self.size), bool)}


@dataclasses.dataclass(frozen=True)
class LastActionSpec:
    """The action before, a type and K arguments.

    Attributes:
      key: its key in the Dict observation.
      size: 1 + K.
      start: the smallest action as the environment counts; agents count from 0.
      name: of what `select` gives.
    """

    kind: ClassVar[str] = "availability"
    key: str
    size: int
    start: int = 0
    name: str = "last_action"

    def select(self, value: Any) -> Arrays:
        """Returns {"last_action": int32 [B, 1 + K]} as agents count."""
        array = np.asarray(value)
        return {self.name: (array.reshape(len(array), self.size) - self.start).astype(np.int32)}

    def zeros(self, leading: tuple[int, ...]) -> Arrays:
        """Returns zeros."""
        return {self.name: np.zeros((*leading, self.size), np.int32)}
