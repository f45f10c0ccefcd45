"""Structures: what can be built and trained, and what it costs.

What workers do from one game loop to the next is in `workers.py`. README.md lists what is
simplified.
"""

from __future__ import annotations

from s2clientprotocol import error_pb2

from sc2_minigames.standin import abilities, units
from sc2_minigames.standin.bank import Bank
from sc2_minigames.standin.unit import MOVE, Order, Unit
from sc2_minigames.standin.units import NEUTRAL, PLAYER, UnitType
from sc2_minigames.standin.workers import BUILD, CONSTRUCT, GATHER, RETURN, Workers, is_workable
from sc2_minigames.standin.world import World

MAX_QUEUE = 5
MAX_SUPPLY = 200

STRUCTURES: dict[int, UnitType] = {
    abilities.BUILD_COMMAND_CENTER: units.COMMAND_CENTER,
    abilities.BUILD_SUPPLY_DEPOT: units.SUPPLY_DEPOT,
    abilities.BUILD_REFINERY: units.REFINERY,
    abilities.BUILD_BARRACKS: units.BARRACKS,
}
TRAINED: dict[int, UnitType] = {
    abilities.TRAIN_SCV: units.SCV,
    abilities.TRAIN_MARINE: units.MARINE,
}
TRAINER = {abilities.TRAIN_SCV: units.COMMAND_CENTER, abilities.TRAIN_MARINE: units.BARRACKS}
NEEDS = {units.BARRACKS: units.SUPPLY_DEPOT}  # What must stand before.


class Economy:
    """The player's economy on a map.

    Attributes:
      num_trained: units that have come out of training, by kind.
    """

    def __init__(self, world: World, bank: Bank):
        self._world = world
        self._bank = bank
        self.num_trained: dict[UnitType, int] = {}
        self._workers = Workers(world, bank, self._is_free)

    # --- supply

    def supply_used(self) -> int:
        """Supply of all units, those that are in training included."""
        return sum(
            unit.type.supply + (unit.production[0].supply if unit.production and unit.timer else 0)
            for unit in self._world.owned(PLAYER)
        )

    def supply_cap(self) -> int:
        """Supply that finished structures provide."""
        provided = sum(u.type.supply_provided for u in self._world.owned(PLAYER) if u.progress >= 1)
        return min(provided, MAX_SUPPLY)

    # --- what is offered

    def abilities(self, unit: Unit) -> tuple[int, ...]:
        """Returns what a unit can be told besides walking, as the player's means allow."""
        if unit.type is units.SCV:
            found = [abilities.GATHER]
            if unit.cargo:
                found.append(abilities.RETURN)
            if unit.orders and unit.orders[0].kind == CONSTRUCT:
                found.append(abilities.HALT)
            found += [a for a, made in STRUCTURES.items() if self._may_make(made)]
            return tuple(found)
        if not unit.type.is_structure or unit.progress < 1:
            return ()
        found = [
            ability
            for ability, trainer in TRAINER.items()
            if trainer is unit.type and self._bank.minerals >= TRAINED[ability].minerals
        ]
        if unit.production:
            found.append(abilities.CANCEL_LAST)
        if unit.type is units.BARRACKS:
            found += [abilities.RALLY_UNITS, abilities.SMART]
        elif unit.type is units.COMMAND_CENTER:
            found += [abilities.RALLY_WORKERS, abilities.SMART]
        return tuple(found)

    def _may_make(self, made: UnitType) -> bool:
        needed = NEEDS.get(made)
        return self._bank.minerals >= made.minerals and (
            needed is None
            or any(u.type is needed and u.progress >= 1 for u in self._world.owned(PLAYER))
        )

    # --- orders

    def order(
        self, unit: Unit, ability: int, point: tuple[float, float] | None, target: Unit | None
    ) -> Order | int | None:
        """Turns a command into an order.

        Returns:
          An `Order` to be given; an `ActionResult` if the command was carried out at once or
          cannot be; None if the command is none of the economy's.
        """
        if unit.type is units.SCV:
            return self._worker_order(unit, ability, point, target)
        if ability in TRAINED and TRAINER[ability] is unit.type:
            return self._train(unit, TRAINED[ability])
        if ability == abilities.CANCEL_LAST:
            return self.cancel(unit, len(unit.production) - 1)
        rallies = (abilities.RALLY_UNITS, abilities.RALLY_WORKERS, abilities.SMART)
        if ability in rallies and unit.type.is_structure and point is not None:
            unit.rally = Order(MOVE, *point, ability=abilities.MOVE)
            if target is not None and (target.type.is_resource or target.type is units.REFINERY):
                unit.rally = Order(GATHER, *point, target, abilities.GATHER)
            return error_pb2.Success
        return None

    def _worker_order(
        self, unit: Unit, ability: int, point: tuple[float, float] | None, target: Unit | None
    ) -> Order | int | None:
        is_smart = ability == abilities.SMART
        if ability == abilities.RETURN:
            return Order(RETURN, ability=ability) if unit.cargo else error_pb2.Error
        if ability == abilities.HALT:
            if unit.orders and unit.orders[0].kind == CONSTRUCT:
                unit.orders.popleft()
                return error_pb2.Success
            return error_pb2.Error
        if ability == abilities.GATHER or is_smart:
            if target is not None and is_workable(target):
                return Order(GATHER, target.x, target.y, target, abilities.GATHER)
            if not is_smart:
                return error_pb2.CantTargetThatUnit
        if is_smart and target is not None and target.owner == PLAYER:
            if target.type.is_structure and target.progress < 1:
                return Order(CONSTRUCT, target.x, target.y, target, abilities.SMART)
            if target.type is units.COMMAND_CENTER and unit.cargo:
                return Order(RETURN, ability=abilities.RETURN)
        if ability in STRUCTURES and point is not None:
            return self._plan(STRUCTURES[ability], ability, point, target)
        return None

    def _plan(
        self, made: UnitType, ability: int, point: tuple[float, float], target: Unit | None
    ) -> Order | int:
        if self._bank.minerals < made.minerals:
            return error_pb2.NotEnoughMinerals
        if not self._may_make(made):
            return error_pb2.BuildTechRequirementsNotMet
        if made is units.REFINERY:
            if target is None or target.type is not units.VESPENE_GEYSER:
                return error_pb2.CantBuildLocationInvalid
            x, y = target.x, target.y
        else:
            x, y = snap(point[0], made.footprint), snap(point[1], made.footprint)
        if not self._is_free(made, x, y):
            return error_pb2.CantFindPlacementLocation
        return Order(BUILD, x, y, ability=ability, data=made)

    def _is_free(self, made: UnitType, x: float, y: float) -> bool:
        left, bottom, right, top = self._world.bounds
        half = made.footprint / 2
        if not (left <= x - half and x + half <= right and bottom <= y - half and y + half <= top):
            return False
        for unit in self._world.units:
            if not unit.alive or not unit.type.footprint:
                continue
            if made is units.REFINERY and unit.type is units.VESPENE_GEYSER:
                continue
            room = half + unit.type.footprint / 2
            if abs(unit.x - x) < room and abs(unit.y - y) < room:
                return False
        return True

    # --- training

    def _train(self, unit: Unit, made: UnitType) -> int:
        if unit.progress < 1:
            return error_pb2.BuildingIsUnderConstruction
        if len(unit.production) >= MAX_QUEUE:
            return error_pb2.QueueIsFull
        if self._bank.minerals < made.minerals:
            return error_pb2.NotEnoughMinerals
        if self.supply_used() + made.supply > self.supply_cap() and not unit.production:
            return error_pb2.NotEnoughFood
        self._bank.spend(made.minerals)
        unit.production.append(made)
        return error_pb2.Success

    def cancel(self, unit: Unit, index: int) -> int:
        """Takes a unit out of a training queue and pays its price back."""
        if not 0 <= index < len(unit.production):
            return error_pb2.Error
        made = unit.production[index]
        del unit.production[index]
        self._bank.spend(-made.minerals)
        if index == 0:
            unit.timer = 0
        return error_pb2.Success

    def step(self) -> None:
        """Advances training by one game loop."""
        used: int | None = None
        for unit in self._world.units:
            if not unit.production:
                continue
            made = unit.production[0]
            if unit.timer == 0:  # Not begun: it waits for supply.
                if used is None:
                    used = self.supply_used()
                if used + made.supply > self.supply_cap():
                    continue
                used += made.supply
                unit.timer = made.build_loops
            unit.timer -= 1
            if unit.timer == 0:
                unit.production.popleft()
                self._finish(unit, made)

    def _finish(self, trainer: Unit, made: UnitType) -> None:
        self.num_trained[made] = self.num_trained.get(made, 0) + 1
        gap = trainer.type.radius + made.radius
        unit = self._world.add(made, PLAYER, trainer.x - gap * 0.5, trainer.y - gap)
        if trainer.rally is not None:
            rally = trainer.rally
            if rally.kind == GATHER and not (made.is_worker and rally.target is not None):
                rally = Order(MOVE, rally.x, rally.y)
            unit.orders.append(Order(rally.kind, rally.x, rally.y, rally.target, rally.ability))


def snap(value: float, footprint: int) -> float:
    """Returns the nearest place where a structure's edges lie on the grid of whole numbers."""
    half = footprint / 2
    return round(value - half) + half


def add_resource(world: World, unit_type: UnitType, x: float, y: float, contents: int) -> Unit:
    """Puts a mineral field or a geyser on the map."""
    unit = world.add(unit_type, NEUTRAL, x, y)
    unit.contents = contents
    return unit
