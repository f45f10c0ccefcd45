"""Sequences: Sequence of a one-dimensional Box or of a Discrete, a set of objects of any number.

Its attribute `max_length` says how many there are at most; absent: 32.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

from relational_rl.errors import ObservationError
from relational_rl.observations.check import array_of, check_finite, check_whole, named
from relational_rl.observations.entry import Arrays, Kind, numbered

_MAX_LENGTH = 32


@dataclasses.dataclass(frozen=True)
class RowsForm:
    """How one of the values of a Sequence, or a node or an edge of a Graph, becomes numbers.

    Attributes:
      size: F, how many numbers it is.
      start: of a Discrete its smallest value; None for a Box.
    """

    size: int
    start: int | None = None

    def rows(self, key: str | None, values: Any) -> np.ndarray:
        """Returns float32 [n, F] of n values.

        Raises:
          ObservationError: a value is not what its space says.
        """
        if not len(values):
            return np.zeros((0, self.size), np.float32)
        if self.start is None:
            array = array_of(key, values, (self.size,)).astype(np.float32)
            check_finite(key, array)
            return array
        numbers = array_of(key, values, ())
        check_whole(key, numbers, self.start, self.start + self.size)
        return np.eye(self.size, dtype=np.float32)[(numbers - self.start).astype(int)]


def rows_form(space: Any) -> RowsForm | None:
    """Returns how values of a space become numbers, None if they cannot."""
    if isinstance(space, spaces.Discrete):
        return RowsForm(int(space.n), int(space.start))
    if isinstance(space, spaces.Box) and len(space.shape) == 1:
        return RowsForm(int(space.shape[0]))
    return None


@dataclasses.dataclass(frozen=True)
class SequenceSpec:
    """A sequence.

    Attributes:
      key: its key in a Dict observation, None if the observation is the sequence.
      length: N, how many values it has at most.
      form: of its values.
      name: of what `select` gives; the mask is NAME_mask.
    """

    kind: ClassVar[str] = "sequence"
    ragged: ClassVar[bool] = True
    key: str | None
    length: int
    form: RowsForm
    name: str = "sequence"

    @property
    def num_entities(self) -> int:
        """N."""
        return self.length

    def select(self, value: Any) -> Arrays:
        """Returns {name: float32 [B, N, F], name_mask: bool [B, N]} of B sequences.

        Raises:
          ObservationError: one is too long, or not what its space says.
        """
        arrays = self.zeros((len(value),))
        for row, values in enumerate(value):
            rows = self.form.rows(self.key, values)
            if len(rows) > self.length:
                raise ObservationError(
                    f"{named(self.key)} must have at most {self.length} values (attribute "
                    f"max_length of its space), got {len(rows)}"
                )
            arrays[self.name][row, : len(rows)] = rows
            arrays[f"{self.name}_mask"][row, : len(rows)] = True
        return arrays

    def zeros(self, leading: tuple[int, ...]) -> Arrays:
        """Returns empty sequences."""
        return {
            self.name: np.zeros((*leading, self.length, self.form.size), np.float32),
            f"{self.name}_mask": np.zeros((*leading, self.length), bool),
        }


def _matches(space: gymnasium.Space) -> bool:
    return isinstance(space, spaces.Sequence) and rows_form(space.feature_space) is not None


def _read(
    key: str | None, place: int, space: Any, others: Mapping[str, gymnasium.Space]
) -> SequenceSpec:
    del others
    form = rows_form(space.feature_space)
    assert form is not None
    length = int(getattr(space, "max_length", _MAX_LENGTH))
    return SequenceSpec(key, length, form, numbered("sequence", place))


KIND = Kind("sequence", "a Sequence of a one-dimensional Box or of a Discrete", _matches, _read)
