"""What an agent needs to know of an environment, read from its Gymnasium spaces alone.

An observation has entries of several kinds, which `registry.py` lists.
`EnvironmentSpec.from_spaces` reads them, `EnvironmentSpec.select` brings a batch of observations to
what networks see:

    {"image": uint8 or float32 [..., H, W, C], "image_1": ...,
     "objects": float32 [..., N, F], "objects_mask": bool [..., N], "objects_1": ...,
     "sequence": as objects, "graph": as objects, "graph_edges": float32 [..., N, N, C],
     "text": int32 [..., L], "text_mask": bool [..., L],
     "vector": float32 [..., V],
     "mask": bool [..., A], "last_action": int32 [..., 1 + K]}

of which each is there only where the environment has it.
"""

import collections
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import gymnasium
import numpy as np

from relational_rl.errors import ObservationError
from relational_rl.observations.action_parts import ActionParts
from relational_rl.observations.actions import (
    ArgumentSpec,
    read_actions,
    read_arguments,
    read_availability,
)
from relational_rl.observations.availability import LastActionSpec, MaskSpec
from relational_rl.observations.entry import Arrays, Entry
from relational_rl.observations.image import ImageSpec
from relational_rl.observations.nested import chosen, flatten, is_nested, one, value_of
from relational_rl.observations.registry import kind_for, refusal

Observations = Arrays

_ORDER = ("image", "objects", "sequence", "graph", "text", "vector")


@dataclasses.dataclass(frozen=True)
class EnvironmentSpec:
    """The part of an environment's spaces that an agent is built from.

    Attributes:
      entries: of the observation, in their order.
      num_actions: A, actions or action types; 0 where no choice comes first.
      arguments: of the actions; None if an action cannot be a type and its arguments.
      action_start: the smallest action as the environment counts; agents count from 0.
      parts: of the actions; None if an action is one choice, or a type and arguments that it takes.
    """

    entries: tuple[Entry, ...]
    num_actions: int
    arguments: ArgumentSpec | None = None
    action_start: int = 0
    parts: ActionParts | None = None

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
          action_space: see `actions.py`.
          observation_keys: which entries of a Dict or a Tuple to use; empty means all of them.

        Raises:
          ValueError: a space is not supported; the message names it.
        """
        entries: tuple[Entry, ...]
        if is_nested(observation_space):
            entries = _read_entries(flatten(observation_space), action_space, observation_keys)
        elif observation_keys:
            raise ValueError(
                "observation_keys must be empty for an observation that is no Dict or Tuple, "
                f"got {observation_keys} for {observation_space}"
            )
        else:
            kind = kind_for(observation_space)
            if kind is None:
                raise ValueError(refusal(None, observation_space))
            entries = (kind.read(None, 0, observation_space, {}),)
        num_actions, start, parts = read_actions(action_space, entries)
        arguments = read_arguments(action_space, _images(entries))
        return cls(entries, num_actions, arguments, start, parts)

    @property
    def kind(self) -> str:
        """The kind that comes first among image, objects, sequence, graph, text and vector.

        With none of them it is the first entry's kind, which is one that a user has registered.
        """
        kinds = [entry.kind for entry in self.entries]
        return next((kind for kind in _ORDER if kind in kinds), kinds[0])

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
        return sum(self.vector_groups)

    @property
    def vector_groups(self) -> tuple[int, ...]:
        """How many numbers of the vector make each of its entities, in their order."""
        groups: list[int] = []
        for entry in self.entries:
            if entry.name == "vector":
                size = getattr(entry, "size", 0)
                groups.extend(getattr(entry, "groups", (1,) * size))
        return tuple(groups)

    @property
    def action_shape(self) -> tuple[int, ...]:
        """Shape of one action as agents count."""
        if self.parts is not None:
            return self.parts.shape
        return () if self.arguments is None else (1 + len(self.arguments.sizes),)

    @property
    def action_dtype(self) -> type:
        """NumPy dtype of actions as agents count: int32, or float32 where there are amounts."""
        return np.int32 if self.parts is None else self.parts.dtype

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
          ValueError: they are not what the spaces say, see `check.py`; the message says where.
        """
        return _join(entry.select(self._value(entry, observations)) for entry in self.entries)

    def batch_of_one(self, observation: Any) -> Any:
        """Returns an observation of one environment as a batch that `select` takes."""
        if not any(entry.key is not None for entry in self.entries):
            return one(observation, getattr(self.entries[0], "ragged", False))
        batch: dict[str, Any] = {}
        for entry in self.entries:
            for key in (entry.key, getattr(entry, "mask_key", None)):
                if key is not None:
                    value = value_of(observation, key)
                    batch[key] = one(value, getattr(entry, "ragged", False))
        return batch

    def check_legal(self, selected: Observations, where: np.ndarray | None = None) -> None:
        """Checks that an action is available.

        Args:
          selected: of B environments, as `select` gives it.
          where: bool [B], the environments that will act; None for all.

        Raises:
          ObservationError: no action is available in one of them; the message names the first.
        """
        for entry in self.entries:
            if isinstance(entry, MaskSpec):
                none = ~self._legal(selected[entry.name])
                if where is not None:
                    none &= where
                if none.any():
                    raise ObservationError(
                        f"the action mask {entry.key!r} must allow an action of every choice, got "
                        f"none in environment {int(np.argmax(none))}"
                    )

    def zeros(self, leading: tuple[int, ...]) -> Observations:
        """Returns observations of zeros with the given leading dimensions."""
        return _join(entry.zeros(leading) for entry in self.entries)

    def to_environment(self, actions: np.ndarray) -> Any:
        """Returns actions [B, ...] as the environment takes them; agents count from 0."""
        if self.parts is not None:
            return self.parts.to_environment(actions)
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

    def _legal(self, mask: np.ndarray) -> np.ndarray:
        """Returns whether a mask bool [B, M] leaves a value of each choice, bool [B]."""
        sizes = (mask.shape[1],) if self.parts is None else self.parts.sizes
        starts = np.cumsum((0, *sizes))[:-1]
        starts = starts[starts < mask.shape[1]]  # a mask may be of the first choice alone
        return np.asarray(np.logical_or.reduceat(mask, starts, axis=1).all(axis=1))

    def _value(self, entry: Entry, observations: Any) -> Any:
        """Returns what an entry selects from: its value, or the pair of it and its mask."""
        if entry.key is None:
            return observations
        value, mask_key = value_of(observations, entry.key), getattr(entry, "mask_key", None)
        return value if mask_key is None else (value, value_of(observations, mask_key))


def _images(entries: Iterable[Entry]) -> dict[str, ImageSpec]:
    return {entry.name: entry for entry in entries if isinstance(entry, ImageSpec)}


def _read_entries(
    found: Mapping[str, gymnasium.Space], action_space: Any, observation_keys: tuple[str, ...]
) -> tuple[Entry, ...]:
    """Reads the entries that are chosen; all, if none are.

    Raises:
      ValueError: an entry is not supported, or there is nothing to make entities of.
    """
    keys = chosen(observation_keys, found)
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
