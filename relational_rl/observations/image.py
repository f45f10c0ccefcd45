"""Images: Box (height, width, channels), any number of them; or channels first, recognised.

What a space cannot say, an environment says by attributes of the Box, both optional:

    categories      for each channel the number of its categories, 0 for an amount
    channels_first  whether the shape is (channels, height, width); without it the shape decides
"""

import dataclasses
import functools
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
        """Returns {name: [B, H, W, C]}; the environment's array or a view of it, not a copy."""
        array = np.asarray(value)
        return {self.name: np.moveaxis(array, -3, -1) if self.channels_first else array}

    def zeros(self, leading: tuple[int, ...]) -> Arrays:
        """Returns an image of zeros."""
        return {self.name: np.zeros(leading + self.shape, self.dtype)}


def is_channels_first(shape: tuple[int, ...]) -> bool:
    """Whether a shape is that of an image with its channels first: (3, 64, 64), not (3, 3, 3).

    It is if the first dimension is 1, 3 or 4, smaller than both others, and there are more columns
    than channels of a picture.
    """
    first, rows, columns = shape
    return first in _FEW_CHANNELS and min(rows, columns) > first and columns > max(_FEW_CHANNELS)


@functools.cache
def _say_channels_first(key: str | None, given: tuple[int, ...], taken: tuple[int, ...]) -> None:
    """Logs once for each image how its shape is understood."""
    what = "the observation" if key is None else f"observation entry {key!r}"
    _logger.info(
        "%s has the shape %s: taken as channels first, an image %s; an attribute "
        "channels_first=False of its space says that it is not",
        what,
        given,
        taken,
    )


def _matches(space: gymnasium.Space) -> bool:
    return isinstance(space, spaces.Box) and len(space.shape) == 3


def _read(
    key: str | None, place: int, space: Any, others: Mapping[str, gymnasium.Space]
) -> ImageSpec:
    """Reads an image from its space.

    Raises:
      ValueError: its `categories` are not one number a channel.
    """
    del others
    height, width, channels = shape = tuple(int(size) for size in space.shape)
    told = getattr(space, "channels_first", None)
    first = is_channels_first(shape) if told is None else bool(told)
    if first:
        channels, height, width = shape
        if told is None:
            _say_channels_first(key, shape, (height, width, channels))
    categories = tuple(int(count) for count in getattr(space, "categories", ()))
    if categories and (len(categories) != channels or min(categories) < 0):
        raise ValueError(
            f"categories must be {channels} integers >= 0, one a channel, got {categories}"
        )
    bounded = bool(np.isfinite(space.high).all())
    return ImageSpec(
        key,
        (height, width, channels),
        space.dtype.name,
        categories if any(categories) else (),
        max(float(np.max(space.high)), 1.0) if bounded else 1.0,
        first,
        numbered("image", place),
    )


KIND = Kind("image", "a Box image (height, width, channels)", _matches, _read)
