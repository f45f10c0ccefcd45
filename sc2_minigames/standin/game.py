"""What all mini-games share: a map, a clock, a score, and placing units at random."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from sc2_minigames.maps import MINI_GAMES
from sc2_minigames.standin.bank import Bank
from sc2_minigames.standin.economy import Economy
from sc2_minigames.standin.unit import Unit
from sc2_minigames.standin.units import UnitType
from sc2_minigames.standin.world import World

MAP_SIZE = 64
CENTRE = (MAP_SIZE / 2, MAP_SIZE / 2)
PLACING_TRIES = 10_000


class PlacementError(RuntimeError):
    """No free place was found for a unit."""


class Game:
    """Rules of one mini-game; a subclass fills the map and scores.

    Attributes:
      name: of the map.
      half_width, half_height: half the sides of the ground that can be walked on.
      has_fog: whether only what a unit sees is shown.
      bank: minerals and gas; nothing in the games without an economy.
      economy: workers and structures, or None.
      score: points of this episode.
      defeat: whether the episode was lost before its time was up.
      abilities: ids that units may use, or None for all that are modelled.
    """

    name: str
    half_width = 10.0
    half_height = 8.0
    has_fog = False
    abilities: frozenset[int] | None = None

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.score = 0
        self.defeat = False
        self.bank = Bank()
        self.economy: Economy | None = None
        x, y = CENTRE
        bounds = (
            x - self.half_width,
            y - self.half_height,
            x + self.half_width,
            y + self.half_height,
        )
        self.world = World(MAP_SIZE, bounds, rng)
        self.world.on_death = self.on_death

    @property
    def duration(self) -> int:
        """Length of an episode in game loops."""
        return MINI_GAMES[self.name].game_loops

    @property
    def is_over(self) -> bool:
        """Whether the episode has ended."""
        return self.defeat or self.world.loop >= self.duration

    def reset(self) -> list[Unit]:
        """Starts an episode; returns the units that are selected at its beginning."""
        self.world.clear()
        self.score = 0
        self.defeat = False
        self.bank = Bank()
        return self.fill()

    def step(self) -> None:
        """Advances by one game loop."""
        self.world.step()
        if self.economy is not None:
            self.economy.step()
        self.after_loop()
        self.world.sweep()

    def fill(self) -> list[Unit]:
        """Places the first units; returns the selected ones. Every mini-game has its own."""
        raise NotImplementedError(f"{type(self).__name__} must place its units")

    def after_loop(self) -> None:
        """Scores what is not a death."""

    def on_death(self, unit: Unit) -> None:
        """Scores a death."""

    def place(
        self,
        unit_type: UnitType,
        owner: int,
        count: int,
        apart: Sequence[tuple[Sequence[Unit], float]] = (),
        ring: tuple[float, float] = (0.0, math.inf),
        mutual: float = 0.0,
    ) -> list[Unit]:
        """Places units at random.

        Args:
          unit_type: what to place.
          owner: whose.
          count: how many.
          apart: pairs of units and a distance that the new ones keep from them.
          ring: least and greatest distance from the centre of the map.
          mutual: distance that the new ones keep from each other.

        Raises:
          PlacementError: if there is no room.
        """
        left, bottom, right, top = self.world.bounds
        placed: list[Unit] = []
        for _ in range(PLACING_TRIES):
            if len(placed) == count:
                return placed
            x, y = self.rng.uniform(left, right), self.rng.uniform(bottom, top)
            if not ring[0] <= math.dist((x, y), CENTRE) <= ring[1]:
                continue
            if any(unit.distance(x, y) < mutual for unit in placed):
                continue
            if any(unit.distance(x, y) < gap for group, gap in apart for unit in group):
                continue
            placed.append(self.world.add(unit_type, owner, x, y))
        if len(placed) == count:
            return placed
        raise PlacementError(f"{self.name}: no room for {count} {unit_type.name} units")
