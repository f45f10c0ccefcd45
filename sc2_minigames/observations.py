"""What the agent sees: PySC2's observations as arrays of fixed shape within fixed bounds.

| key | shape, dtype | contents |
|---|---|---|
| `screen` | int16 `[H, W, 27]` | feature layers of the screen |
| `minimap` | int16 `[H, W, 11]` | feature layers of the minimap |
| `player` | int32 `[11]` | id, minerals, vespene, food used, cap, army, workers, idle workers, army count, warp gates, larvae |
| `available_actions` | int8 `[573]` | 1 where a function can be called now |
| `last_action` | int64 `[14]` | the action before, in the layout of `actions.py`; zeros (no-op) at first |

The layers, their order and their sizes are `SCREEN_LAYERS` and `MINIMAP_LAYERS`. Values beyond a
layer's size, which the game does send, are clipped. Unit types, 259 ids strewn over 1962 in PySC2,
are numbered without gaps: 0 nothing, 1 to 261 the known ones in the order of their ids, 262 any
other (`dense_unit_types`).
"""  # noqa: E501 - a table

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import numpy.typing as npt
from pysc2.lib import features, static_data

from sc2_minigames.actions import NUM_FUNCTIONS, ActionCodec
from sc2_minigames.spaces import LayersSpace

# The beacon and the mineral shards of the mini-games are missing in PySC2's list.
UNIT_TYPE_IDS: tuple[int, ...] = tuple(sorted({*static_data.UNIT_TYPES, 317, 1680}))
UNKNOWN_UNIT_TYPE = len(UNIT_TYPE_IDS) + 1
_LARGEST_ID = max(UNIT_TYPE_IDS)
_DENSE = np.full(_LARGEST_ID + 2, UNKNOWN_UNIT_TYPE, np.int16)
_DENSE[list(UNIT_TYPE_IDS)] = np.arange(1, len(UNIT_TYPE_IDS) + 1, dtype=np.int16)
_DENSE[0] = 0


class Layer(NamedTuple):
    """A feature layer.

    Attributes:
      name: PySC2's.
      size: number of values; the largest is one less.
      is_categorical: whether values are names rather than amounts.
    """

    name: str
    size: int
    is_categorical: bool


def _layers(specs: Any) -> tuple[Layer, ...]:
    return tuple(
        Layer(
            spec.name,
            UNKNOWN_UNIT_TYPE + 1 if spec.name == "unit_type" else int(spec.scale),
            spec.type == features.FeatureType.CATEGORICAL,
        )
        for spec in specs
    )


SCREEN_LAYERS = _layers(features.SCREEN_FEATURES)
MINIMAP_LAYERS = _layers(features.MINIMAP_FEATURES)
PLAYER_FIELDS: tuple[str, ...] = tuple(field.name for field in features.Player)


def dense_unit_types(ids: npt.NDArray[np.integer]) -> npt.NDArray[np.int16]:
    """Numbers unit types without gaps.

    Args:
      ids: unit type ids of the game, any shape.

    Returns:
      int16 of the same shape: 0 for 0, then 1, 2, ... in the order of `UNIT_TYPE_IDS`, and
      `UNKNOWN_UNIT_TYPE` for ids that are not in it.
    """
    return _DENSE[np.where((ids < 0) | (ids > _LARGEST_ID), _LARGEST_ID + 1, ids)]


class ObservationCodec:
    """Makes the arrays of an observation.

    Attributes:
      space: `Dict` of the arrays in this module's table.
    """

    def __init__(self, screen_size: int, minimap_size: int, actions: ActionCodec):
        """Makes a codec for square pictures.

        Args:
          screen_size: side of the screen in pixels.
          minimap_size: side of the minimap in pixels.
          actions: gives the layout of the last action.
        """
        self._screen_high = _largest(SCREEN_LAYERS)
        self._minimap_high = _largest(MINIMAP_LAYERS)
        self._screen_unit_type = [layer.name for layer in SCREEN_LAYERS].index("unit_type")
        self._minimap_unit_type = [layer.name for layer in MINIMAP_LAYERS].index("unit_type")
        self.space = gymnasium.spaces.Dict(
            {
                "screen": LayersSpace(screen_size, self._screen_high, _categories(SCREEN_LAYERS)),
                "minimap": LayersSpace(
                    minimap_size, self._minimap_high, _categories(MINIMAP_LAYERS)
                ),
                "player": gymnasium.spaces.Box(
                    0, np.iinfo(np.int32).max, (len(PLAYER_FIELDS),), np.int32
                ),
                "available_actions": gymnasium.spaces.MultiBinary(NUM_FUNCTIONS),
                "last_action": gymnasium.spaces.MultiDiscrete(actions.space.nvec),
            }
        )

    def encode(
        self, observation: Mapping[str, Any], last_action: npt.NDArray[np.int64]
    ) -> dict[str, npt.NDArray]:
        """Returns an element of `space`.

        Args:
          observation: of PySC2.
          last_action: int64 `[14]`, the action before.
        """
        available = np.zeros(NUM_FUNCTIONS, np.int8)
        available[np.asarray(observation["available_actions"])] = 1
        player = np.asarray(observation["player"]).astype(np.int32)
        return {
            "screen": _image(
                observation["feature_screen"], self._screen_high, self._screen_unit_type
            ),
            "minimap": _image(
                observation["feature_minimap"], self._minimap_high, self._minimap_unit_type
            ),
            "player": np.maximum(player, 0),
            "available_actions": available,
            "last_action": last_action.copy(),
        }


def _largest(layers: tuple[Layer, ...]) -> npt.NDArray[np.int16]:
    return np.array([layer.size - 1 for layer in layers], np.int16)


def _categories(layers: tuple[Layer, ...]) -> tuple[int, ...]:
    return tuple(layer.size if layer.is_categorical else 0 for layer in layers)


def _image(
    layers: npt.ArrayLike, high: npt.NDArray[np.int16], unit_type: int
) -> npt.NDArray[np.int16]:
    """Turns int32 `[C, H, W]` into int16 `[H, W, C]` within bounds, with dense unit types."""
    raw = np.array(layers, np.int32)
    raw[unit_type] = dense_unit_types(raw[unit_type])
    np.clip(raw, 0, high[:, None, None], out=raw)
    return np.ascontiguousarray(raw.transpose(1, 2, 0), dtype=np.int16)
