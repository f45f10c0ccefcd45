"""Orders, walking, and the pushing apart of units that overlap."""

from __future__ import annotations

import math

from sc2_minigames.world._compile import part
from sc2_minigames.world.geometry import distance
from sc2_minigames.world.kinds import RADIUS, SPEED
from sc2_minigames.world.layout import MAX_ORDERS, NONE
from sc2_minigames.world.population import copy_order

SEPARATE_EVERY = 2  # Game loops between two rounds of pushing overlapping units apart.
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
_TOLERANCE = 1e-3  # Overlap that is let be.
_SAME = 1e-6  # Units nearer than that stand on the same spot.
_NEARLY = 1 + 1e-9  # More than any rounding of a square.


@part
def set_order(game, unit, place, kind, ability, x, y, target):
    """Writes an order of a unit at a place of its queue."""
    game.order_kind[place, unit] = kind
    game.order_ability[place, unit] = ability
    game.order_x[place, unit] = x
    game.order_y[place, unit] = y
    game.order_target[place, unit] = target
    game.order_made[place, unit] = NONE


@part
def append_order(game, unit, kind, ability, x, y, target):
    """Adds an order at the end; returns its place in the queue."""
    place = game.num_orders[unit]
    set_order(game, unit, place, kind, ability, x, y, target)
    game.num_orders[unit] = place + 1
    return place


@part
def pop_order(game, unit):
    """Drops the first order."""
    for place in range(1, game.num_orders[unit]):
        copy_order(game, unit, place, unit, place - 1)
    game.num_orders[unit] -= 1


@part
def drop_orders(game, unit):
    """Makes a unit drop what it is doing."""
    game.num_orders[unit] = 0
    game.foe[unit] = NONE
    game.is_passing[unit] = False


@part
def can_queue(game, unit):
    """Whether a unit can remember one more order."""
    return game.num_orders[unit] < MAX_ORDERS


@part
def walk(game, unit, x, y):
    """Takes one loop's step towards a point; returns whether the unit has arrived."""
    x = min(max(x, game.left), game.right)
    y = min(max(y, game.bottom), game.top)
    dx, dy = x - game.x[unit], y - game.y[unit]
    way = math.sqrt(dx * dx + dy * dy)
    if way <= 1e-9:
        return True
    game.has_moved = True
    game.facing_x[unit], game.facing_y[unit] = dx, dy
    speed = SPEED[game.kind[unit]]
    if way <= speed:
        game.x[unit], game.y[unit] = x, y
        return True
    game.x[unit] += dx / way * speed
    game.y[unit] += dy / way * speed
    # A crowd that wants to stand on one point settles around it.
    return way < RADIUS[game.kind[unit]] and _is_crowded(game, unit, x, y)


@part
def _is_crowded(game, unit, x, y):
    room = 2 * RADIUS[game.kind[unit]]
    for other in range(game.num_units):
        if (
            other != unit
            and SPEED[game.kind[other]] > 0
            and game.owner[other] == game.owner[unit]
            and game.num_orders[other] == 0
            and distance(game, other, x, y) < room
        ):
            return True
    return False


@part
def separate(game):
    """Moves every unit away from those it overlaps, half of the overlap each."""
    if not game.has_moved or game.loop % SEPARATE_EVERY != 0:
        return
    size = 0
    for unit in range(game.num_units):
        if game.alive[unit] and SPEED[game.kind[unit]] > 0 and not game.is_passing[unit]:
            game.list[size] = unit
            game.crowd_x[size], game.crowd_y[size] = game.x[unit], game.y[unit]
            game.crowd_radius[size] = RADIUS[game.kind[unit]]
            size += 1
    game.has_moved = _push(game, size)
    if not game.has_moved:
        return
    for i in range(size):
        unit = game.list[i]
        game.x[unit] = min(max(game.x[unit] + game.shift_x[i], game.left), game.right)
        game.y[unit] = min(max(game.y[unit] + game.shift_y[i], game.bottom), game.top)


@part
def _push(game, size):
    """Fills in how far each of a crowd is pushed; returns whether any two overlap by much."""
    overlaps = False
    for i in range(size):
        game.shift_x[i] = game.shift_y[i] = 0.0
        if _count_near(game, i) > 0:
            for j in range(i):
                overlaps = _push_pair(game, i, j) > _TOLERANCE or overlaps
    return overlaps


@part
def _count_near(game, i):
    """Returns how many before i in the crowd overlap it, or nearly; without a branch."""
    near = 0
    x, y, radius = game.crowd_x[i], game.crowd_y[i], game.crowd_radius[i]
    for j in range(i):
        dx, dy = x - game.crowd_x[j], y - game.crowd_y[j]
        reach = radius + game.crowd_radius[j]
        near += dx * dx + dy * dy < reach * reach * _NEARLY
    return near


@part
def _push_pair(game, i, j):
    """Adds how far two of a crowd push each other; returns how much they overlap."""
    dx, dy = game.crowd_x[i] - game.crowd_x[j], game.crowd_y[i] - game.crowd_y[j]
    apart = math.sqrt(dx * dx + dy * dy)
    overlap = game.crowd_radius[i] + game.crowd_radius[j] - apart
    if overlap <= 0:
        return 0.0
    if apart < _SAME:  # Units on the very same spot part all ways like a sunflower.
        dx = math.cos(i * _GOLDEN_ANGLE) - math.cos(j * _GOLDEN_ANGLE)
        dy = math.sin(i * _GOLDEN_ANGLE) - math.sin(j * _GOLDEN_ANGLE)
        apart = math.sqrt(dx * dx + dy * dy)
    share = overlap / 2 / apart
    game.shift_x[i] += share * dx
    game.shift_y[i] += share * dy
    game.shift_x[j] -= share * dx
    game.shift_y[j] -= share * dy
    return overlap
