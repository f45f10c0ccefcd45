"""Sets of objects whose columns say what they mean: kinds, places, amounts.

A Box (N, F) of floats that has an attribute `columns`: for each of the F columns what it means and
a number.

    category   how many there are; the value is one of 0, 1, ...
    share      the most it can be
    amount     0; of any size
    place      the side of the picture that it is on; x, and the y in the column behind it
    angle      0; in radians
    name       0; a number that means nothing by itself, which networks do not see

Two more attributes are optional. `mask_key` is the key of the entry [N] that is not 0 where there
is an object. `argument_places` says of each argument of an action how objects are pointed at: () if
the argument is no place; (side,) if it is a pixel, row * side + column, of a picture with that
side; and where objects can be told on that picture, (side, x, y, shown), the columns of their place
in its pixels and of whether they are on it.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

from relational_rl.observations.entry import Arrays, Kind
from relational_rl.observations.objects import KIND as OBJECTS
from relational_rl.observations.objects import ObjectsSpec

MEANINGS = ("category", "share", "amount", "place", "angle", "name")
Column = tuple[str, float]


@dataclasses.dataclass(frozen=True)
class UnitsSpec:
    """A set of objects whose columns say what they mean.

    Attributes:
      key: its key in a Dict observation, None if the observation is the set.
      shape: (N, F).
      columns: F pairs of a meaning and its number.
      argument_places: for each argument of actions (), (side,) or (side, x, y, shown).
      mask_key: key of the entry that tells which objects are there; None if only NaN rows do.
      name: of what `select` gives; the mask is NAME_mask.
    """

    kind: ClassVar[str] = "units"
    key: str | None
    shape: tuple[int, int]
    columns: tuple[Column, ...] = dataclasses.field(repr=False)  # long
    argument_places: tuple[tuple[int, ...], ...] = dataclasses.field(repr=False)
    mask_key: str | None = None
    name: str = "units"

    def select(self, value: Any) -> Arrays:
        """Returns {"units": float32 [B, N, F], "units_mask": bool [B, N]}; absent rows are zeros.

        Args:
          value: [B, N, F]; with a mask entry a pair of it and the mask [B, N].
        """
        return self._rows.select(value)

    def zeros(self, leading: tuple[int, ...]) -> Arrays:
        """Returns objects of zeros, none of them present."""
        return self._rows.zeros(leading)

    @property
    def _rows(self) -> ObjectsSpec:
        return ObjectsSpec(self.key, self.shape, self.mask_key, self.name)


def _matches(space: gymnasium.Space) -> bool:
    return (
        isinstance(space, spaces.Box)
        and len(space.shape) == 2
        and np.issubdtype(space.dtype, np.floating)
        and getattr(space, "columns", None) is not None
    )


def _read(
    key: str | None, place: int, space: Any, others: Mapping[str, gymnasium.Space]
) -> UnitsSpec:
    """Reads a set of objects with columns.

    Raises:
      ValueError: there is more than one, or an attribute does not fit the space.
    """
    if place:
        raise ValueError(f"one set of objects with columns is the most, got {key!r} too")
    count, size = (int(each) for each in space.shape)
    columns = tuple((str(meaning), float(number)) for meaning, number in space.columns)
    wrong = [meaning for meaning, _ in columns if meaning not in MEANINGS]
    if len(columns) != size or wrong:
        raise ValueError(
            f"columns of observation entry {key!r} must be {size} pairs of a meaning, one of "
            f"{', '.join(MEANINGS)}, and a number, got {columns}"
        )
    _check_places(key, columns)
    mask_key = getattr(space, "mask_key", None)
    if mask_key is not None and (mask_key not in others or others[mask_key].shape != (count,)):
        raise ValueError(
            f"mask_key of observation entry {key!r} must name an entry of the shape {(count,)}, "
            f"got {mask_key!r}: {others.get(mask_key)}"
        )
    places = tuple(tuple(int(n) for n in each) for each in getattr(space, "argument_places", ()))
    if any(len(each) not in (0, 1, 4) or any(n >= size for n in each[1:]) for each in places):
        raise ValueError(
            f"argument_places of observation entry {key!r} must each be (), (side,) or "
            f"(side, x, y, shown) with columns below {size}, got {places}"
        )
    return UnitsSpec(key, (count, size), columns, places, mask_key)


def _check_places(key: str | None, columns: tuple[Column, ...]) -> None:
    """Checks that places come as x and y on one picture, at least once."""
    places = [i for i, (meaning, _) in enumerate(columns) if meaning == "place"]
    pairs = list(zip(places[::2], places[1::2], strict=False))
    fits = all(y == x + 1 and columns[x] == columns[y] for x, y in pairs)
    if not pairs or len(places) % 2 or not fits:
        raise ValueError(
            f"columns of observation entry {key!r} must have x and y of a place side by side, at "
            f"least once, got places in the columns {places}"
        )


KIND = Kind("units", OBJECTS.described, _matches, _read)
