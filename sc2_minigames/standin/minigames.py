"""The mini-games: what is on the map, what scores, when it ends.

Rules, numbers of units and distances between them: PySC2's `docs/mini_games.md`. How large the
ground is and where the units stand on it is not said there, and is our choice (README.md).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from sc2_minigames.maps import MINI_GAMES
from sc2_minigames.standin import units
from sc2_minigames.standin.units import NEUTRAL, PLAYER, UnitType
from sc2_minigames.standin.world import Unit, World

MAP_SIZE = 64
CENTRE = (MAP_SIZE / 2, MAP_SIZE / 2)
PLACING_TRIES = 10_000


@dataclass
class Bank:
    """What the player owns and has gathered, in minerals and vespene gas."""

    minerals: int = 0
    vespene: int = 0
    collected_minerals: int = 0
    collected_vespene: int = 0
    spent_minerals: int = 0


class PlacementError(RuntimeError):
    """No free place was found for a unit."""


class Game:
    """Rules of one mini-game; a subclass fills the map and scores.

    Attributes:
      name: of the map.
      half_width, half_height: half the sides of the ground that can be walked on.
      has_fog: whether only what a unit sees is shown.
      bank: minerals and gas; nothing in the games without an economy.
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
        x, y = CENTRE
        bounds = (
            x - self.half_width,
            y - self.half_height,
            x + self.half_width,
            y + self.half_height,
        )
        self.world = World(MAP_SIZE, bounds)
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
        self.after_loop()
        self.world.sweep()

    def fill(self) -> list[Unit]:
        """Places the first units; returns the selected ones."""
        raise NotImplementedError

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


class MoveToBeacon(Game):
    """One marine walks to a beacon, which then appears elsewhere."""

    name = "MoveToBeacon"

    def fill(self) -> list[Unit]:
        """Places the marine and the first beacon."""
        self.marines = self.place(units.MARINE, PLAYER, 1)
        (self.beacon,) = self.place(units.BEACON, NEUTRAL, 1, apart=[(self.marines, 4.0)])
        return []

    def after_loop(self) -> None:
        """Scores a beacon that was reached and moves it."""
        if any(marine.gap(self.beacon) <= 0 for marine in self.marines):
            self.score += 1
            self.world.remove(self.beacon)
            (self.beacon,) = self.place(units.BEACON, NEUTRAL, 1, apart=[(self.marines, 5.0)])


class CollectMineralShards(Game):
    """Two marines collect twenty shards by touching them; then there are twenty new ones."""

    name = "CollectMineralShards"
    num_shards = 20

    def __init__(self, rng: random.Random, num_marines: int = 2):
        super().__init__(rng)
        self.num_marines = num_marines

    def fill(self) -> list[Unit]:
        """Places the marines and the first shards."""
        self.marines = self.place(units.MARINE, PLAYER, self.num_marines)
        self._looked_from: dict[int, tuple[float, float]] = {}
        self.deal()
        return []

    def deal(self) -> None:
        """Lays out a new set of shards."""
        self.shards = self.place(
            units.MINERAL_SHARD, NEUTRAL, self.num_shards, apart=[(self.marines, 2.0)], mutual=0.75
        )

    def after_loop(self) -> None:
        """Scores the shards that are touched."""
        for marine in self.marines:
            place = (marine.x, marine.y)
            if self._looked_from.get(marine.tag) == place:
                continue
            self._looked_from[marine.tag] = place
            x, y = place
            reach = (marine.type.radius + units.MINERAL_SHARD.radius) ** 2
            touched = [s for s in self.shards if (s.x - x) ** 2 + (s.y - y) ** 2 <= reach]
            for shard in touched:
                self.world.remove(shard)
                self.shards.remove(shard)
                self.score += 1
        if not self.shards:
            self.deal()


GAMES: dict[str, type[Game]] = {game.name: game for game in (MoveToBeacon, CollectMineralShards)}


def make_game(name: str, seed: int, options: dict[str, int] | None = None) -> Game:
    """Returns a mini-game whose episodes are fixed by the seed.

    Args:
      name: of the map.
      seed: of everything that is drawn at random.
      options: `num_marines` (1 to 20) for CollectMineralShards; the other maps have none.

    Raises:
      ValueError: if the name or an option is not known.
    """
    if name not in GAMES:
        raise ValueError(f"the stand-in has the maps {', '.join(GAMES)}, got {name!r}")
    options = options or {}
    legal = {"num_marines"} if name == "CollectMineralShards" else set()
    for key, value in options.items():
        if key not in legal:
            known = ", ".join(sorted(legal)) or "no options"
            raise ValueError(f"{name} has {known} in the stand-in, got {key!r}")
        if not isinstance(value, int) or not 1 <= value <= 20:
            raise ValueError(f"{key} must be a whole number from 1 to 20, got {value!r}")
    return GAMES[name](random.Random(seed), **options)
