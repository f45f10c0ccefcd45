"""An environment that takes its time, as a real game does."""

import time
from typing import Any

import gymnasium
import numpy as np

_SHAPE = (8, 8, 3)


class Throttled(gymnasium.Env[np.ndarray, np.int64]):
    """A few coloured cells, and a step that sleeps; an episode has 50 steps."""

    observation_space = gymnasium.spaces.Box(0, 255, _SHAPE, np.uint8)
    action_space = gymnasium.spaces.Discrete(4)

    def __init__(self, milliseconds: float = 0.0):
        """Makes the environment.

        Args:
          milliseconds: that a step takes.
        """
        self._seconds = milliseconds / 1000
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Starts an episode."""
        super().reset(seed=seed)
        self._steps = 0
        return self._image(), {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Sleeps."""
        time.sleep(self._seconds)
        self._steps += 1
        ended = self._steps == 50
        return self._image(), 0.0, ended, False, {"is_success": False}

    def _image(self) -> np.ndarray:
        image = np.zeros(_SHAPE, np.uint8)
        places = self.np_random.integers(8, size=(4, 2))
        image[places[:, 0], places[:, 1]] = self.np_random.integers(1, 256, (4, 3))
        return image


def make(**kwargs: Any) -> Throttled:
    """Makes the environment, by its import path."""
    return Throttled(**kwargs)
