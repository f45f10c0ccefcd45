"""Ability ids of the commands that the stand-in understands (see `pysc2.lib.actions`)."""

from __future__ import annotations

SMART = 1
STOP = 4
MOVE = 16
PATROL = 17
HOLD = 18
SCAN_MOVE = 19
ATTACK = 23
RALLY_UNITS = 195
RALLY_WORKERS = 203
GATHER = 295
RETURN = 296
CANCEL_LAST = 306
HALT = 348
BUILD_COMMAND_CENTER = 318
BUILD_SUPPLY_DEPOT = 319
BUILD_REFINERY = 320
BUILD_BARRACKS = 321
TRAIN_SCV = 524
TRAIN_MARINE = 560

# An agent names the general ability, the game reports the specific one.
SPECIFIC = {
    3660: HALT,
    3665: STOP,
    3666: GATHER,
    3667: RETURN,
    3671: CANCEL_LAST,
    3673: RALLY_UNITS,
    3674: ATTACK,
    3690: RALLY_WORKERS,
    3793: HOLD,
    3794: MOVE,
    3795: PATROL,
}

NEEDS_POINT = frozenset(
    {
        SMART,
        MOVE,
        PATROL,
        SCAN_MOVE,
        ATTACK,
        RALLY_UNITS,
        RALLY_WORKERS,
        GATHER,
        BUILD_COMMAND_CENTER,
        BUILD_SUPPLY_DEPOT,
        BUILD_REFINERY,
        BUILD_BARRACKS,
    }
)
WALKING = (SMART, STOP, MOVE, PATROL, HOLD)
FIGHTING = (ATTACK, SCAN_MOVE)

# Ability that makes a unit, by its type id.
TRAIN = {45: TRAIN_SCV, 48: TRAIN_MARINE}
