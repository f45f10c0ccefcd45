"""The mini-games in which marines walk and nobody fights."""

from __future__ import annotations

import random

from sc2_minigames.standin import units
from sc2_minigames.standin.game import Game
from sc2_minigames.standin.unit import Unit
from sc2_minigames.standin.units import NEUTRAL, PLAYER


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
