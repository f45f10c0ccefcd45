"""Distances, and the way from pixels to the map and back (as `pysc2.lib.features` has it).

Map coordinates grow to the right and up, pixels to the right and down; a pixel stands for its
centre.
"""

from __future__ import annotations

import math

from sc2_minigames.world._compile import part
from sc2_minigames.world.kinds import RADIUS
from sc2_minigames.world.layout import CAMERA_WIDTH, MAP_SIZE


@part
def distance(game, unit, x, y):
    """Distance of a unit's centre to a point."""
    dx = game.x[unit] - x
    dy = game.y[unit] - y
    return math.sqrt(dx * dx + dy * dy)


@part
def gap(game, unit, other):
    """Distance from edge to edge; negative if they overlap."""
    reach = RADIUS[game.kind[unit]] + RADIUS[game.kind[other]]
    return distance(game, unit, game.x[other], game.y[other]) - reach


@part
def screen_scale(game):
    """Pixels of the screen per map unit."""
    return game.screen_size / CAMERA_WIDTH


@part
def minimap_scale(game):
    """Pixels of the minimap per map unit."""
    return game.minimap_size / MAP_SIZE


@part
def screen_point(game, column, row):
    """Returns the map point at the centre of a screen pixel."""
    scale = screen_scale(game)
    half = game.screen_size / 2
    return (
        game.camera_x + (column + 0.5 - half) / scale,
        game.camera_y - (row + 0.5 - half) / scale,
    )


@part
def screen_position(game, x, y):
    """Returns where a map point is on the screen, (column, row); the whole part is the pixel."""
    scale = screen_scale(game)
    half = game.screen_size / 2
    return (x - game.camera_x) * scale + half, (game.camera_y - y) * scale + half


@part
def is_on_screen(game, x, y):
    """Whether a map point is on the screen."""
    column, row = screen_position(game, x, y)
    return 0 <= column < game.screen_size and 0 <= row < game.screen_size


@part
def minimap_point(game, column, row):
    """Returns the map point at the centre of a minimap pixel."""
    scale = minimap_scale(game)
    return (column + 0.5) / scale, MAP_SIZE - (row + 0.5) / scale


@part
def _nearest(value, low, high):
    if low > high:
        return (low + high) / 2
    return min(max(value, low), high)


@part
def look_at(game, x, y):
    """Centres the screen on a map point, or as near as the ground allows."""
    half = game.screen_size / screen_scale(game) / 2
    game.camera_x = _nearest(x, game.left + half, game.right - half)
    game.camera_y = _nearest(y, game.bottom + half, game.top - half)
