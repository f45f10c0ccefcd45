"""Wrappers of an environment by name: Gymnasium's, one's own by import path, and ours.

ActionMaskFromInfo    an environment's `info["action_mask"]` becomes part of its observation
"""

import copy
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from relational_rl.config.base import did_you_mean, import_path
from relational_rl.errors import ConfigError, ObservationError
from relational_rl.observations.action_parts import read_parts
from relational_rl.observations.nested import flatten, is_nested


class ActionMaskFromInfo(gymnasium.Wrapper):
    """Shows `info["action_mask"]`, which says what choices are available, in the observation.

    The mask has a number for each value of each choice of the action space, side by side, or is a
    tuple or a dict of such arrays in the order of the space. The observation becomes a Dict with an
    entry of the mask's name; an observation that is no Dict is its entry "observation".
    """

    def __init__(self, env: gymnasium.Env, key: str = "action_mask"):
        """Wraps an environment whose info has the mask under `key`."""
        super().__init__(env)
        self._key = key
        self._size = sum(read_parts(env.action_space).sizes)
        self.action_space = copy.copy(env.action_space)
        self.action_space.mask_key = key  # type: ignore[attr-defined]
        inner = env.observation_space
        self._is_dict = isinstance(inner, spaces.Dict)
        entries = inner.spaces if isinstance(inner, spaces.Dict) else {"observation": inner}
        self.observation_space = spaces.Dict({**entries, key: spaces.MultiBinary(self._size)})

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Starts an episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self._with_mask(observation, info, ended=False), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Steps."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        seen = self._with_mask(observation, info, ended=terminated or truncated)
        return seen, reward, terminated, truncated, info

    def _with_mask(self, observation: Any, info: Mapping[str, Any], ended: bool) -> dict[str, Any]:
        """Returns an observation with its mask; at the end of an episode there may be none.

        Raises:
          ObservationError: there is none, or it has another length.
        """
        given = info.get(self._key)
        if given is None and ended:
            given = np.ones(self._size, np.int8)
        mask = np.concatenate([np.zeros(0), *_flat(given)])
        if len(mask) != self._size:
            raise ObservationError(
                f"info[{self._key!r}] must have {self._size} numbers, one for each value of each "
                f"choice, got {'none' if given is None else len(mask)}"
            )
        entries = observation if self._is_dict else {"observation": observation}
        return {**entries, self._key: (mask != 0).astype(np.int8)}


class SpaceAttributes(gymnasium.Wrapper):
    """Gives the spaces of an environment attributes that `relational_rl.observations` reads.

    For an environment whose code is not one's own: how long its texts are, what its actions point
    at. The environment's own spaces stay as they are.
    """

    def __init__(
        self,
        env: gymnasium.Env,
        observation: Mapping[str, Mapping[str, Any]] | None = None,
        action: Mapping[str, Mapping[str, Any]] | None = None,
    ):
        """Wraps an environment.

        Args:
          env: the environment.
          observation: attributes by the key of an entry; "" for the space itself.
          action: likewise of the action space.

        Raises:
          ConfigError: a space has no such entry.
        """
        super().__init__(env)
        self.observation_space = _with_attributes(env.observation_space, observation or {})
        self.action_space = _with_attributes(env.action_space, action or {})


def _with_attributes(space: Any, given: Mapping[str, Mapping[str, Any]]) -> Any:
    """Returns a copy of a space of which some entries have further attributes."""
    space = copy.deepcopy(space)
    entries = flatten(space) if is_nested(space) else {}
    for key, attributes in given.items():
        if key and key not in entries:
            raise ConfigError(
                f"SpaceAttributes must name entries among {sorted(entries)}, or '' for the space, "
                f"got {key!r}"
            )
        for name, value in attributes.items():
            setattr(entries[key] if key else space, name, value)
    return space


def find_wrapper(name: str) -> Any:
    """Returns a wrapper by its name, of `gymnasium.wrappers` or of this module, or import path.

    Raises:
      ConfigError: there is no such wrapper.
    """
    if ":" in name:
        return import_path(name, "env.wrappers")
    ours = {wrapper.__name__: wrapper for wrapper in (ActionMaskFromInfo, SpaceAttributes)}
    if name in ours:
        return ours[name]
    import gymnasium.wrappers as known

    if name not in known.__all__:
        raise ConfigError(
            f"env.wrappers must be of gymnasium.wrappers, {', '.join(ours)} or import paths "
            f"'package.module:Class', got {name!r}{did_you_mean(name, [*known.__all__, *ours])}"
        )
    return getattr(known, name)


def _flat(mask: Any) -> list[np.ndarray]:
    """Returns the parts of a mask as vectors."""
    if mask is None:
        return []
    if isinstance(mask, Mapping):
        mask = tuple(mask.values())
    if isinstance(mask, tuple | list) and any(np.ndim(part) or part is None for part in mask):
        return [flat for part in mask for flat in _flat(part)]
    return [np.asarray(mask, np.float64).ravel()]
