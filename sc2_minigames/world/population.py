"""Units come, die and are renumbered."""

from __future__ import annotations

from sc2_minigames.world._compile import part
from sc2_minigames.world.kinds import ENEMY, HEALTH, PLAYER
from sc2_minigames.world.layout import DEAD, MAX_UNITS, NONE, NUM_GROUPS


@part
def clear(game):
    """Removes everything and sets the clock to zero."""
    game.loop = game.score = game.num_units = game.next_tag = game.num_selected = 0
    game.minerals = game.vespene = game.collected_minerals = game.collected_vespene = 0
    game.trained_marines = 0
    game.defeat = game.has_moved = game.has_dead = False
    game.has_changed = True
    game.num_grouped[:] = 0


@part
def add(game, kind, owner, x, y):
    """Puts a new unit on the map and returns its number."""
    unit = game.num_units
    if unit == MAX_UNITS:
        raise RuntimeError("a game of the stand-in has more units than its record has room for")
    game.num_units += 1
    game.has_moved = game.has_changed = True
    game.x[unit], game.y[unit] = x, y
    game.facing_x[unit], game.facing_y[unit] = 1.0, 0.0
    game.health[unit] = HEALTH[kind]
    game.cooldown[unit] = 0.0
    game.progress[unit] = 1.0
    game.kind[unit], game.owner[unit], game.tag[unit] = kind, owner, game.next_tag
    game.next_tag += 1
    game.alive[unit] = True
    game.selected[unit] = game.carries_gas[unit] = game.is_passing[unit] = False
    game.foe[unit] = game.user[unit] = game.rally_kind[unit] = game.rally_target[unit] = NONE
    game.num_orders[unit] = game.cargo[unit] = game.timer[unit] = 0
    game.contents[unit] = game.num_production[unit] = 0
    return unit


@part
def remove(game, unit):
    """Takes a unit off the map without calling it a death."""
    game.alive[unit] = False
    game.has_dead = True


@part
def count(game, owner):
    """Returns how many living units an owner has."""
    found = 0
    for unit in range(game.num_units):
        if game.owner[unit] == owner and game.alive[unit]:
            found += 1
    return found


@part
def list_foes(game):
    """Brings `foes` up to date: row 0 the foes of the player, row 1 those of the enemy."""
    if not game.has_changed:
        return
    game.has_changed = False
    game.num_foes[:] = 0
    for unit in range(game.num_units):
        owner = game.owner[unit]
        if owner in (ENEMY, PLAYER):
            row = 0 if owner == ENEMY else 1
            game.foes[row, game.num_foes[row]] = unit
            game.num_foes[row] += 1


@part
def sweep(game):
    """Closes up the columns where units were removed."""
    if not game.has_dead:
        return
    game.has_dead = False
    game.has_changed = True
    kept = 0
    for unit in range(game.num_units):
        if game.alive[unit]:
            game.renumbered[unit] = kept
            if kept != unit:
                _move(game, unit, kept)
            kept += 1
        else:
            game.renumbered[unit] = DEAD
    # References that are no numbers stay as they are: entry -1 is NONE, -2 is DEAD.
    game.renumbered[NONE], game.renumbered[DEAD] = NONE, DEAD
    game.num_units = kept
    _renumber(game)


@part
def _move(game, unit, place):
    """Moves everything about a unit to another, lower place."""
    game.x[place], game.y[place] = game.x[unit], game.y[unit]
    game.facing_x[place], game.facing_y[place] = game.facing_x[unit], game.facing_y[unit]
    game.health[place], game.cooldown[place] = game.health[unit], game.cooldown[unit]
    game.progress[place], game.alive[place] = game.progress[unit], True
    game.kind[place], game.owner[place] = game.kind[unit], game.owner[unit]
    game.tag[place], game.selected[place] = game.tag[unit], game.selected[unit]
    game.foe[place], game.user[place] = game.foe[unit], game.user[unit]
    game.cargo[place], game.carries_gas[place] = game.cargo[unit], game.carries_gas[unit]
    game.is_passing[place], game.timer[place] = game.is_passing[unit], game.timer[unit]
    game.contents[place] = game.contents[unit]
    game.rally_kind[place], game.rally_target[place] = (
        game.rally_kind[unit],
        game.rally_target[unit],
    )
    game.rally_x[place], game.rally_y[place] = game.rally_x[unit], game.rally_y[unit]
    game.num_production[place] = game.num_production[unit]
    for i in range(game.num_production[unit]):
        game.production[place, i] = game.production[unit, i]
    game.num_orders[place] = game.num_orders[unit]
    for i in range(game.num_orders[unit]):
        copy_order(game, unit, i, place, i)


@part
def copy_order(game, unit, index, other, place):
    """Copies order `index` of a unit to order `place` of another one."""
    game.order_kind[place, other] = game.order_kind[index, unit]
    game.order_ability[place, other] = game.order_ability[index, unit]
    game.order_target[place, other] = game.order_target[index, unit]
    game.order_made[place, other] = game.order_made[index, unit]
    game.order_x[place, other] = game.order_x[index, unit]
    game.order_y[place, other] = game.order_y[index, unit]
    game.order_from_x[place, other] = game.order_from_x[index, unit]
    game.order_from_y[place, other] = game.order_from_y[index, unit]


@part
def _renumber(game):
    """Gives the new numbers to everything that refers to units."""
    new = game.renumbered
    for unit in range(game.num_units):
        game.foe[unit] = new[game.foe[unit]]
        game.user[unit] = new[game.user[unit]]
        game.rally_target[unit] = new[game.rally_target[unit]]
        for i in range(game.num_orders[unit]):
            game.order_target[i, unit] = new[game.order_target[i, unit]]
    game.num_selected = _renumber_list(new, game.selection, game.num_selected)
    for group in range(NUM_GROUPS):
        game.num_grouped[group] = _renumber_list(new, game.groups[group], game.num_grouped[group])


@part
def _renumber_list(new, members, length):
    """Renumbers a list of units, without the dead; returns its new length."""
    kept = 0
    for i in range(length):
        if new[members[i]] >= 0:
            members[kept] = new[members[i]]
            kept += 1
    return kept
