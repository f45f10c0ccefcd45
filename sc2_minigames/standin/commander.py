"""What the player does: camera, selection, control groups, and commands to the selected units.

Actions arrive as protocol messages, as PySC2 makes them. Each is answered with an `ActionResult`
of the protocol: an action that cannot be carried out changes nothing and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from s2clientprotocol import error_pb2, spatial_pb2, ui_pb2

from sc2_minigames.standin import abilities, world
from sc2_minigames.standin.economy import STRUCTURES, TRAINED
from sc2_minigames.standin.game import CENTRE, Game
from sc2_minigames.standin.units import ENEMY, PLAYER
from sc2_minigames.standin.view import View
from sc2_minigames.standin.world import Order, Unit

if TYPE_CHECKING:
    from s2clientprotocol import sc2api_pb2

SUCCESS = error_pb2.Success
MAX_QUEUE = 8  # Orders that a unit remembers.

Point = tuple[float, float]


class Commander:
    """The player's side of an episode.

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

    # --- dispatch

    def act(self, action: sc2api_pb2.Action) -> int:
        """Carries out one action; returns an `ActionResult`."""
        self.forget_dead()
        if action.HasField("action_feature_layer"):
            return self._spatial(action.action_feature_layer)
        if action.HasField("action_ui"):
            return self._ui(action.action_ui)
        if action.HasField("action_raw"):
            return self._raw(action.action_raw)
        if action.HasField("action_render"):
            return error_pb2.NotSupported
        return SUCCESS  # A chat message, or nothing.

    def _spatial(self, action: spatial_pb2.ActionSpatial) -> int:
        if action.HasField("camera_move"):
            return self._move_camera(action.camera_move.center_minimap)
        if action.HasField("unit_selection_point"):
            return self._select_point(action.unit_selection_point)
        if action.HasField("unit_selection_rect"):
            return self._select_rectangle(action.unit_selection_rect)
        if action.HasField("unit_command"):
            command = action.unit_command
            point: Point | None = None
            target = None
            if command.HasField("target_screen_coord"):
                pixel = (command.target_screen_coord.x, command.target_screen_coord.y)
                if not _is_inside(pixel, self.view.screen):
                    return error_pb2.Error
                point = self.view.screen_point(pixel, self.camera)
                target = self.unit_at(point)
            elif command.HasField("target_minimap_coord"):
                pixel = (command.target_minimap_coord.x, command.target_minimap_coord.y)
                if not _is_inside(pixel, self.view.minimap):
                    return error_pb2.Error
                point = self.view.minimap_point(pixel)
            return self.command(
                self.selection, command.ability_id, command.queue_command, point, target
            )
        return SUCCESS

    def _ui(self, action: ui_pb2.ActionUI) -> int:
        if action.HasField("control_group"):
            return self._control_group(action.control_group)
        if action.HasField("select_army"):
            army = [u for u in self.game.world.owned(PLAYER) if u.type.is_army]
            return self._select(army, add=action.select_army.selection_add)
        if action.HasField("select_idle_worker"):
            return self._select_idle_worker(action.select_idle_worker.type)
        if action.HasField("multi_panel"):
            return self._multi_panel(action.multi_panel)
        if action.HasField("production_panel"):
            return self._cancel(action.production_panel.unit_index)
        # Warp gates, larvae, cargo and autocast: nothing here has them.
        return error_pb2.NotSupported

    def _raw(self, action: Any) -> int:
        if action.HasField("camera_move"):
            centre = action.camera_move.center_world_space
            self.camera = self._clamped(centre.x, centre.y)
            return SUCCESS
        if action.HasField("unit_command"):
            command = action.unit_command
            tags = set(command.unit_tags)
            actors = [u for u in self.game.world.owned(PLAYER) if u.tag in tags]
            point: Point | None = None
            target = None
            if command.HasField("target_world_space_pos"):
                point = (command.target_world_space_pos.x, command.target_world_space_pos.y)
            elif command.HasField("target_unit_tag"):
                for unit in self.game.world.units:
                    if unit.tag == command.target_unit_tag and unit.alive:
                        target, point = unit, (unit.x, unit.y)
                if target is None:
                    return error_pb2.CantTargetThatUnit
            return self.command(actors, command.ability_id, command.queue_command, point, target)
        return error_pb2.NotSupported

    # --- looking and selecting

    def _clamped(self, x: float, y: float) -> Point:
        size = self.game.world.size
        return min(max(x, 0.0), float(size)), min(max(y, 0.0), float(size))

    def _move_camera(self, pixel: Any) -> int:
        if not _is_inside((pixel.x, pixel.y), self.view.minimap):
            return error_pb2.Error
        self.camera = self._clamped(*self.view.minimap_point((pixel.x, pixel.y)))
        return SUCCESS

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

    def _select(self, units: list[Unit], *, add: bool = False) -> int:
        if not units:
            return error_pb2.Error  # An empty box leaves the selection as it is.
        if add and all(unit.owner == PLAYER for unit in self.selection):
            self.selection += [unit for unit in units if unit not in self.selection]
        else:
            self.selection = units
        return SUCCESS

    def _select_point(self, action: Any) -> int:
        pixel = (action.selection_screen_coord.x, action.selection_screen_coord.y)
        if not _is_inside(pixel, self.view.screen):
            return error_pb2.Error
        unit = self.unit_at(self.view.screen_point(pixel, self.camera))
        if unit is None:
            return error_pb2.Error
        kind = spatial_pb2.ActionSpatialUnitSelectionPoint
        if unit.owner != PLAYER:
            return self._select([unit])
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
        return self._select(chosen, add=action.type in (kind.Toggle, kind.AddAllType))

    def _select_rectangle(self, action: Any) -> int:
        chosen: list[Unit] = []
        for box in action.selection_screen_coord:
            left, right = sorted((box.p0.x, box.p1.x))
            top, bottom = sorted((box.p0.y, box.p1.y))
            for unit in self.game.world.owned(PLAYER):
                x, y = self.view.screen_position(unit.x, unit.y, self.camera)
                if left <= x < right + 1 and top <= y < bottom + 1 and unit not in chosen:
                    chosen.append(unit)
        walkers = [unit for unit in chosen if unit.is_mobile]
        return self._select(walkers or chosen, add=action.selection_add)

    def _select_idle_worker(self, kind: int) -> int:
        idle = [u for u in self.game.world.owned(PLAYER) if u.type.is_worker and not u.orders]
        options = ui_pb2.ActionSelectIdleWorker
        if kind in (options.Set, options.Add):
            # Again and again it goes through all of them.
            fresh = [unit for unit in idle if unit not in self.selection]
            idle = (fresh or idle)[:1]
        return self._select(idle, add=kind in (options.Add, options.AddAll))

    def _multi_panel(self, action: Any) -> int:
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

    def _control_group(self, action: Any) -> int:
        number = action.control_group_index
        if number > 9:
            return error_pb2.Error
        kind = ui_pb2.ActionControlGroup
        mine = [unit for unit in self.selection if unit.owner == PLAYER]
        if action.action == kind.Recall:
            return self._select(list(self.groups.get(number, [])))
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

    def _cancel(self, index: int) -> int:
        mine = [unit for unit in self.selection if unit.owner == PLAYER]
        if self.game.economy is None or len(mine) != 1:
            return error_pb2.Error
        return self.game.economy.cancel(mine[0], index)

    # --- commands

    def offered(self) -> tuple[int, ...]:
        """Returns the specific ids of the abilities that the selected units have now."""
        found: dict[int, None] = {}
        seen = set()
        for unit in self.selection:
            if unit.owner == PLAYER and unit.type not in seen:
                seen.add(unit.type)
                found.update(dict.fromkeys(self._abilities(unit)))
        allowed = self.game.abilities
        return tuple(a for a in found if allowed is None or a in allowed)

    def _abilities(self, unit: Unit) -> tuple[int, ...]:
        found: tuple[int, ...] = ()
        if unit.is_mobile:
            found = abilities.WALKING + (abilities.FIGHTING if unit.type.weapon else ())
        if self.game.economy is not None:
            found += self.game.economy.abilities(unit)
        return found

    def command(
        self,
        actors: Iterable[Unit],
        ability: int,
        queued: bool,
        point: Point | None,
        target: Unit | None,
    ) -> int:
        """Gives an order to units.

        Args:
          actors: who.
          ability: general or specific id.
          queued: after what they are doing, instead of at once.
          point: where, if the ability needs a place.
          target: unit at that place, if any.

        Returns:
          An `ActionResult`.
        """
        ability = abilities.SPECIFIC.get(ability, ability)
        allowed = self.game.abilities
        if allowed is not None and ability not in allowed:
            return error_pb2.NotSupported
        actors = [unit for unit in actors if unit.owner == PLAYER and unit.alive]
        if (ability in abilities.NEEDS_POINT) != (point is not None):
            return error_pb2.NotSupported
        actors = [unit for unit in actors if ability in self._abilities(unit)]
        # One worker builds, and the trainer with the shortest queue trains.
        is_for_one = True
        if ability in STRUCTURES and point is not None:
            actors.sort(key=lambda unit: unit.distance(*point))
        elif ability in TRAINED:
            actors.sort(key=lambda unit: len(unit.production))
        else:
            is_for_one = False
        result = error_pb2.NotSupported
        for unit in actors:
            outcome = self._order(unit, ability, queued, point, target)
            result = outcome if result != SUCCESS else result
            if is_for_one:
                break
        return result

    def _order(
        self, unit: Unit, ability: int, queued: bool, point: Point | None, target: Unit | None
    ) -> int:
        """Gives one unit an order that it can carry out."""
        if self.game.economy is not None:
            outcome = self.game.economy.order(unit, ability, point, target)
            if isinstance(outcome, Order):
                return self.give(unit, outcome, queued)
            if outcome is not None:
                return outcome
        if ability == abilities.STOP:
            self.replace_orders(unit)
            return SUCCESS
        if ability == abilities.HOLD:
            return self.give(unit, Order(world.HOLD, unit.x, unit.y, ability=ability), queued)
        if point is None:
            return error_pb2.NotSupported
        x, y = point
        is_attack = ability in abilities.FIGHTING
        if is_attack or (ability == abilities.SMART and target and target.owner == ENEMY):
            if target is not None and target.owner == ENEMY:
                order = Order(world.ATTACK_UNIT, x, y, target, abilities.ATTACK)
            else:
                order = Order(world.ATTACK, x, y, ability=abilities.ATTACK)
        elif ability == abilities.PATROL:
            order = Order(world.PATROL, x, y, ability=ability, data=(unit.x, unit.y))
        else:
            order = Order(world.MOVE, x, y, ability=abilities.MOVE)
        return self.give(unit, order, queued)

    def give(self, unit: Unit, order: Order, queued: bool) -> int:
        """Adds an order at the end, or in place of all others."""
        if queued and len(unit.orders) >= MAX_QUEUE:
            return error_pb2.QueueIsFull
        if not queued:
            self.replace_orders(unit)
        unit.orders.append(order)
        return SUCCESS

    def replace_orders(self, unit: Unit) -> None:
        """Makes a unit drop what it is doing."""
        unit.orders.clear()
        unit.foe = None
        unit.is_passing = False


def _is_inside(pixel: tuple[int, int], size: tuple[int, int]) -> bool:
    return 0 <= pixel[0] < size[0] and 0 <= pixel[1] < size[1]
