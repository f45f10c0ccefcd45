"""Fighting: whom a unit picks, how it shoots, who comes to help."""

from __future__ import annotations

import math

from sc2_minigames.world import abilities
from sc2_minigames.world._compile import part
from sc2_minigames.world.draws import uniform
from sc2_minigames.world.geometry import distance, gap
from sc2_minigames.world.kinds import (
    ARMOR,
    COOLDOWN,
    DAMAGE,
    ENEMY,
    IS_ARMED,
    IS_FIGHTER,
    IS_SUICIDE,
    NEUTRAL,
    PLAYER,
    RADIUS,
    RANGE,
    SPLASH,
)
from sc2_minigames.world.layout import ATTACK, DEFEAT_BANELINGS, DEFEAT_ROACHES, NONE
from sc2_minigames.world.movement import append_order, walk
from sc2_minigames.world.population import remove

ACQUIRE_RANGE = 5.0  # Edge to edge; within it an idle or attacking unit picks a fight by itself.
LEASH_RANGE = 8.0  # A foe that gets further away is let go.
HELP_RANGE = 5.0  # Idle friends so close to a unit under fire come to its help.
ACQUIRE_EVERY = 4  # Game loops between two looks around.
MIN_DAMAGE = 0.5
LEAST_JITTER, MOST_JITTER = -1.0, 2.0  # Game loops, drawn for every shot.


@part
def fight(game, unit, may_chase):
    """Attacks the foe at hand or looks for one; returns whether there is one."""
    if not IS_ARMED[game.kind[unit]]:
        return False
    foe, room = game.foe[unit], 0.0
    is_lost = False
    if foe != NONE:
        is_lost = foe < 0 or not game.alive[foe]
        if not is_lost:
            room = gap(game, unit, foe)
            is_lost = room > LEASH_RANGE
    if is_lost:
        foe = NONE
    if is_lost or (game.loop + game.tag[unit]) % ACQUIRE_EVERY == 0:
        found = _nearest_foe(game, unit, foe, room)
        if found != NONE and found != foe:
            room = gap(game, unit, found)
        foe = found
    game.foe[unit] = foe
    if foe == NONE:
        return False
    engage(game, unit, foe, room, may_chase)
    return True


@part
def _nearest_foe(game, unit, current, current_gap):
    weapon_range = RANGE[game.kind[unit]]
    best, best_gap = NONE, max(ACQUIRE_RANGE, weapon_range)
    if current != NONE:  # Not dropped for a foe that is only a little nearer.
        if current_gap <= weapon_range:
            return current
        best, best_gap = current, max(current_gap - 0.5, 0.0)
    x, y, radius = game.x[unit], game.y[unit], RADIUS[game.kind[unit]]
    row = 0 if game.owner[unit] == PLAYER else 1
    for i in range(game.num_foes[row]):
        other = game.foes[row, i]
        reach = best_gap + radius + RADIUS[game.kind[other]]
        dx = game.x[other] - x
        if -reach < dx < reach and game.alive[other]:
            dy = game.y[other] - y
            if dx * dx + dy * dy < reach * reach:
                best = other
                best_gap = math.sqrt(dx * dx + dy * dy) - radius - RADIUS[game.kind[other]]
    return best


@part
def engage(game, unit, foe, room, may_chase):
    """Shoots at a foe within range, or walks up to it; `room` is the gap between the two."""
    kind = game.kind[unit]
    if room > RANGE[kind]:
        if may_chase:
            walk(game, unit, game.x[foe], game.y[foe])
        return
    game.facing_x[unit] = game.x[foe] - game.x[unit]
    game.facing_y[unit] = game.y[foe] - game.y[unit]
    if game.cooldown[unit] > 0:
        return
    game.cooldown[unit] += COOLDOWN[kind] + uniform(game, LEAST_JITTER, MOST_JITTER)
    if SPLASH[kind] > 0:
        for other in range(game.num_units):
            if (
                game.owner[other] != game.owner[unit]
                and game.owner[other] != NEUTRAL
                and game.alive[other]
                and distance(game, unit, game.x[other], game.y[other]) - RADIUS[game.kind[other]]
                <= SPLASH[kind]
            ):
                hurt(game, other, DAMAGE[kind], unit)
    else:
        hurt(game, foe, DAMAGE[kind], unit)
    if IS_SUICIDE[kind]:
        kill(game, unit)


@part
def hurt(game, unit, damage, attacker):
    """Takes hit points; the victim and its idle friends turn on the attacker."""
    game.health[unit] -= max(damage - ARMOR[game.kind[unit]], MIN_DAMAGE)
    if game.health[unit] <= 0:
        kill(game, unit)
        return
    for friend in range(game.num_units):
        if (
            game.owner[friend] == game.owner[unit]
            and game.alive[friend]
            and game.foe[friend] == NONE
            and game.num_orders[friend] == 0
            and IS_FIGHTER[game.kind[friend]]
            and gap(game, friend, unit) <= HELP_RANGE
        ):
            x, y = game.x[attacker], game.y[attacker]
            append_order(game, friend, ATTACK, abilities.ATTACK, x, y, NONE)


@part
def kill(game, unit):
    """Removes a unit and scores its death."""
    if not game.alive[unit]:
        return
    remove(game, unit)
    if game.owner[unit] != ENEMY:
        game.score -= 1
    elif game.map == DEFEAT_ROACHES:
        game.score += 10
    elif game.map == DEFEAT_BANELINGS:
        game.score += 5
    else:
        game.score += 1
