"""The kinds of units that the stand-in game knows, with their numbers.

Ids are those of `pysc2.lib.units`. Hit points, ranges, damage, costs and speeds are those of
StarCraft II 4.10 as its fan encyclopedia Liquipedia gives them, at game speed "normal" (divide a
"faster" speed by 1.4, multiply a "faster" time by it). A game loop is 1/16 second; all lengths
are in map units, all times in game loops. README.md lists what is simplified.
"""

from __future__ import annotations

from dataclasses import dataclass

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


MARINE = UnitType(
    id=48,
    name="Marine",
    radius=0.375,
    health=45,
    speed=_per_loop(2.25),
    sight=9,
    weapon=Weapon(damage=6, range=5, cooldown=0.8608 * LOOPS_PER_SECOND),
    minerals=50,
    supply=1,
    build_loops=_loops(25),
    is_army=True,
)
ROACH = UnitType(
    id=110,
    name="Roach",
    radius=0.625,
    health=145,
    speed=_per_loop(2.25),
    sight=9,
    armor=1,
    weapon=Weapon(damage=16, range=4, cooldown=2.0 * LOOPS_PER_SECOND),
)
ZERGLING = UnitType(
    id=105,
    name="Zergling",
    radius=0.375,
    health=35,
    speed=_per_loop(2.953),
    sight=8,
    weapon=Weapon(damage=5, range=0.1, cooldown=0.696 * LOOPS_PER_SECOND),
)
BANELING = UnitType(
    id=9,
    name="Baneling",
    radius=0.375,
    health=30,
    speed=_per_loop(2.5),
    sight=8,
    # 35 against light units, which is all that it meets here.
    weapon=Weapon(damage=35, range=0.25, cooldown=1, splash=2.2, is_suicide=True),
)
SCV = UnitType(
    id=45,
    name="SCV",
    radius=0.375,
    health=45,
    speed=_per_loop(2.8125),
    sight=8,
    weapon=Weapon(damage=5, range=0.1, cooldown=1.5 * LOOPS_PER_SECOND),
    minerals=50,
    supply=1,
    build_loops=_loops(17),
    is_worker=True,
)
COMMAND_CENTER = UnitType(
    id=18,
    name="CommandCenter",
    radius=2.75,
    health=1500,
    sight=11,
    armor=1,
    minerals=400,
    supply_provided=15,
    build_loops=_loops(100),
    footprint=5,
)
SUPPLY_DEPOT = UnitType(
    id=19,
    name="SupplyDepot",
    radius=1.125,
    health=400,
    sight=8,
    armor=1,
    minerals=100,
    supply_provided=8,
    build_loops=_loops(30),
    footprint=2,
)
REFINERY = UnitType(
    id=20,
    name="Refinery",
    radius=1.6875,
    health=500,
    sight=9,
    armor=1,
    minerals=75,
    build_loops=_loops(30),
    footprint=3,
)
BARRACKS = UnitType(
    id=21,
    name="Barracks",
    radius=1.8125,
    health=1000,
    sight=9,
    armor=1,
    minerals=150,
    build_loops=_loops(65),
    footprint=3,
)
MINERAL_FIELD = UnitType(id=341, name="MineralField", radius=1.125, footprint=2, is_resource=True)
VESPENE_GEYSER = UnitType(
    id=342, name="VespeneGeyser", radius=1.6875, footprint=3, is_resource=True
)
MINERAL_SHARD = UnitType(id=1680, name="MineralShard", radius=0.375, is_selectable=False)
BEACON = UnitType(id=317, name="Beacon", radius=1.0, is_selectable=False)

ALL_TYPES = (
    MARINE,
    ROACH,
    ZERGLING,
    BANELING,
    SCV,
    COMMAND_CENTER,
    SUPPLY_DEPOT,
    REFINERY,
    BARRACKS,
    MINERAL_FIELD,
    VESPENE_GEYSER,
    MINERAL_SHARD,
    BEACON,
)
