"""Structures: what can be built and trained, and what it costs."""

from __future__ import annotations

import numpy as np

from sc2_minigames.world import abilities
from sc2_minigames.world._compile import part
from sc2_minigames.world.kinds import (
    BARRACKS,
    BUILD_LOOPS,
    COMMAND_CENTER,
    FOOTPRINT,
    GEYSER,
    IS_ARMED,
    IS_FIGHTER,
    IS_RESOURCE,
    IS_STRUCTURE,
    MARINE,
    MINERALS,
    NUM_KINDS,
    PLAYER,
    RADIUS,
    REFINERY,
    SCV,
    SPEED,
    SUPPLY,
    SUPPLY_DEPOT,
    SUPPLY_PROVIDED,
)
from sc2_minigames.world.layout import (
    BUILD,
    CONSTRUCT,
    GATHER,
    MAX_PRODUCTION,
    MOVE,
    NONE,
    RETURN,
)
from sc2_minigames.world.movement import append_order, can_queue, drop_orders, pop_order
from sc2_minigames.world.population import add
from sc2_minigames.world.workers import is_free, is_workable

MAX_SUPPLY = 200

# By ability: what it builds or trains, or NONE.
_BUILT = np.full(len(abilities.ABILITY_IDS), NONE, np.int64)
_BUILT[abilities.BUILD_COMMAND_CENTER] = COMMAND_CENTER
_BUILT[abilities.BUILD_SUPPLY_DEPOT] = SUPPLY_DEPOT
_BUILT[abilities.BUILD_REFINERY] = REFINERY
_BUILT[abilities.BUILD_BARRACKS] = BARRACKS
_TRAINED = np.full(len(abilities.ABILITY_IDS), NONE, np.int64)
_TRAINED[abilities.TRAIN_SCV] = SCV
_TRAINED[abilities.TRAIN_MARINE] = MARINE
# By kind: what must stand before it is built, and the ability of its trainers.
_NEEDED = np.full(NUM_KINDS, NONE, np.int64)
_NEEDED[BARRACKS] = SUPPLY_DEPOT
_TRAINING = np.full(NUM_KINDS, NONE, np.int64)
_TRAINING[COMMAND_CENTER] = abilities.TRAIN_SCV
_TRAINING[BARRACKS] = abilities.TRAIN_MARINE

_WALKING = sum(
    1 << ability
    for ability in (
        abilities.SMART,
        abilities.STOP,
        abilities.MOVE,
        abilities.PATROL,
        abilities.HOLD,
    )
)
_FIGHTING = (1 << abilities.ATTACK) + (1 << abilities.SCAN_MOVE)


@part
def built(ability):
    """Returns the kind of structure that an ability builds, or NONE."""
    return _BUILT[ability]


@part
def trained(ability):
    """Returns the kind of unit that an ability trains, or NONE."""
    return _TRAINED[ability]


# --- supply


@part
def supply_used(game):
    """Supply of all units, those that are in training included."""
    used = 0
    for unit in range(game.num_units):
        if game.owner[unit] == PLAYER and game.alive[unit]:
            used += SUPPLY[game.kind[unit]]
            if game.num_production[unit] > 0 and game.timer[unit] > 0:
                used += SUPPLY[game.production[unit, 0]]
    return used


@part
def supply_cap(game):
    """Supply that finished structures provide."""
    provided = 0
    for unit in range(game.num_units):
        if game.owner[unit] == PLAYER and game.alive[unit] and game.progress[unit] >= 1:
            provided += SUPPLY_PROVIDED[game.kind[unit]]
    return min(provided, MAX_SUPPLY)


# --- what is offered


@part
def unit_abilities(game, unit):
    """Returns what a unit of the player's can be told, one bit an ability."""
    kind = game.kind[unit]
    found = 0
    if SPEED[kind] > 0:
        found = _WALKING
        if IS_ARMED[kind]:
            found |= _FIGHTING
    if kind == SCV:
        return found | _worker_abilities(game, unit)
    if IS_STRUCTURE[kind] and game.progress[unit] >= 1:
        return found | _structure_abilities(game, unit)
    return found


@part
def can(game, unit, ability):
    """Whether a unit of the player's can be told something."""
    if (_FIGHTING | _WALKING) >> ability & 1 and IS_FIGHTER[game.kind[unit]]:
        return True
    return unit_abilities(game, unit) >> ability & 1 == 1


@part
def _worker_abilities(game, unit):
    found = 1 << abilities.GATHER
    if game.cargo[unit] > 0:
        found |= 1 << abilities.RETURN
    if game.num_orders[unit] > 0 and game.order_kind[0, unit] == CONSTRUCT:
        found |= 1 << abilities.HALT
    for ability in range(abilities.BUILD_COMMAND_CENTER, abilities.BUILD_BARRACKS + 1):
        if may_make(game, _BUILT[ability]):
            found |= 1 << ability
    return found


@part
def _structure_abilities(game, unit):
    kind = game.kind[unit]
    found = 0
    ability = _TRAINING[kind]
    if ability != NONE and game.minerals >= MINERALS[_TRAINED[ability]]:
        found |= 1 << ability
    if game.num_production[unit] > 0:
        found |= 1 << abilities.CANCEL_LAST
    if kind == BARRACKS:
        found |= (1 << abilities.RALLY_UNITS) | (1 << abilities.SMART)
    elif kind == COMMAND_CENTER:
        found |= (1 << abilities.RALLY_WORKERS) | (1 << abilities.SMART)
    return found


@part
def may_make(game, kind):
    """Whether the player can pay for a structure and has what it needs."""
    if game.minerals < MINERALS[kind]:
        return False
    needed = _NEEDED[kind]
    if needed == NONE:
        return True
    for unit in range(game.num_units):
        if (
            game.kind[unit] == needed
            and game.owner[unit] == PLAYER
            and game.alive[unit]
            and game.progress[unit] >= 1
        ):
            return True
    return False


# --- orders


@part
def order_worker(game, unit, ability, queued, has_point, x, y, target):
    """Gives a worker an order; returns False if the command is none of the economy's."""
    is_smart = ability == abilities.SMART
    if ability == abilities.RETURN:
        if game.cargo[unit] > 0:
            give(game, unit, queued, RETURN, ability, 0.0, 0.0, NONE)
        return True
    if ability == abilities.HALT:
        if game.num_orders[unit] > 0 and game.order_kind[0, unit] == CONSTRUCT:
            pop_order(game, unit)
        return True
    if ability == abilities.GATHER or is_smart:
        if is_workable(game, target):
            tx, ty = game.x[target], game.y[target]
            give(game, unit, queued, GATHER, abilities.GATHER, tx, ty, target)
            return True
        if not is_smart:
            return True
    if is_smart and target != NONE and game.owner[target] == PLAYER:
        tx, ty = game.x[target], game.y[target]
        if IS_STRUCTURE[game.kind[target]] and game.progress[target] < 1:
            give(game, unit, queued, CONSTRUCT, abilities.SMART, tx, ty, target)
            return True
        if game.kind[target] == COMMAND_CENTER and game.cargo[unit] > 0:
            give(game, unit, queued, RETURN, abilities.RETURN, 0.0, 0.0, NONE)
            return True
    if _BUILT[ability] != NONE and has_point:
        _plan(game, unit, ability, queued, x, y, target)
        return True
    return False


@part
def _plan(game, unit, ability, queued, x, y, target):
    """Tells a worker to build, if the player can pay for it and the place is free."""
    made = _BUILT[ability]
    if not may_make(game, made):
        return
    if made == REFINERY:
        if target == NONE or game.kind[target] != GEYSER:
            return
        x, y = game.x[target], game.y[target]
    else:
        x, y = snap(x, FOOTPRINT[made]), snap(y, FOOTPRINT[made])
    if is_free(game, made, x, y):
        place = give(game, unit, queued, BUILD, ability, x, y, NONE)
        if place != NONE:
            game.order_made[place, unit] = made


@part
def snap(value, footprint):
    """Returns the nearest place where a structure's edges lie on the grid of whole numbers."""
    half = footprint / 2
    return np.rint(value - half) + half


@part
def give(game, unit, queued, kind, ability, x, y, target):
    """Adds an order at the end, or in place of all others; returns its place in the queue.

    A full queue stays as it is: NONE.
    """
    if not queued:
        drop_orders(game, unit)
    elif not can_queue(game, unit):
        return NONE
    return append_order(game, unit, kind, ability, x, y, target)


@part
def order_structure(game, unit, ability, has_point, x, y, target):
    """Tells a structure to train, to cancel, or where to send what it has trained."""
    kind = game.kind[unit]
    if _TRAINED[ability] != NONE and _TRAINING[kind] == ability:
        _train(game, unit, _TRAINED[ability])
    elif ability == abilities.CANCEL_LAST:
        cancel(game, unit, game.num_production[unit] - 1)
    elif has_point and (
        ability == abilities.RALLY_UNITS
        or ability == abilities.RALLY_WORKERS
        or ability == abilities.SMART
    ):
        game.rally_kind[unit], game.rally_target[unit] = MOVE, NONE
        game.rally_x[unit], game.rally_y[unit] = x, y
        if target != NONE:
            other = game.kind[target]
            if IS_RESOURCE[other] or other == REFINERY:
                game.rally_kind[unit], game.rally_target[unit] = GATHER, target


# --- training


@part
def _train(game, unit, made):
    waiting = game.num_production[unit]
    if game.progress[unit] < 1 or waiting >= MAX_PRODUCTION or game.minerals < MINERALS[made]:
        return
    if waiting == 0 and supply_used(game) + SUPPLY[made] > supply_cap(game):
        return
    game.minerals -= MINERALS[made]
    game.production[unit, waiting] = made
    game.num_production[unit] = waiting + 1


@part
def cancel(game, unit, index):
    """Takes a unit out of a training queue and pays its price back."""
    if index < 0 or index >= game.num_production[unit]:
        return
    game.minerals += MINERALS[game.production[unit, index]]
    _take_out(game, unit, index)
    if index == 0:
        game.timer[unit] = 0


@part
def _take_out(game, unit, index):
    for place in range(index + 1, game.num_production[unit]):
        game.production[unit, place - 1] = game.production[unit, place]
    game.num_production[unit] -= 1


@part
def train(game):
    """Advances training by one game loop."""
    used = NONE
    for unit in range(game.num_units):
        if game.num_production[unit] == 0:
            continue
        made = game.production[unit, 0]
        if game.timer[unit] == 0:  # Not begun: it waits for supply.
            if used == NONE:
                used = supply_used(game)
            if used + SUPPLY[made] > supply_cap(game):
                continue
            used += SUPPLY[made]
            game.timer[unit] = BUILD_LOOPS[made]
        game.timer[unit] -= 1
        if game.timer[unit] == 0:
            _take_out(game, unit, 0)
            _finish(game, unit, made)


@part
def _finish(game, trainer, made):
    """Puts a trained unit beside its trainer and sends it to the rally point."""
    if made == MARINE:
        game.trained_marines += 1
    room = RADIUS[game.kind[trainer]] + RADIUS[made]
    unit = add(game, made, PLAYER, game.x[trainer] - room * 0.5, game.y[trainer] - room)
    kind, target = game.rally_kind[trainer], game.rally_target[trainer]
    if kind == NONE:
        return
    ability = abilities.MOVE if kind == MOVE else abilities.GATHER
    if kind == GATHER and (made != SCV or target == NONE):
        kind, ability, target = MOVE, NONE, NONE
    append_order(game, unit, kind, ability, game.rally_x[trainer], game.rally_y[trainer], target)
