"""A curriculum: the next stage of an environment's arguments when the present one is solved."""

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from relational_rl.acting.actor import Episode


class Curriculum:
    """Counts solved episodes of the present stage and says when to go on.

    Without stages there is one stage without arguments, and the counting is all that is left.
    """

    def __init__(self, stages: Sequence[Mapping[str, Any]], threshold: float, window: int):
        """Makes a curriculum at its first stage.

        Args:
          stages: arguments of the environment, the easiest stage first.
          threshold: share of solved episodes, in (0, 1], that ends a stage.
          window: number of most recent episodes over which the share is taken.
        """
        self._stages = tuple(stages) or ({},)
        self._threshold = threshold
        self._recent: deque[float] = deque(maxlen=window)
        self.stage = 0

    @property
    def env_kwargs(self) -> Mapping[str, Any]:
        """The arguments of the present stage."""
        return self._stages[self.stage]

    @property
    def is_last(self) -> bool:
        """Whether the present stage is the last."""
        return self.stage == len(self._stages) - 1

    @property
    def solved(self) -> float:
        """Share of solved episodes in a full window of the present stage, NaN before."""
        if len(self._recent) < (self._recent.maxlen or 0):
            return math.nan
        return sum(self._recent) / len(self._recent)

    def add(self, episodes: Iterable[Episode], stage: int) -> bool:
        """Counts episodes played in `stage`; returns whether the next stage has begun.

        Raises:
          ValueError: there are further stages and an episode does not say whether it succeeded.
        """
        if stage != self.stage:
            return False  # played before the stage changed
        for episode in episodes:
            if math.isnan(episode.is_success) and not self.is_last:
                raise ValueError(
                    "a curriculum needs an environment whose info has 'is_success' at the end of "
                    "an episode, got none"
                )
            self._recent.append(episode.is_success)
        if self.is_last or not self.solved >= self._threshold:
            return False
        self.stage += 1
        self._recent.clear()
        return True

    def state(self) -> dict[str, Any]:
        """Returns what a resumed run needs; JSON-able."""
        return {"stage": self.stage, "recent": list(self._recent)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to a state.

        Raises:
          ValueError: the state's stage is not one of this curriculum's.
        """
        if not 0 <= state["stage"] < len(self._stages):
            raise ValueError(
                f"stage must be in [0, {len(self._stages) - 1}] for this curriculum, "
                f"got {state['stage']}"
            )
        self.stage = state["stage"]
        self._recent.clear()
        self._recent.extend(state["recent"])
