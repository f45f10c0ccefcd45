"""What an agent needs to know of an environment, read from its Gymnasium spaces alone.

An observation has entries of several kinds, which `registry.py` lists.
`EnvironmentSpec.from_spaces` reads them, `EnvironmentSpec.select` brings a batch of observations to
what networks see:

    {"image": uint8 or float32 [..., H, W, C], "image_1": ...,
     "objects": float32 [..., N, F], "objects_mask": bool [..., N], "objects_1": ...,
     "vector": float32 [..., V],
     "mask": bool [..., A], "last_action": int32 [..., 1 + K]}

of which each is there only where the environment has it.
"""

import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from relational_rl.observations.actions import (
    ArgumentSpec,
    read_actions,
    read_arguments,
    read_availability,
)
from relational_rl.observations.availability import LastActionSpec, MaskSpec
from relational_rl.observations.entry import Arrays, Entry
from relational_rl.observations.image import ImageSpec
from relational_rl.observations.registry import kind_for, refusal
from relational_rl.observations.vector import VectorSpec

Observations = Arrays


@dataclasses.dataclass(frozen=True)
class EnvironmentSpec:
    """The part of an environment's spaces that an agent is built from.

    Attributes:
      entries: of the observation, in their order.
      num_actions: A, actions or action types.
      arguments: of the actions; None if an action is one choice.
      action_start: the smallest action as the environment counts; agents count from 0.
    """

    entries: tuple[Entry, ...]
    num_actions: int
    arguments: ArgumentSpec | None = None
    action_start: int = 0

    @classmethod
    def from_spaces(
        cls,
        observation_space: gymnasium.Space,
        action_space: gymnasium.Space,
        observation_keys: tuple[str, ...] = (),
    ) -> "EnvironmentSpec":
        """Reads the spec of a single (not vectorised) environment from its spaces.

        Args:
          observation_space: of a kind in `registry.py`, or a Dict of them.
          action_space: Discrete, or a MultiDiscrete of action type and arguments (`actions.py`).
          observation_keys: which entries of a Dict to use; empty means all of them.

        Raises:
          ValueError: a space is not supported; the message names it.
        """
        num_actions, start = read_actions(action_space)
        entries: tuple[Entry, ...]
        if isinstance(observation_space, spaces.Dict):
            entries = _read_dict(observation_space.spaces, action_space, observation_keys)
        elif observation_keys:
            raise ValueError(
                "observation_keys must be empty for an observation that is no Dict, "
                f"got {observation_keys} for {observation_space}"
            )
        else:
            kind = kind_for(observation_space)
            if kind is None:
                raise ValueError(refusal(None, observation_space))
            entries = (kind.read(None, 0, observation_space, {}),)
        arguments = read_arguments(action_space, _images(entries))
        return cls(entries, num_actions, arguments, start)

    @property
    def kind(self) -> str:
        """What the entities are by default: "image", else "objects", else "vector".

        With none of them it is the first entry's kind, which is one that a user has registered.
        """
        kinds = [entry.kind for entry in self.entries]
        return next((kind for kind in ("image", "objects", "vector") if kind in kinds), kinds[0])

    @property
    def images(self) -> dict[str, ImageSpec]:
        """All images, by their names in `select`."""
        return _images(self.entries)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the first image."""
        return self._image.shape

    @property
    def image_dtype(self) -> str:
        """The numpy dtype name of the first image."""
        return self._image.dtype

    @property
    def image_scale(self) -> float:
        """The first image is divided by this before a network sees it."""
        return self._image.scale

    @property
    def _image(self) -> ImageSpec:
        for image in self.images.values():
            return image
        names = ", ".join(f"{entry.name} ({entry.kind})" for entry in self.entries)
        raise ValueError(f"the observation must have an image, got {names}")

    @property
    def vector_size(self) -> int:
        """V, the length of the vector; 0 if there is none."""
        return sum(entry.size for entry in self.entries if isinstance(entry, VectorSpec))

    @property
    def action_shape(self) -> tuple[int, ...]:
        """Shape of one action."""
        return () if self.arguments is None else (1 + len(self.arguments.sizes),)

    @property
    def mask_key(self) -> str | None:
        """Key of the entry that tells which action types are available, None for none."""
        return next((each.key for each in self.entries if isinstance(each, MaskSpec)), None)

    @property
    def last_action_key(self) -> str | None:
        """Key of the entry that is the action before, None for none."""
        return next((each.key for each in self.entries if isinstance(each, LastActionSpec)), None)

    def select(self, observations: Any) -> Observations:
        """Brings a batch of observations, as the environment gives it, to what networks see.

        Args:
          observations: an array [B, ...], or a mapping of such arrays.

        Returns:
          Arrays by name, see the module; an image is the environment's array, not a copy.

        Raises:
          ValueError: a mapping is needed and something else is given.
        """
        return _join(entry.select(self._value(entry, observations)) for entry in self.entries)

    def zeros(self, leading: tuple[int, ...]) -> Observations:
        """Returns observations of zeros with the given leading dimensions."""
        return _join(entry.zeros(leading) for entry in self.entries)

    def to_environment(self, actions: np.ndarray) -> np.ndarray:
        """Returns actions of any shape as the environment counts them; agents count from 0."""
        return actions + self.action_start if self.action_start else actions

    def resized(self, other: "EnvironmentSpec") -> "EnvironmentSpec":
        """Returns the spec with images of the height and width of those of another spec."""
        entries = []
        for entry in self.entries:
            like = other.images.get(entry.name)
            if isinstance(entry, ImageSpec) and like is not None:
                entry = dataclasses.replace(entry, shape=(*like.shape[:2], entry.shape[2]))
            entries.append(entry)
        return dataclasses.replace(self, entries=tuple(entries))

    def _value(self, entry: Entry, observations: Any) -> Any:
        """Returns what an entry selects from: its value, or the pair of it and its mask."""
        if entry.key is None:
            return observations
        if not isinstance(observations, Mapping):
            raise ValueError(f"observations must be a mapping, got {type(observations).__name__}")
        value, mask_key = observations[entry.key], getattr(entry, "mask_key", None)
        return value if mask_key is None else (value, observations[mask_key])


def _images(entries: Iterable[Entry]) -> dict[str, ImageSpec]:
    return {entry.name: entry for entry in entries if isinstance(entry, ImageSpec)}


def _read_dict(
    found: Mapping[str, gymnasium.Space], action_space: Any, chosen: Sequence[str]
) -> tuple[Entry, ...]:
    """Reads the entries of a Dict that are chosen; all, if none are.

    Raises:
      ValueError: an entry is not supported, or there is nothing to make entities of.
    """
    keys = tuple(chosen) or tuple(found)
    unknown = sorted(set(keys) - set(found))
    if unknown:
        raise ValueError(f"observation_keys must be among {sorted(found)}, got {unknown}")
    if len(set(keys)) < len(keys):
        raise ValueError(f"observation_keys must differ from each other, got {keys}")
    availability = read_availability(action_space, found, keys)
    beside: set[str | None] = {entry.key for entry in availability}  # no entries of their own
    entries: dict[str, Entry] = {}
    counts: collections.Counter[str] = collections.Counter()
    for key in keys:
        kind = kind_for(found[key])
        if kind is not None and key not in beside:
            entries[key] = kind.read(key, counts[kind.name], found[key], found)
            counts[kind.name] += 1
    beside |= {getattr(entry, "mask_key", None) for entry in entries.values()}
    for key in keys:
        if key not in entries and key not in beside:
            raise ValueError(refusal(key, found[key]))
    seen = tuple(entry for key, entry in entries.items() if key not in beside)
    if not seen:
        raise ValueError(f"observation_keys must leave something to see, got {keys}")
    return (*seen, *availability)


def _join(parts: Iterable[Arrays]) -> Observations:
    """Joins arrays of the same name along their last axis."""
    joined: dict[str, list[np.ndarray]] = {}
    for part in parts:
        for name, array in part.items():
            joined.setdefault(name, []).append(array)
    return {
        name: arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=-1)
        for name, arrays in joined.items()
    }


__all__ = ["ArgumentSpec", "EnvironmentSpec", "ImageSpec", "Observations"]
