"""Gymnasium spaces that say what their numbers mean, as far as an agent may want to know.

The attributes are plain data, documented here; whoever does not know them sees a `MultiDiscrete`
and a `Box`.
"""

from __future__ import annotations

from collections.abc import Sequence

import gymnasium
import numpy as np
import numpy.typing as npt


class FunctionSpace(gymnasium.spaces.MultiDiscrete):
    """A function and its arguments.

    Attributes:
      argument_mask: bool `[functions, arguments]`, which arguments each function takes.
      argument_images: for each argument the observation's key of the image of which it is a cell,
        `y * width + x`; None for an argument that is no place.
      mask_key: the observation's key of the functions that are available.
      last_action_key: the observation's key of the action before.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        argument_mask: npt.NDArray[np.bool_],
        argument_images: Sequence[str | None],
        mask_key: str,
        last_action_key: str,
    ):
        """Makes the space of `[function, *arguments]` with the given numbers of values."""
        super().__init__(list(sizes))
        self.argument_mask = argument_mask
        self.argument_images = tuple(argument_images)
        self.mask_key = mask_key
        self.last_action_key = last_action_key


class LayersSpace(gymnasium.spaces.Box):
    """Feature layers, int16 `[H, W, layers]`.

    Attributes:
      categories: for each layer the number of its categories, 0 for amounts.
    """

    def __init__(self, side: int, high: npt.NDArray[np.int16], categories: Sequence[int]):
        """Makes the space of square layers whose values go from 0 to `high` `[layers]`."""
        top = np.broadcast_to(high, (side, side, len(high)))
        super().__init__(np.zeros_like(top), top, dtype=np.int16)
        self.categories = tuple(categories)


class UnitsSpace(gymnasium.spaces.Box):
    """Units one by one, float32 `[U, F]`; a mask beside it tells which rows are units.

    Attributes:
      columns: for each of the F columns what it means and a number:
        "category", how many there are; "amount", 0, of any size; "share", the most it can be;
        "place", the side of the picture that it is on, x and the y behind it; "angle", 0, in
        radians; "name", 0, a number that means nothing by itself.
      mask_key: the observation's key of the mask.
      argument_places: for each argument of actions () if it is no place; (side,) if it is a pixel,
        `y * side + x`, of a picture with that side; and where units can be told on this picture,
        (side, x, y, shown) with the columns of their place in its pixels and of whether they are
        on it.
    """

    def __init__(
        self,
        max_units: int,
        columns: Sequence[tuple[str, float]],
        mask_key: str,
        argument_places: Sequence[tuple[int, ...]],
    ):
        """Makes the space of at most `max_units` units."""
        super().__init__(-np.inf, np.inf, (max_units, len(columns)), np.float32)
        self.columns = tuple(columns)
        self.mask_key = mask_key
        self.argument_places = tuple(argument_places)
