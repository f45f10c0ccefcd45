"""One game of the compiled stand-in as a Gymnasium environment.

For rules and tests that play one game at a time; the same seeds give the same episodes as in a
batch.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from sc2_minigames.world.vector_env import StandInVectorEnv

Observation = dict[str, npt.NDArray[Any]]


class StandInEnv(gymnasium.Env[Observation, npt.NDArray[Any]]):
    """A mini-game on the compiled stand-in; see `StandInVectorEnv`."""

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - Gymnasium's

    def __init__(self, map_name: str, **arguments: Any):
        """Makes the environment; `arguments` are those of `StandInVectorEnv`.

        Raises:
          ValueError: if an argument is out of range.
        """
        self._batch = StandInVectorEnv(map_name, 1, **arguments, autoreset_mode="Disabled")
        self.action_codec = self._batch.action_codec
        self.observation_space = self._batch.single_observation_space
        self.action_space = self._batch.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Starts an episode; see `StandInVectorEnv.reset`. There are no options."""
        observations, infos = self._batch.reset(seed=[seed], options=options)
        return _first(observations), _info(infos)

    def step(
        self, action: npt.NDArray[Any]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Plays an action, whole numbers `[14]`; see `StandInVectorEnv.step`."""
        observations, rewards, ends, cuts, infos = self._batch.step(np.asarray(action)[np.newaxis])
        results = float(rewards[0]), bool(ends[0]), bool(cuts[0])
        return _first(observations), *results, _info(infos)


def _first(observations: Observation) -> Observation:
    return {key: array[0] for key, array in observations.items()}


def _info(infos: dict[str, Any]) -> dict[str, Any]:
    known = {key: values[0] for key, values in infos.items() if not key.startswith("_")}
    return {key: value.item() if hasattr(value, "item") else value for key, value in known.items()}
