"""A game with an entry that no network reads, in a space of its own. Imports nothing large."""

import gymnasium
import numpy as np


class Words(gymnasium.Space):
    """Texts; Gymnasium does not know this space."""

    def __init__(self):
        super().__init__((), None)

    def __eq__(self, other):
        return isinstance(other, Words)

    def contains(self, x):
        return isinstance(x, str)

    def sample(self, mask=None, probability=None):
        return "go"


class Spoken(gymnasium.Env):
    """Says what to do; an episode lasts two steps."""

    observation_space = gymnasium.spaces.Dict(
        {"image": gymnasium.spaces.Box(0, 255, (2, 2, 1), np.uint8), "words": Words()}
    )
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, broken=False):
        if broken:
            raise OSError("the cable is out")

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._step = 0
        return self._see(), {}

    def step(self, action):
        self._step += 1
        return self._see(), float(action), self._step == 2, False, {}

    def _see(self):
        return {"image": np.full((2, 2, 1), self._step, np.uint8), "words": "go"}
