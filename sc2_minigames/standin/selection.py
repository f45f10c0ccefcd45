"""What the player looks at and has selected."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from s2clientprotocol import error_pb2, spatial_pb2, ui_pb2

from sc2_minigames.standin.game import CENTRE, Game
from sc2_minigames.standin.unit import Unit
from sc2_minigames.standin.units import PLAYER
from sc2_minigames.standin.view import View

SUCCESS = error_pb2.Success

Point = tuple[float, float]


class Selector:
    """Camera, selection and control groups; every change is answered with an `ActionResult`.

    Attributes:
      game: the mini-game that is played.
      view: sizes of screen and minimap.
      camera: map point at the centre of the screen.
      selection: selected units.
      groups: control groups, by number.
      is_visible: tells whether the player sees a unit.
    """

    def __init__(self, game: Game, view: View, is_visible: Callable[[Unit], bool]):
        self.game = game
        self.view = view
        self.is_visible = is_visible
        self.begin([])

    def begin(self, selection: Iterable[Unit]) -> None:
        """Starts an episode with some units selected."""
        self.camera: Point = CENTRE
        self.selection: list[Unit] = list(selection)
        self.groups: dict[int, list[Unit]] = {}

    def forget_dead(self) -> None:
        """Takes dead units out of the selection and the control groups."""
        if not all(unit.alive for unit in self.selection):
            self.selection = [unit for unit in self.selection if unit.alive]
        for number, group in list(self.groups.items()):
            alive = [unit for unit in group if unit.alive]
            if alive:
                self.groups[number] = alive
            else:
                del self.groups[number]

    def look_at(self, x: float, y: float) -> int:
        """Centres the screen on a map point, or as near as the ground allows.

        Like a map's camera bounds: the screen does not leave the ground that can be walked on, and
        where it is as large as that, it stays in the middle.
        """
        left, bottom, right, top = self.game.world.bounds
        half_width, half_height = (side / self.view.screen_scale / 2 for side in self.view.screen)
        self.camera = (
            _nearest(x, left + half_width, right - half_width),
            _nearest(y, bottom + half_height, top - half_height),
        )
        return SUCCESS

    def move_camera(self, pixel: Any) -> int:
        """Centres the screen on a pixel of the minimap."""
        if not is_inside((pixel.x, pixel.y), self.view.minimap):
            return error_pb2.Error
        return self.look_at(*self.view.minimap_point((pixel.x, pixel.y)))

    def unit_at(self, point: Point) -> Unit | None:
        """Returns the unit drawn at a map point; the player's own come first, then the nearest."""
        slack = 0.5 / self.view.screen_scale  # A unit is drawn at least one pixel large.
        best, best_key = None, (2, 0.0)
        for unit in self.game.world.units:
            distance = unit.distance(*point)
            if distance <= max(unit.type.radius, slack) and unit.alive:
                key = (int(unit.owner != PLAYER), distance)
                if key < best_key and unit.type.is_selectable and self.is_visible(unit):
                    best, best_key = unit, key
        return best

    def _on_screen(self, unit: Unit) -> bool:
        return self.view.is_on_screen(unit.x, unit.y, self.camera)

    def select(self, units: list[Unit], *, add: bool = False) -> int:
        """Selects units instead of, or besides, those selected before."""
        if not units:
            return error_pb2.Error  # An empty box leaves the selection as it is.
        if add and all(unit.owner == PLAYER for unit in self.selection):
            self.selection += [unit for unit in units if unit not in self.selection]
        else:
            self.selection = units
        return SUCCESS

    def select_point(self, action: Any) -> int:
        """Selects what was clicked on (`ActionSpatialUnitSelectionPoint`)."""
        pixel = (action.selection_screen_coord.x, action.selection_screen_coord.y)
        if not is_inside(pixel, self.view.screen):
            return error_pb2.Error
        unit = self.unit_at(self.view.screen_point(pixel, self.camera))
        if unit is None:
            return error_pb2.Error
        kind = spatial_pb2.ActionSpatialUnitSelectionPoint
        if unit.owner != PLAYER:
            return self.select([unit])
        if action.type == kind.Toggle and unit in self.selection:
            self.selection.remove(unit)
            return SUCCESS
        chosen = [unit]
        if action.type in (kind.AllType, kind.AddAllType):
            chosen = [
                other
                for other in self.game.world.owned(PLAYER)
                if other.type is unit.type and self._on_screen(other)
            ]
        return self.select(chosen, add=action.type in (kind.Toggle, kind.AddAllType))

    def select_rectangle(self, action: Any) -> int:
        """Selects what is in a box (`ActionSpatialUnitSelectionRect`)."""
        chosen: list[Unit] = []
        for box in action.selection_screen_coord:
            left, right = sorted((box.p0.x, box.p1.x))
            top, bottom = sorted((box.p0.y, box.p1.y))
            for unit in self.game.world.owned(PLAYER):
                x, y = self.view.screen_position(unit.x, unit.y, self.camera)
                if left <= x < right + 1 and top <= y < bottom + 1 and unit not in chosen:
                    chosen.append(unit)
        walkers = [unit for unit in chosen if unit.is_mobile]
        return self.select(walkers or chosen, add=action.selection_add)

    def select_idle_worker(self, kind: int) -> int:
        """Selects workers without orders (`ActionSelectIdleWorker.Type`)."""
        idle = [u for u in self.game.world.owned(PLAYER) if u.type.is_worker and not u.orders]
        options = ui_pb2.ActionSelectIdleWorker
        if kind in (options.Set, options.Add):
            # Again and again it goes through all of them.
            fresh = [unit for unit in idle if unit not in self.selection]
            idle = (fresh or idle)[:1]
        return self.select(idle, add=kind in (options.Add, options.AddAll))

    def use_panel(self, action: Any) -> int:
        """Picks from the selected units (`ActionMultiPanel`)."""
        if action.unit_index >= len(self.selection) or len(self.selection) < 2:
            return error_pb2.Error
        unit = self.selection[action.unit_index]
        kind = ui_pb2.ActionMultiPanel
        if action.type == kind.SingleSelect:
            self.selection = [unit]
        elif action.type == kind.DeselectUnit:
            self.selection = [u for u in self.selection if u is not unit]
        elif action.type == kind.SelectAllOfType:
            self.selection = [u for u in self.selection if u.type is unit.type]
        else:
            self.selection = [u for u in self.selection if u.type is not unit.type]
        return SUCCESS

    def use_control_group(self, action: Any) -> int:
        """Sets or recalls a group (`ActionControlGroup`)."""
        number = action.control_group_index
        if number > 9:
            return error_pb2.Error
        kind = ui_pb2.ActionControlGroup
        mine = [unit for unit in self.selection if unit.owner == PLAYER]
        if action.action == kind.Recall:
            return self.select(list(self.groups.get(number, [])))
        if not mine:
            return error_pb2.Error
        if action.action in (kind.SetAndSteal, kind.AppendAndSteal):
            for other, group in list(self.groups.items()):
                if other != number:
                    self.groups[other] = [unit for unit in group if unit not in mine]
        if action.action in (kind.Set, kind.SetAndSteal):
            self.groups[number] = mine
        else:
            group = self.groups.get(number, [])
            self.groups[number] = group + [unit for unit in mine if unit not in group]
        self.forget_dead()
        return SUCCESS


def is_inside(pixel: tuple[int, int], size: tuple[int, int]) -> bool:
    """Whether a pixel is in a picture of a size, both (x, y)."""
    return 0 <= pixel[0] < size[0] and 0 <= pixel[1] < size[1]


def _nearest(value: float, low: float, high: float) -> float:
    """Returns the nearest number in [low, high]; the middle if low is above high."""
    return min(max(value, low), high) if low <= high else (low + high) / 2
