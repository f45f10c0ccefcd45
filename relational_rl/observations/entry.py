"""What an entry of an observation is, and what a kind of entries is.

B batch, or any leading dimensions where `zeros` is asked for them.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import gymnasium
import numpy as np

Arrays = dict[str, np.ndarray]


class Entry(Protocol):
    """An entry of an observation that a network sees; a frozen dataclass.

    An entry that needs a second one of the Dict beside its own, such as a set of objects its mask,
    has an attribute `mask_key`, that entry's key: `select` is then given the pair of both values,
    and the second is no entry of its own.

    An entry whose batches are no arrays but sequences of B values, such as texts, has an attribute
    `ragged` that is true; one whose places are entities, `num_entities`, how many there are.
    """

    @property
    def kind(self) -> str:
        """Of entry: "image", "objects", "vector", "availability", or a registered kind's name."""

    @property
    def key(self) -> str | None:
        """Its key in a Dict observation; None if the observation is the entry."""

    @property
    def name(self) -> str:
        """Of what `select` gives; arrays of the same name are joined along their last axis."""

    def select(self, value: Any) -> Arrays:
        """Brings a batch [B, ...], as the environment gives it, to what a network sees, by name."""

    def zeros(self, leading: tuple[int, ...]) -> Arrays:
        """Returns zeros of the same form with the given leading dimensions."""


class Kind(NamedTuple):
    """How a kind of entry is recognised and read.

    Attributes:
      name: of the kind.
      described: the spaces of this kind in words, for errors: "a Box image (height, ...)".
      matches: whether a space is of this kind.
      read: makes the entry of (key, place among its kind, space, all spaces by key).
    """

    name: str
    described: str
    matches: Callable[[gymnasium.Space], bool]
    read: Callable[[str | None, int, Any, Mapping[str, gymnasium.Space]], Entry]


def numbered(name: str, place: int) -> str:
    """Returns the name of the entry in a place of its kind: image, image_1, image_2, ..."""
    return f"{name}_{place}" if place else name
