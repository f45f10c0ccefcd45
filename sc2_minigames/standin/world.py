"""Units that move, fight and die on a flat map, one game loop at a time.

The world knows nothing of the protocol, of screens or of scores: a mini-game (`minigames.py`)
fills it and is told of deaths, a commander (`commander.py`) gives orders to its units, an economy
(`economy.py`) adds workers and structures.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from sc2_minigames.standin.units import ENEMY, NEUTRAL, PLAYER, UnitType, Weapon

ACQUIRE_RANGE = 5.0  # Edge to edge; within it an idle or attacking unit picks a fight by itself.
LEASH_RANGE = 8.0  # A foe that gets further away is let go.
HELP_RANGE = 5.0  # Idle friends so close to a unit under fire come to its help.
ACQUIRE_EVERY = 4  # Game loops between two looks around.
SEPARATE_EVERY = 2  # Game loops between two rounds of pushing overlapping units apart.

COOLDOWN_JITTER = (-1.0, 2.0)  # Game loops; the game draws it for every shot (Liquipedia).
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
SMALL_CROWD = 5  # Up to so many, asking each pair is faster than arrays are.

FIRST_TAG = 1 << 32  # PySC2 takes small numbers for places in a list instead of tags.

MOVE, ATTACK, ATTACK_UNIT, PATROL, HOLD = "move", "attack", "attack_unit", "patrol", "hold"


class Order:
    """Something that a unit was told to do.

    Attributes:
      kind: one of the constants above, or one that the economy adds.
      x, y: where, in map units.
      target: unit that it is about, or None.
      ability: ability id that an observation reports for it.
      data: what the order's kind needs besides (patrol: where it began; building: what).
    """

    __slots__ = ("ability", "data", "kind", "target", "x", "y")

    def __init__(
        self,
        kind: str,
        x: float = 0.0,
        y: float = 0.0,
        target: Unit | None = None,
        ability: int = 0,
        data: Any = None,
    ):
        self.kind = kind
        self.x = x
        self.y = y
        self.target = target
        self.ability = ability
        self.data = data


class Unit:
    """One unit, structure, resource or marker on the map."""

    __slots__ = (
        "alive",
        "cargo",
        "contents",
        "cooldown",
        "facing",
        "foe",
        "health",
        "is_gas",
        "is_passing",
        "orders",
        "owner",
        "production",
        "progress",
        "rally",
        "tag",
        "timer",
        "type",
        "user",
        "x",
        "y",
    )

    def __init__(self, tag: int, unit_type: UnitType, owner: int, x: float, y: float):
        self.tag = tag
        self.type = unit_type
        self.owner = owner
        self.x = x
        self.y = y
        self.facing = 0.0  # Radians, counter-clockwise from east.
        self.health = float(unit_type.health)
        self.orders: deque[Order] = deque()
        self.cooldown = 0.0  # Game loops to the next shot.
        self.foe: Unit | None = None
        self.alive = True
        self.progress = 1.0  # Of its construction.
        # Economy: what a worker carries, what a resource holds, who works it, what is trained.
        self.cargo = 0
        self.is_gas = False
        self.contents = 0
        self.timer = 0
        self.user: Unit | None = None
        self.production: deque[UnitType] = deque()
        self.rally: Order | None = None
        self.is_passing = False  # Workers at work walk through others.

    @property
    def is_mobile(self) -> bool:
        """Whether it can walk."""
        return self.type.speed > 0

    def distance(self, x: float, y: float) -> float:
        """Distance of its centre to a point."""
        return math.hypot(self.x - x, self.y - y)

    def gap(self, other: Unit) -> float:
        """Distance from edge to edge; negative if they overlap."""
        reach = self.type.radius + other.type.radius
        return math.hypot(self.x - other.x, self.y - other.y) - reach


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
            self._separate()
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

    # --- crowding

    def _separate(self) -> None:
        """Pushes overlapping units apart, half of the overlap each."""
        self._has_moved = False
        crowd = [u for u in self.units if u.alive and u.type.speed and not u.is_passing]
        if len(crowd) <= SMALL_CROWD and not any(
            a.gap(b) < -1e-3 for i, a in enumerate(crowd) for b in crowd[:i]
        ):
            return
        x = np.array([u.x for u in crowd])
        y = np.array([u.y for u in crowd])
        radius = np.array([u.type.radius for u in crowd])
        dx = x[:, None] - x
        dy = y[:, None] - y
        distance = np.sqrt(dx * dx + dy * dy)
        overlap = radius[:, None] + radius - distance
        np.fill_diagonal(overlap, 0.0)
        if not (overlap > 1e-3).any():
            return
        push = np.maximum(overlap, 0.0) / 2
        same = distance < 1e-6
        if same.sum() > len(crowd):  # Units on the very same spot part all ways like a sunflower.
            angle = np.arange(len(crowd)) * GOLDEN_ANGLE
            way_x = np.cos(angle)[:, None] - np.cos(angle)
            way_y = np.sin(angle)[:, None] - np.sin(angle)
            dx = np.where(same, way_x, dx)
            dy = np.where(same, way_y, dy)
            distance = np.where(same, np.sqrt(dx * dx + dy * dy), distance)
        np.fill_diagonal(distance, 1.0)
        scale = push / distance
        left, bottom, right, top = self.bounds
        new_x = np.clip(x + (scale * dx).sum(1), left, right).tolist()
        new_y = np.clip(y + (scale * dy).sum(1), bottom, top).tolist()
        for unit, ux, uy in zip(crowd, new_x, new_y, strict=True):
            unit.x, unit.y = ux, uy
        self._has_moved = True


def centre(units: Iterable[Unit]) -> tuple[float, float]:
    """Returns the mean position of some units, of which there must be one."""
    points = [(unit.x, unit.y) for unit in units]
    return sum(p[0] for p in points) / len(points), sum(p[1] for p in points) / len(points)
