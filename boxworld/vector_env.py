"""Many Box-Worlds in one compiled batch, as a Gymnasium vector environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from boxworld.core import Core, new_generator
from boxworld.dynamics import (
    GEM_COLLECTED,
    NUM_ACTIONS,
    OPENED,
    REWARDS,
    TERMINATED,
    TRUNCATED,
    step_slots,
)
from boxworld.generator import BRANCH_LENGTH, LEVEL_SEED, NUM_BRANCHES, SOLUTION_LENGTH
from boxworld.level import Level
from boxworld.spec import LevelSpec, Range, as_integer

_REWARDS = np.array(REWARDS)
_TERMINATED = np.array(TERMINATED)
_TRUNCATED = np.array(TRUNCATED)

Array = npt.NDArray[Any]
StepResult = tuple[Array, Array, Array, Array, dict[str, Any]]


class BoxWorldVectorEnv(VectorEnv[Array, Array, Array]):
    """Many Box-World games at once; `gymnasium.make_vec("BoxWorld-v0", num_envs=N)`."""

    metadata: ClassVar[dict[str, Any]] = {
        "render_modes": ["rgb_array", "ansi"],
        "render_fps": 8,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
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
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
    ) -> None:
        self.num_envs = as_integer("num_envs", num_envs)
        if self.num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {self.num_envs}")
        modes = self.metadata["render_modes"]
        if render_mode is not None and render_mode not in modes:
            raise ValueError(f"render_mode must be None or one of {modes}, got {render_mode!r}")
        self.render_mode = render_mode
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {**type(self).metadata, "autoreset_mode": self.autoreset_mode}
        self.copy = copy
        self.level_spec = LevelSpec(
            solution_length, num_branches, branch_length, room_size, num_colors, withheld
        )
        self._core = core = Core(self.num_envs, self.level_spec, max_steps, observation, levels)
        self.single_observation_space = core.single_observation_space
        self.single_action_space = gymnasium.spaces.Discrete(NUM_ACTIONS)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

        self._generators: list[np.random.Generator] = []
        self._seeds: list[int] = []
        self._was_reset = False
        self._all = np.arange(self.num_envs)
        self._actions = np.zeros(self.num_envs, np.int64)
        self._outcomes = np.zeros(self.num_envs, np.int64)
        self._rewards = np.zeros(self.num_envs, np.float64)
        self._terminations = np.zeros(self.num_envs, np.bool_)
        self._truncations = np.zeros(self.num_envs, np.bool_)
        self._ended = np.zeros(self.num_envs, np.bool_)
        self._no_slots = np.zeros(self.num_envs, np.bool_)

    @property
    def max_steps(self) -> int:
        """The step cap."""
        return self._core.max_steps

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels that are being played, as they were dealt."""
        self._check_reset("levels")
        return tuple(self._core.level(index) for index in range(self.num_envs))

    @property
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The random generators, one a slot."""
        return tuple(self._slot_generators())

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seeds of the random generators, one a slot."""
        self._slot_generators()
        return tuple(self._seeds)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Array, dict[str, Any]]:
        seeds = self._check_seeds(seed)
        options = dict(options or {})
        mask = self._check_mask(options.pop("reset_mask", None))
        indices = self._all if mask is None else np.flatnonzero(mask)
        generators = self._slot_generators()
        for index in indices.tolist():
            if seeds[index] is not None:
                generators[index], self._seeds[index] = new_generator(seeds[index])
            self._core.seed_slot(index, generators[index])
        self._core.deal_given(indices, options)
        self._was_reset = True
        self._ended[indices] = False
        dealt = np.zeros(self.num_envs, np.bool_)
        dealt[indices] = True
        infos = {"level_seed": self._column(LEVEL_SEED, dealt)}
        return self._observations(), _with_masks(infos, dealt)

    def step(self, actions: Array) -> StepResult:
        self._check_reset("step()")
        self._read_actions(actions)
        core, mode, outcomes = self._core, self.autoreset_mode, self._outcomes
        if mode is AutoresetMode.DISABLED and self._ended.any():
            raise ResetNeeded(
                "step() was called after the end of an episode with autoreset disabled: call "
                f"reset(options={{'reset_mask': ...}}) first for slots {np.flatnonzero(self._ended)}"
            )
        skipped = self._ended if mode is AutoresetMode.NEXT_STEP else self._no_slots
        wrong = step_slots(
            core.boards,
            core.slots,
            core.observations,
            core.table,
            core.max_steps,
            self._actions,
            skipped,
            outcomes,
        )
        if wrong >= 0:
            raise InvalidAction(
                f"actions must be integers in [0, {NUM_ACTIONS - 1}], "
                f"got {self._actions[wrong]} in slot {wrong}"
            )
        infos: dict[str, Any] = {}
        ended = outcomes > OPENED
        if ended.any():
            infos = self._end_infos(ended)
        if mode is AutoresetMode.NEXT_STEP:
            if self._ended.any():
                infos = self._reset_infos(self._ended, infos)
        elif mode is AutoresetMode.SAME_STEP and infos:
            infos = self._reset_infos(ended, self._final_infos(ended, infos))
        self._ended = ended
        return (
            self._observations(),
            _REWARDS[outcomes],
            _TERMINATED[outcomes],
            _TRUNCATED[outcomes],
            infos,
        )

    def render(self) -> tuple[Any, ...] | None:
        self._check_reset("render()")
        if self.render_mode is None:
            return None
        draw = self._core.frame if self.render_mode == "rgb_array" else self._core.text
        return tuple(draw(index) for index in range(self.num_envs))

    def _read_actions(self, actions: Any) -> None:
        """Copies the actions into the buffer that the compiled step reads."""
        given = np.asarray(actions)
        if given.shape != (self.num_envs,) or given.dtype.kind not in "iu":
            raise InvalidAction(
                f"actions must be integers of shape ({self.num_envs},), "
                f"got {given.dtype} of shape {given.shape}"
            )
        self._actions[:] = given

    def _observations(self) -> Array:
        return self._core.observations.copy() if self.copy else self._core.observations

    def _column(self, column: int, mask: Array) -> Array:
        return np.where(mask, self._core.slots[:, column], 0)

    def _end_infos(self, ended: Array) -> dict[str, Any]:
        return _with_masks(
            {
                "is_success": self._outcomes == GEM_COLLECTED,
                "solution_length": self._column(SOLUTION_LENGTH, ended),
                "num_branches": self._column(NUM_BRANCHES, ended),
                "branch_length": self._column(BRANCH_LENGTH, ended),
                "level_seed": self._column(LEVEL_SEED, ended),
            },
            ended,
        )

    def _final_infos(self, ended: Array, infos: dict[str, Any]) -> dict[str, Any]:
        final = np.full(self.num_envs, None, object)
        for index in np.flatnonzero(ended).tolist():
            final[index] = self._core.observations[index].copy()
        return _with_masks({"final_obs": final, "final_info": infos}, ended)

    def _reset_infos(self, mask: Array, infos: dict[str, Any]) -> dict[str, Any]:
        """Deals the next levels of the slots in `mask`, and adds what their resets report."""
        self._core.deal_next(np.flatnonzero(mask))
        seeds = self._column(LEVEL_SEED, mask)
        if "level_seed" in infos:
            infos["level_seed"] += seeds
            infos["_level_seed"] |= mask
            return infos
        return {**infos, **_with_masks({"level_seed": seeds}, mask)}

    def _slot_generators(self) -> list[np.random.Generator]:
        """Returns the slots' generators, made from the system's randomness if there are none."""
        while len(self._generators) < self.num_envs:
            generator, seed = new_generator(None)
            self._generators.append(generator)
            self._seeds.append(seed)
        return self._generators

    def _check_reset(self, what: str) -> None:
        if not self._was_reset:
            raise ResetNeeded(f"{what} needs levels: call reset() first")

    def _check_seeds(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, Sequence):
            if len(seed) != self.num_envs:
                raise ValueError(
                    f"seed must be an int or one per slot, {self.num_envs}, got {len(seed)}"
                )
            return list(seed)
        seed = as_integer("seed", seed)
        return [seed + index for index in range(self.num_envs)]

    def _check_mask(self, mask: Any) -> Array | None:
        if mask is None:
            return None
        given = np.asarray(mask)
        if given.shape != (self.num_envs,) or given.dtype != np.bool_ or not given.any():
            raise ValueError(
                f"reset_mask must be a bool array of shape ({self.num_envs},) with a True value, "
                f"got {mask!r}"
            )
        if not (given | self._was_reset).all():
            raise ResetNeeded("reset_mask needs levels in the other slots: call reset() first")
        return given


def _with_masks(infos: dict[str, Any], mask: Array) -> dict[str, Any]:
    """Adds Gymnasium's masks: `_name` tells which slots `name` is filled for."""
    return {**infos, **{f"_{name}": mask.copy() for name in infos}}
