"""What an agent needs to know of an environment, read from its Gymnasium spaces alone.

An agent sees an image and, where there is one, a flat vector:

    {"image": uint8 or float32 [..., height, width, channels],
     "vector": float32 [..., V]}          only if V > 0

`EnvironmentSpec.from_spaces` decides which entries of an observation these are,
`EnvironmentSpec.select` brings a batch of observations to this form.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

Observations = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class EnvironmentSpec:
    """The part of an environment's spaces that an agent is built from.

    Attributes:
      image_shape: (height, width, channels).
      image_dtype: numpy dtype name of the image as delivered.
      image_scale: the image is divided by this before the network sees it.
      num_actions: A.
      image_key: the image's key in a Dict observation, None if the observation is the image.
      vector_keys: keys of the entries that are flattened into the vector, in this order.
      vector_sizes: how many numbers each of them gives (a Discrete entry is one-hot).
      vector_starts: for a Discrete entry its smallest value, for a Box entry None.
    """

    image_shape: tuple[int, int, int]
    image_dtype: str
    image_scale: float
    num_actions: int
    image_key: str | None = None
    vector_keys: tuple[str, ...] = ()
    vector_sizes: tuple[int, ...] = ()
    vector_starts: tuple[int | None, ...] = ()

    @classmethod
    def from_spaces(
        cls,
        observation_space: gymnasium.Space,
        action_space: gymnasium.Space,
        observation_keys: tuple[str, ...] = (),
    ) -> "EnvironmentSpec":
        """Reads the spec of a single (not vectorised) environment from its spaces.

        Args:
          observation_space: a Box image (height, width, channels), or a Dict with exactly one
            such image beside Discrete and one-dimensional Box entries.
          action_space: a Discrete space that starts at 0.
          observation_keys: which entries of a Dict to use; empty means all of them.

        Raises:
          ValueError: a space is not supported; the message names it.
        """
        if not isinstance(action_space, spaces.Discrete) or action_space.start != 0:
            raise ValueError(
                f"action_space must be a Discrete space starting at 0, got {action_space}"
            )
        num_actions = int(action_space.n)
        if not isinstance(observation_space, spaces.Dict):
            if observation_keys:
                raise ValueError(
                    "observation_keys must be empty for an observation that is no Dict, "
                    f"got {observation_keys} for {observation_space}"
                )
            if not _is_image(observation_space):
                raise ValueError(
                    "observation_space must be a Box image (height, width, channels) or a Dict "
                    f"with one, got {observation_space}"
                )
            return cls(**_image_fields(observation_space), num_actions=num_actions)

        unknown = set(observation_keys) - set(observation_space.keys())
        if unknown:
            raise ValueError(
                f"observation_keys must be among {sorted(observation_space.keys())}, "
                f"got {sorted(unknown)}"
            )
        keys = observation_keys or tuple(observation_space.keys())
        images = [key for key in keys if _is_image(observation_space[key])]
        if len(images) != 1:
            raise ValueError(
                "a Dict observation must have exactly one Box image (height, width, channels) "
                f"among {sorted(keys)}, got {images}; choose with observation_keys"
            )
        vector_keys = tuple(key for key in keys if key not in images)
        sizes: list[int] = []
        starts: list[int | None] = []
        for key in vector_keys:
            space = observation_space[key]
            if isinstance(space, spaces.Discrete):
                sizes.append(int(space.n))
                starts.append(int(space.start))
            elif isinstance(space, spaces.Box) and len(space.shape) == 1:
                sizes.append(int(space.shape[0]))
                starts.append(None)
            else:
                raise ValueError(
                    f"observation entry {key!r} must be a Discrete or a one-dimensional Box "
                    f"space, got {space}; leave it out with observation_keys"
                )
        return cls(
            **_image_fields(observation_space[images[0]]),
            num_actions=num_actions,
            image_key=images[0],
            vector_keys=vector_keys,
            vector_sizes=tuple(sizes),
            vector_starts=tuple(starts),
        )

    @property
    def vector_size(self) -> int:
        """V, the length of the vector; 0 if there is none."""
        return sum(self.vector_sizes)

    def select(self, observations: Any) -> Observations:
        """Brings a batch of observations, as the environment gives it, to the agent's form.

        Args:
          observations: an array [B, height, width, channels], or a mapping with such an array
            under `image_key` and arrays [B] or [B, size] under `vector_keys`.

        Returns:
          {"image": [B, height, width, channels], "vector": float32 [B, V] if V > 0}; the image
          is the environment's array, not a copy.
        """
        if self.image_key is None:
            return {"image": np.asarray(observations)}
        if not isinstance(observations, Mapping):
            raise ValueError(f"observations must be a mapping, got {type(observations).__name__}")
        selected = {"image": np.asarray(observations[self.image_key])}
        parts = []
        for key, size, start in zip(
            self.vector_keys, self.vector_sizes, self.vector_starts, strict=True
        ):
            value = np.asarray(observations[key])
            if start is None:
                parts.append(value.astype(np.float32))
            else:
                parts.append(np.eye(size, dtype=np.float32)[value - start])
        if parts:
            selected["vector"] = np.concatenate(parts, axis=-1)
        return selected

    def zeros(self, leading: tuple[int, ...]) -> Observations:
        """Returns observations of zeros with the given leading dimensions."""
        observations = {"image": np.zeros(leading + self.image_shape, self.image_dtype)}
        if self.vector_size:
            observations["vector"] = np.zeros((*leading, self.vector_size), np.float32)
        return observations


def _is_image(space: gymnasium.Space) -> bool:
    return isinstance(space, spaces.Box) and len(space.shape) == 3


def _image_fields(space: Any) -> dict[str, Any]:
    bounded = np.isfinite(space.high).all()
    return {
        "image_shape": tuple(int(size) for size in space.shape),
        "image_dtype": space.dtype.name,
        "image_scale": max(float(np.max(space.high)), 1.0) if bounded else 1.0,
    }
