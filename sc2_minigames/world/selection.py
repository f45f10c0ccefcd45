"""What the player has selected: an ordered list of units, and ten control groups."""

from __future__ import annotations

from sc2_minigames.world._compile import part
from sc2_minigames.world.fog import is_visible
from sc2_minigames.world.geometry import (
    distance,
    is_on_screen,
    screen_point,
    screen_position,
    screen_scale,
)
from sc2_minigames.world.kinds import IS_SELECTABLE, MARINE, PLAYER, RADIUS, SCV, SPEED
from sc2_minigames.world.layout import NONE, NUM_GROUPS

# Values of the arguments, as PySC2 numbers them.
TOGGLE, ALL_OF_TYPE, ADD_ALL_OF_TYPE = 1, 2, 3  # select_point_act
ONE_WORKER, ADD_WORKER, ALL_WORKERS, ADD_ALL_WORKERS = range(4)  # select_worker
PANEL_SELECT, PANEL_DESELECT, PANEL_SELECT_TYPE, PANEL_DESELECT_TYPE = range(4)  # select_unit_act
RECALL, SET, APPEND, SET_AND_STEAL, APPEND_AND_STEAL = range(5)  # control_group_act


@part
def is_own(game, unit):
    """Whether a unit lives and is the player's."""
    return game.owner[unit] == PLAYER and game.alive[unit]


@part
def _put(game, unit):
    game.selection[game.num_selected] = unit
    game.num_selected += 1
    game.selected[unit] = True


@part
def select_none(game):
    """Selects nothing."""
    for i in range(game.num_selected):
        game.selected[game.selection[i]] = False
    game.num_selected = 0


@part
def select(game, units, length, add):
    """Selects the first `length` of `units` instead of, or besides, those selected before."""
    if length == 0:
        return  # An empty box leaves the selection as it is.
    for i in range(game.num_selected):
        add = add and game.owner[game.selection[i]] == PLAYER
    if not add:
        select_none(game)
    for i in range(length):
        if not game.selected[units[i]]:
            _put(game, units[i])


@part
def _keep(game, unit, kind, is_kept):
    """Keeps those of the selection that are `unit` or of a kind, or all others.

    Args:
      game: the game.
      unit: a unit, or NONE to go by kind.
      kind: of units.
      is_kept: whether these are kept, or the others.
    """
    kept = 0
    for i in range(game.num_selected):
        other = game.selection[i]
        matches = other == unit if unit != NONE else game.kind[other] == kind
        game.selected[other] = matches == is_kept
        if matches == is_kept:
            game.selection[kept] = other
            kept += 1
    game.num_selected = kept


@part
def unit_at(game, x, y):
    """Returns the unit drawn at a map point; the player's own come first, then the nearest."""
    slack = 0.5 / screen_scale(game)  # A unit is drawn at least one pixel large.
    best, best_distance, best_is_own = NONE, 0.0, False
    for unit in range(game.num_units):
        kind = game.kind[unit]
        reach = max(RADIUS[kind], slack)
        if abs(game.x[unit] - x) > reach or not game.alive[unit] or not IS_SELECTABLE[kind]:
            continue
        away = distance(game, unit, x, y)
        is_mine = game.owner[unit] == PLAYER
        if best != NONE and (is_mine < best_is_own):
            continue
        if best != NONE and is_mine == best_is_own and away >= best_distance:
            continue
        if away <= reach and is_visible(game, unit):
            best, best_distance, best_is_own = unit, away, is_mine
    return best


@part
def select_point(game, column, row, act):
    """Selects what is at a pixel of the screen (`select_point`)."""
    x, y = screen_point(game, column, row)
    unit = unit_at(game, x, y)
    if unit == NONE:
        return
    chosen, length = game.list, 1
    chosen[0] = unit
    if game.owner[unit] != PLAYER:
        select(game, chosen, length, False)
        return
    if act == TOGGLE and game.selected[unit]:
        _keep(game, unit, NONE, False)
        return
    if act in (ALL_OF_TYPE, ADD_ALL_OF_TYPE):
        length = 0
        for other in range(game.num_units):
            if (
                is_own(game, other)
                and game.kind[other] == game.kind[unit]
                and is_on_screen(game, game.x[other], game.y[other])
            ):
                chosen[length] = other
                length += 1
    select(game, chosen, length, act in (TOGGLE, ADD_ALL_OF_TYPE))


@part
def select_rectangle(game, column, row, column2, row2, add):
    """Selects what is in a box on the screen; only if nobody there can walk, structures."""
    left, right = min(column, column2), max(column, column2)
    top, bottom = min(row, row2), max(row, row2)
    chosen, length, walkers = game.list, 0, 0
    for unit in range(game.num_units):
        if not is_own(game, unit):
            continue
        x, y = screen_position(game, game.x[unit], game.y[unit])
        if not (left <= x < right + 1 and top <= y < bottom + 1):
            continue
        can_walk = SPEED[game.kind[unit]] > 0
        if can_walk and walkers == 0:
            length = 0
        if can_walk or walkers == 0:
            chosen[length] = unit
            length += 1
        walkers += 1 if can_walk else 0
    select(game, chosen, length, add)


@part
def select_army(game, add):
    """Selects all who fight."""
    length = 0
    for unit in range(game.num_units):
        if is_own(game, unit) and game.kind[unit] == MARINE:
            game.list[length] = unit
            length += 1
    select(game, game.list, length, add)


@part
def select_idle_worker(game, act):
    """Selects workers without orders; one of them: one that is not selected yet, if any."""
    length, fresh = 0, NONE
    for unit in range(game.num_units):
        if is_own(game, unit) and game.kind[unit] == SCV and game.num_orders[unit] == 0:
            game.list[length] = unit
            length += 1
            if fresh == NONE and not game.selected[unit]:
                fresh = unit
    if length > 0 and act in (ONE_WORKER, ADD_WORKER):
        game.list[0] = fresh if fresh != NONE else game.list[0]
        length = 1
    select(game, game.list, length, act in (ADD_WORKER, ADD_ALL_WORKERS))


@part
def use_panel(game, act, index):
    """Picks from the selected units (`select_unit`)."""
    if index >= game.num_selected or game.num_selected < 2:
        return
    unit = game.selection[index]
    is_kept = act in (PANEL_SELECT, PANEL_SELECT_TYPE)
    if act in (PANEL_SELECT, PANEL_DESELECT):
        _keep(game, unit, NONE, is_kept)
    else:
        _keep(game, NONE, game.kind[unit], is_kept)


@part
def use_control_group(game, act, group):
    """Sets or recalls a control group."""
    if act == RECALL:
        select(game, game.groups[group], game.num_grouped[group], False)
        return
    has_own = False
    for i in range(game.num_selected):
        has_own = has_own or game.owner[game.selection[i]] == PLAYER
    if not has_own:
        return
    if act in (SET_AND_STEAL, APPEND_AND_STEAL):
        for other in range(NUM_GROUPS):
            if other != group:
                _steal(game, other)
    if act in (SET, SET_AND_STEAL):
        game.num_grouped[group] = 0
    for i in range(game.num_selected):
        unit = game.selection[i]
        if game.owner[unit] == PLAYER and not _is_in(game, group, unit):
            game.groups[group, game.num_grouped[group]] = unit
            game.num_grouped[group] += 1


@part
def _steal(game, group):
    """Takes the selected units out of a group."""
    kept = 0
    for i in range(game.num_grouped[group]):
        unit = game.groups[group, i]
        if not game.selected[unit]:
            game.groups[group, kept] = unit
            kept += 1
    game.num_grouped[group] = kept


@part
def _is_in(game, group, unit):
    found = False
    for i in range(game.num_grouped[group]):
        found = found or game.groups[group, i] == unit
    return found
