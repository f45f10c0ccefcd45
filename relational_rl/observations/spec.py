"""What an agent needs to know of an environment, read from its Gymnasium spaces alone.

An agent sees an image and, where there is one, a flat vector:

    {"image": uint8 or float32 [..., height, width, channels],
     "vector": float32 [..., V]}          only if V > 0

`EnvironmentSpec.from_spaces` decides which entries of an observation these are,
`EnvironmentSpec.select` brings a batch of observations to this form.

Actions with arguments are a MultiDiscrete space: first the action type, then K arguments. What
spaces cannot say, an environment says by attributes of them, all optional:

    MultiDiscrete action space (of A action types)
      argument_mask      bool [A, K], which arguments each type takes; absent: all of them
      argument_images    K keys of images of the observation, each for an argument that is a cell of
                         that image, row * width + column; None for any other argument
      mask_key           key of the entry [A] that is not 0 where a type is available
      last_action_key    key of the entry [1 + K] that is the action before
    Box image
      categories         for each channel how many categories its values are, 0 for an amount

Such an observation may have several images and adds

    {"image_1": ..., "image_2": ...,        images after the first
     "mask": bool [..., A], "last_action": int32 [..., 1 + K]}
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

Observations = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class ImageSpec:
    """An image of an observation.

    Attributes:
      key: its key in a Dict observation, None if the observation is the image.
      shape: (height, width, channels).
      dtype: numpy dtype name.
      categories: for each channel the number of its categories, 0 for an amount; () if no channel
        is categorical.
    """

    key: str | None
    shape: tuple[int, int, int]
    dtype: str
    categories: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class ArgumentSpec:
    """The K arguments of actions.

    Attributes:
      sizes: how many values each argument has.
      taken_by: for each action type the arguments that it takes, as places in `sizes`.
      images: for an argument that is a cell of an image that image's name in `select`, else None.
    """

    sizes: tuple[int, ...]
    taken_by: tuple[tuple[int, ...], ...] = dataclasses.field(repr=False)  # long
    images: tuple[str | None, ...]

    def table(self) -> np.ndarray:
        """Returns which action type takes which argument, bool [A, K]."""
        table = np.zeros((len(self.taken_by), len(self.sizes)), bool)
        for action, places in enumerate(self.taken_by):
            table[action, list(places)] = True
        return table


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
      image_categories: `ImageSpec.categories` of the image.
      more_images: the images after the first.
      arguments: of the actions; None if an action is one choice.
      mask_key: key of the entry that tells which action types are available, None for none.
      last_action_key: key of the entry that is the action before, None for none.
    """

    image_shape: tuple[int, int, int]
    image_dtype: str
    image_scale: float
    num_actions: int
    image_key: str | None = None
    vector_keys: tuple[str, ...] = ()
    vector_sizes: tuple[int, ...] = ()
    vector_starts: tuple[int | None, ...] = ()
    image_categories: tuple[int, ...] = ()
    more_images: tuple[ImageSpec, ...] = ()
    arguments: ArgumentSpec | None = None
    mask_key: str | None = None
    last_action_key: str | None = None

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
          action_space: a Discrete space that starts at 0, or a MultiDiscrete of action type and
            arguments (see the module; the observation may then have several images).
          observation_keys: which entries of a Dict to use; empty means all of them.

        Raises:
          ValueError: a space is not supported; the message names it.
        """
        composite = isinstance(action_space, spaces.MultiDiscrete)
        if isinstance(action_space, spaces.MultiDiscrete):
            num_actions = _num_action_types(action_space)
        elif isinstance(action_space, spaces.Discrete) and action_space.start == 0:
            num_actions = int(action_space.n)
        else:
            raise ValueError(
                "action_space must be a Discrete space starting at 0, got "
                f"{action_space}; or a MultiDiscrete of action type and arguments"
            )
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
            return cls(
                **_image_fields(observation_space),
                num_actions=num_actions,
                arguments=_arguments(action_space, {}, {}) if composite else None,
            )

        unknown = set(observation_keys) - set(observation_space.keys())
        if unknown:
            raise ValueError(
                f"observation_keys must be among {sorted(observation_space.keys())}, "
                f"got {sorted(unknown)}"
            )
        keys = observation_keys or tuple(observation_space.keys())
        mask_key = _entry(action_space, "mask_key", keys) if composite else None
        last_action_key = _entry(action_space, "last_action_key", keys) if composite else None
        images = [key for key in keys if _is_image(observation_space[key])]
        if not images or (len(images) > 1 and not composite):
            raise ValueError(
                "a Dict observation must have exactly one Box image (height, width, channels) "
                f"among {sorted(keys)}, got {images}; choose with observation_keys"
            )
        vector_keys = tuple(key for key in keys if key not in (*images, mask_key, last_action_key))
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
        names = {key: _image_name(place) for place, key in enumerate(images)}
        by_name = {name: observation_space[key] for key, name in names.items()}
        return cls(
            **_image_fields(observation_space[images[0]]),
            num_actions=num_actions,
            image_key=images[0],
            vector_keys=vector_keys,
            vector_sizes=tuple(sizes),
            vector_starts=tuple(starts),
            more_images=tuple(_image_spec(key, observation_space[key]) for key in images[1:]),
            arguments=_arguments(action_space, names, by_name) if composite else None,
            mask_key=mask_key,
            last_action_key=last_action_key,
        )

    @property
    def vector_size(self) -> int:
        """V, the length of the vector; 0 if there is none."""
        return sum(self.vector_sizes)

    @property
    def action_shape(self) -> tuple[int, ...]:
        """Shape of one action."""
        return () if self.arguments is None else (1 + len(self.arguments.sizes),)

    @property
    def images(self) -> dict[str, ImageSpec]:
        """All images, by their names in `select`."""
        first = ImageSpec(self.image_key, self.image_shape, self.image_dtype, self.image_categories)
        return {_image_name(place): image for place, image in enumerate((first, *self.more_images))}

    def select(self, observations: Any) -> Observations:
        """Brings a batch of observations, as the environment gives it, to the agent's form.

        Args:
          observations: an array [B, height, width, channels], or a mapping with such an array
            under `image_key` and arrays [B] or [B, size] under `vector_keys`.

        Returns:
          {"image": [B, height, width, channels], "vector": float32 [B, V] if V > 0, ...}; an image
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
        for place, image in enumerate(self.more_images, 1):
            selected[_image_name(place)] = np.asarray(observations[image.key])
        if self.mask_key is not None:
            selected["mask"] = np.asarray(observations[self.mask_key]) != 0
        if self.last_action_key is not None:
            selected["last_action"] = np.asarray(observations[self.last_action_key], np.int32)
        return selected

    def zeros(self, leading: tuple[int, ...]) -> Observations:
        """Returns observations of zeros with the given leading dimensions."""
        observations = {"image": np.zeros(leading + self.image_shape, self.image_dtype)}
        if self.vector_size:
            observations["vector"] = np.zeros((*leading, self.vector_size), np.float32)
        for place, image in enumerate(self.more_images, 1):
            observations[_image_name(place)] = np.zeros(leading + image.shape, image.dtype)
        if self.mask_key is not None:
            observations["mask"] = np.zeros((*leading, self.num_actions), bool)
        if self.last_action_key is not None:
            observations["last_action"] = np.zeros(leading + self.action_shape, np.int32)
        return observations


def _image_name(place: int) -> str:
    return f"image_{place}" if place else "image"


def _is_image(space: gymnasium.Space) -> bool:
    return isinstance(space, spaces.Box) and len(space.shape) == 3


def _image_fields(space: Any) -> dict[str, Any]:
    bounded = np.isfinite(space.high).all()
    return {
        "image_shape": tuple(int(size) for size in space.shape),
        "image_dtype": space.dtype.name,
        "image_scale": max(float(np.max(space.high)), 1.0) if bounded else 1.0,
        "image_categories": _image_spec(None, space).categories,
    }


def _image_spec(key: str | None, space: Any) -> ImageSpec:
    """Reads an image from its space.

    Raises:
      ValueError: its `categories` are not one number a channel.
    """
    height, width, channels = (int(size) for size in space.shape)
    categories = tuple(int(count) for count in getattr(space, "categories", ()))
    if categories and (len(categories) != channels or min(categories) < 0):
        raise ValueError(
            f"categories must be {channels} numbers that are at least 0, one a channel, "
            f"got {categories}"
        )
    return ImageSpec(
        key, (height, width, channels), space.dtype.name, categories if any(categories) else ()
    )


def _num_action_types(space: spaces.MultiDiscrete) -> int:
    if space.nvec.ndim != 1 or np.any(space.start):
        raise ValueError(
            f"action_space must be a MultiDiscrete [1 + K] that starts at 0, got {space}"
        )
    return int(space.nvec[0])


def _entry(action_space: Any, attribute: str, keys: tuple[str, ...]) -> str | None:
    """Returns the key that an attribute of the action space names, None if there is none."""
    key = getattr(action_space, attribute, None)
    if key is not None and key not in keys:
        raise ValueError(f"{attribute} must be among {sorted(keys)}, got {key!r}")
    return key


def _arguments(
    action_space: Any, names: Mapping[Any, str], images: Mapping[str, Any]
) -> ArgumentSpec:
    """Reads the arguments of actions.

    Args:
      action_space: MultiDiscrete.
      names: of the images, by their keys in the observation.
      images: their spaces, by these names.

    Raises:
      ValueError: an attribute of the space does not fit it.
    """
    num_types, *sizes = (int(size) for size in action_space.nvec)
    mask = np.asarray(getattr(action_space, "argument_mask", np.ones((num_types, len(sizes)))))
    if mask.shape != (num_types, len(sizes)):
        raise ValueError(
            f"argument_mask must have shape {(num_types, len(sizes))}, got {mask.shape}"
        )
    keys = tuple(getattr(action_space, "argument_images", (None,) * len(sizes)))
    if len(keys) != len(sizes):
        raise ValueError(f"argument_images must be {len(sizes)} keys or None, got {keys}")
    for key, size in zip(keys, sizes, strict=True):
        if key is None:
            continue
        if key not in names:
            raise ValueError(f"argument_images must name images among {sorted(names)}, got {key!r}")
        height, width = images[names[key]].shape[:2]
        if size != height * width:
            raise ValueError(
                f"an argument on {key!r} must have {height} * {width} values, got {size}"
            )
    return ArgumentSpec(
        sizes=tuple(sizes),
        taken_by=tuple(tuple(int(k) for k in np.flatnonzero(row)) for row in mask),
        images=tuple(None if key is None else names[key] for key in keys),
    )
