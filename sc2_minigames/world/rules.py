"""What is fixed about each map, and what its user may change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sc2_minigames.maps import MINI_GAMES, mini_game
from sc2_minigames.standin import abilities as ids
from sc2_minigames.world import abilities
from sc2_minigames.world.layout import CENTRE, GAME

MOST_UNITS = 25  # of a kind, at the start
_ONE_SCREEN = (10.0, 8.0)
_BASES = (12.0, 10.0)

# BuildMarines has an action set of its own.
_MARINE_BUILDING = frozenset(
    {
        ids.SMART,
        ids.STOP,
        ids.MOVE,
        ids.GATHER,
        ids.RETURN,
        ids.HALT,
        ids.CANCEL_LAST,
        ids.RALLY_UNITS,
        ids.RALLY_WORKERS,
        ids.BUILD_SUPPLY_DEPOT,
        ids.BUILD_BARRACKS,
        ids.TRAIN_SCV,
        ids.TRAIN_MARINE,
    }
)


class Rules(NamedTuple):
    """What is fixed about a map.

    Attributes:
      half: half the sides of the ground that can be walked on, in map units.
      has_fog: whether only what a unit sees is shown.
      abilities: ids that units may use; None for all that are modelled.
      options: how many units there are at the start, by the names that its user may change.
      max_units: rows of the units' array: all units, or more than a game is likely to have.
    """

    half: tuple[float, float] = _ONE_SCREEN
    has_fog: bool = False
    abilities: frozenset[int] | None = None
    options: Mapping[str, int] = {}
    max_units: int = 64


RULES: dict[str, Rules] = {
    "MoveToBeacon": Rules(options={"num_marines": 1}, max_units=2),
    "CollectMineralShards": Rules(options={"num_marines": 2, "num_shards": 20}, max_units=22),
    "FindAndDefeatZerglings": Rules(
        half=(28.0, 28.0),
        has_fog=True,
        options={"num_marines": 3, "num_zerglings": 25},
        max_units=28,
    ),
    "DefeatRoaches": Rules(options={"num_marines": 9, "num_roaches": 4}),
    "DefeatZerglingsAndBanelings": Rules(
        options={"num_marines": 9, "num_zerglings": 6, "num_banelings": 4}
    ),
    "CollectMineralsAndGas": Rules(half=_BASES, max_units=96),
    "BuildMarines": Rules(half=_BASES, abilities=_MARINE_BUILDING, max_units=192),
}


def map_options(map_name: str, options: Mapping[str, int] | None) -> dict[str, int]:
    """Returns all options of a map, those that are not given as the map has them.

    Raises:
      ValueError: if the map or an option is not known, or a number of units is out of range.
    """
    known = RULES[mini_game(map_name).name].options
    result = dict(known)
    for key, value in (options or {}).items():
        if key not in known:
            legal = ", ".join(known) or "no options"
            raise ValueError(f"{map_name} has {legal} in the stand-in, got {key!r}")
        is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not is_whole or not 1 <= value <= MOST_UNITS:
            raise ValueError(f"{key} must be a whole number from 1 to {MOST_UNITS}, got {value!r}")
        result[key] = int(value)
    return result


def make_games(
    map_name: str,
    count: int,
    screen_size: int,
    minimap_size: int,
    options: Mapping[str, int] | None = None,
    vary_starts: bool = True,
) -> npt.NDArray[np.void]:
    """Returns games of one map that are not started yet, `GAME` [count].

    Args:
      map_name: one of `maps.MINI_GAMES`.
      count: how many.
      screen_size: side of the screen in pixels.
      minimap_size: side of the minimap in pixels.
      options: numbers of units, see `RULES`.
      vary_starts: whether combat starts differ from episode to episode.

    Raises:
      ValueError: as `map_options`.
    """
    chosen = map_options(map_name, options)
    rules = RULES[map_name]
    games = np.zeros(count, GAME)
    games["map"] = list(MINI_GAMES).index(map_name)
    games["duration"] = MINI_GAMES[map_name].game_loops
    games["left"], games["right"] = CENTRE - rules.half[0], CENTRE + rules.half[0]
    games["bottom"], games["top"] = CENTRE - rules.half[1], CENTRE + rules.half[1]
    games["has_fog"], games["varies"] = rules.has_fog, vary_starts
    games["allowed"] = abilities.bits(rules.abilities)
    games["screen_size"], games["minimap_size"] = screen_size, minimap_size
    for key, value in chosen.items():
        games[key] = value
    return games
