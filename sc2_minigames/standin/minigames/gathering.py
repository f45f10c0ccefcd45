"""The mini-games with workers, structures and no enemy."""

from __future__ import annotations

import math

from sc2_minigames import maps
from sc2_minigames.standin import abilities, units
from sc2_minigames.standin.economy import Economy, add_resource
from sc2_minigames.standin.game import CENTRE, Game
from sc2_minigames.standin.unit import Unit
from sc2_minigames.standin.units import PLAYER


class Gathering(Game):
    """A command centre, twelve workers that wait for orders, and mineral fields.

    Attributes:
      num_bases: 1 or 2 places for a command centre, the first of which is taken.
      has_gas: whether there are two geysers at each.
    """

    half_width = 12.0
    half_height = 10.0
    num_bases = 1
    has_gas = False

    def fill(self) -> list[Unit]:
        """Places everything; nothing is selected."""
        self.bank.minerals = 50
        self.economy = Economy(self.world, self.bank)
        for side in (-1, 1)[: self.num_bases]:
            self._place_resources(side)
        x, y = CENTRE[0] - maps.BASE_DISTANCE, CENTRE[1]
        centre = self.world.add(units.COMMAND_CENTER, PLAYER, x, y)
        for i in range(maps.NUM_WORKERS):
            distance = centre.type.radius + units.SCV.radius + 0.2 + 0.8 * (i % 2)
            worker_y = y + (i // 2 - 2.5) * 0.85
            self.world.add(units.SCV, PLAYER, x + distance, worker_y)
        return []

    def _place_resources(self, side: int) -> None:
        x, y = CENTRE[0] + side * maps.BASE_DISTANCE, CENTRE[1]
        for i in range(maps.FIELDS_PER_BASE):
            angle = maps.FIELD_ANGLE * (2 * i / (maps.FIELDS_PER_BASE - 1) - 1)
            add_resource(
                self.world,
                units.MINERAL_FIELD,
                x + side * maps.FIELD_DISTANCE * math.cos(angle),
                y + maps.FIELD_DISTANCE * math.sin(angle),
                maps.FIELD_MINERALS,
            )
        if self.has_gas:
            for up in (-1, 1):
                add_resource(
                    self.world,
                    units.VESPENE_GEYSER,
                    x,
                    y + up * maps.GEYSER_DISTANCE,
                    maps.GEYSER_GAS,
                )


class CollectMineralsAndGas(Gathering):
    """Sixteen mineral fields and four geysers; what is brought home scores."""

    name = "CollectMineralsAndGas"
    num_bases = 2
    has_gas = True

    def after_loop(self) -> None:
        """Scores what was gathered."""
        self.score = self.bank.collected_minerals + self.bank.collected_vespene


class BuildMarines(Gathering):
    """Eight mineral fields; marines that come out of training score."""

    name = "BuildMarines"
    abilities = frozenset(
        {
            abilities.SMART,
            abilities.STOP,
            abilities.MOVE,
            abilities.GATHER,
            abilities.RETURN,
            abilities.HALT,
            abilities.CANCEL_LAST,
            abilities.RALLY_UNITS,
            abilities.RALLY_WORKERS,
            abilities.BUILD_SUPPLY_DEPOT,
            abilities.BUILD_BARRACKS,
            abilities.TRAIN_SCV,
            abilities.TRAIN_MARINE,
        }
    )

    def after_loop(self) -> None:
        """Scores the marines."""
        if self.economy is not None:
            self.score = self.economy.num_trained.get(units.MARINE, 0)
