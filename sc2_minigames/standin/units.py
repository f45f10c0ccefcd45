"""The kinds of units that the stand-in game knows, with their numbers.

Ids are those of `pysc2.lib.units`. Hit points, ranges, damage, costs and speeds are those of
StarCraft II 4.10 as its fan encyclopedia Liquipedia gives them, at game speed "normal" (divide a
"faster" speed by 1.4, multiply a "faster" time by it). A game loop is 1/16 second; all lengths
are in map units, all times in game loops. README.md lists what is simplified.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

LOOPS_PER_SECOND = 16

PLAYER, ENEMY, NEUTRAL = 1, 2, 16  # Values of `owner`, as in the feature layer player_id.


@dataclass(frozen=True, slots=True)
class Weapon:
    """What a unit attacks with."""

    damage: float
    range: float  # From edge to edge.
    cooldown: float  # Game loops from one shot to the next.
    splash: float = 0.0  # Radius around the attacker within which every foe is hurt.
    is_suicide: bool = False


@dataclass(frozen=True, slots=True)
class UnitType:
    """What is common to all units of a kind."""

    id: int
    name: str
    radius: float
    health: float = 0.0  # 0: cannot be hurt.
    speed: float = 0.0  # Map units per game loop.
    sight: float = 0.0
    armor: float = 0.0
    weapon: Weapon | None = None
    minerals: int = 0  # Cost.
    supply: int = 0  # Taken by a unit.
    supply_provided: int = 0
    build_loops: int = 0
    footprint: int = 0  # Side of the square of ground that a structure stands on.
    is_worker: bool = False
    is_army: bool = False
    is_resource: bool = False
    is_selectable: bool = True

    @property
    def is_structure(self) -> bool:
        """Whether it stands on the ground for good."""
        return self.footprint > 0 and not self.is_resource


def _per_loop(per_second: float) -> float:
    return per_second / LOOPS_PER_SECOND


def _loops(seconds: float) -> int:
    return round(seconds * LOOPS_PER_SECOND)


def _weapon(damage: float, range_: float, seconds: float) -> Weapon:
    return Weapon(damage, range_, seconds * LOOPS_PER_SECOND)


def _trained(seconds: float, unit_type: UnitType) -> UnitType:
    """Adds what it takes to train a unit: so many seconds, 50 minerals and a place."""
    return replace(unit_type, minerals=50, supply=1, build_loops=_loops(seconds))


def _structure(
    id_: int, name: str, radius: float, footprint: int, health: float, sight: float
) -> UnitType:
    return UnitType(id_, name, radius, health, 0.0, sight, armor=1, footprint=footprint)


def _built(unit_type: UnitType, minerals: int, seconds: float, provided: int = 0) -> UnitType:
    """Adds the cost of a structure, the seconds it takes and the places that it provides."""
    loops = _loops(seconds)
    return replace(unit_type, minerals=minerals, build_loops=loops, supply_provided=provided)


_RIFLE = _weapon(6, 5, 0.8608)
_CUTTER = _weapon(5, 0.1, 1.5)
# 35 against light units, which is all that a baneling meets here.
_EXPLOSION = Weapon(damage=35, range=0.25, cooldown=1, splash=2.2, is_suicide=True)

# Id, name, radius, health, speed, sight, armor, weapon.
MARINE = _trained(
    25, UnitType(48, "Marine", 0.375, 45, _per_loop(2.25), 9, 0, _RIFLE, is_army=True)
)
ROACH = UnitType(110, "Roach", 0.625, 145, _per_loop(2.25), 9, 1, _weapon(16, 4, 2.0))
ZERGLING = UnitType(105, "Zergling", 0.375, 35, _per_loop(2.953), 8, 0, _weapon(5, 0.1, 0.696))
BANELING = UnitType(9, "Baneling", 0.375, 30, _per_loop(2.5), 8, 0, _EXPLOSION)
SCV = _trained(17, UnitType(45, "SCV", 0.375, 45, _per_loop(2.8125), 8, 0, _CUTTER, is_worker=True))
# Id, name, radius, footprint, health, sight; minerals, seconds, places.
COMMAND_CENTER = _built(_structure(18, "CommandCenter", 2.75, 5, 1500, 11), 400, 100, 15)
SUPPLY_DEPOT = _built(_structure(19, "SupplyDepot", 1.125, 2, 400, 8), 100, 30, 8)
REFINERY = _built(_structure(20, "Refinery", 1.6875, 3, 500, 9), 75, 30)
BARRACKS = _built(_structure(21, "Barracks", 1.8125, 3, 1000, 9), 150, 65)
# Id, name, radius.
MINERAL_FIELD = UnitType(341, "MineralField", 1.125, footprint=2, is_resource=True)
VESPENE_GEYSER = UnitType(342, "VespeneGeyser", 1.6875, footprint=3, is_resource=True)
MINERAL_SHARD = UnitType(1680, "MineralShard", 0.375, is_selectable=False)
BEACON = UnitType(317, "Beacon", 1.0, is_selectable=False)

FIGHTERS = (MARINE, ROACH, ZERGLING, BANELING)
ECONOMY = (SCV, COMMAND_CENTER, SUPPLY_DEPOT, REFINERY, BARRACKS)
NEUTRALS = (MINERAL_FIELD, VESPENE_GEYSER, MINERAL_SHARD, BEACON)
ALL_TYPES = (*FIGHTERS, *ECONOMY, *NEUTRALS)
