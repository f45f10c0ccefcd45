"""The mini-games in which marines fight."""

from __future__ import annotations

from collections.abc import Sequence

from sc2_minigames.standin import units
from sc2_minigames.standin.game import CENTRE, Game
from sc2_minigames.standin.unit import Unit
from sc2_minigames.standin.units import ENEMY, PLAYER, UnitType

SIDE_DISTANCE = 7.0  # From the centre to the line that a side begins on.
COLUMN = 11  # Units in one vertical line, at most.


class FindAndDefeatZerglings(Game):
    """Three marines hunt zerglings on a large map in the fog."""

    name = "FindAndDefeatZerglings"
    half_width = 28.0
    half_height = 28.0
    has_fog = True
    num_marines = 3
    num_zerglings = 25

    def fill(self) -> list[Unit]:
        """Places the marines at the centre and the zerglings around it, two of them in sight."""
        x, y = CENTRE
        marines = [
            self.world.add(units.MARINE, PLAYER, x + offset, y) for offset in (-0.8, 0.0, 0.8)
        ]
        near = self.place(units.ZERGLING, ENEMY, 2, ring=(7.5, 9.5), mutual=5.0)
        self.place(
            units.ZERGLING,
            ENEMY,
            self.num_zerglings - 2,
            ring=(10.5, 100.0),
            mutual=5.0,
            apart=[(near, 5.0)],
        )
        return marines

    def on_death(self, unit: Unit) -> None:
        """Scores a zergling or the loss of a marine."""
        self.score += 1 if unit.owner == ENEMY else -1

    def after_loop(self) -> None:
        """Sends new zerglings when all are dead, and ends the game without marines."""
        marines = self.world.owned(PLAYER)
        if not marines:
            self.defeat = True
        elif not self.world.owned(ENEMY):
            self.place(
                units.ZERGLING, ENEMY, self.num_zerglings, mutual=5.0, apart=[(marines, 9.0)]
            )


class Waves(Game):
    """Marines on one side against wave after wave on the other.

    Attributes:
      wave: kinds of enemies and how many of each.
      reward: points for an enemy.
      reinforcements: marines that come with every wave but the first.
    """

    num_marines = 9
    wave: Sequence[tuple[UnitType, int]]
    reward: int
    reinforcements: int

    def fill(self) -> list[Unit]:
        """Places both sides."""
        marines = self._recruit(self.num_marines)
        self._deploy()
        return marines

    def on_death(self, unit: Unit) -> None:
        """Scores an enemy or the loss of a marine."""
        self.score += self.reward if unit.owner == ENEMY else -1

    def after_loop(self) -> None:
        """Sends the next wave, or ends the game without marines."""
        if not self.world.owned(PLAYER):
            self.defeat = True
        elif not self.world.owned(ENEMY):
            self._recruit(self.reinforcements)
            self._deploy()

    def _recruit(self, count: int) -> list[Unit]:
        return [self.world.add(units.MARINE, PLAYER, *CENTRE) for _ in range(count)]

    def _deploy(self) -> None:
        """Adds a wave and puts both sides where they begin."""
        side = self.rng.choice((-1, 1))
        enemies = [
            self.world.add(unit_type, ENEMY, *CENTRE)
            for unit_type, count in self.wave
            for _ in range(count)
        ]
        self._line_up(self.world.owned(PLAYER), CENTRE[0] + side * SIDE_DISTANCE, side)
        self._line_up(enemies, CENTRE[0] - side * SIDE_DISTANCE, -side)

    def _line_up(self, group: Sequence[Unit], x: float, outward: int) -> None:
        """Puts units in vertical lines, the first at `x`, the next ones behind it."""
        for start in range(0, len(group), COLUMN):
            column = group[start : start + COLUMN]
            spacing = 2.2 * max(unit.type.radius for unit in column)
            for i, unit in enumerate(column):
                unit.x = x + outward * 0.9 * (start // COLUMN)
                unit.y = CENTRE[1] + (i - (len(column) - 1) / 2) * spacing
                unit.orders.clear()
                unit.foe = None
                unit.cooldown = 0.0


class DefeatRoaches(Waves):
    """Nine marines against four roaches."""

    name = "DefeatRoaches"
    wave = ((units.ROACH, 4),)
    reward = 10
    reinforcements = 5


class DefeatZerglingsAndBanelings(Waves):
    """Nine marines against six zerglings and four banelings; a burst baneling counts, too."""

    name = "DefeatZerglingsAndBanelings"
    wave = ((units.ZERGLING, 6), (units.BANELING, 4))
    reward = 5
    reinforcements = 4
