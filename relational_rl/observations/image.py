"""Images: Box (height, width, channels), any number of them; or channels first, recognised."""

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

from relational_rl.observations.entry import Arrays, Kind, numbered

_logger = logging.getLogger(__name__)
_FEW_CHANNELS = (1, 3, 4)


@dataclasses.dataclass(frozen=True)
class ImageSpec:
    """An image of an observation.

    Attributes:
      key: its key in a Dict observation, None if the observation is the image.
      shape: (height, width, channels).
      dtype: numpy dtype name.
      categories: for each channel the number of its categories, 0 for an amount; () if no channel
        is categorical.
      scale: the image is divided by this before a network sees it.
      channels_first: whether the environment gives (channels, height, width).
      name: of what `select` gives.
    """

    kind: ClassVar[str] = "image"
    key: str | None
    shape: tuple[int, int, int]
    dtype: str
    categories: tuple[int, ...] = ()
    scale: float = 1.0
    channels_first: bool = False
    name: str = "image"

    def select(self, value: Any) -> Arrays:
        """Returns {name: [B, H, W, C]}; the environment's array, not a copy."""
        array = np.asarray(value)
        return {self.name: np.moveaxis(array, 1, -1) if self.channels_first else array}

    def zeros(self, leading: tuple[int, ...]) -> Arrays:
        """Returns an image of zeros."""
        return {self.name: np.zeros(leading + self.shape, self.dtype)}


def is_channels_first(shape: tuple[int, ...]) -> bool:
    """Whether a shape is that of an image with its channels first: (3, 64, 64), not (3, 3, 3)."""
    first, rows, columns = shape
    return first in _FEW_CHANNELS and min(rows, columns) > first and columns > max(_FEW_CHANNELS)


def _matches(space: gymnasium.Space) -> bool:
    return isinstance(space, spaces.Box) and len(space.shape) == 3


def _read(
    key: str | None, place: int, space: Any, others: Mapping[Any, gymnasium.Space]
) -> ImageSpec:
    """Reads an image from its space.

    Raises:
      ValueError: its `categories` are not one number a channel.
    """
    del others
    shape = tuple(int(size) for size in space.shape)
    first = is_channels_first(shape)
    if first:
        shape = (*shape[1:], shape[0])
        where = "observation" if key is None else f"observation entry {key!r}"
        _logger.info("%s %s has its channels first: taken as %s", where, space.shape, shape)
    categories = tuple(int(count) for count in getattr(space, "categories", ()))
    if categories and (len(categories) != shape[2] or min(categories) < 0):
        raise ValueError(
            f"categories must be {shape[2]} integers >= 0, one a channel, got {categories}"
        )
    bounded = bool(np.isfinite(space.high).all())
    return ImageSpec(
        key,
        (shape[0], shape[1], shape[2]),
        space.dtype.name,
        categories if any(categories) else (),
        max(float(np.max(space.high)), 1.0) if bounded else 1.0,
        first,
        numbered("image", place),
    )


KIND = Kind("image", "a Box image (height, width, channels)", _matches, _read)
