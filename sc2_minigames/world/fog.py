"""What the player sees and has seen, on a grid of one cell per map unit, indexed [y, x]."""

from __future__ import annotations

import numpy as np

from sc2_minigames.world._compile import part
from sc2_minigames.world.kinds import PLAYER, SIGHT
from sc2_minigames.world.layout import MAP_SIZE

HIDDEN, SEEN, VISIBLE = 0, 1, 2  # Values of the layer visibility_map.


@part
def forget_all(game):
    """Forgets what was seen; without fog everything is visible."""
    game.visibility[:] = np.uint8(HIDDEN if game.has_fog else VISIBLE)


@part
def look_around(game):
    """Looks with the eyes of the player's units."""
    if not game.has_fog:
        return
    grid = game.visibility
    for row in range(MAP_SIZE):
        for column in range(MAP_SIZE):
            grid[row, column] = min(grid[row, column], np.uint8(SEEN))
    for unit in range(game.num_units):
        if game.owner[unit] != PLAYER or not game.alive[unit]:
            continue
        sight = SIGHT[game.kind[unit]]
        x, y = game.x[unit], game.y[unit]
        first, last = max(int(x - sight - 1), 0), min(int(x + sight + 1), MAP_SIZE - 1)
        for row in range(max(int(y - sight - 1), 0), min(int(y + sight + 2), MAP_SIZE)):
            dy = row + 0.5 - y
            left, right = first, last
            while left <= right and not _is_in_sight(left + 0.5 - x, dy, sight):
                left += 1
            while left <= right and not _is_in_sight(right + 0.5 - x, dy, sight):
                right -= 1
            for column in range(left, right + 1):
                grid[row, column] = np.uint8(VISIBLE)


@part
def _is_in_sight(dx, dy, sight):
    return dy * dy + dx * dx <= sight * sight


@part
def is_visible(game, unit):
    """Whether the player sees a unit now."""
    if not game.has_fog or game.owner[unit] == PLAYER:
        return True
    row = min(int(game.y[unit]), MAP_SIZE - 1)
    column = min(int(game.x[unit]), MAP_SIZE - 1)
    return game.visibility[row, column] == VISIBLE
