"""Box-World as a Gymnasium environment."""

from __future__ import annotations

import dataclasses
import operator
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import logger
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import InvalidAction, ResetNeeded

from boxworld.core import Core, check_render_mode
from boxworld.dynamics import (
    BRANCH_LENGTH,
    GEM_COLLECTED,
    LEVEL_SEED,
    NUM_ACTIONS,
    NUM_BRANCHES,
    OPENED,
    OUT_OF_STEPS,
    REWARDS,
    SOLUTION_LENGTH,
    SOLVED_OR_LOST,
    step_slot,
)
from boxworld.spec import LevelSpec, Range, as_integer
from boxworld.state import BoxWorldState, restore, save
from boxworld.window import Window, avoid_accelerated_windows

if TYPE_CHECKING:
    from boxworld.level import Level

_ONLY_SLOT = np.zeros(1, np.int64)


class BoxWorldEnv(gymnasium.Env[npt.NDArray[np.uint8], np.int64]):
    """Box-World, the puzzle game of "Relational Deep Reinforcement Learning".

    ## Description
    Zambaldi et al., arXiv:1806.01830, section 4.1. A room holds a loose key and boxes. A box is two
    adjacent cells: its lock on the right, its content (a key or the gem) on the left. A key opens
    locks of its own colour. The goal is the gem, which is in the last box of the solution path: the
    loose key opens the first box, the key inside opens the second, and so on. A distractor branch
    starts with a lock that a key of the path also opens, but its keys are dead ends: opening its
    first box ends the episode. The agent must therefore plan from the colours which box to open.

    The agent picks up a loose key by walking onto it. It opens a box by walking onto its lock with
    the matching key, which is used up; the lock disappears and the agent stands in its place. The
    content is collected by a second step, onto it. The agent holds one key at a time: picking up
    another discards it. The room's border, a lock without its key, and the content of a locked box
    are impassable: the agent stays where it is, but the step counts.

    A level is a pure function of the arguments and a level seed, see `boxworld.generate_level`.
    Each reset deals the level of another level seed, in an order fixed by `reset(seed=...)`.

    ## Action Space
    `Discrete(4)`: 0 up, 1 down, 2 left, 3 right. Any integer type will do; booleans are refused.

    ## Observation Space
    `observation="rgb"`: `Box(0, 255, (room_size + 2, room_size + 2, 3), uint8)`, one pixel a cell,
    inside a border of one pixel. The border is black, the floor (204, 204, 204), the agent (128,
    128, 128), the gem white; keys and locks are pastel, `boxworld.PALETTE`. The held key is shown
    at pixel (0, 0), the top left corner of the border.

    `observation="onehot"`: `Box(0, 1, (room_size + 2, room_size + 2, 4 + 2 * num_colors), uint8)`,
    one channel a type of object: floor 0, border 1, agent 2, gem 3, key of colour k 4 + k, lock of
    colour k 4 + num_colors + k. The observation does not show which key opens which lock (paper,
    section 4.1: the variant of the attention analysis). The held key is also at pixel (0, 0).

    Observations are copies: later steps do not change them.

    ## Rewards
    +10 for the gem, +1 for opening a box of the solution path (the gem's too), -1 for opening a
    distractor box, 0 for everything else. The best return is solution_length + 10.

    ## Episode End
    Terminated when the gem is collected or a distractor box is opened (at its lock). The step cap
    ends every other episode, in one of two ways (the paper states no cap):

    - `step_cap="truncate"` (default, our choice): truncated after `max_steps` actions. The
      remaining time is not observable, so agents should bootstrap from the last observation.
    - `step_cap="terminate"`: as in the authors' later public code (pycolab's `box_world` example),
      which ends the episode with discount 0 once the number of actions exceeds the cap: terminated
      at action `max_steps + 1`. A cap of 120 allows 121 actions.

    In both cases the last action is executed and rewarded; an episode whose last action collects
    the gem or opens a distractor box is terminated. `env.spec.max_episode_steps` is the number of
    that action, as Gymnasium's `TimeAwareObservation` requires. An environment remade from
    `env.spec` therefore also has Gymnasium's `TimeLimit` with that value; to remake it with another
    `max_steps`, pass `max_episode_steps=-1` as well.

    `info` after a reset holds `level_seed`; at the end of an episode it holds `is_success` (whether
    the gem was collected), `solution_length`, `num_branches`, `branch_length` (0 without branches)
    and `level_seed`; otherwise it is empty. The level seed of a level given as text is -1.

    `reset(options={"level_seed": k})` deals the level with that level seed, in [0, 2**63), and
    `reset(options={"level": Level or text})` the given level; neither advances the sequence of
    level seeds.

    `get_state()` returns a snapshot and `set_state(state)` restores it: the same actions then have
    the same results.

    ## Arguments
    - `solution_length`: boxes on the solution path; an int or an inclusive (low, high) pair, from
      which each level draws uniformly. Default (1, 4).
    - `num_branches`: distractor branches, likewise. Default (0, 4).
    - `branch_length`: boxes in each branch. Default 1; the paper's other variant has 3.
    - `room_size`: cells along a side of the room. Default 12.
    - `num_colors`: colours of keys and locks, at most 20. Default 20.
    - `max_steps`: the step cap; default 120 (the authors' later code), and 30 more for each box of
      the longest solution path beyond the fourth (our choice).
    - `step_cap`: "truncate" (default) or "terminate", see Episode End.
    - `observation`: "rgb" (default) or "onehot".
    - `withheld`: None (default); "train": no level needs a withheld key-lock combination; "test":
      every level needs one at least. See `boxworld.withheld_pairs`.
    - `levels`: None (default): level seeds are uniform on [2**32, 2**63). Or (first, count): level
      seeds are uniform on first..first + count - 1, with replacement, and must lie below 2**32; so
      such levels are never dealt by an environment without a range.
    - `render_mode`: None, "rgb_array" (uint8, 24 pixels a cell), "ansi" (coloured characters) or
      "human" (a window; needs pygame).

    ```python
    env = gymnasium.make("boxworld:BoxWorld-v0", num_branches=0)
    observation, info = env.reset(seed=0)
    observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
    ```

    ## Version History
    - v0: first version.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": ["human", "rgb_array", "ansi"],
        "render_fps": 8,
        "level_option": "level_seed",  # of reset: which level is dealt
    }

    def __init__(
        self,
        *,
        solution_length: int | Range = (1, 4),
        num_branches: int | Range = (0, 4),
        branch_length: int = 1,
        room_size: int = 12,
        num_colors: int = 20,
        max_steps: int | None = None,
        step_cap: str = "truncate",
        observation: str = "rgb",
        withheld: str | None = None,
        levels: tuple[int, int] | None = None,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = check_render_mode(render_mode, self.metadata["render_modes"])
        self.level_spec = LevelSpec(
            solution_length=solution_length,
            num_branches=num_branches,
            branch_length=branch_length,
            room_size=room_size,
            num_colors=num_colors,
            withheld=withheld,
        )
        self._core = Core(1, self.level_spec, max_steps, step_cap, observation, levels)
        # The flags of each outcome.
        terminates = self._core.cap_terminates
        self._terminated = [
            over or (terminates and out)
            for over, out in zip(SOLVED_OR_LOST, OUT_OF_STEPS, strict=True)
        ]
        self._truncated = [out and not terminates for out in OUT_OF_STEPS]
        self.observation_space = self._core.single_observation_space
        self.action_space = gymnasium.spaces.Discrete(NUM_ACTIONS)
        self._was_reset = False
        self._playing = False
        self._window: Window | None = None
        self._spec: EnvSpec | None = None

    @property  # type: ignore[override]
    def spec(self) -> EnvSpec | None:
        """Gymnasium's specification, with the step cap; None without `gymnasium.make`."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        if spec is not None and spec.max_episode_steps is None:
            spec = dataclasses.replace(spec, max_episode_steps=self._core.last_step)
        self._spec = spec

    @property
    def max_steps(self) -> int:
        """The step cap."""
        return self._core.max_steps

    @property
    def level(self) -> Level:
        """The level that is being played, as it was dealt."""
        self._check_reset("level")
        return self._core.level(0)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
        """Starts an episode.

        Args:
            seed: restarts the sequence of levels; None continues it.
            options: {"level_seed": int} or {"level": Level or text} for one level, see the class.

        Returns:
            The observation (uint8, see the class), and {"level_seed": int}.

        Raises:
            TypeError: if the seed or an option has a wrong type.
            ValueError: for unknown options, or a level that does not fit this environment.
        """
        super().reset(seed=None if seed is None else as_integer("seed", seed))
        core = self._core
        core.seed_slot(0, self.np_random)
        core.deal_options(_ONLY_SLOT, options or {})
        self._was_reset = self._playing = True
        if self.render_mode == "human":
            self.render()
        return core.observations[0].copy(), {"level_seed": int(core.slots[0, LEVEL_SEED])}

    def step(
        self, action: int | np.integer[Any]
    ) -> tuple[npt.NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Plays one action.

        Args:
            action: an integer, 0 up, 1 down, 2 left, 3 right.

        Returns:
            observation, reward, terminated, truncated and info, see the class.

        Raises:
            InvalidAction: if `action` is not an integer in [0, 3].
            ResetNeeded: before the first reset and after the end of an episode.
        """
        if not self._playing:
            self._check_reset("step()")
            raise ResetNeeded("step() needs a running episode and this one has ended: call reset()")
        try:
            index = -1 if action is True or action is False else operator.index(action)
        except TypeError:
            index = -1
        if not 0 <= index < NUM_ACTIONS:
            raise InvalidAction(
                f"action must be an integer in [0, {NUM_ACTIONS - 1}], got {action!r}"
            )
        core = self._core
        outcome = step_slot(
            0, core.boards, core.slots, core.observations, core.table, core.last_step, index
        )
        info = self._end(outcome) if outcome > OPENED else {}
        if self.render_mode == "human":
            self.render()
        return (
            core.observations[0].copy(),
            REWARDS[outcome],
            self._terminated[outcome],
            self._truncated[outcome],
            info,
        )

    def _end(self, outcome: int) -> dict[str, Any]:
        self._playing = False
        slot = self._core.slots[0].tolist()
        return {
            "is_success": outcome == GEM_COLLECTED,
            "solution_length": slot[SOLUTION_LENGTH],
            "num_branches": slot[NUM_BRANCHES],
            "branch_length": slot[BRANCH_LENGTH],
            "level_seed": slot[LEVEL_SEED],
        }

    def get_state(self) -> BoxWorldState:
        """Returns a snapshot: level, state of play, step count and random generator.

        Raises:
            ResetNeeded: before the first reset.
        """
        self._check_reset("get_state()")
        seeds = (self.np_random_seed,)
        return save(self._core, (self.np_random,), seeds, np.array([not self._playing]))

    def set_state(self, state: BoxWorldState) -> npt.NDArray[np.uint8]:
        """Restores a snapshot.

        Args:
            state: from `get_state()` of this environment, or of one with the same level spec and
                kind of observation, also in another process. It is not modified.

        Returns:
            The observation at that time (uint8, see the class).

        Raises:
            TypeError: if `state` is not a snapshot.
            ValueError: if the other environment differs; nothing is changed then.
        """
        (self._np_random,) = restore(self._core, state, (self._np_random,))
        (self._np_random_seed,) = state.seeds
        self._was_reset, self._playing = True, not state.ended[0]
        if self.render_mode == "human":
            self.render()
        return self._core.observations[0].copy()

    def render(self) -> Any:
        """Draws the state as `render_mode` says.

        Returns:
            "rgb_array": uint8 [24 * (room_size + 2), 24 * (room_size + 2), 3]. "ansi": a str.
            "human", None: None.

        Raises:
            DependencyNotInstalled: if "human" finds no pygame.
            ResetNeeded: before the first reset.
        """
        self._check_reset("render()")
        if self.render_mode is None:
            logger.warn("render() draws nothing without a render_mode: set it in gymnasium.make()")
        elif self.render_mode == "rgb_array":
            avoid_accelerated_windows()  # Gymnasium's HumanRendering opens one
            return self._core.frame(0)
        elif self.render_mode == "ansi":
            return self._core.text(0)
        else:
            if self._window is None:
                self._window = Window(self.metadata["render_fps"])
            self._window.show(self._core.frame(0))
        return None

    def close(self) -> None:
        """Closes the window, if there is one."""
        if self._window is not None:
            self._window.close()
            self._window = None

    def _check_reset(self, what: str) -> None:
        if not self._was_reset:
            raise ResetNeeded(f"{what} needs a level: call reset() first")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_window": None}  # a window cannot be pickled
