"""What the actors' time was spent on."""

import math
import threading
from collections import defaultdict
from collections.abc import Mapping

PARTS = ("environment", "inference", "transfer", "waiting")


class Shares:
    """Adds up seconds of all actors by what they were spent on; several threads may add."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    def add(self, seconds: Mapping[str, float], total: float) -> None:
        """Adds what an actor has spent.

        Args:
          seconds: by part, some of PARTS.
          total: seconds that passed for the actor, with what is no part.
        """
        with self._lock:
            for part, spent in seconds.items():
                self._seconds[part] += spent
            self._seconds["total"] += total

    def take(self) -> dict[str, float]:
        """Returns {"acting_environment": share, ...} since the last call; NaN if nothing came."""
        with self._lock:
            seconds, self._seconds = self._seconds, defaultdict(float)
        total = seconds["total"] or math.nan
        return {f"acting_{part}": seconds[part] / total for part in PARTS}
