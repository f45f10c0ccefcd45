"""Where units begin: at random places, or in lines on two sides."""

from __future__ import annotations

import math

import numpy as np

from sc2_minigames.world._compile import part
from sc2_minigames.world.draws import draw, uniform
from sc2_minigames.world.geometry import distance
from sc2_minigames.world.kinds import RADIUS
from sc2_minigames.world.layout import CENTRE, NONE
from sc2_minigames.world.population import add

PLACING_TRIES = 10_000
SIDE_DISTANCE = 7.0  # From the centre to the line that a side begins on.
COLUMN = 11  # Units in one vertical line, at most.
# How far combat starts differ from one episode to another, where that is asked for.
LINE_SHIFT = 1.0  # of a side's line, away from where it is or back
LINE_SLIDE = 2.0  # of a side's line, up or down
UNIT_SHIFT = 0.25  # of each unit, both ways


@part
def place(game, kind, owner, count, nearest, farthest, mutual, others, apart):
    """Places units at random.

    Args:
      game: the game.
      kind: of unit.
      owner: whose.
      count: how many.
      nearest: least distance from the centre of the map.
      farthest: greatest distance from there.
      mutual: distance that the new ones keep from each other.
      others: an owner, from whose units the new ones keep away; NONE for nobody.
      apart: how far they keep away from those.
    """
    first = game.num_units
    for _ in range(PLACING_TRIES):
        if game.num_units - first == count:
            return
        x = uniform(game, game.left, game.right)
        y = uniform(game, game.bottom, game.top)
        dx, dy = x - CENTRE, y - CENTRE
        if not nearest <= math.sqrt(dx * dx + dy * dy) <= farthest:
            continue
        is_free = True
        for unit in range(game.num_units):
            if unit >= first:
                is_free = distance(game, unit, x, y) >= mutual
            elif game.owner[unit] == others and game.alive[unit]:
                is_free = distance(game, unit, x, y) >= apart
            if not is_free:
                break
        if is_free:
            add(game, kind, owner, x, y)
    if game.num_units - first < count:
        raise RuntimeError("a game of the stand-in has no room for its new units")


@part
def place_anywhere(game, kind, owner, count, mutual, others, apart):
    """Places units at random, however far from the centre of the map."""
    place(game, kind, owner, count, 0.0, np.inf, mutual, others, apart)


@part
def line_up(game, owner, outward):
    """Puts an owner's units in vertical lines on one side, the next ones behind the first.

    Args:
      game: the game.
      owner: whose units.
      outward: 1.0 for the right-hand side, -1.0 for the left.
    """
    members, size = game.list, 0
    for unit in range(game.num_units):
        if game.owner[unit] == owner and game.alive[unit]:
            members[size] = unit
            size += 1
    x, y = CENTRE + outward * SIDE_DISTANCE, CENTRE
    if game.varies:
        x += LINE_SHIFT * (2 * draw(game) - 1)
        y += LINE_SLIDE * (2 * draw(game) - 1)
    for start in range(0, size, COLUMN):
        end = min(start + COLUMN, size)
        radius = 0.0
        for i in range(start, end):
            radius = max(radius, RADIUS[game.kind[members[i]]])
        for i in range(start, end):
            unit = members[i]
            game.x[unit] = x + outward * 0.9 * (start // COLUMN)
            game.y[unit] = y + ((i - start) - (end - start - 1) / 2) * (2.2 * radius)
            _shake(game, unit)
            game.num_orders[unit] = 0
            game.foe[unit] = NONE
            game.cooldown[unit] = 0.0


@part
def _shake(game, unit):
    """Shifts a unit a little, if starts differ, and keeps it on the ground."""
    if not game.varies:
        return
    x = game.x[unit] + UNIT_SHIFT * (2 * draw(game) - 1)
    y = game.y[unit] + UNIT_SHIFT * (2 * draw(game) - 1)
    game.x[unit] = min(max(x, game.left), game.right)
    game.y[unit] = min(max(y, game.bottom), game.top)
