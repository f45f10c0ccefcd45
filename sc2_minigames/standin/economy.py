"""Workers and structures: gathering, building, training, supply.

Times and amounts (Liquipedia, seconds at game speed "normal"): a trip brings 5 minerals after
2.786 seconds at the field, or 4 gas after 1.981 seconds in a refinery; one worker at a time
works a field or a refinery. README.md lists what is simplified.
"""

from __future__ import annotations

from dataclasses import dataclass

from s2clientprotocol import error_pb2

from sc2_minigames.standin import abilities, units
from sc2_minigames.standin.units import LOOPS_PER_SECOND, NEUTRAL, PLAYER, UnitType
from sc2_minigames.standin.world import MOVE, Order, Unit, World

MINERALS_PER_TRIP = 5
GAS_PER_TRIP = 4
MINERAL_LOOPS = round(2.786 * LOOPS_PER_SECOND)
GAS_LOOPS = round(1.981 * LOOPS_PER_SECOND)
REACH = 0.3  # From edge to edge, to work on something.
FIELD_RANGE = 10.0  # A worker that must wait looks so far for a free field.
MAX_QUEUE = 5
MAX_SUPPLY = 200

GATHER, RETURN, BUILD, CONSTRUCT = "gather", "return", "build", "construct"

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


@dataclass
class Bank:
    """What the player owns and has gathered, in minerals and vespene gas."""

    minerals: int = 0
    vespene: int = 0
    collected_minerals: int = 0
    collected_vespene: int = 0
    spent_minerals: int = 0


class Economy:
    """The player's economy on a map.

    Attributes:
      num_trained: units that have come out of training, by kind.
    """

    def __init__(self, world: World, bank: Bank):
        self._world = world
        self._bank = bank
        self.num_trained: dict[UnitType, int] = {}
        world.handlers = {
            GATHER: self._gather,
            RETURN: self._return,
            BUILD: self._build,
            CONSTRUCT: self._construct,
        }

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
            if target is not None and self._is_workable(target):
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
        self._pay(made.minerals)
        unit.production.append(made)
        return error_pb2.Success

    def cancel(self, unit: Unit, index: int) -> int:
        """Takes a unit out of a training queue and pays its price back."""
        if not 0 <= index < len(unit.production):
            return error_pb2.Error
        made = unit.production[index]
        del unit.production[index]
        self._pay(-made.minerals)
        if index == 0:
            unit.timer = 0
        return error_pb2.Success

    def _pay(self, minerals: int) -> None:
        self._bank.minerals -= minerals
        self._bank.spent_minerals += minerals

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

    # --- what workers do in a loop

    def _is_workable(self, target: Unit) -> bool:
        if not target.alive:
            return False
        if target.type is units.MINERAL_FIELD:
            return True
        return target.type is units.REFINERY and target.progress >= 1 and target.contents > 0

    def _gather(self, unit: Unit, order: Order) -> None:
        target = order.target
        if unit.cargo:
            self._return(unit, order)
            return
        if target is None or not self._is_workable(target):
            replacement = self._other_field(unit, must_be_free=False)
            if replacement is None or (target is not None and target.type is units.REFINERY):
                self._leave(unit)
                unit.orders.popleft()
            else:
                order.target = replacement
            return
        unit.is_passing = True
        is_user = target.user is unit
        if not is_user:
            if unit.gap(target) > REACH:
                self._world.walk(unit, target.x, target.y)
                return
            if target.user is not None and self._is_at_work(target.user, target):
                if target.type is units.MINERAL_FIELD:
                    order.target = self._other_field(unit, must_be_free=True) or target
                return
            target.user = unit
            unit.timer = MINERAL_LOOPS if target.type is units.MINERAL_FIELD else GAS_LOOPS
            return
        unit.timer -= 1
        if unit.timer <= 0:
            self._load(unit, target)

    def _is_at_work(self, worker: Unit, target: Unit) -> bool:
        return (
            worker.alive
            and bool(worker.orders)
            and worker.orders[0].kind == GATHER
            and worker.orders[0].target is target
            and not worker.cargo
        )

    def _load(self, unit: Unit, target: Unit) -> None:
        target.user = None
        unit.is_gas = target.type is units.REFINERY
        amount = GAS_PER_TRIP if unit.is_gas else MINERALS_PER_TRIP
        unit.cargo = min(amount, target.contents)
        target.contents -= unit.cargo
        if target.contents <= 0 and not unit.is_gas:
            self._world.remove(target)

    def _other_field(self, unit: Unit, *, must_be_free: bool) -> Unit | None:
        fields = [
            field
            for field in self._world.units
            if field.type is units.MINERAL_FIELD
            and field.alive
            and unit.gap(field) <= FIELD_RANGE
            and not (
                must_be_free and field.user is not None and self._is_at_work(field.user, field)
            )
        ]
        return min(fields, key=unit.gap, default=None)

    def _return(self, unit: Unit, order: Order) -> None:
        centres = [
            u
            for u in self._world.units
            if u.type is units.COMMAND_CENTER and u.alive and u.owner == PLAYER and u.progress >= 1
        ]
        if not unit.cargo or not centres:
            self._leave(unit)
            unit.orders.popleft()
            return
        unit.is_passing = True
        centre = min(centres, key=unit.gap)
        if unit.gap(centre) > REACH:
            self._world.walk(unit, centre.x, centre.y)
            return
        if unit.is_gas:
            self._bank.vespene += unit.cargo
            self._bank.collected_vespene += unit.cargo
        else:
            self._bank.minerals += unit.cargo
            self._bank.collected_minerals += unit.cargo
        unit.cargo = 0
        if order.kind == RETURN:
            unit.orders.popleft()
            if not unit.orders:  # Back to work.
                field = self._other_field(unit, must_be_free=False)
                if field is not None:
                    unit.orders.append(Order(GATHER, field.x, field.y, field, abilities.GATHER))

    def _leave(self, unit: Unit) -> None:
        unit.is_passing = False

    # --- building

    def _build(self, unit: Unit, order: Order) -> None:
        made: UnitType = order.data
        unit.is_passing = True
        if unit.distance(order.x, order.y) > made.radius + unit.type.radius + REACH:
            self._world.walk(unit, order.x, order.y)
            return
        unit.orders.popleft()
        self._leave(unit)
        if self._bank.minerals < made.minerals or not self._is_free(made, order.x, order.y):
            return
        self._pay(made.minerals)
        structure = self._world.add(made, PLAYER, order.x, order.y)
        structure.progress = 0.0
        structure.health = made.health * 0.1
        if made is units.REFINERY:
            for geyser in self._world.units:
                if geyser.type is units.VESPENE_GEYSER and geyser.distance(order.x, order.y) < 1:
                    structure.contents = geyser.contents
                    self._world.remove(geyser)
        unit.orders.appendleft(
            Order(CONSTRUCT, order.x, order.y, structure, order.ability, data=None)
        )

    def _construct(self, unit: Unit, order: Order) -> None:
        structure = order.target
        if structure is None or not structure.alive or structure.progress >= 1:
            self._leave(unit)
            unit.orders.popleft()
            return
        unit.is_passing = True
        if unit.gap(structure) > REACH:
            self._world.walk(unit, structure.x, structure.y)
            return
        if structure.user is not None and structure.user is not unit and structure.user.alive:
            other = structure.user
            if other.orders and other.orders[0].target is structure:
                return  # One worker builds at a time.
        structure.user = unit
        share = 1 / structure.type.build_loops
        structure.progress = min(structure.progress + share, 1.0)
        if structure.progress > 1 - share / 2:
            structure.progress = 1.0
        structure.health = min(
            structure.health + 0.9 * structure.type.health * share, structure.type.health
        )
        if structure.progress >= 1:
            structure.user = None
            self._leave(unit)
            unit.orders.popleft()
            if structure.type is units.REFINERY and not unit.orders:
                unit.orders.append(
                    Order(GATHER, structure.x, structure.y, structure, abilities.GATHER)
                )


def snap(value: float, footprint: int) -> float:
    """Returns the nearest place where a structure's edges lie on the grid of whole numbers."""
    half = footprint / 2
    return round(value - half) + half


def add_resource(world: World, unit_type: UnitType, x: float, y: float, contents: int) -> Unit:
    """Puts a mineral field or a geyser on the map."""
    unit = world.add(unit_type, NEUTRAL, x, y)
    unit.contents = contents
    return unit
