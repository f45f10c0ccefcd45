"""The batch that `gymnasium.make_vec` makes of a mini-game.

Of a registered mini-game one may ask for either game. Only the stand-in has a batch of its own, and
nobody gets it without asking for the stand-in.
"""

from __future__ import annotations

import inspect
from typing import Any

from sc2_minigames.world.vector_env import StandInVectorEnv

_KNOWN = frozenset(inspect.signature(StandInVectorEnv.__init__).parameters) - {"self"}


def make_batch(
    map_name: str, num_envs: int = 1, *, game: str = "starcraft", **arguments: Any
) -> StandInVectorEnv:
    """Makes the compiled stand-in for a batch of games.

    Args:
      map_name: one of `maps.MINI_GAMES`.
      num_envs: how many.
      game: must be "standin"; the default is that of a single environment.
      **arguments: of `StandInVectorEnv`.

    Raises:
      ValueError: if another game is asked for, or an argument is out of range.
    """
    return StandInVectorEnv(map_name, num_envs, game=game, **arguments)


def can_play(**arguments: Any) -> bool:
    """Whether there is a batch for these arguments of an environment; else one plays one by one."""
    return arguments.get("game") == "standin" and set(arguments) <= _KNOWN


make_batch.can_play = can_play  # type: ignore[attr-defined] # asked by whoever makes batches
