"""What workers do in a game loop: gather, bring home, build.

Times and amounts (Liquipedia, seconds at game speed "normal"): a trip brings 5 minerals after
2.786 seconds at the field, or 4 gas after 1.981 seconds in a refinery; one worker at a time
works a field or a refinery. README.md lists what is simplified.
"""

from __future__ import annotations

from collections.abc import Callable

from sc2_minigames.standin import abilities, units
from sc2_minigames.standin.bank import Bank
from sc2_minigames.standin.unit import Order, Unit
from sc2_minigames.standin.units import LOOPS_PER_SECOND, PLAYER, UnitType
from sc2_minigames.standin.world import World

MINERALS_PER_TRIP = 5
GAS_PER_TRIP = 4
MINERAL_LOOPS = round(2.786 * LOOPS_PER_SECOND)
GAS_LOOPS = round(1.981 * LOOPS_PER_SECOND)
REACH = 0.3  # From edge to edge, to work on something.
FIELD_RANGE = 10.0  # A worker that must wait looks so far for a free field.

GATHER, RETURN, BUILD, CONSTRUCT = "gather", "return", "build", "construct"


def is_workable(target: Unit) -> bool:
    """Whether something can be gathered there."""
    if not target.alive:
        return False
    if target.type is units.MINERAL_FIELD:
        return True
    return target.type is units.REFINERY and target.progress >= 1 and target.contents > 0


class Workers:
    """Carries out the orders that only workers get; the world calls it for each of them."""

    def __init__(self, world: World, bank: Bank, is_free: Callable[[UnitType, float, float], bool]):
        """Takes over those orders.

        Args:
          world: where they work.
          bank: what they fill.
          is_free: whether a kind of structure can be put at a place.
        """
        self._world = world
        self._bank = bank
        self._is_free = is_free
        world.handlers = {
            GATHER: self._gather,
            RETURN: self._return,
            BUILD: self._build,
            CONSTRUCT: self._construct,
        }

    def _gather(self, unit: Unit, order: Order) -> None:
        target = order.target
        if unit.cargo:
            self._return(unit, order)
            return
        if target is None or not is_workable(target):
            replacement = self._other_field(unit, must_be_free=False)
            if replacement is None or (target is not None and target.type is units.REFINERY):
                unit.is_passing = False
                unit.orders.popleft()
            else:
                order.target = replacement
            return
        unit.is_passing = True
        if unit.gap(target) > REACH:
            if target.user is unit:  # It was called away in the middle of it.
                target.user = None
            self._world.walk(unit, target.x, target.y)
            return
        if target.user is not unit:
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
            unit.is_passing = False
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

    def _build(self, unit: Unit, order: Order) -> None:
        made: UnitType = order.data
        unit.is_passing = True
        if unit.distance(order.x, order.y) > made.radius + unit.type.radius + REACH:
            self._world.walk(unit, order.x, order.y)
            return
        unit.orders.popleft()
        unit.is_passing = False
        if self._bank.minerals < made.minerals or not self._is_free(made, order.x, order.y):
            return
        self._bank.spend(made.minerals)
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
            unit.is_passing = False
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
            unit.is_passing = False
            unit.orders.popleft()
            if structure.type is units.REFINERY and not unit.orders:
                unit.orders.append(
                    Order(GATHER, structure.x, structure.y, structure, abilities.GATHER)
                )
