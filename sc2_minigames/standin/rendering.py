"""Draws the feature layers: a picture of numbers for the screen and for the minimap.

A unit is drawn as a disc of its radius, at least one pixel large; small units are drawn over
large ones. For each picture the index of the uppermost unit of every pixel is found once; a
layer is then a look-up of one property by that index. Layers that would be zero everywhere are
left out: PySC2 fills them in.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from s2clientprotocol import spatial_pb2

from sc2_minigames.standin.unit import Unit
from sc2_minigames.standin.units import ENEMY, PLAYER
from sc2_minigames.standin.view import View
from sc2_minigames.standin.world import World

HEIGHT = 127  # The ground is flat.
VISIBLE, SEEN = 2, 1  # Values of visibility_map; 0 is hidden.
_RELATIVE = {PLAYER: 1, ENEMY: 4}  # player_relative; 3 is neutral.
_BITS = {np.dtype(np.uint8): 8, np.dtype(np.int32): 32}


def relative(unit: Unit) -> int:
    """Returns the unit's value in the layer player_relative."""
    return _RELATIVE.get(unit.owner, 3)


def set_layer(image: object, values: npt.NDArray) -> None:
    """Writes a layer into its message.

    Args:
      image: an `ImageData` message.
      values: bool, uint8 or int32 `[height, width]`; bool becomes one bit a pixel, the most
        significant bit first.
    """
    height, width = values.shape
    image.size.x = width  # type: ignore[attr-defined]
    image.size.y = height  # type: ignore[attr-defined]
    if values.dtype == np.bool_:
        image.bits_per_pixel = 1  # type: ignore[attr-defined]
        image.data = np.packbits(values).tobytes()  # type: ignore[attr-defined]
    else:
        image.bits_per_pixel = _BITS[values.dtype]  # type: ignore[attr-defined]
        image.data = values.tobytes()  # type: ignore[attr-defined]


class Fog:
    """What the player sees and has seen, on a grid of one cell per map unit.

    Attributes:
      is_enabled: without fog everything is visible.
      visibility: uint8 `[size, size]`, indexed [y, x] with y growing upwards.
    """

    def __init__(self, size: int, is_enabled: bool):
        self.is_enabled = is_enabled
        self._middle = np.arange(size) + 0.5
        self.visibility = np.zeros((size, size), np.uint8)
        self.reset()

    def reset(self) -> None:
        """Forgets what was seen."""
        self.visibility[:] = 0 if self.is_enabled else VISIBLE

    def update(self, world: World) -> None:
        """Looks with the eyes of the player's units."""
        if not self.is_enabled:
            return
        grid = self.visibility
        grid[grid == VISIBLE] = SEEN
        for unit in world.units:
            if unit.owner == PLAYER and unit.alive:
                dx = self._middle - unit.x
                dy = self._middle - unit.y
                grid[(dy * dy)[:, None] + dx * dx <= unit.type.sight**2] = VISIBLE

    def is_visible(self, unit: Unit) -> bool:
        """Whether the player sees a unit now."""
        if not self.is_enabled or unit.owner == PLAYER:
            return True
        last = len(self._middle) - 1
        return bool(self.visibility[min(int(unit.y), last), min(int(unit.x), last)] == VISIBLE)


class Renderer:
    """Draws one game for one pair of picture sizes."""

    def __init__(self, view: View, world: World, fog: Fog):
        self._view = view
        self._world = world
        self._fog = fog
        self._columns = np.arange(view.screen[0], dtype=np.float32) + 0.5
        self._rows = np.arange(view.screen[1], dtype=np.float32) + 0.5
        self._camera: tuple[float, float] | None = None
        self._prepare_minimap()

    def _sampled(
        self, x: npt.NDArray, y: npt.NDArray
    ) -> tuple[npt.NDArray, npt.NDArray, npt.NDArray]:
        """Returns which pixels are on the map and on walkable ground, and their grid cells.

        Args:
          x: float `[width]`, map column of each pixel column.
          y: float `[height]`, map row of each pixel row.
        """
        size = self._world.size
        left, bottom, right, top = self._world.bounds
        on_map = ((y >= 0) & (y < size))[:, None] & ((x >= 0) & (x < size))
        walkable = ((y >= bottom) & (y <= top))[:, None] & ((x >= left) & (x <= right))
        columns = np.clip(x, 0, size - 1).astype(np.intp)
        rows = np.clip(y, 0, size - 1).astype(np.intp)
        return on_map, walkable, rows[:, None] * size + columns

    def _prepare_minimap(self) -> None:
        view = self._view
        width, height = view.minimap
        x = (np.arange(width) + 0.5) / view.minimap_scale
        y = view.map_size - (np.arange(height) + 0.5) / view.minimap_scale
        self._minimap_x, self._minimap_y = x, y
        on_map, walkable, self._minimap_cells = self._sampled(x, y)
        self._minimap_on_map = on_map
        message = spatial_pb2.FeatureLayersMinimap()
        set_layer(message.height_map, np.where(on_map, HEIGHT, 0).astype(np.uint8))
        set_layer(message.pathable, walkable)
        set_layer(message.buildable, walkable)
        self._minimap_ground = message

    def _look_at(self, camera: tuple[float, float]) -> None:
        """Draws what depends on the position of the camera alone."""
        if camera == self._camera:
            return
        self._camera = camera
        view = self._view
        scale = view.screen_scale
        x = camera[0] + (self._columns - view.screen[0] / 2) / scale
        y = camera[1] - (self._rows - view.screen[1] / 2) / scale
        self._on_map, walkable, self._cells = self._sampled(x, y)
        message = spatial_pb2.FeatureLayers()
        set_layer(message.height_map, np.where(self._on_map, HEIGHT, 0).astype(np.uint8))
        set_layer(message.pathable, walkable)
        set_layer(message.buildable, walkable)
        if not self._fog.is_enabled:
            set_layer(message.visibility_map, np.where(self._on_map, VISIBLE, 0).astype(np.uint8))
        self._ground = message
        half_width = view.camera_width / 2
        half_height = view.screen[1] / scale / 2
        inside_x = np.abs(self._minimap_x - camera[0]) <= half_width
        inside_y = np.abs(self._minimap_y - camera[1]) <= half_height
        minimap = spatial_pb2.FeatureLayersMinimap()
        minimap.CopyFrom(self._minimap_ground)
        set_layer(minimap.camera, inside_y[:, None] & inside_x)
        if not self._fog.is_enabled:
            on_map = np.where(self._minimap_on_map, VISIBLE, 0).astype(np.uint8)
            set_layer(minimap.visibility_map, on_map)
        self._minimap_base = minimap

    def draw(
        self,
        layers: spatial_pb2.ObservationFeatureLayer,
        units: Sequence[Unit],
        selection: Sequence[Unit],
        camera: tuple[float, float],
    ) -> None:
        """Fills a message with both pictures.

        Args:
          layers: to be filled.
          units: those that the player sees, anywhere on the map.
          selection: selected units.
          camera: map point at the centre of the screen.
        """
        self._look_at(camera)
        ordered = sorted(units, key=lambda unit: -unit.type.radius)
        chosen = {unit.tag for unit in selection}
        self._draw_screen(layers.renders, ordered, chosen, camera)
        self._draw_minimap(layers.minimap_renders, ordered, chosen)

    def _draw_screen(
        self,
        message: spatial_pb2.FeatureLayers,
        units: Sequence[Unit],
        chosen: set[int],
        camera: tuple[float, float],
    ) -> None:
        view = self._view
        message.CopyFrom(self._ground)
        if self._fog.is_enabled:
            seen = np.where(self._on_map, self._fog.visibility.ravel()[self._cells], 0)
            set_layer(message.visibility_map, seen.astype(np.uint8))
        reach_x = view.camera_width / 2
        reach_y = view.screen[1] / view.screen_scale / 2
        units = [
            unit
            for unit in units
            if abs(unit.x - camera[0]) < reach_x + unit.type.radius
            and abs(unit.y - camera[1]) < reach_y + unit.type.radius
        ]
        if not units:
            return
        cover = self._cover(units, camera)
        order = np.arange(1, len(units) + 1, dtype=np.int16)
        top = (cover * order[:, None, None]).max(0)

        def layer(values: list, dtype: npt.DTypeLike) -> npt.NDArray:
            return np.array([0, *values], dtype)[top]

        set_layer(message.player_id, layer([u.owner for u in units], np.uint8))
        set_layer(message.player_relative, layer([relative(u) for u in units], np.uint8))
        set_layer(message.unit_type, layer([u.type.id for u in units], np.int32))
        set_layer(message.unit_hit_points, layer([int(u.health) for u in units], np.int32))
        ratios = [int(255 * u.health / u.type.health) if u.type.health else 0 for u in units]
        set_layer(message.unit_hit_points_ratio, layer(ratios, np.uint8))
        density = cover.sum(0, dtype=np.uint8)
        set_layer(message.unit_density, np.minimum(density, 15))
        set_layer(message.unit_density_aa, np.minimum(density, 15) * np.uint8(16))
        if chosen:
            set_layer(message.selected, layer([u.tag in chosen for u in units], np.bool_))
        if any(u.production or u.progress < 1 for u in units):
            active = [bool(u.production) for u in units]
            set_layer(message.active, layer(active, np.bool_))
            progress = [int(255 * u.progress) if u.progress < 1 else 0 for u in units]
            set_layer(message.build_progress, layer(progress, np.uint8))

    def _cover(self, units: Sequence[Unit], camera: tuple[float, float]) -> npt.NDArray[np.bool_]:
        """Returns which pixels each unit covers, bool `[units, height, width]`."""
        view = self._view
        scale = view.screen_scale
        width, height = view.screen
        x = np.array([u.x for u in units])
        y = np.array([u.y for u in units])
        x = (x - camera[0]) * scale + width / 2
        y = (camera[1] - y) * scale + height / 2
        radius = np.array([u.type.radius for u in units], np.float32) * np.float32(scale)
        dx = self._columns - x.astype(np.float32)[:, None]
        dy = self._rows - y.astype(np.float32)[:, None]
        # Inside the disc: dy^2 <= r^2 - dx^2.
        room = (radius * radius)[:, None] - dx * dx
        cover = (dy * dy)[:, :, None] <= room[:, None, :]
        column = np.floor(x).astype(np.intp)
        row = np.floor(y).astype(np.intp)
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        (index,) = inside.nonzero()
        cover[index, row[index], column[index]] = True
        return cover

    def _draw_minimap(
        self,
        message: spatial_pb2.FeatureLayersMinimap,
        units: Sequence[Unit],
        chosen: set[int],
    ) -> None:
        view = self._view
        width, height = view.minimap
        message.CopyFrom(self._minimap_base)
        if self._fog.is_enabled:
            seen = self._fog.visibility.ravel()[self._minimap_cells]
            seen = np.where(self._minimap_on_map, seen, 0)
            set_layer(message.visibility_map, seen.astype(np.uint8))
        top = np.zeros((height, width), np.int16)
        scale = view.minimap_scale
        for index, unit in enumerate(units, 1):
            x, y = unit.x * scale, (view.map_size - unit.y) * scale
            radius = unit.type.radius * scale
            if radius < 1:
                column, row = int(x), int(y)
                if column < width and row < height:
                    top[row, column] = index
            else:
                top[
                    max(int(y - radius), 0) : int(y + radius) + 1,
                    max(int(x - radius), 0) : int(x + radius) + 1,
                ] = index

        def layer(values: list, dtype: npt.DTypeLike) -> npt.NDArray:
            return np.array([0, *values], dtype)[top]

        set_layer(message.player_id, layer([u.owner for u in units], np.uint8))
        set_layer(message.player_relative, layer([relative(u) for u in units], np.uint8))
        set_layer(message.unit_type, layer([u.type.id for u in units], np.int32))
        if chosen:
            set_layer(message.selected, layer([u.tag in chosen for u in units], np.bool_))
