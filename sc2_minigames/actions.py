"""The full action set of PySC2 as one vector of integers.

PySC2 has 573 functions with 13 kinds of arguments. An action here is `int64 [14]`: the function's
id, then one entry for each kind of argument, in the order of `ARGUMENTS`. Entries of arguments
that the function does not take are ignored. A point on the screen or the minimap is one number,
`y * width + x`.

PySC2 checks actions by halves: too large a coordinate is sent to the game, an unknown function is
an IndexError, function -1 is the last one. `ActionCodec` checks everything itself, and raises
`InvalidActionError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from pysc2.lib import actions as pysc2_actions

from sc2_minigames.integers import as_integer
from sc2_minigames.spaces import FunctionSpace

ARGUMENTS: tuple[str, ...] = tuple(pysc2_actions.Arguments._fields)
# Arguments that are places, and on which image.
SPATIAL_ARGUMENTS = {"screen": "screen", "minimap": "minimap", "screen2": "screen"}
NUM_FUNCTIONS = len(pysc2_actions.FUNCTIONS)
FUNCTION_NAMES: tuple[str, ...] = tuple(f.name for f in pysc2_actions.FUNCTIONS)
# Ids of the functions that PySC2 offers unless it is told otherwise: those which are not a special
# case of a more general one.
GENERAL_FUNCTIONS: tuple[int, ...] = tuple(
    int(f.id) for f in pysc2_actions.FUNCTIONS if f.general_id == 0
)
UNAVAILABLE_ACTIONS = ("no_op", "error")
"""What an environment may do with a function that is not available."""


class InvalidActionError(ValueError):
    """An action that is malformed, out of range, or not available now."""


class ActionCodec:
    """Translates actions between vectors and PySC2's function calls.

    Attributes:
      space: `MultiDiscrete`, one entry for the function and one for each kind of argument; its
        further attributes are those of `FunctionSpace`.
      sizes: number of values of each argument, by name.
      argument_mask: bool `[573, 13]`, which arguments each function takes.
    """

    def __init__(self, screen_size: int, minimap_size: int, with_images: bool = True):
        """Makes a codec for square pictures.

        Args:
          screen_size: side of the screen in pixels.
          minimap_size: side of the minimap in pixels.
          with_images: whether observations have these pictures, for `space.argument_images`.

        Raises:
          ValueError: if a size is not an integer >= 1.
        """
        screen_size = as_integer("screen_size", screen_size, least=1)
        minimap_size = as_integer("minimap_size", minimap_size, least=1)
        self._sides = {"screen": screen_size, "screen2": screen_size, "minimap": minimap_size}
        self.sizes: dict[str, int] = {}
        for name, kind in zip(ARGUMENTS, pysc2_actions.TYPES, strict=True):
            side = self._sides.get(name)
            self.sizes[name] = side * side if side else int(kind.sizes[0])
        # The arguments of each function, in PySC2's order, as places in the vector.
        self._places = tuple(
            tuple(ARGUMENTS.index(kind.name) for kind in function.args)
            for function in pysc2_actions.FUNCTIONS
        )
        self.argument_mask = np.zeros((NUM_FUNCTIONS, len(ARGUMENTS)), np.bool_)
        for function, places in enumerate(self._places):
            self.argument_mask[function, list(places)] = True
        self.space: gymnasium.spaces.MultiDiscrete = FunctionSpace(
            [NUM_FUNCTIONS, *self.sizes.values()],
            self.argument_mask,
            [SPATIAL_ARGUMENTS.get(name) if with_images else None for name in ARGUMENTS],
            mask_key="available_actions",
            last_action_key="last_action",
        )

    def canonical(self, action: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Checks an action and sets the arguments that its function does not take to zero.

        Args:
          action: integers `[14]`.

        Returns:
          int64 `[14]`, a new array.

        Raises:
          InvalidActionError: if it is malformed or out of range.
        """
        vector = np.asarray(action)
        if vector.shape != (1 + len(ARGUMENTS),) or vector.dtype.kind not in "iu":
            raise InvalidActionError(
                f"an action must be {1 + len(ARGUMENTS)} integers (function, "
                f"{', '.join(ARGUMENTS)}), got {vector.dtype} {list(vector.shape)}"
            )
        function = int(vector[0])
        self._check_function(function)
        result = np.zeros(1 + len(ARGUMENTS), np.int64)
        result[0] = function
        for place in self._places[function]:
            name, value = ARGUMENTS[place], int(vector[1 + place])
            if not 0 <= value < self.sizes[name]:
                raise InvalidActionError(
                    f"{name} must be in [0, {self.sizes[name]}) for {FUNCTION_NAMES[function]}, "
                    f"got {value}"
                )
            result[1 + place] = value
        return result

    def decode(self, action: npt.ArrayLike) -> pysc2_actions.FunctionCall:
        """Returns the function call that an action stands for.

        Args:
          action: integers `[14]`.

        Raises:
          InvalidActionError: if it is malformed or out of range.
        """
        vector = self.canonical(action)
        function = int(vector[0])
        arguments = []
        for place in self._places[function]:
            name, value = ARGUMENTS[place], int(vector[1 + place])
            side = self._sides.get(name)
            arguments.append([value % side, value // side] if side else [value])
        return pysc2_actions.FunctionCall(function, arguments)

    def describe(self, action: npt.ArrayLike) -> str:
        """Returns an action in words, such as "Move_screen(screen 9 4, queued 0)"; points are x y.

        Args:
          action: integers `[14]`.

        Raises:
          InvalidActionError: if it is malformed or out of range.
        """
        call = self.decode(action)
        function = int(call.function)
        arguments = [
            f"{ARGUMENTS[place]} {' '.join(str(int(number)) for number in argument)}"
            for place, argument in zip(self._places[function], call.arguments, strict=True)
        ]
        return f"{FUNCTION_NAMES[function]}({', '.join(arguments)})"

    def place(self, action: npt.NDArray[np.int64]) -> tuple[str, float, float] | None:
        """Returns where an action points: the image, and x and y as shares of its side.

        Args:
          action: int64 `[14]`.

        Returns:
          The middle of the pixel of the first argument that is a place; None if none is.
        """
        for index in self._places[int(action[0])]:
            side = self._sides.get(ARGUMENTS[index])
            if side is not None:
                y, x = divmod(int(action[1 + index]), side)
                return SPATIAL_ARGUMENTS[ARGUMENTS[index]], (x + 0.5) / side, (y + 0.5) / side
        return None

    def encode(self, call: pysc2_actions.FunctionCall) -> npt.NDArray[np.int64]:
        """Returns the action that stands for a function call.

        Args:
          call: a function and its arguments, each a sequence of one number or of x and y.

        Returns:
          int64 `[14]`, with zeros for arguments that the function does not take.

        Raises:
          InvalidActionError: if the call is malformed or out of range.
        """
        function = _as_int(call.function, "function")
        self._check_function(function)
        places = self._places[function]
        name = FUNCTION_NAMES[function]
        if len(call.arguments) != len(places):
            wanted = ", ".join(ARGUMENTS[place] for place in places) or "none"
            raise InvalidActionError(
                f"{name} must have {len(places)} arguments ({wanted}), got {len(call.arguments)}"
            )
        result = np.zeros(1 + len(ARGUMENTS), np.int64)
        result[0] = function
        for place, argument in zip(places, call.arguments, strict=True):
            result[1 + place] = self._encode_argument(name, ARGUMENTS[place], argument)
        return result

    def check_available(
        self, action: npt.NDArray[np.int64], available: npt.NDArray[np.integer]
    ) -> None:
        """Checks that an action's function can be called now.

        Args:
          action: int64 `[14]`.
          available: `[573]`, not zero where a function is available.

        Raises:
          InvalidActionError: if it is not.
        """
        function = int(action[0])
        if not available[function]:
            names = [FUNCTION_NAMES[i] for i in np.flatnonzero(available)]
            raise InvalidActionError(
                f"the function must be available now, got {function} ({FUNCTION_NAMES[function]}); "
                f"available are {', '.join(names)}"
            )

    def _check_function(self, function: int) -> None:
        if not 0 <= function < NUM_FUNCTIONS:
            raise InvalidActionError(f"function must be in [0, {NUM_FUNCTIONS}), got {function}")

    def _encode_argument(self, function: str, name: str, argument: Sequence[Any]) -> int:
        side = self._sides.get(name)
        bounds = (side, side) if side else (self.sizes[name],)
        try:
            values = tuple(argument)
        except TypeError:
            values = ()
        if len(values) != len(bounds):
            form = "x and y" if side else "one number"
            raise InvalidActionError(f"{name} of {function} must be {form}, got {argument!r}")
        numbers = [_as_int(value, name) for value in values]
        for number, bound in zip(numbers, bounds, strict=True):
            if not 0 <= number < bound:
                raise InvalidActionError(
                    f"{name} must be in [0, {bound}) for {function}, got {number}"
                )
        return numbers[1] * side + numbers[0] if side else numbers[0]


def _as_int(value: Any, name: str) -> int:
    """Returns a Python int; accepts numpy's and enumerations, and floats without a fraction."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None or number != value:
        raise InvalidActionError(f"{name} must be an integer, got {value!r}")
    return number
