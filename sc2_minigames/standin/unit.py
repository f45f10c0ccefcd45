"""A unit on the map and the orders that it was given."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

from sc2_minigames.standin.units import UnitType

MOVE, ATTACK, ATTACK_UNIT, PATROL, HOLD = "move", "attack", "attack_unit", "patrol", "hold"


@dataclass(slots=True, eq=False)
class Order:
    """Something that a unit was told to do.

    Attributes:
      kind: one of the constants above, or one that the economy adds.
      x, y: where, in map units.
      target: unit that it is about, or None.
      ability: ability id that an observation reports for it.
      data: what the order's kind needs besides (patrol: where it began; building: what).
    """

    kind: str
    x: float = 0.0
    y: float = 0.0
    target: Unit | None = None
    ability: int = 0
    data: Any = None


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
