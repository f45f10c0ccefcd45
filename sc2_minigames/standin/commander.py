"""What the player does: carries out actions, and gives orders to the selected units.

Actions arrive as protocol messages, as PySC2 makes them. Each is answered with an `ActionResult`
of the protocol: an action that cannot be carried out changes nothing and says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from s2clientprotocol import error_pb2, spatial_pb2, ui_pb2

from sc2_minigames.standin import abilities
from sc2_minigames.standin.economy import STRUCTURES, TRAINED
from sc2_minigames.standin.selection import SUCCESS, Point, Selector, is_inside
from sc2_minigames.standin.unit import ATTACK, ATTACK_UNIT, HOLD, MOVE, PATROL, Order, Unit
from sc2_minigames.standin.units import ENEMY, PLAYER

if TYPE_CHECKING:
    from s2clientprotocol import sc2api_pb2

MAX_QUEUE = 8  # Orders that a unit remembers.


class Commander(Selector):
    """The player's side of an episode."""

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
            return self.move_camera(action.camera_move.center_minimap)
        if action.HasField("unit_selection_point"):
            return self.select_point(action.unit_selection_point)
        if action.HasField("unit_selection_rect"):
            return self.select_rectangle(action.unit_selection_rect)
        if action.HasField("unit_command"):
            command = action.unit_command
            point: Point | None = None
            target = None
            if command.HasField("target_screen_coord"):
                pixel = (command.target_screen_coord.x, command.target_screen_coord.y)
                if not is_inside(pixel, self.view.screen):
                    return error_pb2.Error
                point = self.view.screen_point(pixel, self.camera)
                target = self.unit_at(point)
            elif command.HasField("target_minimap_coord"):
                pixel = (command.target_minimap_coord.x, command.target_minimap_coord.y)
                if not is_inside(pixel, self.view.minimap):
                    return error_pb2.Error
                point = self.view.minimap_point(pixel)
            return self.command(
                self.selection, command.ability_id, command.queue_command, point, target
            )
        return SUCCESS

    def _ui(self, action: ui_pb2.ActionUI) -> int:
        if action.HasField("control_group"):
            return self.use_control_group(action.control_group)
        if action.HasField("select_army"):
            army = [u for u in self.game.world.owned(PLAYER) if u.type.is_army]
            return self.select(army, add=action.select_army.selection_add)
        if action.HasField("select_idle_worker"):
            return self.select_idle_worker(action.select_idle_worker.type)
        if action.HasField("multi_panel"):
            return self.use_panel(action.multi_panel)
        if action.HasField("production_panel"):
            return self._cancel(action.production_panel.unit_index)
        # Warp gates, larvae, cargo and autocast: nothing here has them.
        return error_pb2.NotSupported

    def _raw(self, action: Any) -> int:
        if action.HasField("camera_move"):
            centre = action.camera_move.center_world_space
            return self.look_at(centre.x, centre.y)
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
            return self.give(unit, Order(HOLD, unit.x, unit.y, ability=ability), queued)
        if point is None:
            return error_pb2.NotSupported
        x, y = point
        is_attack = ability in abilities.FIGHTING
        if is_attack or (ability == abilities.SMART and target and target.owner == ENEMY):
            if target is not None and target.owner == ENEMY:
                order = Order(ATTACK_UNIT, x, y, target, abilities.ATTACK)
            else:
                order = Order(ATTACK, x, y, ability=abilities.ATTACK)
        elif ability == abilities.PATROL:
            order = Order(PATROL, x, y, ability=ability, data=(unit.x, unit.y))
        else:
            order = Order(MOVE, x, y, ability=abilities.MOVE)
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
