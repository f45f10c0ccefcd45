"""What the player does: carries out actions, and gives orders to the selected units.

An action that cannot be carried out changes nothing, as in the game.
"""

from __future__ import annotations

from sc2_minigames.world import abilities
from sc2_minigames.world._compile import part
from sc2_minigames.world.economy import (
    built,
    can,
    cancel,
    give,
    order_structure,
    order_worker,
    trained,
    unit_abilities,
)
from sc2_minigames.world.geometry import distance, look_at, minimap_point, screen_point
from sc2_minigames.world.kinds import ENEMY, IS_STRUCTURE, PLAYER, SCV
from sc2_minigames.world.layout import (
    ATTACK,
    ATTACK_UNIT,
    BUILD_MARINES,
    COLLECT_RESOURCES,
    HOLD,
    MOVE,
    NONE,
    PATROL,
)
from sc2_minigames.world.movement import drop_orders
from sc2_minigames.world.selection import (
    is_own,
    select_army,
    select_idle_worker,
    select_point,
    select_rectangle,
    unit_at,
    use_control_group,
    use_panel,
)


@part
def act(game, action):
    """Carries out an action, int64 [14], that is in range and available (`actions.py`)."""
    kind = abilities.FUNCTION_KIND[action[0]]
    row, column = divmod(action[abilities.SCREEN], game.screen_size)
    if kind == abilities.COMMAND:
        _command(game, action)
    elif kind == abilities.SELECT_POINT:
        select_point(game, column, row, action[abilities.SELECT_POINT_ACT])
    elif kind == abilities.SELECT_RECTANGLE:
        row2, column2 = divmod(action[abilities.SCREEN2], game.screen_size)
        select_rectangle(game, column, row, column2, row2, action[abilities.SELECT_ADD] == 1)
    elif kind == abilities.SELECT_ARMY:
        select_army(game, action[abilities.SELECT_ADD] == 1)
    elif kind == abilities.MOVE_CAMERA:
        row, column = divmod(action[abilities.MINIMAP], game.minimap_size)
        x, y = minimap_point(game, column, row)
        look_at(game, x, y)
    elif kind == abilities.CONTROL_GROUP:
        group = action[abilities.CONTROL_GROUP_ID]
        use_control_group(game, action[abilities.CONTROL_GROUP_ACT], group)
    elif kind == abilities.SELECT_UNIT:
        use_panel(game, action[abilities.SELECT_UNIT_ACT], action[abilities.SELECT_UNIT_ID])
    elif kind == abilities.SELECT_IDLE_WORKER:
        select_idle_worker(game, action[abilities.SELECT_WORKER])
    elif kind == abilities.BUILD_QUEUE:
        _cancel_one(game, action[abilities.BUILD_QUEUE_ID])


@part
def _cancel_one(game, index):
    """Takes a unit out of the training queue of the selected structure, if it is one alone."""
    found, unit = 0, NONE
    for i in range(game.num_selected):
        if game.owner[game.selection[i]] == PLAYER:
            found += 1
            unit = game.selection[i]
    if found == 1 and game.map in (COLLECT_RESOURCES, BUILD_MARINES):
        cancel(game, unit, index)


@part
def _command(game, action):
    """Gives an order to the selected units that can carry it out."""
    ability = abilities.FUNCTION_ABILITY[action[0]]
    place = abilities.FUNCTION_PLACE[action[0]]
    if ability < 0 or not game.allowed >> ability & 1:
        return
    x = y = 0.0
    target = NONE
    if place == abilities.ON_SCREEN:
        row, column = divmod(action[abilities.SCREEN], game.screen_size)
        x, y = screen_point(game, column, row)
        target = unit_at(game, x, y)
    elif place == abilities.ON_MINIMAP:
        row, column = divmod(action[abilities.MINIMAP], game.minimap_size)
        x, y = minimap_point(game, column, row)
    has_point = place != abilities.NO_PLACE
    queued = action[abilities.QUEUED] == 1
    if built(ability) != NONE or trained(ability) != NONE:
        unit = _only_actor(game, ability, x, y)
        if unit != NONE:
            _order(game, unit, ability, queued, has_point, x, y, target)
        return
    for i in range(game.num_selected):
        unit = game.selection[i]
        if is_own(game, unit) and can(game, unit, ability):
            _order(game, unit, ability, queued, has_point, x, y, target)


@part
def _only_actor(game, ability, x, y):
    """Returns who builds (the nearest worker) or trains (the shortest queue), or NONE."""
    best, least = NONE, 0.0
    for i in range(game.num_selected):
        unit = game.selection[i]
        if not is_own(game, unit) or not can(game, unit, ability):
            continue
        if built(ability) != NONE:
            value = distance(game, unit, x, y)
        else:
            value = float(game.num_production[unit])
        if best == NONE or value < least:
            best, least = unit, value
    return best


@part
def _order(game, unit, ability, queued, has_point, x, y, target):
    """Gives one unit an order that it can carry out."""
    kind = game.kind[unit]
    if kind == SCV and order_worker(game, unit, ability, queued, has_point, x, y, target):
        return
    if IS_STRUCTURE[kind]:
        order_structure(game, unit, ability, has_point, x, y, target)
        return
    if ability == abilities.STOP:
        drop_orders(game, unit)
        return
    if ability == abilities.HOLD:
        give(game, unit, queued, HOLD, ability, game.x[unit], game.y[unit], NONE)
        return
    if not has_point:
        return
    is_attack = ability == abilities.ATTACK or ability == abilities.SCAN_MOVE
    at_enemy = target != NONE and game.owner[target] == ENEMY
    if at_enemy and (is_attack or ability == abilities.SMART):
        give(game, unit, queued, ATTACK_UNIT, abilities.ATTACK, x, y, target)
    elif is_attack:
        give(game, unit, queued, ATTACK, abilities.ATTACK, x, y, NONE)
    elif ability == abilities.PATROL:
        from_x, from_y = game.x[unit], game.y[unit]
        place = give(game, unit, queued, PATROL, ability, x, y, NONE)
        if place != NONE:
            game.order_from_x[place, unit] = from_x
            game.order_from_y[place, unit] = from_y
    else:
        give(game, unit, queued, MOVE, abilities.MOVE, x, y, NONE)


@part
def find_offered(game):
    """Returns what the player can do now, as a whole number (`abilities.py`)."""
    found = 0
    seen = 0  # One bit a kind: the first selected unit of each speaks for all.
    for i in range(game.num_selected):
        unit = game.selection[i]
        bit = 1 << game.kind[unit]
        if game.owner[unit] == PLAYER and not seen & bit:
            seen |= bit
            found |= unit_abilities(game, unit)
    found &= game.allowed
    if game.num_selected > 1:
        found |= abilities.HAS_MANY_SELECTED
    elif game.num_selected == 1:
        unit = game.selection[0]
        if game.owner[unit] == PLAYER and game.num_production[unit] > 0:
            found |= abilities.HAS_PRODUCTION
    return found
