"""The stages of a curriculum: how much of the present one is solved, and when the next begins."""

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from relational_rl.acting.unroll import Episode
from relational_rl.config import Experiment
from relational_rl.errors import ConfigError

# So many episodes may end before one of them has to tell whether it succeeded.
_UNTOLD = 500


class Stages:
    """Counts solved episodes of the present stage and says when to go on.

    Without a curriculum there is one stage, and the counting is all that is left. Episodes come in
    the order in which they started (`acting.episodes`), so the share favours neither short nor
    long ones. An episode that does not tell whether it succeeded is left out of it.

    Attributes:
      stage: the present one, 0 the first.
    """

    def __init__(self, experiment: Experiment):
        """Makes the stages of an experiment, at the first."""
        self._num_stages = len(experiment.stages)
        curriculum, stop_at = experiment.curriculum, experiment.run.stop_at
        self._threshold = math.inf if curriculum is None else curriculum.threshold
        self._stop_at = math.inf if stop_at is None else stop_at.solved
        window = curriculum.window if curriculum is not None else 1
        self._windows = (window, stop_at.window if stop_at is not None else window)
        self._recent: deque[float] = deque(maxlen=max(self._windows))
        self._untold = 0
        self.stage = 0

    @property
    def is_last(self) -> bool:
        """Whether the present stage is the last."""
        return self.stage == self._num_stages - 1

    @property
    def is_solved(self) -> bool:
        """Whether so much of the last stage is solved that the run may end early."""
        return self.is_last and self.solved(self._windows[1]) >= self._stop_at

    def solved(self, window: int) -> float:
        """Returns the solved share of the last `window` episodes of this stage, NaN before."""
        if len(self._recent) < window:
            return math.nan
        recent = list(self._recent)[-window:]
        return sum(recent) / window

    def add(self, episodes: Iterable[Episode], stage: int) -> bool:
        """Counts episodes played in `stage`; returns whether the next stage has begun.

        Raises:
          ConfigError: there are further stages, and none of the first 500 episodes told whether it
            succeeded.
        """
        if stage != self.stage:
            return False  # played before the stage changed
        for episode in episodes:
            if not math.isnan(episode.is_success):
                self._recent.append(episode.is_success)
                self._untold = -1
            elif self._untold >= 0:
                self._untold += 1
        if self._untold >= _UNTOLD and not self.is_last:
            raise ConfigError(
                "a curriculum needs an environment whose info has 'is_success' at the end of an "
                f"episode, got none in {self._untold} episodes; leave the curriculum out "
                "(--config.curriculum=none)"
            )
        if self.is_last or not self.solved(self._windows[0]) >= self._threshold:
            return False
        self.advance()
        return True

    def advance(self) -> None:
        """Goes to the next stage."""
        self.stage += 1
        self._recent.clear()

    def state(self) -> dict[str, Any]:
        """Returns what a resumed run needs; JSON-serialisable."""
        return {"stage": self.stage, "recent": list(self._recent)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to a state.

        Raises:
          ValueError: the state's stage is not one of this curriculum's.
        """
        if not 0 <= state["stage"] < self._num_stages:
            raise ValueError(
                f"stage must be in [0, {self._num_stages - 1}] for this curriculum, "
                f"got {state['stage']}"
            )
        self.stage = state["stage"]
        self._recent.clear()
        # NaN stood for an unknown success before version 0.2.
        self._recent.extend(value for value in state["recent"] if not math.isnan(value))
