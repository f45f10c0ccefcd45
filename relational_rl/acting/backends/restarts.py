"""Actors that are replaced after they were lost: how often, and with which seed."""

import dataclasses
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable

import numpy as np

from relational_rl.acting.actor import ActorDescription
from relational_rl.errors import ActorError

_logger = logging.getLogger(__name__)
_HOUR = 3600.0


class Restarts:
    """Counts the actors that were lost, and replaces each at most so many times in an hour.

    Attributes:
      count: how many were replaced.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic):
        """Makes the count.

        Args:
          most: how often in an hour one actor may be replaced.
          clock: tells the time in seconds.
        """
        self.count = 0
        self._most = most
        self._clock = clock
        self._times: dict[int, deque[float]] = defaultdict(deque)

    def replace(self, description: ActorDescription, reason: str) -> ActorDescription:
        """Returns the description of the actor that takes the place of a lost one, and logs it.

        It has a seed of its own: the levels and draws of the lost one do not come again.

        Raises:
          ActorError: it has been replaced as often as it may be.
        """
        now, times = self._clock(), self._times[description.index]
        while times and now - times[0] > _HOUR:
            times.popleft()
        if len(times) >= self._most:
            often = f" {len(times) + 1} times within an hour" if times else ""
            raise ActorError(
                f"actor {description.index} failed{often} "
                f"(source.backend.max_restarts={self._most}): {reason}"
            )
        times.append(now)
        self.count += 1
        _logger.warning(
            "actor %d is replaced (%d of %d within an hour): %s",
            description.index,
            len(times),
            self._most,
            reason,
        )
        sequence = np.random.SeedSequence((description.seed, self.count))
        return dataclasses.replace(description, seed=int(sequence.generate_state(1)[0]))
