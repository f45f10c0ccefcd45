"""Paints the feature layers: pictures of numbers for the screen and for the minimap.

A unit is painted as a disc of its radius, at least one pixel large, small units over large ones. A
picture is kept from one step to the next: the boxes that units were painted in are wiped, and the
ground is painted anew only where the camera or the fog has changed it.
"""

from __future__ import annotations

import math

import numpy as np

from sc2_minigames.observations import MINIMAP_LAYERS, SCREEN_LAYERS
from sc2_minigames.world._compile import compiled, part
from sc2_minigames.world.fog import is_visible
from sc2_minigames.world.geometry import minimap_scale, screen_scale
from sc2_minigames.world.kinds import DRAWING_RANK, HEALTH, NUM_RANKS, RADIUS
from sc2_minigames.world.layout import CAMERA_WIDTH, MAP_SIZE, MAX_UNITS, NONE
from sc2_minigames.world.observing import DENSE_TYPE, relative

HEIGHT = 127  # The ground is flat.
_DENSITY = 15  # The largest value of unit_density.

# What is in the pictures of a game.
PICTURE = np.dtype(
    [
        ("is_painted", np.int64),
        ("camera_x", np.float64),
        ("camera_y", np.float64),
        ("num_units", np.int64),
        ("order", np.int64, (MAX_UNITS,)),  # units in the order of painting
        # First row, row after the last, first column, column after the last.
        ("num_screen", np.int64),
        ("screen", np.int64, (MAX_UNITS, 4)),
        ("num_minimap", np.int64),
        ("minimap", np.int64, (MAX_UNITS, 4)),
    ],
    align=True,
)

_S = {layer.name: i for i, layer in enumerate(SCREEN_LAYERS)}
_M = {layer.name: i for i, layer in enumerate(MINIMAP_LAYERS)}
_HEIGHT, _VISIBILITY = _S["height_map"], _S["visibility_map"]
_PATHABLE, _BUILDABLE = _S["pathable"], _S["buildable"]
_ID, _RELATIVE, _TYPE, _SELECTED = (
    _S[name] for name in ("player_id", "player_relative", "unit_type", "selected")
)
_HEALTH, _RATIO = _S["unit_hit_points"], _S["unit_hit_points_ratio"]
_MOST_HEALTH = SCREEN_LAYERS[_HEALTH].size - 1
_COUNT, _COUNT_AA = _S["unit_density"], _S["unit_density_aa"]
_ACTIVE, _PROGRESS = _S["active"], _S["build_progress"]
_MAP_HEIGHT, _MAP_VISIBILITY, _MAP_CAMERA = (
    _M[name] for name in ("height_map", "visibility_map", "camera")
)
_MAP_ID, _MAP_RELATIVE, _MAP_SELECTED, _MAP_TYPE = (
    _M[name] for name in ("player_id", "player_relative", "selected", "unit_type")
)
_MAP_PATHABLE, _MAP_BUILDABLE = _M["pathable"], _M["buildable"]


@compiled
def paint_games(games, pictures, screens, minimaps):
    """Paints both pictures of every game.

    Args:
      games: `GAME` [B].
      pictures: `PICTURE` [B], zeros before the first call.
      screens: int16 [B, H, W, 27]; must hold what the call before has painted, zeros at first.
      minimaps: int16 [B, H, W, 11]; the same.
    """
    for b in range(len(games)):
        game, picture = games[b], pictures[b]
        has_moved = game.camera_x != picture.camera_x or game.camera_y != picture.camera_y
        is_new = has_moved or not picture.is_painted
        if is_new:
            _paint_screen_ground(game, screens[b])
            _paint_minimap_ground(game, minimaps[b])
            picture.camera_x, picture.camera_y = game.camera_x, game.camera_y
            picture.is_painted = 1
        if is_new or game.has_fog:
            _paint_fog(game, screens[b], minimaps[b])
        _wipe_screen(picture, screens[b])
        _wipe_minimap(picture, minimaps[b])
        _sort(game, picture)
        for i in range(picture.num_units):
            _paint_unit(game, picture, picture.order[i], screens[b])
            _mark_unit(game, picture, picture.order[i], minimaps[b])


@part
def _sort(game, picture):
    """Lists the visible units, large ones first."""
    size = 0
    for rank in range(NUM_RANKS):
        for unit in range(game.num_units):
            if DRAWING_RANK[game.kind[unit]] == rank and is_visible(game, unit):
                picture.order[size] = unit
                size += 1
    picture.num_units = size


# --- the ground


@part
def _screen_x(game, column):
    """Returns the map's x of a column of pixels, float32 as whether it is ground is a hair's."""
    half, scale = np.float32(game.screen_size / 2), np.float32(screen_scale(game))
    return np.float32(game.camera_x) + (np.float32(column + 0.5) - half) / scale


@part
def _screen_y(game, row):
    """Returns the map's y of a row of pixels, float32."""
    half, scale = np.float32(game.screen_size / 2), np.float32(screen_scale(game))
    return np.float32(game.camera_y) - (np.float32(row + 0.5) - half) / scale


@part
def _minimap_y(game, row):
    return MAP_SIZE - (row + 0.5) / minimap_scale(game)


@part
def _cell(value):
    """Returns the cell of the fog's grid that a coordinate is in, or NONE off the map."""
    return int(value) if 0 <= value < MAP_SIZE else NONE


@part
def _is_ground(game, x, y):
    return game.left <= x <= game.right and game.bottom <= y <= game.top


@part
def _paint_screen_ground(game, screen):
    for row in range(game.screen_size):
        y = _screen_y(game, row)
        for column in range(game.screen_size):
            x = _screen_x(game, column)
            pixel = screen[row, column]
            pixel[_HEIGHT] = HEIGHT if _cell(x) >= 0 and _cell(y) >= 0 else 0
            pixel[_PATHABLE] = pixel[_BUILDABLE] = _is_ground(game, x, y)


@part
def _paint_minimap_ground(game, minimap):
    size, scale = game.minimap_size, minimap_scale(game)
    half_width = CAMERA_WIDTH / 2
    half_height = game.screen_size / screen_scale(game) / 2
    for row in range(size):
        y = _minimap_y(game, row)
        for column in range(size):
            x = (column + 0.5) / scale
            pixel = minimap[row, column]
            pixel[_MAP_HEIGHT] = HEIGHT  # The whole of it is on the map.
            pixel[_MAP_PATHABLE] = pixel[_MAP_BUILDABLE] = _is_ground(game, x, y)
            is_seen_x = abs(x - game.camera_x) <= half_width
            pixel[_MAP_CAMERA] = is_seen_x and abs(y - game.camera_y) <= half_height


@part
def _paint_fog(game, screen, minimap):
    """Paints the layer visibility_map of both pictures."""
    columns = np.empty(game.screen_size, np.int64)
    for column in range(game.screen_size):
        columns[column] = _cell(_screen_x(game, column))
    for row in range(game.screen_size):
        cell = _cell(_screen_y(game, row))
        for column in range(game.screen_size):
            screen[row, column, _VISIBILITY] = _seen(game, cell, columns[column])
    columns = np.empty(game.minimap_size, np.int64)
    for column in range(game.minimap_size):
        columns[column] = _cell((column + 0.5) / minimap_scale(game))
    for row in range(game.minimap_size):
        cell = _cell(_minimap_y(game, row))
        for column in range(game.minimap_size):
            minimap[row, column, _MAP_VISIBILITY] = _seen(game, cell, columns[column])


@part
def _seen(game, row, column):
    """Returns what is visible in a cell of the fog's grid; either may be NONE."""
    return game.visibility[row, column] if row >= 0 and column >= 0 else 0


# --- units


@part
def _wipe_screen(picture, screen):
    for i in range(picture.num_screen):
        for row in range(picture.screen[i, 0], picture.screen[i, 1]):
            for column in range(picture.screen[i, 2], picture.screen[i, 3]):
                for layer in range(_ID, _RATIO + 1):
                    screen[row, column, layer] = 0
                screen[row, column, _COUNT] = screen[row, column, _COUNT_AA] = 0
                screen[row, column, _ACTIVE] = screen[row, column, _PROGRESS] = 0
    picture.num_screen = 0


@part
def _wipe_minimap(picture, minimap):
    for i in range(picture.num_minimap):
        for row in range(picture.minimap[i, 0], picture.minimap[i, 1]):
            for column in range(picture.minimap[i, 2], picture.minimap[i, 3]):
                for layer in range(_MAP_ID, _MAP_TYPE + 1):
                    minimap[row, column, layer] = 0
    picture.num_minimap = 0


@part
def _paint_unit(game, picture, unit, screen):
    """Paints a unit on the screen, if it is there."""
    kind = game.kind[unit]
    scale, size = screen_scale(game), game.screen_size
    dx, dy = game.x[unit] - game.camera_x, game.y[unit] - game.camera_y
    if abs(dx) >= CAMERA_WIDTH / 2 + RADIUS[kind] or abs(dy) >= size / scale / 2 + RADIUS[kind]:
        return
    # In float32 and in this order, as whether a pixel is covered is decided by a hair.
    x, y = dx * scale + size / 2, -dy * scale + size / 2
    x32, y32 = np.float32(x), np.float32(y)
    radius = np.float32(RADIUS[kind]) * np.float32(scale)
    middle_row, middle_column = math.floor(y), math.floor(x)
    first_row, last_row = max(int(y - radius), 0), min(int(y + radius), size - 1)
    first_column, last_column = max(int(x - radius), 0), min(int(x + radius), size - 1)
    look = _appearance(game, unit)
    for row in range(first_row, last_row + 1):
        below = np.float32(row + 0.5) - y32
        for column in range(first_column, last_column + 1):
            beside = np.float32(column + 0.5) - x32
            is_middle = row == middle_row and column == middle_column
            if is_middle or below * below <= radius * radius - beside * beside:
                _paint_pixel(screen, row, column, look)
    place = picture.num_screen
    picture.screen[place, 0], picture.screen[place, 1] = first_row, last_row + 1
    picture.screen[place, 2], picture.screen[place, 3] = first_column, last_column + 1
    picture.num_screen = place + 1


@part
def _appearance(game, unit):
    """Returns a unit's values in the layers, in the order in which `_paint_pixel` takes them."""
    kind, owner = game.kind[unit], game.owner[unit]
    health = min(int(game.health[unit]), _MOST_HEALTH)
    ratio = int(255 * game.health[unit] / HEALTH[kind]) if HEALTH[kind] > 0 else 0
    is_active = int(game.num_production[unit] > 0)
    progress = int(255 * game.progress[unit]) if game.progress[unit] < 1 else 0
    selected = int(game.selected[unit])
    return owner, relative(owner), DENSE_TYPE[kind], selected, health, ratio, is_active, progress


@part
def _paint_pixel(screen, row, column, look):
    screen[row, column, _ID] = look[0]
    screen[row, column, _RELATIVE] = look[1]
    screen[row, column, _TYPE] = look[2]
    screen[row, column, _SELECTED] = look[3]
    screen[row, column, _HEALTH] = look[4]
    screen[row, column, _RATIO] = look[5]
    screen[row, column, _ACTIVE] = look[6]
    screen[row, column, _PROGRESS] = look[7]
    density = min(screen[row, column, _COUNT] + 1, _DENSITY)
    screen[row, column, _COUNT] = density
    screen[row, column, _COUNT_AA] = 16 * density


@part
def _mark_unit(game, picture, unit, minimap):
    """Paints a unit on the minimap."""
    scale, size = minimap_scale(game), game.minimap_size
    kind = game.kind[unit]
    x, y = game.x[unit] * scale, (MAP_SIZE - game.y[unit]) * scale
    radius = RADIUS[kind] * scale
    if radius < 1:
        radius = 0.0
    first_row, last_row = max(int(y - radius), 0), min(int(y + radius), size - 1)
    first_column, last_column = max(int(x - radius), 0), min(int(x + radius), size - 1)
    for row in range(first_row, last_row + 1):
        for column in range(first_column, last_column + 1):
            minimap[row, column, _MAP_ID] = game.owner[unit]
            minimap[row, column, _MAP_RELATIVE] = relative(game.owner[unit])
            minimap[row, column, _MAP_TYPE] = DENSE_TYPE[kind]
            minimap[row, column, _MAP_SELECTED] = game.selected[unit]
    place = picture.num_minimap
    picture.minimap[place, 0], picture.minimap[place, 1] = first_row, last_row + 1
    picture.minimap[place, 2], picture.minimap[place, 3] = first_column, last_column + 1
    picture.num_minimap = place + 1
