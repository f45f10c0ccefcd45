"""Box-World as a Gymnasium environment."""

from __future__ import annotations

import operator
from typing import Any, ClassVar

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.error import InvalidAction, ResetNeeded

from boxworld.core import Core
from boxworld.dynamics import (
    GEM_COLLECTED,
    NUM_ACTIONS,
    REWARDS,
    TERMINATED,
    TRUNCATED,
    step_slot,
)
from boxworld.generator import BRANCH_LENGTH, LEVEL_SEED, NUM_BRANCHES, SOLUTION_LENGTH
from boxworld.level import Level
from boxworld.spec import LevelSpec, Range

_FIRST_SLOT = np.zeros(1, np.int64)


class BoxWorldEnv(gymnasium.Env[npt.NDArray[np.uint8], np.int64]):
    """One Box-World game; `gymnasium.make("BoxWorld-v0")`."""

    metadata: ClassVar[dict[str, Any]] = {
        "render_modes": ["human", "rgb_array", "ansi"],
        "render_fps": 8,
    }

    def __init__(
        self,
        solution_length: int | Range = (1, 4),
        num_branches: int | Range = (0, 4),
        branch_length: int = 1,
        room_size: int = 12,
        num_colors: int = 20,
        max_steps: int | None = None,
        observation: str = "rgb",
        withheld: str | None = None,
        levels: tuple[int, int] | None = None,
        render_mode: str | None = None,
    ) -> None:
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(
                f"render_mode must be None or one of {self.metadata['render_modes']}, "
                f"got {render_mode!r}"
            )
        self.render_mode = render_mode
        self.level_spec = LevelSpec(
            solution_length, num_branches, branch_length, room_size, num_colors, withheld
        )
        self._core = core = Core(1, self.level_spec, max_steps, observation, levels)
        self.observation_space = core.single_observation_space
        self.action_space = gymnasium.spaces.Discrete(NUM_ACTIONS)
        # Views of the only slot.
        self._board, self._slot = core.boards[0], core.slots[0]
        self._observation = core.observations[0]
        self._table, self._max_steps = core.table, core.max_steps
        self._playing = False
        self._was_reset = False
        self._window: Any = None

    @property
    def max_steps(self) -> int:
        """The step cap."""
        return self._max_steps

    @property
    def level(self) -> Level:
        """The level that is being played, as it was dealt."""
        self._check_reset("level")
        return self._core.level(0)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
        super().reset(seed=seed)
        core = self._core
        core.seed_slot(0, self.np_random)
        if options:
            core.deal_given(_FIRST_SLOT, options)
        else:
            core.deal_next(_FIRST_SLOT)
        self._playing = self._was_reset = True
        if self.render_mode == "human":
            self.render()
        return self._observation.copy(), {"level_seed": int(self._slot[LEVEL_SEED])}

    def step(
        self, action: np.int64 | int
    ) -> tuple[npt.NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        if not self._playing:
            self._raise_not_playing()
        try:
            index = operator.index(action)
        except TypeError:
            index = -1
        if not 0 <= index < NUM_ACTIONS:
            raise InvalidAction(
                f"action must be an integer in [0, {NUM_ACTIONS - 1}], got {action!r}"
            )
        outcome = step_slot(
            self._board, self._slot, self._observation, self._table, self._max_steps, index
        )
        info = self._end(outcome) if outcome > 1 else {}
        if self.render_mode == "human":
            self.render()
        return (
            self._observation.copy(),
            REWARDS[outcome],
            TERMINATED[outcome],
            TRUNCATED[outcome],
            info,
        )

    def _end(self, outcome: int) -> dict[str, Any]:
        self._playing = False
        slot = self._slot
        return {
            "is_success": outcome == GEM_COLLECTED,
            "solution_length": int(slot[SOLUTION_LENGTH]),
            "num_branches": int(slot[NUM_BRANCHES]),
            "branch_length": int(slot[BRANCH_LENGTH]),
            "level_seed": int(slot[LEVEL_SEED]),
        }

    def render(self) -> Any:
        self._check_reset("render()")
        if self.render_mode == "rgb_array":
            return self._core.frame(0)
        if self.render_mode == "ansi":
            return self._core.text(0)
        if self.render_mode == "human":
            if self._window is None:
                from boxworld.window import Window

                self._window = Window(self.metadata["render_fps"])
            self._window.show(self._core.frame(0))
        return None

    def close(self) -> None:
        if self._window is not None:
            self._window.close()
            self._window = None

    def _check_reset(self, what: str) -> None:
        if not self._was_reset:
            raise ResetNeeded(f"{what} needs a level: call reset() first")

    def _raise_not_playing(self) -> None:
        self._check_reset("step()")
        raise ResetNeeded("step() was called after the end of the episode: call reset() first")
