"""What the player is told in numbers: means, available functions, and the units one by one."""

from __future__ import annotations

import math

import numpy as np

from sc2_minigames.observations import PLAYER_FIELDS, dense_unit_types
from sc2_minigames.world import abilities
from sc2_minigames.world._compile import compiled, part
from sc2_minigames.world.commands import find_offered
from sc2_minigames.world.economy import MAX_SUPPLY
from sc2_minigames.world.fog import is_visible
from sc2_minigames.world.geometry import screen_scale
from sc2_minigames.world.kinds import (
    ENEMY,
    GEYSER,
    HEALTH,
    MARINE,
    MINERAL_FIELD,
    PLAYER,
    RADIUS,
    SCV,
    SUPPLY,
    SUPPLY_PROVIDED,
    TYPE_ID,
)

_NUM_BITS = len(abilities.MASKS) - 1
_SELF, _ENEMY, _NEUTRAL = 1, 4, 3  # Values of the layer player_relative.

DENSE_TYPE = dense_unit_types(TYPE_ID).astype(np.int64)

_COLUMN = {name: PLAYER_FIELDS.index(name) for name in PLAYER_FIELDS}
_PLAYER_ID, _MINERALS, _VESPENE = (_COLUMN[n] for n in ("player_id", "minerals", "vespene"))
_FOOD_USED, _FOOD_CAP = _COLUMN["food_used"], _COLUMN["food_cap"]
_FOOD_ARMY, _FOOD_WORKERS = _COLUMN["food_army"], _COLUMN["food_workers"]
_IDLE, _ARMY = _COLUMN["idle_worker_count"], _COLUMN["army_count"]


@part
def relative(owner):
    """Returns an owner's value in the layer player_relative."""
    if owner == PLAYER:
        return _SELF
    return _ENEMY if owner == ENEMY else _NEUTRAL


@part
def _describe_player(game, player):
    """Fills in `player`, int32 [11]."""
    used = cap = army_supply = army = workers = idle = 0
    for unit in range(game.num_units):
        if game.owner[unit] != PLAYER:
            continue
        kind = game.kind[unit]
        used += SUPPLY[kind]
        if kind == SCV:
            workers += 1
            idle += 1 if game.num_orders[unit] == 0 else 0
        elif kind == MARINE:
            army += 1
            army_supply += SUPPLY[kind]
        elif game.progress[unit] >= 1:
            cap += SUPPLY_PROVIDED[kind]
        if game.num_production[unit] > 0 and game.timer[unit] > 0:
            used += SUPPLY[game.production[unit, 0]]
    player[_PLAYER_ID] = PLAYER
    player[_MINERALS], player[_VESPENE] = game.minerals, game.vespene
    player[_FOOD_USED], player[_FOOD_CAP] = used, min(cap, MAX_SUPPLY)
    player[_FOOD_ARMY], player[_FOOD_WORKERS] = army_supply, workers
    player[_IDLE], player[_ARMY] = idle, army


@part
def _mask_functions(offered, available):
    """Fills in which functions can be called, int8 [functions]."""
    available[:] = abilities.MASKS[_NUM_BITS]
    for bit in range(_NUM_BITS):
        if offered >> bit & 1:
            for function in range(len(available)):
                available[function] |= abilities.MASKS[bit, function]


@compiled
def describe_games(games, player, available, is_new):
    """Fills in the player's means and the available functions.

    Args:
      games: `GAME` [B].
      player: int32 [B, 11].
      available: int8 [B, functions]; must hold what the call before has filled in.
      is_new: whether there was no call before.
    """
    for b in range(len(games)):
        game = games[b]
        _describe_player(game, player[b])
        offered = find_offered(game)
        if player[b, _ARMY] > 0:
            offered |= abilities.HAS_ARMY
        if player[b, _IDLE] > 0:
            offered |= abilities.HAS_IDLE_WORKER
        if is_new or offered != game.offered:
            game.offered = offered
            _mask_functions(offered, available[b])


@compiled
def list_units(games, units, mask):
    """Fills in the visible units, in the order of their creation, as many as there is room for.

    Args:
      games: `GAME` [B].
      units: float32 [B, U, 24], `units.UNIT_FIELDS`; must hold what the call before has filled in.
      mask: int8 [B, U], 1 where there is a unit.
    """
    room = mask.shape[1]
    for b in range(len(games)):
        game = games[b]
        scale = screen_scale(game)
        place = 0
        for unit in range(game.num_units):
            if place < room and is_visible(game, unit):
                _describe_unit(game, unit, units, b, place, scale)
                mask[b, place] = 1
                place += 1
        while place < room and mask[b, place]:
            units[b, place] = 0.0
            mask[b, place] = 0
            place += 1


@part
def _describe_unit(game, unit, units, b, place, scale):
    """Fills in a row of the units' array."""
    kind, owner = game.kind[unit], game.owner[unit]
    x, y = game.x[unit], game.y[unit]
    half, size = game.screen_size / 2, game.screen_size
    column, line = (x - game.camera_x) * scale + half, (game.camera_y - y) * scale + half
    units[b, place, 0] = DENSE_TYPE[kind]
    units[b, place, 1] = relative(owner)
    units[b, place, 2] = owner
    # Whole numbers of what the protocol sends as float32, as PySC2 makes them.
    health = float(np.float32(game.health[unit]))
    units[b, place, 3] = health
    units[b, place, 4] = int(health / HEALTH[kind] * 255) if HEALTH[kind] > 0 else 0
    units[b, place, 5] = int(float(np.float32(game.progress[unit])) * 100)
    units[b, place, 6], units[b, place, 7] = column, line
    facing = 0.0
    if game.facing_y[unit] != 0 or game.facing_x[unit] < 0:
        facing = math.atan2(game.facing_y[unit], game.facing_x[unit])
    units[b, place, 8] = facing
    units[b, place, 9] = RADIUS[kind] * scale
    units[b, place, 10] = game.selected[unit]
    units[b, place, 11] = 0 <= column < size and 0 <= line < size
    units[b, place, 12] = game.num_production[unit] > 0
    units[b, place, 13] = game.contents[unit] if kind == MINERAL_FIELD else 0
    units[b, place, 14] = game.contents[unit] if kind == GEYSER else 0
    units[b, place, 19], units[b, place, 20] = x, y
    units[b, place, 21], units[b, place, 22] = column, line
    units[b, place, 23] = game.tag[unit]
    is_own = owner == PLAYER
    units[b, place, 15] = max(game.cooldown[unit], 0.0) if is_own else 0.0
    count = game.num_orders[unit] if is_own else 0
    units[b, place, 16] = count
    units[b, place, 17] = abilities.ORDER_ID[game.order_ability[0, unit]] if count > 0 else 0
    units[b, place, 18] = abilities.ORDER_ID[game.order_ability[1, unit]] if count > 1 else 0
    if count > 0:
        target = game.order_target[0, unit]
        x = game.x[target] if target >= 0 else game.order_x[0, unit]
        y = game.y[target] if target >= 0 else game.order_y[0, unit]
        units[b, place, 21] = (x - game.camera_x) * scale + half
        units[b, place, 22] = (game.camera_y - y) * scale + half
