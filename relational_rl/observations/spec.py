"""What an agent needs to know of an environment, read from its Gymnasium spaces alone.

An observation has entries of several kinds (`entry.py` lists them). `EnvironmentSpec.from_spaces`
reads them, `EnvironmentSpec.select` brings a batch of observations to what networks see:

    {"image": uint8 or float32 [..., H, W, C], "image_1": ...,
     "objects": float32 [..., N, F], "objects_mask": bool [..., N], "objects_1": ...,
     "vector": float32 [..., V],
     "mask": bool [..., A], "last_action": int32 [..., 1 + K]}

of which each is there only where the environment has it. A channel of a Box image may be of
categories: its attribute `categories` tells for each channel how many, 0 for an amount.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from relational_rl.observations import image, objects, vector
from relational_rl.observations.actions import (
    ArgumentSpec,
    LastActionSpec,
    MaskSpec,
    read_actions,
    read_arguments,
)
from relational_rl.observations.entry import KINDS, Entry, kind_for, supported
from relational_rl.observations.image import ImageSpec
from relational_rl.observations.vector import VectorSpec

Observations = dict[str, np.ndarray]

if not KINDS:
    KINDS.extend((image.KIND, objects.KIND, vector.KIND))


@dataclasses.dataclass(frozen=True)
class EnvironmentSpec:
    """The part of an environment's spaces that an agent is built from.

    Attributes:
      entries: of the observation, in their order.
      num_actions: A, actions or action types.
      action_start: the smallest action as the environment counts.
      arguments: of the actions; None if an action is one choice.
    """

    entries: tuple[Entry, ...]
    num_actions: int
    action_start: int = 0
    arguments: ArgumentSpec | None = None

    @classmethod
    def from_spaces(
        cls,
        observation_space: gymnasium.Space,
        action_space: gymnasium.Space,
        observation_keys: tuple[str, ...] = (),
    ) -> "EnvironmentSpec":
        """Reads the spec of a single (not vectorised) environment from its spaces.

        Args:
          observation_space: one of the kinds in `entry.py`, or a Dict of them.
          action_space: Discrete, or a MultiDiscrete of action type and arguments (`actions.py`).
          observation_keys: which entries of a Dict to use; empty means all of them.

        Raises:
          ValueError: a space is not supported; the message names it.
        """
        num_actions, start = read_actions(action_space)
        if isinstance(observation_space, spaces.Dict):
            found = dict(observation_space.spaces)
            unknown = sorted(set(observation_keys) - set(found))
            if unknown:
                raise ValueError(f"observation_keys must be among {sorted(found)}, got {unknown}")
            keys = observation_keys or tuple(found)
            entries = _entries(keys, found, action_space, num_actions)
        elif observation_keys:
            raise ValueError(
                "observation_keys must be empty for an observation that is no Dict, "
                f"got {observation_keys} for {observation_space}"
            )
        else:
            entries = (_read(None, 0, observation_space, {}),)
        images = {entry.name: entry for entry in entries if isinstance(entry, ImageSpec)}
        return cls(entries, num_actions, start, read_arguments(action_space, images))

    @property
    def kind(self) -> str:
        """What the entities are by default: "image", "objects" or "vector"."""
        kinds = {entry.kind for entry in self.entries}
        return next((kind for kind in ("image", "objects", "vector") if kind in kinds), "none")

    @property
    def images(self) -> dict[str, ImageSpec]:
        """All images, by their names in `select`."""
        return {entry.name: entry for entry in self.entries if isinstance(entry, ImageSpec)}

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
        for entry in self.entries:
            if isinstance(entry, ImageSpec):
                return entry
        raise ValueError(f"the observation must have an image, got {self.kind} observations")

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
        selected: dict[str, list[np.ndarray]] = {}
        for entry in self.entries:
            for name, array in entry.select(self._value(entry, observations)).items():
                selected.setdefault(name, []).append(array)
        return {name: _join(arrays) for name, arrays in selected.items()}

    def zeros(self, leading: tuple[int, ...]) -> Observations:
        """Returns observations of zeros with the given leading dimensions."""
        zeros: dict[str, list[np.ndarray]] = {}
        for entry in self.entries:
            for name, array in entry.zeros(leading).items():
                zeros.setdefault(name, []).append(array)
        return {name: _join(arrays) for name, arrays in zeros.items()}

    def to_environment(self, actions: np.ndarray) -> np.ndarray:
        """Returns actions as the environment counts them."""
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
        """Returns what an entry selects from: its value; for objects with a mask a pair."""
        if entry.key is None:
            return observations
        if not isinstance(observations, Mapping):
            raise ValueError(f"observations must be a mapping, got {type(observations).__name__}")
        value, mask_key = observations[entry.key], getattr(entry, "mask_key", None)
        return value if mask_key is None else (value, observations[mask_key])


def _entries(
    keys: tuple[str, ...],
    found: Mapping[str, gymnasium.Space],
    action_space: Any,
    num_actions: int,
) -> tuple[Entry, ...]:
    """Reads the entries of a Dict.

    Raises:
      ValueError: an entry is not supported, or there is nothing to make entities of.
    """
    mask_key = _named_entry(action_space, "mask_key", keys)
    last_key = _named_entry(action_space, "last_action_key", keys)
    special = {mask_key, last_key} - {None}
    entries: list[Entry] = []
    counts: dict[str, int] = {}
    masks = {
        getattr(_kind(key, found[key]).read(key, 0, found[key], found), "mask_key", None)
        for key in keys
        if key not in special
    }
    for key in keys:
        if key in special or key in masks:
            continue
        kind = _kind(key, found[key])
        place = counts.setdefault(kind.name, 0)
        counts[kind.name] += 1
        entries.append(kind.read(key, place, found[key], found))
    if mask_key is not None:
        entries.append(MaskSpec(mask_key, num_actions))
    if last_key is not None:
        size = len(action_space.nvec) if isinstance(action_space, spaces.MultiDiscrete) else 1
        entries.append(LastActionSpec(last_key, size))
    if not counts:
        raise ValueError(f"observation_keys must leave something to see, got {keys}")
    return tuple(entries)


def _read(
    key: str | None, place: int, space: gymnasium.Space, others: Mapping[Any, gymnasium.Space]
) -> Entry:
    return _kind(key, space).read(key, place, space, others)


def _kind(key: str | None, space: gymnasium.Space) -> Any:
    kind = kind_for(space)
    if kind is None:
        what = "observation_space" if key is None else f"observation entry {key!r}"
        leave = "" if key is None else "; leave it out with observation_keys"
        raise ValueError(f"{what} must be {supported()}, got {space}{leave}")
    return kind


def _named_entry(action_space: Any, attribute: str, keys: tuple[str, ...]) -> str | None:
    """Returns the key that an attribute of the action space names, None if there is none."""
    key = getattr(action_space, attribute, None)
    if key is not None and key not in keys:
        raise ValueError(f"{attribute} must be among {sorted(keys)}, got {key!r}")
    return key


def _join(arrays: list[np.ndarray]) -> np.ndarray:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=-1)


__all__ = ["ArgumentSpec", "EnvironmentSpec", "ImageSpec", "Observations"]
