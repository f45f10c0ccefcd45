"""Counting the episodes of a batch of environments without favouring short ones.

B environments.
"""

import bisect
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from relational_rl.acting.unroll import Episode

# An environment that never ends an episode must not stop the count for ever.
_PATIENCE = 20


class EpisodeCounter:
    """Returns, lengths and successes of episodes, in the order in which they started.

    Of many environments started together those with short episodes end first, and on many games a
    short episode is a solved one: a count of the episodes that happen to have ended says "solved
    100 %" of an untrained agent. So an episode is counted once every episode that started before
    it has ended. The counted episodes are then all that started up to some moment, however long
    they took. (If more than 20 B episodes wait for one that does not end, the earliest are counted
    without it.)

    An episode that ends without `is_success` in its info has not succeeded, if any other has told:
    environments often tell of successes alone, and a time limit tells nothing.
    """

    def __init__(self, num_envs: int):
        """Makes a counter; every environment starts an episode now."""
        self._returns = np.zeros(num_envs, np.float64)
        self._lengths = np.zeros(num_envs, np.int64)
        self._starts = np.zeros(num_envs, np.int64)
        self._clock = 0
        self._waiting: list[tuple[int, int, Episode]] = []  # (start, environment, episode)
        self.tells_success = False

    def add(
        self, rewards: np.ndarray, live: np.ndarray, ended: np.ndarray, infos: Mapping[str, Any]
    ) -> None:
        """Counts a step.

        Args:
          rewards: float [B].
          live: bool [B], False where the step only reset the environment.
          ended: bool [B], where the step ended an episode.
          infos: as a Gymnasium vector environment gives them.
        """
        self._clock += 1
        self._returns[live] += rewards[live]
        self._lengths[live] += 1
        told = infos.get("_is_success", ())
        for i in np.flatnonzero(ended):
            success = float(infos["is_success"][i]) if len(told) and told[i] else math.nan
            self.tells_success |= not math.isnan(success)
            episode = Episode(float(self._returns[i]), int(self._lengths[i]), success)
            bisect.insort(
                self._waiting, (int(self._starts[i]), int(i), episode), key=lambda item: item[:2]
            )
        self._returns[ended] = 0.0
        self._lengths[ended] = 0
        self._starts[ended] = self._clock

    def take(self) -> tuple[Episode, ...]:
        """Returns the episodes that can be counted now, and counts each once."""
        oldest = self._starts.min(initial=self._clock)
        ready = bisect.bisect_left(self._waiting, oldest, key=lambda item: item[0])
        ready = max(ready, len(self._waiting) - _PATIENCE * len(self._starts))
        taken, self._waiting = self._waiting[:ready], self._waiting[ready:]
        return tuple(self._judged(episode) for _, _, episode in taken)

    def _judged(self, episode: Episode) -> Episode:
        if self.tells_success and math.isnan(episode.is_success):
            return Episode(episode.episode_return, episode.length, 0.0)
        return episode
