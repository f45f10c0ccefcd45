"""One game loop, one agent step, and the start of an episode, for one game and for B at once."""

from __future__ import annotations

import numpy as np

from sc2_minigames.actions import ARGUMENTS, NUM_FUNCTIONS
from sc2_minigames.world._compile import compiled, part
from sc2_minigames.world.combat import engage, fight
from sc2_minigames.world.commands import act
from sc2_minigames.world.draws import key_of
from sc2_minigames.world.economy import train
from sc2_minigames.world.fog import forget_all, look_around
from sc2_minigames.world.geometry import gap
from sc2_minigames.world.kinds import IS_ACTIVE, IS_FIGHTER
from sc2_minigames.world.layout import (
    ATTACK,
    ATTACK_UNIT,
    BUILD,
    CENTRE,
    COLLECT_RESOURCES,
    CONSTRUCT,
    GATHER,
    HOLD,
    MOVE,
    PATROL,
    RETURN,
)
from sc2_minigames.world.minigames import after_loop, fill
from sc2_minigames.world.movement import pop_order, separate, walk
from sc2_minigames.world.population import clear, list_foes, sweep
from sc2_minigames.world.workers import bring_home, build, construct, gather

_NUM_COLUMNS = 1 + len(ARGUMENTS)

# What `check_actions` finds wrong.
FINE, OUT_OF_RANGE, UNAVAILABLE = range(3)


@part
def begin(game):
    """Starts an episode; random numbers go on where they are."""
    clear(game)
    game.camera_x = game.camera_y = CENTRE
    fill(game)
    forget_all(game)
    look_around(game)


@part
def is_over(game):
    """Whether the episode has ended."""
    return game.defeat or game.loop >= game.duration


@part
def _carry_out(game, unit):
    """Lets a unit follow its first order for a game loop, or fight if it has none."""
    if game.cooldown[unit] > 0:
        game.cooldown[unit] -= 1
    if game.num_orders[unit] == 0:
        if IS_FIGHTER[game.kind[unit]]:
            fight(game, unit, True)
        return
    kind = game.order_kind[0, unit]
    if kind == MOVE:
        if walk(game, unit, game.order_x[0, unit], game.order_y[0, unit]):
            pop_order(game, unit)
    elif kind in (ATTACK, PATROL):
        if fight(game, unit, True):
            return
        if walk(game, unit, game.order_x[0, unit], game.order_y[0, unit]):
            if kind == ATTACK:
                pop_order(game, unit)
            else:
                _turn_round(game, unit)
    elif kind == ATTACK_UNIT:
        target = game.order_target[0, unit]
        if target < 0 or not game.alive[target]:
            pop_order(game, unit)
        else:
            engage(game, unit, target, gap(game, unit, target), True)
    elif kind == HOLD:
        fight(game, unit, False)
    elif kind == GATHER:
        gather(game, unit)
    elif kind == RETURN:
        bring_home(game, unit)
    elif kind == BUILD:
        build(game, unit)
    elif kind == CONSTRUCT:
        construct(game, unit)


@part
def _turn_round(game, unit):
    """Exchanges the two ends of a patrol."""
    x, y = game.order_x[0, unit], game.order_y[0, unit]
    game.order_x[0, unit] = game.order_from_x[0, unit]
    game.order_y[0, unit] = game.order_from_y[0, unit]
    game.order_from_x[0, unit], game.order_from_y[0, unit] = x, y


@part
def advance(game):
    """Advances by one game loop."""
    game.loop += 1
    list_foes(game)
    for unit in range(game.num_units):
        if game.alive[unit] and IS_ACTIVE[game.kind[unit]]:
            _carry_out(game, unit)
    separate(game)
    sweep(game)
    if game.map >= COLLECT_RESOURCES:
        train(game)
    after_loop(game)
    sweep(game)


@compiled
def check_actions(actions, due, available, sizes, takes, replaces, replaced):
    """Sets the arguments that functions do not take to zero, and finds what is wrong.

    Args:
      actions: int64 [B, 14], changed in place.
      due: bool [B], whose action does not count; it becomes no-op.
      available: int8 [B, functions].
      sizes: int64 [14], numbers of values.
      takes: bool [functions, 13], which arguments each function takes.
      replaces: whether no-op takes the place of a function that is not available.
      replaced: bool [B], filled in: where it did.

    Returns:
      What is wrong (FINE, OUT_OF_RANGE, UNAVAILABLE) and in which game first.
    """
    for b in range(len(actions)):
        action = actions[b]
        replaced[b] = False
        if due[b]:
            action[:] = 0
            continue
        function = action[0]
        if function < 0 or function >= NUM_FUNCTIONS:
            return OUT_OF_RANGE, b
        for column in range(1, _NUM_COLUMNS):
            if not takes[function, column - 1]:
                action[column] = 0
            elif action[column] < 0 or action[column] >= sizes[column]:
                return OUT_OF_RANGE, b
        if not available[b, function]:
            if not replaces:
                return UNAVAILABLE, b
            action[:] = 0
            replaced[b] = True
    return FINE, 0


@compiled
def start_games(games, mask, seeds):
    """Starts an episode in the games of a mask; a seed of at least 0 begins a new sequence.

    Args:
      games: `GAME` [B].
      mask: bool [B].
      seeds: int64 [B].
    """
    for b in range(len(games)):
        if mask[b]:
            game = games[b]
            if seeds[b] >= 0:
                game.key = key_of(seeds[b])
                game.draws = np.uint64(0)
            begin(game)


@compiled
def step_games(games, actions, due, step_mul, last_loop, rewards, terminations, truncations):
    """Plays an action and `step_mul` game loops in every game, fewer where it ends.

    Args:
      games: `GAME` [B].
      actions: int64 [B, 14], as `check_actions` left them.
      due: bool [B], which start their next episode instead.
      step_mul: game loops in a step.
      last_loop: game loop at which episodes are cut off.
      rewards: float64 [B], filled in: the increase of the score.
      terminations: bool [B], filled in: whether the map has ended the episode.
      truncations: bool [B], filled in: whether it was cut off.
    """
    for b in range(len(games)):
        game = games[b]
        terminations[b] = truncations[b] = False
        rewards[b] = 0.0
        if due[b]:
            begin(game)
            continue
        before = game.score
        act(game, actions[b])
        for _ in range(step_mul):
            advance(game)
            if is_over(game):
                break
        look_around(game)
        rewards[b] = game.score - before
        terminations[b] = is_over(game)
        truncations[b] = not terminations[b] and game.loop >= last_loop
