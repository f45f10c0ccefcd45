"""The mini-games with workers, structures and no enemy."""

from __future__ import annotations

import math

from sc2_minigames.standin import abilities, units
from sc2_minigames.standin.economy import Economy, add_resource
from sc2_minigames.standin.game import CENTRE, Game
from sc2_minigames.standin.unit import Unit
from sc2_minigames.standin.units import PLAYER

BASE_DISTANCE = 4.5  # From the centre of the map to the place of a command centre.
FIELD_DISTANCE = 6.8  # From there to its mineral fields, which lie in an arc on the outer side.
FIELD_ANGLE = math.radians(62)  # Half of the arc.
FIELDS_PER_BASE = 8
FIELD_MINERALS = 1800
GEYSER_DISTANCE = 7.5
GEYSER_GAS = 2250
NUM_WORKERS = 12


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
        x, y = CENTRE[0] - BASE_DISTANCE, CENTRE[1]
        centre = self.world.add(units.COMMAND_CENTER, PLAYER, x, y)
        for i in range(NUM_WORKERS):
            distance = centre.type.radius + units.SCV.radius + 0.2 + 0.8 * (i % 2)
            worker_y = y + (i // 2 - 2.5) * 0.85
            self.world.add(units.SCV, PLAYER, x + distance, worker_y)
        return []

    def _place_resources(self, side: int) -> None:
        x, y = CENTRE[0] + side * BASE_DISTANCE, CENTRE[1]
        for i in range(FIELDS_PER_BASE):
            angle = FIELD_ANGLE * (2 * i / (FIELDS_PER_BASE - 1) - 1)
            add_resource(
                self.world,
                units.MINERAL_FIELD,
                x + side * FIELD_DISTANCE * math.cos(angle),
                y + FIELD_DISTANCE * math.sin(angle),
                FIELD_MINERALS,
            )
        if self.has_gas:
            for up in (-1, 1):
                add_resource(
                    self.world, units.VESPENE_GEYSER, x, y + up * GEYSER_DISTANCE, GEYSER_GAS
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
