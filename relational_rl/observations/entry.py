"""The kinds of entries of an observation: a registry of how each is recognised and read.

image         Box (H, W, C), or (C, H, W)
objects       Box (N, F): a set of objects
vector        Discrete, Box (V,): numbers
availability  which action types are available; the action before
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import gymnasium
import numpy as np

Arrays = dict[str, np.ndarray]


class Entry(Protocol):
    """An entry of an observation that a network sees; a frozen dataclass.

    Attributes:
      kind: "image", "objects", "vector" or "availability".
      key: its key in a Dict observation; None if the observation is the entry.
      name: of what `select` gives.
    """

    kind: str
    key: str | None
    name: str

    def select(self, value: Any) -> Arrays:
        """Brings a batch [B, ...], as the environment gives it, to what a network sees, by name."""

    def zeros(self, leading: tuple[int, ...]) -> Arrays:
        """Returns zeros of the same form with the given leading dimensions."""


class Kind(NamedTuple):
    """How a kind of entry is recognised and read.

    Attributes:
      name: of the kind.
      described: the spaces of this kind in words, for errors.
      matches: whether a space is of this kind.
      read: makes the entry of (key, place among its kind, space, all spaces by key).
    """

    name: str
    described: str
    matches: Callable[[gymnasium.Space], bool]
    read: Callable[[str | None, int, Any, Mapping[Any, gymnasium.Space]], Entry]


KINDS: list[Kind] = []
"""All kinds; the first that matches a space reads it."""


def register(kind: Kind) -> None:
    """Adds a kind of entry, before those that are there."""
    KINDS.insert(0, kind)


def kind_for(space: gymnasium.Space) -> Kind | None:
    """Returns the kind that reads a space, None if there is none."""
    return next((kind for kind in KINDS if kind.matches(space)), None)


def supported() -> str:
    """Returns what is supported, in words."""
    return "; ".join(kind.described for kind in KINDS)


def numbered(name: str, place: int) -> str:
    """Returns the name of the entry in a place of its kind: image, image_1, image_2, ..."""
    return f"{name}_{place}" if place else name


def as_arrays(values: Sequence[Any]) -> list[np.ndarray]:
    """Returns values as arrays."""
    return [np.asarray(value) for value in values]
