"""Arguments: what counts as an integer, Python's and NumPy's but no booleans, and choices."""

from __future__ import annotations

import operator
from collections.abc import Sequence
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


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Checks that an argument is one of the choices.

    Raises:
      ValueError: if it is not.
    """
    if value not in choices:
        allowed = " or ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be {allowed}, got {value!r}")
