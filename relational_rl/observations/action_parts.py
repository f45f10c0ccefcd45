"""Actions as columns of numbers: what agents choose, and how an environment is given it.

    Discrete, MultiDiscrete, MultiBinary   one choice or several, counted from 0 by agents
    Box of floats                          amounts; agents count in u, see math/squashed.py
    Dict, Tuple of these                   all their choices, then all their amounts

What spaces cannot say, an environment says by attributes, all optional:

    points_at   of a Discrete or MultiDiscrete: the key of a set of objects of the observation (or
                its name, "objects", "graph", ...). Each choice is then one of its objects, and has
                as many values as the set has places.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

Path = tuple[str | int, ...]

# Some environments give the largest float32 as the bound of what has none.
_ENDLESS = 1e30


@dataclasses.dataclass(frozen=True)
class ChoicesPart:
    """A Discrete, a MultiDiscrete or a MultiBinary.

    Attributes:
      path: of keys and places to it in the action space; () for the space itself.
      shape: of the value that the environment takes.
      sizes: how many values each choice has.
      starts: the smallest of them as the environment counts.
      points_at: what the choices point at; None if they do not.
    """

    path: Path
    shape: tuple[int, ...]
    sizes: tuple[int, ...] = dataclasses.field(repr=False)
    starts: tuple[int, ...] = dataclasses.field(repr=False)
    points_at: str | None = None

    def to_environment(self, columns: np.ndarray) -> np.ndarray:
        """Returns int32 [B, *shape] of columns [B, len(sizes)]."""
        values = columns.astype(np.int32, copy=False)
        if any(self.starts):
            values = values + np.array(self.starts, values.dtype)
        return values if values.shape[1:] == self.shape else values.reshape(-1, *self.shape)


@dataclasses.dataclass(frozen=True)
class AmountsPart:
    """A Box of floats.

    Attributes:
      path: as for choices.
      shape: of the value that the environment takes.
      low: of each amount; -inf if it has no lower bound.
      high: likewise.
      dtype: NumPy dtype name of the value.
    """

    path: Path
    shape: tuple[int, ...]
    low: tuple[float, ...] = dataclasses.field(repr=False)
    high: tuple[float, ...] = dataclasses.field(repr=False)
    dtype: str = "float32"

    def to_environment(self, columns: np.ndarray) -> np.ndarray:
        """Returns g(u) [B, *shape] of columns u [B, len(low)], see math/squashed.py."""
        u = columns.astype(np.float64)
        low, high = np.array(self.low), np.array(self.high)
        has_low, has_high = np.isfinite(low), np.isfinite(high)
        from_low, to_high = np.where(has_low, low, 0.0), np.where(has_high, high, 0.0)
        between = from_low + (to_high - from_low) * 0.5 * (1.0 + np.tanh(u))
        above, below = from_low + np.logaddexp(0.0, u), to_high - np.logaddexp(0.0, -u)
        values = np.select(
            [has_low & has_high, has_low, has_high], [between, above, below], default=u
        )
        # Rounding to the dtype may lead over a bound by its last digit.
        values = np.clip(values.astype(self.dtype), low.astype(self.dtype), high.astype(self.dtype))
        return values.reshape(-1, *self.shape)


ActionPart = ChoicesPart | AmountsPart


@dataclasses.dataclass(frozen=True)
class ActionParts:
    """All parts of an action in the order of the space.

    An action of an agent has the columns of all choices, then those of all amounts.

    Attributes:
      parts: at least one.
      containers: what is on the way to them: path and "Dict" or "Tuple", outer ones first.
    """

    parts: tuple[ActionPart, ...]
    containers: tuple[tuple[Path, str], ...] = ()

    @property
    def choices(self) -> tuple[ChoicesPart, ...]:
        """The parts that are choices."""
        return tuple(part for part in self.parts if isinstance(part, ChoicesPart))

    @property
    def amounts(self) -> tuple[AmountsPart, ...]:
        """The parts that are amounts."""
        return tuple(part for part in self.parts if isinstance(part, AmountsPart))

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many values each of the K choices has."""
        return tuple(size for part in self.choices for size in part.sizes)

    @property
    def low(self) -> tuple[float, ...]:
        """Lower bounds of the D amounts."""
        return tuple(each for part in self.amounts for each in part.low)

    @property
    def high(self) -> tuple[float, ...]:
        """Upper bounds of the D amounts."""
        return tuple(each for part in self.amounts for each in part.high)

    @property
    def pointers(self) -> dict[int, str]:
        """What choices point at, by the column of the choice."""
        targets = [part.points_at for part in self.choices for _ in part.sizes]
        return {column: target for column, target in enumerate(targets) if target is not None}

    @property
    def shape(self) -> tuple[int, ...]:
        """(K + D,)."""
        return (len(self.sizes) + len(self.low),)

    @property
    def dtype(self) -> type:
        """int32, or float32 where there are amounts."""
        return np.float32 if self.amounts else np.int32

    def to_environment(self, actions: np.ndarray) -> Any:
        """Returns a batch of actions as the environment takes them.

        Args:
          actions: [B, K + D].

        Returns:
          Arrays [B, ...] in the dicts and tuples of the action space.
        """
        values: dict[Path, Any] = {}
        first = {True: 0, False: len(self.sizes)}  # of choices, of amounts
        for part in self.parts:
            is_choice = isinstance(part, ChoicesPart)
            start = first[is_choice]
            count = len(part.sizes) if isinstance(part, ChoicesPart) else len(part.low)
            first[is_choice] = start + count
            whole = count == actions.shape[1]
            columns = actions if whole else actions[:, start : start + count]
            values[part.path] = part.to_environment(columns)
        for path, container in reversed(self.containers):
            inside = {
                place[-1]: values.pop(place)
                for place in list(values)
                if place[:-1] == path and place != path
            }
            values[path] = (
                inside if container == "Dict" else tuple(inside[place] for place in sorted(inside))
            )
        return values[()]


def single(actions: Any, index: int) -> Any:
    """Returns one of a batch of actions, as a single environment takes it."""
    if isinstance(actions, dict):
        return {key: single(value, index) for key, value in actions.items()}
    if isinstance(actions, tuple):
        return tuple(single(value, index) for value in actions)
    return actions[index]


def read_parts(space: Any) -> ActionParts:
    """Reads all parts of an action space.

    Raises:
      ValueError: a part is not supported; the message names it.
    """
    parts: list[ActionPart] = []
    containers: list[tuple[Path, str]] = []
    _collect(space, (), parts, containers)
    if not parts:
        raise ValueError(f"action_space must have something to choose, got {space}")
    return ActionParts(tuple(parts), tuple(containers))


def _collect(
    space: Any, path: Path, parts: list[ActionPart], containers: list[tuple[Path, str]]
) -> None:
    if isinstance(space, spaces.Dict):
        containers.append((path, "Dict"))
        for key, inner in space.spaces.items():
            _collect(inner, (*path, key), parts, containers)
    elif isinstance(space, spaces.Tuple):
        containers.append((path, "Tuple"))
        for place, inner in enumerate(space.spaces):
            _collect(inner, (*path, place), parts, containers)
    else:
        parts.append(_part(space, path))


def _part(space: Any, path: Path) -> ActionPart:
    target = getattr(space, "points_at", None)
    if isinstance(space, spaces.Discrete):
        return ChoicesPart(path, (), (int(space.n),), (int(space.start),), target)
    if isinstance(space, spaces.MultiDiscrete):
        sizes, starts = _whole(space.nvec), _whole(space.start)
        return ChoicesPart(path, space.nvec.shape, sizes, starts, target)
    if isinstance(space, spaces.MultiBinary):
        count = int(np.prod(space.shape))
        return ChoicesPart(path, space.shape, (2,) * count, (0,) * count)
    if isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.floating):
        low, high = (tuple(_bound(each) for each in side.flat) for side in (space.low, space.high))
        if low and all(a < b for a, b in zip(low, high, strict=True)):
            return AmountsPart(path, space.shape, low, high, space.dtype.name)
    place = "" if not path else f" at {'.'.join(str(each) for each in path)!r}"
    raise ValueError(
        "action_space must be Discrete, MultiDiscrete, MultiBinary, a Box of floats whose low is "
        f"below its high, or a Dict or Tuple of these, got{place} {space}"
    )


def _bound(value: float) -> float:
    """Returns a bound as a number; one that only stands for infinity is infinite."""
    return math.copysign(math.inf, value) if abs(value) >= _ENDLESS else float(value)


def _whole(values: np.ndarray) -> tuple[int, ...]:
    return tuple(int(each) for each in values.flat)


def place_of(column: int, sizes: Sequence[int]) -> tuple[int, int]:
    """Returns where the logits of a choice begin and end among those of all choices."""
    first = sum(sizes[:column])
    return first, first + sizes[column]
