"""PySC2's scripted agents as a yardstick: each plays one mini-game by a rule of a few lines.

They are PySC2's own, unchanged (`pysc2.agents.scripted_agent`); here they see what an agent of
this package sees, and act in its action space.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from pysc2.agents import scripted_agent
from pysc2.env import environment
from pysc2.lib import features, named_array

from sc2_minigames.actions import ActionCodec

_AGENTS = {
    "MoveToBeacon": scripted_agent.MoveToBeacon,
    "CollectMineralShards": scripted_agent.CollectMineralShards,
    "DefeatRoaches": scripted_agent.DefeatRoaches,
}
MAPS: tuple[str, ...] = tuple(_AGENTS)
# What `pysc2.bin.agent` shows them. They go by pixels: on a coarse screen the one for mineral
# shards aims beside what is left of them and stands still.
SCREEN_SIZE = 84

Policy = Callable[[Mapping[str, npt.NDArray]], npt.NDArray[np.int64]]


def scripted_policy(map_name: str, codec: ActionCodec) -> Policy:
    """Returns a function from an observation (`observations.py`) to an action, int64 `[14]`.

    Args:
      map_name: one of `MAPS`.
      codec: of the environment that is played.

    Raises:
      ValueError: if PySC2 has no agent for that map.
    """
    if map_name not in _AGENTS:
        raise ValueError(f"map_name must be one of {', '.join(MAPS)}, got {map_name!r}")
    agent = _AGENTS[map_name]()

    def act(observation: Mapping[str, npt.NDArray]) -> npt.NDArray[np.int64]:
        layers = np.moveaxis(observation["screen"], -1, 0)  # [27, H, W]
        seen = named_array.NamedDict(
            feature_screen=named_array.NamedNumpyArray(
                layers, [features.ScreenFeatures, None, None]
            ),
            available_actions=np.flatnonzero(observation["available_actions"]),
        )
        with warnings.catch_warnings():
            # It takes the mean place of its units also where none can be seen.
            warnings.simplefilter("ignore", RuntimeWarning)
            call = agent.step(environment.TimeStep(environment.StepType.MID, 0.0, 1.0, seen))
        return codec.encode(call)

    return act
