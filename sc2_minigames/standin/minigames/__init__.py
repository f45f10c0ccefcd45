"""The seven mini-games: what is on the map, what scores, when it ends.

Rules, numbers of units and distances between them: PySC2's `docs/mini_games.md`. How large the
ground is and where the units stand on it is not said there, and is our choice (README.md).
"""

from __future__ import annotations

import random

from sc2_minigames.standin.game import Game
from sc2_minigames.standin.minigames.combat import (
    DefeatRoaches,
    DefeatZerglingsAndBanelings,
    FindAndDefeatZerglings,
)
from sc2_minigames.standin.minigames.gathering import BuildMarines, CollectMineralsAndGas
from sc2_minigames.standin.minigames.walking import CollectMineralShards, MoveToBeacon

GAMES: dict[str, type[Game]] = {
    game.name: game
    for game in (
        MoveToBeacon,
        CollectMineralShards,
        FindAndDefeatZerglings,
        DefeatRoaches,
        DefeatZerglingsAndBanelings,
        CollectMineralsAndGas,
        BuildMarines,
    )
}


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
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 20:
            raise ValueError(f"{key} must be an integer in [1, 20], got {value!r}")
    return GAMES[name](random.Random(seed), **options)
