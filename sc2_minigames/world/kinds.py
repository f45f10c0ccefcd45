"""The kinds of units as columns of numbers, for compiled code.

A kind is a small number here, its place in `standin.units.ALL_TYPES`, where the numbers and their
sources are. Lengths are in map units, times in game loops (1/16 second).
"""

from __future__ import annotations

import numpy as np

from sc2_minigames.standin import units

PLAYER, ENEMY, NEUTRAL = units.PLAYER, units.ENEMY, units.NEUTRAL

_TYPES = units.ALL_TYPES
NUM_KINDS = len(_TYPES)
MARINE, ROACH, ZERGLING, BANELING = map(_TYPES.index, units.FIGHTERS)
SCV, COMMAND_CENTER, SUPPLY_DEPOT, REFINERY, BARRACKS = map(_TYPES.index, units.ECONOMY)
MINERAL_FIELD, GEYSER, MINERAL_SHARD, BEACON = map(_TYPES.index, units.NEUTRALS)

TYPE_ID = np.array([t.id for t in _TYPES], np.int32)  # of `pysc2.lib.units`
RADIUS = np.array([t.radius for t in _TYPES])
HEALTH = np.array([float(t.health) for t in _TYPES])
SPEED = np.array([t.speed for t in _TYPES])
SIGHT = np.array([float(t.sight) for t in _TYPES])
ARMOR = np.array([float(t.armor) for t in _TYPES])
MINERALS = np.array([t.minerals for t in _TYPES], np.int64)
SUPPLY = np.array([t.supply for t in _TYPES], np.int64)
SUPPLY_PROVIDED = np.array([t.supply_provided for t in _TYPES], np.int64)
BUILD_LOOPS = np.array([t.build_loops for t in _TYPES], np.int64)
FOOTPRINT = np.array([t.footprint for t in _TYPES], np.int64)
IS_STRUCTURE = np.array([t.is_structure for t in _TYPES])
IS_SELECTABLE = np.array([t.is_selectable for t in _TYPES])
IS_RESOURCE = np.array([t.is_resource for t in _TYPES])

_WEAPONS = [t.weapon or units.Weapon(damage=0, range=0, cooldown=0) for t in _TYPES]
IS_ARMED = np.array([t.weapon is not None for t in _TYPES])
DAMAGE = np.array([float(w.damage) for w in _WEAPONS])
RANGE = np.array([float(w.range) for w in _WEAPONS])  # from edge to edge
COOLDOWN = np.array([float(w.cooldown) for w in _WEAPONS])
SPLASH = np.array([w.splash for w in _WEAPONS])
IS_SUICIDE = np.array([w.is_suicide for w in _WEAPONS])

# An idle one looks for a fight by itself.
IS_FIGHTER = IS_ARMED & ~np.array([t.is_worker for t in _TYPES])
IS_ACTIVE = (SPEED > 0) | IS_ARMED

# Small units are drawn over large ones: 0 is drawn first.
_RADII = sorted({t.radius for t in _TYPES}, reverse=True)
DRAWING_RANK = np.array([_RADII.index(t.radius) for t in _TYPES], np.int64)
NUM_RANKS = len(_RADII)
