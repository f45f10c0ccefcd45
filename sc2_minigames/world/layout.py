"""What a game is: one record of numbers and columns, `GAME`; B games are an array `[B]` of it.

Units are numbered 0, 1, ... in the order of their creation, without gaps: column `x[u]` is the
place of unit u. When units have died the columns close up (`population.sweep`), and everything that
refers to a unit by its number is renumbered; who referred to a dead one gets `DEAD`.

Lengths are in map units, times in game loops of 1/16 second, angles in radians.
"""

from __future__ import annotations

import numpy as np

from sc2_minigames.maps import MAX_UNITS

MAX_ORDERS = 8  # Orders that a unit remembers.
MAX_PRODUCTION = 5  # Units in a training queue.
NUM_GROUPS = 10
MAP_SIZE = 64
CENTRE = MAP_SIZE / 2
CAMERA_WIDTH = 24.0

NONE, DEAD = -1, -2  # Instead of the number of a unit: no unit, one that has died.

# Kinds of orders.
MOVE, ATTACK, ATTACK_UNIT, PATROL, HOLD, GATHER, RETURN, BUILD, CONSTRUCT = range(9)

# Maps, in the order of `sc2_minigames.maps.MINI_GAMES`.
(
    MOVE_TO_BEACON,
    COLLECT_SHARDS,
    FIND_ZERGLINGS,
    DEFEAT_ROACHES,
    DEFEAT_BANELINGS,
    COLLECT_RESOURCES,
    BUILD_MARINES,
) = range(7)

# One type of whole numbers: each mix of types would be compiled once more.
_REAL, _WHOLE = np.float64, np.int64
_BOOL = np.uint8  # Numba knows no columns of booleans.
_N = MAX_UNITS

UNIT_COLUMNS = [
    ("x", _REAL, (_N,)),
    ("y", _REAL, (_N,)),
    ("facing_x", _REAL, (_N,)),  # a vector of any length
    ("facing_y", _REAL, (_N,)),
    ("health", _REAL, (_N,)),
    ("cooldown", _REAL, (_N,)),  # to the next shot
    ("progress", _REAL, (_N,)),  # of its construction, 0 to 1
    ("kind", _WHOLE, (_N,)),
    ("owner", _WHOLE, (_N,)),
    ("tag", _WHOLE, (_N,)),  # 0, 1, ...: never used again within an episode
    ("alive", _BOOL, (_N,)),
    ("selected", _BOOL, (_N,)),
    ("foe", _WHOLE, (_N,)),
    ("num_orders", _WHOLE, (_N,)),
    # Of workers: what it carries, whether that is gas, whether it walks through others.
    ("cargo", _WHOLE, (_N,)),
    ("carries_gas", _BOOL, (_N,)),
    ("is_passing", _BOOL, (_N,)),
    ("timer", _WHOLE, (_N,)),  # of work or training
    # Of resources and structures: what it holds, who works there, what is trained.
    ("contents", _WHOLE, (_N,)),
    ("user", _WHOLE, (_N,)),
    ("num_production", _WHOLE, (_N,)),
    # Where what was trained goes; rally_kind is NONE or the kind of an order.
    ("rally_kind", _WHOLE, (_N,)),
    ("rally_target", _WHOLE, (_N,)),
    ("rally_x", _REAL, (_N,)),
    ("rally_y", _REAL, (_N,)),
]
# Row 0 holds the first order of every unit: those are what is read in each game loop.
ORDER_COLUMNS = [
    ("order_kind", _WHOLE, (MAX_ORDERS, _N)),
    ("order_ability", _WHOLE, (MAX_ORDERS, _N)),
    ("order_target", _WHOLE, (MAX_ORDERS, _N)),
    ("order_made", _WHOLE, (MAX_ORDERS, _N)),  # the kind that is to be built
    ("order_x", _REAL, (MAX_ORDERS, _N)),
    ("order_y", _REAL, (MAX_ORDERS, _N)),
    ("order_from_x", _REAL, (MAX_ORDERS, _N)),  # the other end of a patrol
    ("order_from_y", _REAL, (MAX_ORDERS, _N)),
]
RULES = [
    ("map", np.int64),
    ("duration", np.int64),
    ("left", _REAL),
    ("bottom", _REAL),
    ("right", _REAL),
    ("top", _REAL),
    ("has_fog", _BOOL),
    ("varies", _BOOL),  # whether combat starts differ from episode to episode
    ("num_marines", np.int64),
    ("num_shards", np.int64),
    ("num_roaches", np.int64),
    ("num_zerglings", np.int64),
    ("num_banelings", np.int64),
    ("allowed", np.int64),  # abilities, one bit each
    ("screen_size", np.int64),  # pixels
    ("minimap_size", np.int64),
]
GAME = np.dtype(
    [
        *RULES,
        ("key", np.uint64),  # of the random numbers
        ("draws", np.uint64),  # random numbers that were drawn
        ("loop", np.int64),
        ("score", np.int64),
        ("defeat", _BOOL),
        ("minerals", np.int64),
        ("vespene", np.int64),
        ("collected_minerals", np.int64),
        ("collected_vespene", np.int64),
        ("trained_marines", np.int64),
        ("num_units", np.int64),
        ("next_tag", np.int64),
        ("has_moved", _BOOL),
        ("has_dead", _BOOL),
        ("has_changed", _BOOL),  # `foes` is out of date
        ("num_foes", np.int64, (2,)),
        ("camera_x", _REAL),
        ("camera_y", _REAL),
        ("num_selected", np.int64),
        ("offered", np.int64),  # what the player can do, one bit each
        *UNIT_COLUMNS,
        *ORDER_COLUMNS,
        ("production", _WHOLE, (_N, MAX_PRODUCTION)),
        ("foes", _WHOLE, (2, _N)),  # of the player, of the enemy
        ("crowd_x", _REAL, (_N,)),  # scratch of `movement.separate`
        ("crowd_y", _REAL, (_N,)),
        ("crowd_radius", _REAL, (_N,)),
        ("shift_x", _REAL, (_N,)),
        ("shift_y", _REAL, (_N,)),
        ("list", _WHOLE, (_N,)),  # scratch of whoever needs one
        ("renumbered", _WHOLE, (_N + 2,)),  # scratch of `population.sweep`
        ("selection", _WHOLE, (_N,)),  # in the order of selecting
        ("num_grouped", _WHOLE, (NUM_GROUPS,)),
        ("groups", _WHOLE, (NUM_GROUPS, _N)),
        ("visibility", np.uint8, (MAP_SIZE, MAP_SIZE)),  # 0 hidden, 1 seen, 2 visible; [y, x]
        ("seen_rows", np.int64, (2,)),  # what is visible is in these: the first, one after the last
        ("seen_columns", np.int64, (2,)),
    ],
    align=True,
)
