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
    game.seen_rows[:] = game.seen_columns[:] = 0


@part
def look_around(game):
    """Looks with the eyes of the player's units."""
    if not game.has_fog:
        return
    for row in range(game.seen_rows[0], game.seen_rows[1]):
        for column in range(game.seen_columns[0], game.seen_columns[1]):
            if game.visibility[row, column] == VISIBLE:
                game.visibility[row, column] = np.uint8(SEEN)
    game.seen_rows[0] = game.seen_columns[0] = MAP_SIZE
    game.seen_rows[1] = game.seen_columns[1] = 0
    for unit in range(game.num_units):
        if game.owner[unit] == PLAYER and game.alive[unit]:
            _look(game, game.x[unit], game.y[unit], SIGHT[game.kind[unit]])


@part
def _look(game, x, y, sight):
    """Makes everything within sight of a point visible."""
    first_column, last_column = max(int(x - sight - 1), 0), min(int(x + sight + 1), MAP_SIZE - 1)
    first_row, last_row = max(int(y - sight - 1), 0), min(int(y + sight + 1), MAP_SIZE - 1)
    for row in range(first_row, last_row + 1):
        dy = row + 0.5 - y
        left, right = first_column, last_column
        while left <= right and not _is_in_sight(left + 0.5 - x, dy, sight):
            left += 1
        while left <= right and not _is_in_sight(right + 0.5 - x, dy, sight):
            right -= 1
        for column in range(left, right + 1):
            game.visibility[row, column] = np.uint8(VISIBLE)
    game.seen_rows[0] = min(game.seen_rows[0], first_row)
    game.seen_rows[1] = max(game.seen_rows[1], last_row + 1)
    game.seen_columns[0] = min(game.seen_columns[0], first_column)
    game.seen_columns[1] = max(game.seen_columns[1], last_column + 1)


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
