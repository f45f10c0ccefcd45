"""The units one by one: what the columns of their array mean, and how PySC2 tells them.

`units` is float32 `[U, 24]`, a row for each unit that is seen, `unit_mask` int8 `[U]` is 1 where
there is one. The columns are named as in `pysc2.lib.features.FeatureUnit` where that has them: `x`,
`y` and `radius` are in pixels of the screen, here with their fractions, and `unit_type` is without
gaps (`observations.dense_unit_types`). Ours are the last five: the place on the map, where on the
screen the first order leads (its own place without one), and a number that names the unit
throughout an episode.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from pysc2.lib import actions as pysc2_actions

from sc2_minigames.actions import ARGUMENTS
from sc2_minigames.integers import as_integer
from sc2_minigames.maps import MAX_UNITS
from sc2_minigames.observations import UNKNOWN_UNIT_TYPE, dense_unit_types
from sc2_minigames.spaces import UnitsSpace

UNIT_FIELDS = (
    "unit_type",
    "alliance",
    "owner",
    "health",
    "health_ratio",
    "build_progress",
    "x",
    "y",
    "facing",
    "radius",
    "is_selected",
    "is_on_screen",
    "active",
    "mineral_contents",
    "vespene_contents",
    "weapon_cooldown",
    "order_length",
    "order_id_0",
    "order_id_1",
    "map_x",
    "map_y",
    "order_x",
    "order_y",
    "tag",
)

LAYERS = ("screen", "minimap")
"""The observation's keys of pictures."""

_CAMERA_WIDTH = 24.0  # Map units across the screen, as PySC2 asks for.
_MAP_SIZE = 64.0
_ALLIANCES = 5
_ORDERS = max(pysc2_actions.RAW_ABILITY_ID_TO_FUNC_ID.values()) + 1
_NO_TAG = 0


def units_space(max_units: int, screen_size: int, minimap_size: int) -> UnitsSpace:
    """Returns the space of the units' array.

    Args:
      max_units: U.
      screen_size: side of the screen in pixels, which places are told in.
      minimap_size: side of the minimap in pixels.
    """
    side = float(screen_size)
    meanings: dict[str, tuple[str, float]] = {
        "unit_type": ("category", UNKNOWN_UNIT_TYPE + 1),
        "alliance": ("category", _ALLIANCES),
        "owner": ("name", 0.0),  # The alliance says what matters of it.
        "health": ("amount", 0.0),
        "health_ratio": ("share", 255.0),
        "build_progress": ("share", 100.0),
        "x": ("place", side),
        "y": ("place", side),
        "facing": ("angle", 0.0),
        "radius": ("share", side / _CAMERA_WIDTH),
        "mineral_contents": ("amount", 0.0),
        "vespene_contents": ("amount", 0.0),
        "weapon_cooldown": ("share", 16.0),
        "order_length": ("amount", 0.0),
        "order_id_0": ("category", _ORDERS),
        "order_id_1": ("name", 0.0),
        "map_x": ("place", _MAP_SIZE),
        "map_y": ("place", _MAP_SIZE),
        "order_x": ("place", side),
        "order_y": ("place", side),
        "tag": ("name", 0.0),
    }
    on_screen = (screen_size, *(UNIT_FIELDS.index(name) for name in ("x", "y", "is_on_screen")))
    pictures = {"screen": on_screen, "screen2": on_screen, "minimap": (minimap_size,)}
    return UnitsSpace(
        max_units,
        [meanings.get(name, ("share", 1.0)) for name in UNIT_FIELDS],
        mask_key="unit_mask",
        argument_places=[pictures.get(name, ()) for name in ARGUMENTS],
    )


def observation_space(
    pictures: gymnasium.spaces.Dict, layers: bool, max_units: int
) -> gymnasium.spaces.Dict:
    """Returns the space of observations with what was asked for.

    Args:
      pictures: the space of `observations.ObservationCodec`.
      layers: whether the two pictures stay.
      max_units: U, 0 for no units.
    """
    spaces = {key: space for key, space in pictures.items() if layers or key not in LAYERS}
    if max_units:
        screen, minimap = ((pictures[name].shape or ())[0] for name in LAYERS)
        spaces["units"] = units_space(max_units, screen, minimap)
        spaces["unit_mask"] = gymnasium.spaces.MultiBinary(max_units)
    return gymnasium.spaces.Dict(spaces)


class UnitCodec:
    """Makes the units' array of what the game says, which PySC2 passes on as it came."""

    def __init__(self, max_units: int, screen_size: int):
        """Makes a codec for U = `max_units` rows and places in pixels of a square screen.

        Raises:
          ValueError: if `max_units` is not an integer in [1, MAX_UNITS].
        """
        self._max_units = as_integer("max_units", max_units, least=1)
        if self._max_units > MAX_UNITS:
            raise ValueError(f"max_units must be in [0, {MAX_UNITS}], got {max_units}")
        self._size = screen_size
        self._numbers: dict[int, int] = {}

    def begin(self) -> None:
        """Forgets the units of the episode before, whose numbers start over."""
        self._numbers.clear()

    def encode(self, raw: Any) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int8]]:
        """Returns the units float32 `[U, 24]` and their mask int8 `[U]`.

        Args:
          raw: `raw_data` of the game's observation; the first U units count, in its order.
        """
        units = np.zeros((self._max_units, len(UNIT_FIELDS)), np.float32)
        mask = np.zeros(self._max_units, np.int8)
        seen = [unit for unit in raw.units if unit.display_type != _HIDDEN]
        places = {unit.tag: (unit.pos.x, unit.pos.y) for unit in seen}
        camera = raw.player.camera
        for row, unit in enumerate(seen[: self._max_units]):
            units[row] = self._describe(unit, camera, places)
            mask[row] = 1
        return units, mask

    def _describe(self, unit: Any, camera: Any, places: dict[int, tuple[float, float]]) -> Any:
        """Returns a row of the units' array."""
        x, y = self._pixel((unit.pos.x, unit.pos.y), camera)
        orders = unit.orders
        goal = self._pixel(_goal(unit, places), camera)
        ratio = int(unit.health / unit.health_max * 255) if unit.health_max > 0 else 0
        return (
            dense_unit_types(np.array([unit.unit_type]))[0],
            unit.alliance,
            unit.owner,
            unit.health,
            ratio,
            int(unit.build_progress * 100),
            x,
            y,
            unit.facing,
            unit.radius * self._size / _CAMERA_WIDTH,
            unit.is_selected,
            0 <= x < self._size and 0 <= y < self._size,
            unit.is_active,
            unit.mineral_contents,
            unit.vespene_contents,
            unit.weapon_cooldown,
            len(orders),
            *_order_ids(orders),
            unit.pos.x,
            unit.pos.y,
            *goal,
            self._numbers.setdefault(unit.tag, len(self._numbers)),
        )

    def _pixel(self, place: tuple[float, float], camera: Any) -> tuple[float, float]:
        """Returns where a place of the map is on the screen, in pixels; y grows downwards."""
        scale, half = self._size / _CAMERA_WIDTH, self._size / 2
        return (place[0] - camera.x) * scale + half, (camera.y - place[1]) * scale + half


_HIDDEN = 3  # Of `display_type`: what the fog hides.


def _goal(unit: Any, places: dict[int, tuple[float, float]]) -> tuple[float, float]:
    """Returns where a unit's first order leads on the map; its own place without one."""
    own = (unit.pos.x, unit.pos.y)
    if not unit.orders:
        return own
    order = unit.orders[0]
    if order.target_unit_tag != _NO_TAG:
        return places.get(order.target_unit_tag, own)
    if order.HasField("target_world_space_pos"):
        return order.target_world_space_pos.x, order.target_world_space_pos.y
    return own


def _order_ids(orders: Iterable[Any]) -> list[int]:
    """Returns PySC2's raw functions of the first two orders, 0 for none."""
    known = pysc2_actions.RAW_ABILITY_ID_TO_FUNC_ID
    ids = [int(known.get(order.ability_id, 0)) for order in list(orders)[:2]]
    return ids + [0] * (2 - len(ids))
