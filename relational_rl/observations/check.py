"""Whether observations are what their space says; what is not is named, and nothing is clipped.

A shape, a dtype or a category that the space does not allow, NaN and infinity are errors. An amount
outside its bounds is used as it is, and said once: games with approximate bounds are common.
"""

import functools
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from relational_rl.errors import ObservationError

_logger = logging.getLogger(__name__)


def named(key: str | None) -> str:
    """Returns what an entry is called in messages."""
    return "the observation" if key is None else f"observation entry {key!r}"


def array_of(key: str | None, value: Any, shape: Sequence[int | None]) -> np.ndarray:
    """Returns a batch of numbers [B, *shape] as an array.

    Args:
      key: of the entry.
      value: as the environment gives it.
      shape: of one observation; None where any size will do.

    Raises:
      ObservationError: it has another shape, or does not hold numbers.
    """
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise ObservationError(f"{named(key)} must hold numbers, got {_short(value)}")
    given = array.shape[1:]
    if len(given) != len(shape) or any(
        wanted not in (None, size) for size, wanted in zip(given, shape, strict=True)
    ):
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise ObservationError(
            f"{named(key)} must have the shape ({wanted}) that its space says, "
            f"got {given if array.ndim else ()}"
        )
    return array


def check_finite(key: str | None, array: np.ndarray) -> None:
    """Checks that an array has neither NaN nor infinity.

    Raises:
      ObservationError: it has; the message gives the place of the first.
    """
    if array.dtype.kind != "f":
        return
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(array.sum()):  # a single pass; too large a sum is looked at more closely
            return
    wrong = np.argwhere(~np.isfinite(array))
    if len(wrong):
        place = tuple(int(each) for each in wrong[0])
        raise ObservationError(
            f"{named(key)} must be finite, got {array[place]} at {place[1:]} "
            f"of environment {place[0]}"
        )


def check_whole(
    key: str | None, array: np.ndarray, low: np.ndarray | int, high: np.ndarray | int
) -> None:
    """Checks that whole numbers are at least `low` and below `high`.

    Raises:
      ObservationError: one is not; the message gives the first.
    """
    wrong = (array < low) | (array >= high)
    if not wrong.any():
        return
    place = tuple(int(each) for each in np.argwhere(wrong)[0])
    least, limit = (int(np.broadcast_to(side, array.shape)[place]) for side in (low, high))
    where = f" at {place[1:]}" if len(place) > 1 else ""
    raise ObservationError(
        f"{named(key)} must be in [{least}, {limit - 1}], got {array[place]}{where} "
        f"of environment {place[0]}"
    )


def warn_outside(key: str | None, array: np.ndarray, low: float, high: float) -> None:
    """Says once for each entry that amounts lie outside the bounds of their space."""
    if not array.size:
        return
    least, most = array.min(), array.max()
    told = _told(key, low, high)
    if (least < low or most > high) and not told:
        told.add("outside")
        _logger.warning(
            "%s should be in [%g, %g] as its space says, got %g; it is used as it is",
            named(key),
            low,
            high,
            least if least < low else most,
        )


@functools.cache
def _told(key: str | None, low: float, high: float) -> set[str]:
    """Returns what has been said of an entry with these bounds."""
    return set()


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
