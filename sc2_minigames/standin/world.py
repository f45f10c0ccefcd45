"""Units that move, fight and die on a flat map, one game loop at a time.

The world knows nothing of the protocol, of screens or of scores: a mini-game (`minigames/`)
fills it and is told of deaths, a commander (`commander.py`) gives orders to its units, an economy
(`economy.py`) adds workers and structures.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from sc2_minigames.standin.crowding import separate
from sc2_minigames.standin.unit import ATTACK, ATTACK_UNIT, HOLD, MOVE, PATROL, Order, Unit
from sc2_minigames.standin.units import ENEMY, NEUTRAL, PLAYER, UnitType, Weapon

ACQUIRE_RANGE = 5.0  # Edge to edge; within it an idle or attacking unit picks a fight by itself.
LEASH_RANGE = 8.0  # A foe that gets further away is let go.
HELP_RANGE = 5.0  # Idle friends so close to a unit under fire come to its help.
ACQUIRE_EVERY = 4  # Game loops between two looks around.
SEPARATE_EVERY = 2  # Game loops between two rounds of pushing overlapping units apart.

COOLDOWN_JITTER = (-1.0, 2.0)  # Game loops; the game draws it for every shot (Liquipedia).
FIRST_TAG = 1 << 32  # PySC2 takes small numbers for places in a list instead of tags.


class World:
    """A rectangle of ground with units on it.

    Attributes:
      size: side of the square map, in map units.
      bounds: (left, bottom, right, top) of the ground that can be walked on.
      loop: game loops since the episode began.
      units: all living units, in the order of their creation.
    """

    def __init__(
        self,
        size: int,
        bounds: tuple[float, float, float, float],
        rng: random.Random | None = None,
    ):
        self.rng = rng or random.Random(0)  # Of the delay between two shots alone.
        self.size = size
        self.bounds = bounds
        self.on_death: Callable[[Unit], None] = lambda unit: None
        # Orders of other kinds than the five above, by kind: handler(unit, order).
        self.handlers: dict[str, Callable[[Unit, Order], None]] = {}
        self.clear()

    def clear(self) -> None:
        """Removes everything and sets the clock to zero."""
        self.loop = 0
        self.units: list[Unit] = []
        self._next_tag = FIRST_TAG
        self._foes: dict[int, list[Unit]] = {}
        self._has_moved = False
        self._dead = False

    def add(self, unit_type: UnitType, owner: int, x: float, y: float) -> Unit:
        """Puts a new unit on the map."""
        unit = Unit(self._next_tag, unit_type, owner, x, y)
        self._next_tag += 1
        self.units.append(unit)
        self._has_moved = True
        return unit

    def remove(self, unit: Unit) -> None:
        """Takes a unit off the map without calling it a death."""
        unit.alive = False
        self._dead = True

    def owned(self, owner: int) -> list[Unit]:
        """Returns the living units of an owner."""
        return [unit for unit in self.units if unit.owner == owner and unit.alive]

    def step(self) -> None:
        """Advances by one game loop."""
        self.loop += 1
        self._foes = {
            PLAYER: [u for u in self.units if u.owner == ENEMY],
            ENEMY: [u for u in self.units if u.owner == PLAYER],
        }
        for unit in self.units:
            if unit.alive and (unit.type.speed or unit.type.weapon):
                self._act(unit)
        if self._has_moved and self.loop % SEPARATE_EVERY == 0:
            crowd = [u for u in self.units if u.alive and u.type.speed and not u.is_passing]
            self._has_moved = separate(crowd, self.bounds)
        self.sweep()

    def sweep(self) -> None:
        """Forgets the units that were removed."""
        if self._dead:
            self.units = [unit for unit in self.units if unit.alive]
            self._dead = False

    # --- what a unit does in a loop

    def _act(self, unit: Unit) -> None:
        if unit.cooldown > 0:
            unit.cooldown -= 1
        order = unit.orders[0] if unit.orders else None
        if order is None:
            if unit.type.weapon and not unit.type.is_worker:
                self._fight(unit, may_chase=True)
            return
        kind = order.kind
        if kind == MOVE:
            if self.walk(unit, order.x, order.y):
                unit.orders.popleft()
        elif kind == ATTACK:
            if not self._fight(unit, may_chase=True) and self.walk(unit, order.x, order.y):
                unit.orders.popleft()
        elif kind == ATTACK_UNIT:
            target = order.target
            if target is None or not target.alive:
                unit.orders.popleft()
            else:
                self._engage(unit, target, may_chase=True)
        elif kind == PATROL:
            if not self._fight(unit, may_chase=True) and self.walk(unit, order.x, order.y):
                start = order.data
                order.data = (order.x, order.y)
                order.x, order.y = start
        elif kind == HOLD:
            self._fight(unit, may_chase=False)
        else:
            self.handlers[kind](unit, order)

    def walk(self, unit: Unit, x: float, y: float) -> bool:
        """Takes one loop's step towards a point; returns whether the unit has arrived."""
        left, bottom, right, top = self.bounds
        x = min(max(x, left), right)
        y = min(max(y, bottom), top)
        dx, dy = x - unit.x, y - unit.y
        distance = math.hypot(dx, dy)
        speed = unit.type.speed
        if distance <= 1e-9:
            return True
        self._has_moved = True
        unit.facing = math.atan2(dy, dx)
        if distance <= speed:
            unit.x, unit.y = x, y
            return True
        unit.x += dx / distance * speed
        unit.y += dy / distance * speed
        # A crowd that wants to stand on one point settles around it.
        return distance < unit.type.radius and self._is_crowded(unit, x, y)

    def _is_crowded(self, unit: Unit, x: float, y: float) -> bool:
        return any(
            other is not unit
            and other.is_mobile
            and other.owner == unit.owner
            and not other.orders
            and other.distance(x, y) < 2 * unit.type.radius
            for other in self.units
        )

    # --- combat

    def _fight(self, unit: Unit, *, may_chase: bool) -> bool:
        """Attacks the foe at hand or looks for one; returns whether there is one."""
        if unit.type.weapon is None:
            return False
        foe = unit.foe
        is_lost = foe is not None and (not foe.alive or unit.gap(foe) > LEASH_RANGE)
        if is_lost:
            foe = None
        if is_lost or (self.loop + unit.tag) % ACQUIRE_EVERY == 0:
            foe = self._nearest_foe(unit, unit.type.weapon, foe)
        unit.foe = foe
        if foe is None:
            return False
        self._engage(unit, foe, may_chase=may_chase)
        return True

    def _nearest_foe(self, unit: Unit, weapon: Weapon, current: Unit | None) -> Unit | None:
        best, best_gap = None, max(ACQUIRE_RANGE, weapon.range)
        if current is not None:  # Not dropped for a foe that is only a little nearer.
            gap = unit.gap(current)
            if gap <= weapon.range:
                return current
            best, best_gap = current, max(gap - 0.5, 0.0)
        x, y, radius = unit.x, unit.y, unit.type.radius
        for other in self._foes[unit.owner]:
            reach = best_gap + radius + other.type.radius
            dx = other.x - x
            if -reach < dx < reach and other.alive:
                dy = other.y - y
                if dx * dx + dy * dy < reach * reach:
                    best, best_gap = other, math.hypot(dx, dy) - radius - other.type.radius
        return best

    def _engage(self, unit: Unit, foe: Unit, *, may_chase: bool) -> None:
        weapon = unit.type.weapon
        if weapon is None:
            unit.orders.popleft()
            return
        gap = unit.gap(foe)
        if gap > weapon.range:
            if may_chase:
                self.walk(unit, foe.x, foe.y)
            return
        unit.facing = math.atan2(foe.y - unit.y, foe.x - unit.x)
        if unit.cooldown > 0:
            return
        unit.cooldown += weapon.cooldown + self.rng.uniform(*COOLDOWN_JITTER)
        if weapon.splash:
            for other in self.units:
                if (
                    other.owner not in (unit.owner, NEUTRAL)
                    and other.alive
                    and unit.distance(other.x, other.y) - other.type.radius <= weapon.splash
                ):
                    self.hurt(other, weapon.damage, unit)
        else:
            self.hurt(foe, weapon.damage, unit)
        if weapon.is_suicide:
            self.kill(unit)

    def hurt(self, unit: Unit, damage: float, attacker: Unit) -> None:
        """Takes hit points; the victim and its idle friends turn on the attacker."""
        unit.health -= max(damage - unit.type.armor, 0.5)
        if unit.health <= 0:
            self.kill(unit)
            return
        for friend in self.units:
            if (
                friend.owner == unit.owner
                and friend.alive
                and friend.foe is None
                and not friend.orders
                and friend.type.weapon
                and not friend.type.is_worker
                and friend.gap(unit) <= HELP_RANGE
            ):
                friend.orders.append(Order(ATTACK, attacker.x, attacker.y, ability=23))

    def kill(self, unit: Unit) -> None:
        """Removes a unit and tells the mini-game of its death."""
        if unit.alive:
            self.remove(unit)
            self.on_death(unit)
