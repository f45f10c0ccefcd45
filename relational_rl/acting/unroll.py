"""What goes from an actor to the learner.

T unroll length, B environments, K arguments of an action.
"""

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from relational_rl.observations.spec import Observations


@dataclasses.dataclass(frozen=True)
class Episode:
    """A finished episode.

    Attributes:
      episode_return: undiscounted sum of rewards.
      length: number of transitions.
      is_success: what the environment's info says; NaN if it says nothing.
    """

    episode_return: float
    length: int
    is_success: float


class Unroll(NamedTuple):
    """T steps of B environments, time-major.

    Attributes:
      observations: {"image": [T + 1, B, H, W, C], ...}; the last one is the bootstrap.
      actions: [T, B, ...], as `agents.protocol.ActOutput` has them.
      behaviour_log_probs: float32 [T, B], of each action under the policy that acted.
      rewards: float32 [T, B].
      not_terminated: float32 [T, B], 0 where the episode ended for good.
      weights: float32 [T, B], 0 for steps that only reset an environment.
      initial_state: the agent's state before the first step, reset where an episode starts there.
      version: which parameters acted, as numbered by the learner.
      stage: which stage of the curriculum the environments were in.
      episodes: those that are counted with this unroll; see `episodes.EpisodeCounter`.
    """

    observations: Observations
    actions: np.ndarray
    behaviour_log_probs: np.ndarray
    rewards: np.ndarray
    not_terminated: np.ndarray
    weights: np.ndarray
    initial_state: Any
    version: float
    stage: int
    episodes: tuple[Episode, ...]

    @property
    def num_frames(self) -> int:
        """Number of transitions, without the steps that only reset."""
        return int(self.weights.sum())
