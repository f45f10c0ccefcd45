"""What the player can do: abilities and PySC2's functions, as columns for compiled code.

An ability is a small number here, its place in `ABILITY_IDS`. What a player can do now is one
whole number, `offered`: bit i tells whether ability i is offered, the bits after those tell what
PySC2 asks for besides (`HAS_ARMY` and so on). `MASK` of it is the mask of available functions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pysc2.lib import actions as pysc2_actions

from sc2_minigames.actions import ARGUMENTS, NUM_FUNCTIONS
from sc2_minigames.standin import abilities as ids

ABILITY_IDS = (
    ids.SMART,
    ids.STOP,
    ids.MOVE,
    ids.PATROL,
    ids.HOLD,
    ids.SCAN_MOVE,
    ids.ATTACK,
    ids.RALLY_UNITS,
    ids.RALLY_WORKERS,
    ids.GATHER,
    ids.RETURN,
    ids.CANCEL_LAST,
    ids.HALT,
    ids.BUILD_COMMAND_CENTER,
    ids.BUILD_SUPPLY_DEPOT,
    ids.BUILD_REFINERY,
    ids.BUILD_BARRACKS,
    ids.TRAIN_SCV,
    ids.TRAIN_MARINE,
)
(
    SMART,
    STOP,
    MOVE,
    PATROL,
    HOLD,
    SCAN_MOVE,
    ATTACK,
    RALLY_UNITS,
    RALLY_WORKERS,
    GATHER,
    RETURN,
    CANCEL_LAST,
    HALT,
    BUILD_COMMAND_CENTER,
    BUILD_SUPPLY_DEPOT,
    BUILD_REFINERY,
    BUILD_BARRACKS,
    TRAIN_SCV,
    TRAIN_MARINE,
) = range(len(ABILITY_IDS))

_FIRST = len(ABILITY_IDS)
HAS_ARMY, HAS_IDLE_WORKER, HAS_MANY_SELECTED, HAS_PRODUCTION = (1 << (_FIRST + i) for i in range(4))
_FLAG_FUNCTIONS = ("select_army", "select_idle_worker", "select_unit", "build_queue")

# Of the order that an observation reports, PySC2's raw function; the last one is for none (-1).
ORDER_ID = np.array(
    [*(pysc2_actions.RAW_ABILITY_ID_TO_FUNC_ID.get(i, 0) for i in ABILITY_IDS), 0], np.int64
)

# What a function does: a kind, the ability of a command, and where its place is given.
(
    NO_OP,
    MOVE_CAMERA,
    SELECT_POINT,
    SELECT_RECTANGLE,
    CONTROL_GROUP,
    SELECT_UNIT,
    SELECT_IDLE_WORKER,
    SELECT_ARMY,
    BUILD_QUEUE,
    COMMAND,
    OTHER,
) = range(11)
_KINDS = {
    "no_op": NO_OP,
    "move_camera": MOVE_CAMERA,
    "select_point": SELECT_POINT,
    "select_rect": SELECT_RECTANGLE,
    "control_group": CONTROL_GROUP,
    "select_unit": SELECT_UNIT,
    "select_idle_worker": SELECT_IDLE_WORKER,
    "select_army": SELECT_ARMY,
    "build_queue": BUILD_QUEUE,
    "cmd_quick": COMMAND,
    "cmd_screen": COMMAND,
    "cmd_minimap": COMMAND,
}
NO_PLACE, ON_SCREEN, ON_MINIMAP = range(3)
_PLACES = {"cmd_screen": ON_SCREEN, "cmd_minimap": ON_MINIMAP}

# Columns of an action (`actions.py`): the function, then its arguments.
(
    SCREEN,
    MINIMAP,
    SCREEN2,
    QUEUED,
    CONTROL_GROUP_ACT,
    CONTROL_GROUP_ID,
    SELECT_POINT_ACT,
    SELECT_ADD,
    SELECT_UNIT_ACT,
    SELECT_UNIT_ID,
    SELECT_WORKER,
    BUILD_QUEUE_ID,
) = range(1, len(ARGUMENTS))


def _ability(function: pysc2_actions.Function) -> int:
    """Returns the ability that a function stands for; -1 if it is none of ours."""
    ability = ids.SPECIFIC.get(function.ability_id, function.ability_id)
    return ABILITY_IDS.index(ability) if ability in ABILITY_IDS else -1


FUNCTION_KIND = np.array(
    [_KINDS.get(f.function_type.__name__, OTHER) for f in pysc2_actions.FUNCTIONS], np.int64
)
FUNCTION_ABILITY = np.array([_ability(f) for f in pysc2_actions.FUNCTIONS], np.int64)
FUNCTION_PLACE = np.array(
    [_PLACES.get(f.function_type.__name__, NO_PLACE) for f in pysc2_actions.FUNCTIONS], np.int64
)


def functions_of(ability_id: int) -> set[int]:
    """Returns the functions that PySC2 offers for an ability, the special ones hidden.

    The same as `pysc2.lib.features.Features.available_actions`.
    """
    needs_point = ability_id in ids.NEEDS_POINT
    found = set()
    for function in pysc2_actions.ABILITY_IDS[ability_id]:
        if function.function_type not in pysc2_actions.POINT_REQUIRED_FUNCS[needs_point]:
            continue
        if function.general_id == 0:
            found.add(int(function.id))
            continue
        for general in pysc2_actions.ABILITY_IDS[function.general_id]:
            if general.function_type is function.function_type:
                found.add(int(general.id))
                break
    return found


def _make_masks() -> npt.NDArray[np.int8]:
    rows = [functions_of(ability_id) for ability_id in ABILITY_IDS]
    named = {f.name: int(f.id) for f in pysc2_actions.FUNCTIONS}
    rows += [{named[name]} for name in _FLAG_FUNCTIONS]
    rows.append({i for i, f in pysc2_actions.FUNCTIONS_AVAILABLE.items() if _is_always(f)})
    masks = np.zeros((len(rows), NUM_FUNCTIONS), np.int8)
    for mask, functions in zip(masks, rows, strict=True):
        mask[list(functions)] = 1
    return masks


def _is_always(function: pysc2_actions.Function) -> bool:
    return function.avail_fn is pysc2_actions.always


# int8 [bits + 1, functions]: what each bit of `offered` makes available, then what always is.
MASKS = _make_masks()


def bits(abilities: frozenset[int] | None) -> int:
    """Returns abilities (ids of the game; None for all) as a whole number, one bit each."""
    chosen = ABILITY_IDS if abilities is None else abilities
    return sum(1 << ABILITY_IDS.index(ability) for ability in chosen)
