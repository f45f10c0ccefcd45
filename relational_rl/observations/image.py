"""Images: Box (height, width, channels), any number of them; or channels first, recognised.

Stacked frames, Box (frames, height, width, channels), are an image with the channels of all frames,
the oldest first.

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

from relational_rl.errors import ObservationError
from relational_rl.observations.check import (
    array_of,
    check_finite,
    named,
    warn_outside,
)
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
      frames: how many frames are stacked; 0 for an image without an axis of frames.
      low: the smallest value; None where every value of the dtype is within its bounds.
      high: likewise the largest.
    """

    kind: ClassVar[str] = "image"
    key: str | None
    shape: tuple[int, int, int]
    dtype: str
    categories: tuple[int, ...] = ()
    scale: float = 1.0
    channels_first: bool = False
    name: str = "image"
    frames: int = 0
    low: float | None = dataclasses.field(default=None, repr=False, compare=False)
    high: float | None = dataclasses.field(default=None, repr=False, compare=False)

    def select(self, value: Any) -> Arrays:
        """Returns {name: [B, H, W, C]}; the environment's array or a view of it, not a copy.

        Its height and width may differ from those of the space: they may grow in a curriculum.

        Raises:
          ObservationError: it is not what its space says.
        """
        channels = self.shape[2] // max(self.frames, 1)
        sides = (channels, None, None) if self.channels_first else (None, None, channels)
        array = array_of(self.key, value, (self.frames, *sides) if self.frames else sides)
        if self.channels_first:
            array = np.moveaxis(array, -3, -1)
        if self.frames:
            array = np.moveaxis(array, 1, 3)
            array = array.reshape(*array.shape[:3], self.shape[2])
        self._check(array)
        return {self.name: array}

    def _check(self, array: np.ndarray) -> None:
        """Checks the values of images [B, H, W, C]."""
        if array.dtype.kind == "f" and np.dtype(self.dtype).kind != "f":
            raise ObservationError(
                f"{named(self.key)} must be {self.dtype} as its space says, got {array.dtype}"
            )
        check_finite(self.key, array)
        if self.low is not None and self.high is not None:
            warn_outside(self.key, array, self.low, self.high)

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
    return isinstance(space, spaces.Box) and len(space.shape) in (3, 4)


def _read(
    key: str | None, place: int, space: Any, others: Mapping[str, gymnasium.Space]
) -> ImageSpec:
    """Reads an image from its space.

    Raises:
      ValueError: its `categories` are not one number a channel.
    """
    del others
    *stack, height, width, channels = (int(size) for size in space.shape)
    frames = stack[0] if stack else 0
    shape = (height, width, channels)
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
    low, high = _bounds(space)
    return ImageSpec(
        key,
        (height, width, channels * max(frames, 1)),
        space.dtype.name,
        categories * max(frames, 1) if any(categories) else (),
        max(float(np.max(space.high)), 1.0) if bounded else 1.0,
        first,
        numbered("image", place),
        frames,
        low,
        high,
    )


def _bounds(space: spaces.Box) -> tuple[float, float] | tuple[None, None]:
    """Returns the smallest and largest value, None where every value of the dtype is between."""
    low, high = float(space.low.min()), float(space.high.max())
    if np.issubdtype(space.dtype, np.integer):
        whole = np.iinfo(space.dtype)  # type: ignore[type-var]
        endless = low <= whole.min and high >= whole.max
    else:
        endless = np.isinf(low) and np.isinf(high)
    return (None, None) if endless else (low, high)


KIND = Kind("image", "a Box image (height, width, channels) or a stack of such", _matches, _read)
