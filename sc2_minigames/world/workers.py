"""What workers do in a game loop: gather, bring home, build.

Times and amounts (Liquipedia, seconds at game speed "normal"): a trip brings 5 minerals after
2.786 seconds at the field, or 4 gas after 1.981 seconds in a refinery; one worker at a time
works a field or a refinery.
"""

from __future__ import annotations

import numpy as np

from sc2_minigames.maps import GAME_LOOPS_PER_SECOND
from sc2_minigames.world import abilities
from sc2_minigames.world._compile import part
from sc2_minigames.world.geometry import distance, gap
from sc2_minigames.world.kinds import (
    BUILD_LOOPS,
    COMMAND_CENTER,
    FOOTPRINT,
    GEYSER,
    HEALTH,
    MINERAL_FIELD,
    MINERALS,
    PLAYER,
    RADIUS,
    REFINERY,
)
from sc2_minigames.world.layout import CONSTRUCT, GATHER, NONE, RETURN
from sc2_minigames.world.movement import append_order, pop_order, set_order, walk
from sc2_minigames.world.population import add, remove

MINERALS_PER_TRIP, GAS_PER_TRIP = 5, 4
MINERAL_LOOPS = round(2.786 * GAME_LOOPS_PER_SECOND)
GAS_LOOPS = round(1.981 * GAME_LOOPS_PER_SECOND)
REACH = 0.3  # From edge to edge, to work on something.
FIELD_RANGE = 10.0  # A worker that must wait looks so far for a free field.
FIRST_HEALTH = 0.1  # Share of its hit points that a structure begins with.


@part
def is_workable(game, target):
    """Whether something can be gathered there; `target` may be NONE or DEAD."""
    if target < 0 or not game.alive[target]:
        return False
    if game.kind[target] == MINERAL_FIELD:
        return True
    is_ready = game.kind[target] == REFINERY and game.progress[target] >= 1
    return is_ready and game.contents[target] > 0


@part
def _stop_work(game, unit):
    game.is_passing[unit] = False
    pop_order(game, unit)


@part
def gather(game, unit):
    """Carries out the order GATHER for a game loop."""
    target = game.order_target[0, unit]
    if game.cargo[unit] > 0:
        bring_home(game, unit)
        return
    if not is_workable(game, target):
        other = _nearest_field(game, unit, False)
        if other == NONE or (target >= 0 and game.kind[target] == REFINERY):
            _stop_work(game, unit)
        else:
            game.order_target[0, unit] = other
        return
    if _walks_to_work(game, unit, target):
        if game.user[target] == unit:  # It was called away in the middle of it.
            game.user[target] = NONE
        return
    is_field = game.kind[target] == MINERAL_FIELD
    if game.user[target] != unit:
        if _is_occupied(game, target):
            other = _nearest_field(game, unit, True) if is_field else NONE
            if other != NONE:
                game.order_target[0, unit] = other
            return
        game.user[target] = unit
        game.timer[unit] = MINERAL_LOOPS if is_field else GAS_LOOPS
        return
    game.timer[unit] -= 1
    if game.timer[unit] <= 0:
        _load(game, unit, target)


@part
def _is_occupied(game, target):
    """Whether a worker is at work at a field or a refinery."""
    worker = game.user[target]
    return (
        worker >= 0
        and game.alive[worker]
        and game.num_orders[worker] > 0
        and game.order_kind[0, worker] == GATHER
        and game.order_target[0, worker] == target
        and game.cargo[worker] == 0
    )


@part
def _load(game, unit, target):
    game.user[target] = NONE
    is_gas = game.kind[target] == REFINERY
    game.carries_gas[unit] = is_gas
    amount = GAS_PER_TRIP if is_gas else MINERALS_PER_TRIP
    game.cargo[unit] = min(amount, game.contents[target])
    game.contents[target] -= game.cargo[unit]
    if game.contents[target] <= 0 and not is_gas:
        remove(game, target)


@part
def _nearest_field(game, unit, must_be_free):
    """Returns the nearest mineral field within FIELD_RANGE, or NONE."""
    best, best_gap = NONE, np.inf
    for field in range(game.num_units):
        if game.kind[field] != MINERAL_FIELD or not game.alive[field]:
            continue
        room = gap(game, unit, field)
        if room > FIELD_RANGE or room >= best_gap:
            continue
        if must_be_free and _is_occupied(game, field):
            continue
        best, best_gap = field, room
    return best


@part
def _nearest_home(game, unit):
    """Returns the nearest command centre of the player's, or NONE."""
    best, best_gap = NONE, np.inf
    for home in range(game.num_units):
        if (
            game.kind[home] == COMMAND_CENTER
            and game.alive[home]
            and game.owner[home] == PLAYER
            and game.progress[home] >= 1
            and gap(game, unit, home) < best_gap
        ):
            best, best_gap = home, gap(game, unit, home)
    return best


@part
def _walks_to_work(game, unit, target):
    """Walks through others to what a worker works at; returns False if it is there."""
    game.is_passing[unit] = True
    is_away = gap(game, unit, target) > REACH
    if is_away:
        walk(game, unit, game.x[target], game.y[target])
    return is_away


@part
def bring_home(game, unit):
    """Carries out the order RETURN, or a GATHER with full hands, for a game loop."""
    home = _nearest_home(game, unit)
    if game.cargo[unit] == 0 or home == NONE:
        _stop_work(game, unit)
        return
    if _walks_to_work(game, unit, home):
        return
    if game.carries_gas[unit]:
        game.vespene += game.cargo[unit]
        game.collected_vespene += game.cargo[unit]
    else:
        game.minerals += game.cargo[unit]
        game.collected_minerals += game.cargo[unit]
    game.cargo[unit] = 0
    if game.order_kind[0, unit] == RETURN:
        pop_order(game, unit)
        if game.num_orders[unit] == 0:  # Back to work.
            field = _nearest_field(game, unit, False)
            if field != NONE:
                x, y = game.x[field], game.y[field]
                append_order(game, unit, GATHER, abilities.GATHER, x, y, field)


@part
def is_free(game, kind, x, y):
    """Whether a kind of structure can be put at a place."""
    half = FOOTPRINT[kind] / 2
    if x - half < game.left or x + half > game.right:
        return False
    if y - half < game.bottom or y + half > game.top:
        return False
    for unit in range(game.num_units):
        other = game.kind[unit]
        if not game.alive[unit] or FOOTPRINT[other] == 0:
            continue
        if kind == REFINERY and other == GEYSER:
            continue
        room = half + FOOTPRINT[other] / 2
        if abs(game.x[unit] - x) < room and abs(game.y[unit] - y) < room:
            return False
    return True


@part
def build(game, unit):
    """Carries out the order BUILD for a game loop: walks there and lays the foundation."""
    made = game.order_made[0, unit]
    x, y = game.order_x[0, unit], game.order_y[0, unit]
    game.is_passing[unit] = True
    if distance(game, unit, x, y) > RADIUS[made] + RADIUS[game.kind[unit]] + REACH:
        walk(game, unit, x, y)
        return
    game.is_passing[unit] = False
    if game.minerals < MINERALS[made] or not is_free(game, made, x, y):
        pop_order(game, unit)
        return
    game.minerals -= MINERALS[made]
    structure = add(game, made, PLAYER, x, y)
    game.progress[structure] = 0.0
    game.health[structure] = HEALTH[made] * FIRST_HEALTH
    if made == REFINERY:
        for geyser in range(game.num_units):
            if game.kind[geyser] == GEYSER and distance(game, geyser, x, y) < 1:
                game.contents[structure] = game.contents[geyser]
                remove(game, geyser)
    # In place of the order to build.
    set_order(game, unit, 0, CONSTRUCT, game.order_ability[0, unit], x, y, structure)


@part
def construct(game, unit):
    """Carries out the order CONSTRUCT for a game loop."""
    structure = game.order_target[0, unit]
    if structure < 0 or not game.alive[structure] or game.progress[structure] >= 1:
        _stop_work(game, unit)
        return
    if _walks_to_work(game, unit, structure):
        return
    other = game.user[structure]
    if (
        other >= 0
        and other != unit
        and game.alive[other]
        and game.num_orders[other] > 0
        and game.order_target[0, other] == structure
    ):
        return  # One worker builds at a time.
    game.user[structure] = unit
    _raise(game, structure)
    if game.progress[structure] < 1:
        return
    game.user[structure] = NONE
    _stop_work(game, unit)
    if game.kind[structure] == REFINERY and game.num_orders[unit] == 0:
        x, y = game.x[structure], game.y[structure]
        append_order(game, unit, GATHER, abilities.GATHER, x, y, structure)


@part
def _raise(game, structure):
    """Adds a game loop's work to a structure."""
    kind = game.kind[structure]
    share = 1 / BUILD_LOOPS[kind]
    game.progress[structure] = min(game.progress[structure] + share, 1.0)
    if game.progress[structure] > 1 - share / 2:
        game.progress[structure] = 1.0
    grown = game.health[structure] + (1 - FIRST_HEALTH) * HEALTH[kind] * share
    game.health[structure] = min(grown, HEALTH[kind])
