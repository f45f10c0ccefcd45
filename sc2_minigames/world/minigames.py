"""The seven mini-games: what is on the map, what scores, when it ends.

Rules, numbers of units and distances between them: PySC2's `docs/mini_games.md`. How large the
ground is and where the units stand on it is not said there, and is our choice.
"""

from __future__ import annotations

import math

from sc2_minigames import maps
from sc2_minigames.world._compile import part
from sc2_minigames.world.draws import draw
from sc2_minigames.world.geometry import gap
from sc2_minigames.world.kinds import (
    BANELING,
    BEACON,
    COMMAND_CENTER,
    ENEMY,
    GEYSER,
    MARINE,
    MINERAL_FIELD,
    MINERAL_SHARD,
    NEUTRAL,
    PLAYER,
    RADIUS,
    ROACH,
    SCV,
    ZERGLING,
)
from sc2_minigames.world.layout import (
    BUILD_MARINES,
    CENTRE,
    COLLECT_RESOURCES,
    COLLECT_SHARDS,
    DEFEAT_BANELINGS,
    DEFEAT_ROACHES,
    FIND_ZERGLINGS,
    MAX_UNITS,
    MOVE_TO_BEACON,
    NONE,
)
from sc2_minigames.world.placing import line_up, place, place_anywhere
from sc2_minigames.world.population import add, count, remove
from sc2_minigames.world.selection import select_army

ROACH_REINFORCEMENTS, BANELING_REINFORCEMENTS = 5, 4  # Marines with every wave but the first.
NEAR_ZERGLINGS = 2  # Of FindAndDefeatZerglings, these are in sight at the start.

FIRST_MINERALS = 50


@part
def fill(game):
    """Places the first units and selects those that are selected at the start."""
    if game.map == MOVE_TO_BEACON:
        place_anywhere(game, MARINE, PLAYER, game.num_marines, 0.0, NONE, 0.0)
        place_anywhere(game, BEACON, NEUTRAL, 1, 0.0, PLAYER, 4.0)
    elif game.map == COLLECT_SHARDS:
        place_anywhere(game, MARINE, PLAYER, game.num_marines, 0.0, NONE, 0.0)
        _deal_shards(game)
    elif game.map == FIND_ZERGLINGS:
        _fill_hunt(game)
    elif game.map == DEFEAT_ROACHES or game.map == DEFEAT_BANELINGS:
        _recruit(game, game.num_marines)
        _deploy(game)
        select_army(game, False)
    else:
        _fill_base(game)


@part
def after_loop(game):
    """Scores what is no death, brings what comes next, and ends a game that is lost."""
    if game.map == MOVE_TO_BEACON:
        _reach_beacon(game)
    elif game.map == COLLECT_SHARDS:
        _collect_shards(game)
    elif game.map == COLLECT_RESOURCES:
        game.score = game.collected_minerals + game.collected_vespene
    elif game.map == BUILD_MARINES:
        game.score = game.trained_marines
    elif game.has_changed:
        _count_sides(game)


# --- walking


@part
def _reach_beacon(game):
    """Scores a beacon that was reached and moves it."""
    beacon = game.num_units - 1  # The last that was added.
    for marine in range(beacon):
        if gap(game, marine, beacon) <= 0:
            game.score += 1
            remove(game, beacon)
            place_anywhere(game, BEACON, NEUTRAL, 1, 0.0, PLAYER, 5.0)
            return


@part
def _deal_shards(game):
    """Lays out a new set of shards."""
    place_anywhere(game, MINERAL_SHARD, NEUTRAL, game.num_shards, 0.75, PLAYER, 2.0)


@part
def _collect_shards(game):
    """Scores the shards that are touched."""
    reach = (RADIUS[MARINE] + RADIUS[MINERAL_SHARD]) ** 2
    left = 0
    for shard in range(game.num_marines, game.num_units):
        x, y = game.x[shard], game.y[shard]
        left += 1
        for marine in range(game.num_marines):
            dx, dy = x - game.x[marine], y - game.y[marine]
            if dx * dx + dy * dy <= reach:
                remove(game, shard)
                game.score += 1
                left -= 1
                break
    if left == 0:
        _deal_shards(game)


# --- combat


@part
def _count_sides(game):
    """Ends a game without marines, and sends new enemies when all are dead."""
    if count(game, PLAYER) == 0:
        game.defeat = True
    elif count(game, ENEMY) > 0:
        return
    elif game.map == FIND_ZERGLINGS:
        place_anywhere(game, ZERGLING, ENEMY, game.num_zerglings, 5.0, PLAYER, 9.0)
    else:
        is_roaches = game.map == DEFEAT_ROACHES
        _recruit(game, ROACH_REINFORCEMENTS if is_roaches else BANELING_REINFORCEMENTS)
        _deploy(game)


@part
def _fill_hunt(game):
    """Places the marines at the centre and the zerglings around it, two of them in sight."""
    for i in range(game.num_marines):
        offset = 0.8 * (i - (game.num_marines - 1) / 2)
        add(game, MARINE, PLAYER, CENTRE + offset, CENTRE)
    near = min(NEAR_ZERGLINGS, game.num_zerglings)
    far = game.num_zerglings - near
    place(game, ZERGLING, ENEMY, near, 7.5, 9.5, 5.0, NONE, 0.0)
    place(game, ZERGLING, ENEMY, far, 10.5, 100.0, 5.0, ENEMY, 5.0)
    select_army(game, False)


@part
def _wave_size(game):
    return game.num_roaches + game.num_zerglings + game.num_banelings


@part
def _recruit(game, wanted):
    """Adds marines, as many as there is room for besides the next wave."""
    room = MAX_UNITS - game.num_units - _wave_size(game)
    for _ in range(min(wanted, room)):
        add(game, MARINE, PLAYER, CENTRE, CENTRE)


@part
def _deploy(game):
    """Adds a wave and puts both sides where they begin."""
    outward = -1.0 if draw(game) < 0.5 else 1.0
    for _ in range(game.num_roaches):
        add(game, ROACH, ENEMY, CENTRE, CENTRE)
    for _ in range(game.num_zerglings):
        add(game, ZERGLING, ENEMY, CENTRE, CENTRE)
    for _ in range(game.num_banelings):
        add(game, BANELING, ENEMY, CENTRE, CENTRE)
    line_up(game, PLAYER, outward)
    line_up(game, ENEMY, -outward)


# --- economy


@part
def _fill_base(game):
    """Places resources, a command centre and workers; nothing is selected."""
    game.minerals = FIRST_MINERALS
    _place_resources(game, -1.0)
    if game.map == COLLECT_RESOURCES:
        _place_resources(game, 1.0)
    x, y = CENTRE - maps.BASE_DISTANCE, CENTRE
    add(game, COMMAND_CENTER, PLAYER, x, y)
    for i in range(maps.NUM_WORKERS):
        away = RADIUS[COMMAND_CENTER] + RADIUS[SCV] + 0.2 + 0.8 * (i % 2)
        add(game, SCV, PLAYER, x + away, y + (i // 2 - 2.5) * 0.85)


@part
def _place_resources(game, side):
    """Places mineral fields around a place for a command centre; where there is gas, geysers."""
    x, y = CENTRE + side * maps.BASE_DISTANCE, CENTRE
    for i in range(maps.FIELDS_PER_BASE):
        angle = maps.FIELD_ANGLE * (2 * i / (maps.FIELDS_PER_BASE - 1) - 1)
        field_x = x + side * maps.FIELD_DISTANCE * math.cos(angle)
        field_y = y + maps.FIELD_DISTANCE * math.sin(angle)
        field = add(game, MINERAL_FIELD, NEUTRAL, field_x, field_y)
        game.contents[field] = maps.FIELD_MINERALS
    if game.map == COLLECT_RESOURCES:
        for up in (-1, 1):
            geyser = add(game, GEYSER, NEUTRAL, x, y + up * maps.GEYSER_DISTANCE)
            game.contents[geyser] = maps.GEYSER_GAS
