"""Environments in which an episode can be chosen by number.

An environment that deals levels by number says so in its metadata: "level_option" names the option
of `reset` that takes the number. In any other environment number n is the episode that
`reset(seed=n)` starts.

B environments.
"""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from relational_rl.acting.loop import Loop
from relational_rl.acting.vectorization import make_vector_environment
from relational_rl.config import EnvSpec
from relational_rl.errors import UsageError


def make_for_levels(env: EnvSpec, num_envs: int) -> VectorEnv:
    """Makes a vector environment whose episodes are started by `start_levels`.

    Raises:
      ConfigError: it cannot be made.
    """
    return make_vector_environment(env, num_envs, autoreset_mode=AutoresetMode.DISABLED)


def start_levels(
    loop: Loop, environment: VectorEnv, levels: Mapping[int, int], first: bool = False
) -> dict[int, dict[str, Any]]:
    """Starts levels in some of the environments.

    Args:
      loop: steps the environment.
      environment: made by `make_for_levels`.
      levels: number of the level by environment.
      first: whether nothing has been started yet; the levels are then those of all environments.

    Returns:
      The info of each reset, by environment.

    Raises:
      UsageError: the environment says that it cannot be played.
    """
    if not levels:
        return {}
    option = level_option(environment)
    try:
        if option is None or not isinstance(environment, SyncVectorEnv):
            return _start_together(loop, environment, levels, option, first)
        if first:
            loop.reset(seed=0)
        infos = {}  # environments of one option each are reset one by one
        for index, level in levels.items():
            where = np.arange(environment.num_envs) == index
            infos[index] = info_of(loop.reset(options={option: level}, where=where), index)
        return infos
    except gymnasium.error.Error as error:
        raise UsageError(f"no episode can be started: {error}") from error


def level_option(environment: Any) -> str | None:
    """Returns the option of `reset` that chooses a level by number, None if there is none."""
    if isinstance(environment, SyncVectorEnv):
        environment = environment.envs[0].unwrapped
    return (environment.metadata or {}).get("level_option")


def info_of(infos: Mapping[str, Any], index: int) -> dict[str, Any]:
    """Returns the info of one of several environments, as it gave it itself."""
    return {
        name: value[index].item() if isinstance(value[index], np.generic) else value[index]
        for name, value in infos.items()
        if not name.startswith("_") and f"_{name}" in infos and infos[f"_{name}"][index]
    }


def _start_together(
    loop: Loop,
    environment: VectorEnv,
    levels: Mapping[int, int],
    option: str | None,
    first: bool,
) -> dict[int, dict[str, Any]]:
    num_envs = environment.num_envs
    where = None if first else np.isin(np.arange(num_envs), list(levels))
    numbers = [levels.get(index, 0) for index in range(num_envs)]
    if option is None:
        infos = loop.reset(seed=[int(number) for number in numbers], where=where)
    else:
        infos = loop.reset(options={option: np.array(numbers, np.int64)}, where=where)
    return {index: info_of(infos, index) for index in levels}
