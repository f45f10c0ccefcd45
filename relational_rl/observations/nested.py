"""Observations within observations: Dict and Tuple spaces, in one another, as one flat Dict.

An entry's key is the way to it, joined by dots: "robot.camera", and "0", "1" in a Tuple.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


def is_nested(space: gymnasium.Space) -> bool:
    """Whether a space has entries."""
    return isinstance(space, spaces.Dict | spaces.Tuple)


def flatten(space: gymnasium.Space) -> dict[str, gymnasium.Space]:
    """Returns the spaces of all entries by key; the entries of a Dict in its order."""
    return dict(_walk(space, ""))


def chosen(keys: tuple[str, ...], found: Mapping[str, gymnasium.Space]) -> tuple[str, ...]:
    """Returns the keys that are chosen; the key of what holds entries stands for all of them.

    Raises:
      ValueError: a key is unknown or comes twice.
    """
    if not keys:
        return tuple(found)
    picked: list[str] = []
    unknown = []
    for key in keys:
        within = [key] if key in found else [each for each in found if each.startswith(f"{key}.")]
        picked.extend(within)
        if not within:
            unknown.append(key)
    if unknown:
        raise ValueError(f"observation_keys must be among {sorted(found)}, got {sorted(unknown)}")
    if len(set(picked)) < len(picked):
        raise ValueError(f"observation_keys must differ from each other, got {keys}")
    return tuple(picked)


def value_of(observations: Any, key: str) -> Any:
    """Returns the value of an entry.

    Raises:
      ValueError: the observations have no such entry.
    """
    value = observations
    rest = key
    while rest:
        if isinstance(value, Mapping):
            name = next((name for name in _prefixes(rest) if name in value), None)
        elif isinstance(value, tuple | list):
            name = rest.partition(".")[0]
            if not (name.isdecimal() and int(name) < len(value)):
                name = None
        else:
            what = "a tuple" if rest.partition(".")[0].isdecimal() else "a mapping"
            raise ValueError(f"observations must be {what}, got {type(value).__name__}")
        if name is None:
            raise ValueError(f"observations must have the entry {key!r}, got {_names(value)}")
        value = value[name] if isinstance(value, Mapping) else value[int(name)]
        rest = rest[len(name) + 1 :]
    return value


def one(value: Any, ragged: bool) -> Any:
    """Returns a value as a batch of one: a sequence of it if it is ragged, else an array."""
    return (value,) if ragged else np.asarray(value)[np.newaxis]


def _walk(space: Any, path: str) -> Iterator[tuple[str, gymnasium.Space]]:
    if not is_nested(space):
        yield path, space
        return
    inner = space.spaces if isinstance(space, spaces.Dict) else dict(enumerate(space.spaces))
    for name, each in inner.items():
        yield from _walk(each, f"{path}.{name}" if path else str(name))


def _prefixes(key: str) -> Iterator[str]:
    """Yields the key and what of it comes before each of its dots, the longest first."""
    parts = key.split(".")
    for count in range(len(parts), 0, -1):
        yield ".".join(parts[:count])


def _names(value: Any) -> Any:
    return sorted(map(str, value)) if isinstance(value, Mapping) else f"{len(value)} entries"
