"""The seven mini-games of SC2LE and the clock they are played by."""

from __future__ import annotations

import math
from typing import NamedTuple

GAME_LOOPS_PER_SECOND = 16  # Game speed "normal", which the maps' time limits are stated in.
STEP_MUL = 8  # Game loops per agent step; PySC2's value for every mini-game.
MAX_UNITS = 264  # More than the supply limit and the minerals of any map allow.

# The ground of CollectMineralsAndGas and BuildMarines in the stand-in game, in map units.
BASE_DISTANCE = 4.5  # From the centre of the map to the place of a command centre.
FIELD_DISTANCE = 6.8  # From there to its mineral fields, which lie in an arc on the outer side.
FIELD_ANGLE = math.radians(62)  # Half of the arc.
FIELDS_PER_BASE = 8
FIELD_MINERALS = 1800
GEYSER_DISTANCE = 7.5
GEYSER_GAS = 2250
NUM_WORKERS = 12


class MiniGame(NamedTuple):
    """What is fixed about a mini-game.

    Source: `docs/mini_games.md` of PySC2 (time limits) and `pysc2/maps/mini_games.py`.
    """

    name: str
    seconds: int  # Time limit at 16 game loops a second; the map itself ends the game.

    @property
    def game_loops(self) -> int:
        """Time limit in game loops."""
        return self.seconds * GAME_LOOPS_PER_SECOND

    @property
    def map_file(self) -> str:
        """Where the map lies below an installation's `Maps` folder."""
        return f"mini_games/{self.name}.SC2Map"


MINI_GAMES: dict[str, MiniGame] = {
    game.name: game
    for game in (
        MiniGame("MoveToBeacon", 120),
        MiniGame("CollectMineralShards", 120),
        MiniGame("FindAndDefeatZerglings", 180),
        MiniGame("DefeatRoaches", 120),
        MiniGame("DefeatZerglingsAndBanelings", 120),
        MiniGame("CollectMineralsAndGas", 300),
        MiniGame("BuildMarines", 900),
    )
}


def mini_game(name: str) -> MiniGame:
    """Returns the mini-game of that name.

    Raises:
      ValueError: if there is none.
    """
    if name not in MINI_GAMES:
        raise ValueError(f"map_name must be one of {', '.join(MINI_GAMES)}, got {name!r}")
    return MINI_GAMES[name]
