"""What counts as an integer argument: Python's and NumPy's integers, and no booleans."""

from __future__ import annotations

import operator
from typing import Any


def as_integer(name: str, value: Any, least: int) -> int:
    """Returns an argument as an int.

    Args:
      name: of the argument, for the error.
      value: any integer type, 0-d integer arrays included.
      least: the smallest value allowed.

    Raises:
      ValueError: if it is not an integer, a boolean, or below `least`.
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least:
        raise ValueError(f"{name} must be an integer >= {least}, got {value!r}")
    return number
