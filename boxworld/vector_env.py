"""Many Box-Worlds in one compiled batch, as a Gymnasium vector environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from boxworld.core import Core, check_render_mode
from boxworld.dynamics import LEVEL_SEED, NUM_ACTIONS, REWARDS, SOLUTION_LENGTH, step_slots
from boxworld.slots import check_reset_mask, check_seeds, check_time_limit, with_masks
from boxworld.spec import LevelSpec, Range, as_integer
from boxworld.state import BoxWorldState, restore, save
from boxworld.window import avoid_accelerated_windows

if TYPE_CHECKING:
    from boxworld.level import Level

Array = npt.NDArray[Any]

_GEM_REWARD = max(REWARDS)
_LEVEL_INFOS = ("solution_length", "num_branches", "branch_length", "level_seed")


class BoxWorldVectorEnv(VectorEnv[Array, Array, Array]):
    """N games of Box-World, stepped by one compiled call that releases the interpreter lock.

    Slot by slot it plays exactly what `gymnasium.vector.SyncVectorEnv` of N `BoxWorldEnv` plays:
    the same levels, observations, rewards, ends and infos, `final_obs` and `final_info` included.
    `gymnasium.make_vec("boxworld:BoxWorld-v0", num_envs=N)` makes it.

    Args:
        num_envs: N.
        autoreset_mode: when a slot whose episode has ended is dealt its next level. NEXT_STEP (the
            default, as in Gymnasium): in the next step, whose action it ignores and whose reward is
            0. SAME_STEP: in the same step; the last observation and the infos of the episode are in
            `infos["final_obs"]` and `infos["final_info"]`. DISABLED: by
            `reset(options={"reset_mask": bool [N]})`.
        copy: whether observations are copies (as in SyncVectorEnv). If not, every call returns the
            same array, updated in place, which is faster.
        max_episode_steps: as for `gymnasium.make`: a second limit, which truncates like Gymnasium's
            `TimeLimit` around each game (also an episode that terminates at that step). Unlike with
            the wrapper, the infos of the end are complete. None or -1: no such limit.
        render_mode: None, "rgb_array" or "ansi"; `render()` returns a tuple of N.
        solution_length, num_branches, branch_length, room_size, num_colors, max_steps, step_cap,
            observation, withheld, levels: as for `BoxWorldEnv`.

    Raises:
        TypeError, ValueError: for arguments that do not fit.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": ["rgb_array", "ansi"],
        "render_fps": 8,
        "level_option": "level_seed",  # of reset: which level is dealt
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
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
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        max_episode_steps: int | None = None,
    ) -> None:
        self.num_envs = as_integer("num_envs", num_envs)
        if self.num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {self.num_envs}")
        self.render_mode = check_render_mode(render_mode, self.metadata["render_modes"])
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {**type(self).metadata, "autoreset_mode": self.autoreset_mode}
        self.copy = copy
        self.level_spec = LevelSpec(
            solution_length=solution_length,
            num_branches=num_branches,
            branch_length=branch_length,
            room_size=room_size,
            num_colors=num_colors,
            withheld=withheld,
        )
        self._core = Core(self.num_envs, self.level_spec, max_steps, step_cap, observation, levels)
        self._time_limit = check_time_limit(max_episode_steps)
        self.single_observation_space = self._core.single_observation_space
        self.single_action_space = gymnasium.spaces.Discrete(NUM_ACTIONS)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

        self._was_reset = False
        self._generators: list[np.random.Generator] = []
        self._seeds: list[int] = []
        self._actions = np.zeros(self.num_envs, np.int64)
        self._ended = np.zeros(self.num_envs, np.bool_)
        self._nowhere = np.zeros(self.num_envs, np.bool_)

    @property
    def max_steps(self) -> int:
        """The step cap."""
        return self._core.max_steps

    @property
    def dealt_levels(self) -> tuple[Level, ...]:
        """The levels that are being played, as they were dealt, one per slot."""
        self._check_reset("dealt_levels")
        return tuple(self._core.level(index) for index in range(self.num_envs))

    @property  # type: ignore[misc]
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The random generators, one per slot."""
        return tuple(self._slot_generators())

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seeds of the random generators, one per slot."""
        self._slot_generators()
        return tuple(self._seeds)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Array, dict[str, Any]]:
        """Starts an episode in every slot.

        Args:
            seed: an int s seeds slot i with s + i; or one seed (or None) per slot. None continues
                the slot's sequence of levels.
            options: {"level_seed": int, or one for each slot} or {"level": Level or text}, as for
                `BoxWorldEnv`; and {"reset_mask": bool [N]} to reset only some slots.

        Returns:
            observations uint8 [N, ...], and infos: {"level_seed": int64 [N]} and its mask.

        Raises:
            TypeError: if an option has a wrong type.
            ValueError: for unknown options, a level that does not fit, or seeds for another N.
        """
        seeds = check_seeds(seed, self.num_envs)
        options = dict(options or {})
        mask = check_reset_mask(options.pop("reset_mask", None), self.num_envs)
        if not self._was_reset and not mask.all():
            raise ResetNeeded("reset_mask needs levels in all other slots: call reset() first")
        indices = np.flatnonzero(mask)
        generators = self._slot_generators()
        for index in indices.tolist():
            if seeds[index] is not None:
                generators[index], self._seeds[index] = seeding.np_random(seeds[index])
            self._core.seed_slot(index, generators[index])
        self._core.deal_options(indices, options)
        self._was_reset = True
        self._ended = self._ended & ~mask
        return self._observations(), self._reset_infos(mask, {})

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Plays one action in every slot.

        Args:
            actions: integers [N] in 0..3.

        Returns:
            observations uint8 [N, ...], rewards float64 [N], terminations bool [N], truncations
            bool [N], and infos in Gymnasium's layout for vectors: `infos["is_success"]` bool [N]
            with the mask `infos["_is_success"]` bool [N], and so on.

        Raises:
            InvalidAction: if `actions` are no N integers in [0, 3]; then nothing was played.
            ResetNeeded: before the first reset, and for an ended episode with autoreset DISABLED.
        """
        self._check_reset("step()")
        self._read_actions(actions)
        mode, core = self.autoreset_mode, self._core
        if mode is AutoresetMode.DISABLED and self._ended.any():
            raise ResetNeeded(
                "step() needs a running episode in every slot as autoreset is disabled: call "
                f"reset(options={{'reset_mask': ...}}), ended are {np.flatnonzero(self._ended)}"
            )
        due = self._ended if mode is AutoresetMode.NEXT_STEP else self._nowhere
        rewards = np.empty(self.num_envs, np.float64)
        terminations = np.empty(self.num_envs, np.bool_)
        truncations = np.empty(self.num_envs, np.bool_)
        num_ended = step_slots(
            core.boards,
            core.slots,
            core.observations,
            core.table,
            core.last_step,
            core.cap_terminates,
            self._time_limit,
            self._actions,
            due,
            rewards,
            terminations,
            truncations,
        )
        if num_ended < 0:
            raise InvalidAction(
                f"actions must be integers in [0, {NUM_ACTIONS - 1}], "
                f"got {self._actions[-1 - num_ended]} in slot {-1 - num_ended}"
            )
        infos: dict[str, Any] = {}
        self._ended = terminations | truncations
        if num_ended:
            infos = self._end_infos(rewards)
        if mode is AutoresetMode.SAME_STEP and num_ended:
            infos = self._deal_next(self._ended, self._final_infos(infos))
        elif due.any():
            infos = self._deal_next(due, infos)
        return self._observations(), rewards, terminations, truncations, infos

    def get_state(self) -> BoxWorldState:
        """Returns a snapshot of all games, see `BoxWorldEnv.get_state`.

        Raises:
            ResetNeeded: before the first reset.
        """
        self._check_reset("get_state()")
        return save(self._core, self._generators, self._seeds, self._ended)

    def set_state(self, state: BoxWorldState) -> Array:
        """Restores a snapshot, see `BoxWorldEnv.set_state`.

        Args:
            state: from `get_state()` of this vector environment, or of one with the same number of
                slots, level spec and kind of observation. It is not modified.

        Returns:
            The observations at that time, uint8 [N, ...].

        Raises:
            TypeError: if `state` is not a snapshot.
            ValueError: if the other environment differs; nothing is changed then.
        """
        generators: Sequence[np.random.Generator | None]
        generators = self._generators or [None] * self.num_envs
        self._generators = restore(self._core, state, generators)
        self._seeds = list(state.seeds)
        self._ended = state.ended.copy()
        self._was_reset = True
        return self._observations()

    def render(self) -> tuple[Any, ...] | None:
        """Draws all slots as `render_mode` says, see `BoxWorldEnv.render`; None without one."""
        self._check_reset("render()")
        if self.render_mode is None:
            return None
        avoid_accelerated_windows()  # Gymnasium's HumanRendering opens one
        draw = self._core.frame if self.render_mode == "rgb_array" else self._core.text
        return tuple(draw(index) for index in range(self.num_envs))

    def _deal_next(self, mask: Array, infos: dict[str, Any]) -> dict[str, Any]:
        self._core.deal_next(np.flatnonzero(mask))
        return self._reset_infos(mask, infos)

    def _observations(self) -> Array:
        return self._core.observations.copy() if self.copy else self._core.observations

    def _end_infos(self, rewards: Array) -> dict[str, Any]:
        values = np.where(self._ended, self._core.slots.T[SOLUTION_LENGTH:], 0)
        infos = {
            "is_success": rewards == _GEM_REWARD,
            **dict(zip(_LEVEL_INFOS, values, strict=True)),
        }
        return with_masks(infos, self._ended)

    def _final_infos(self, infos: dict[str, Any]) -> dict[str, Any]:
        final = np.full(self.num_envs, None, object)
        for index in np.flatnonzero(self._ended).tolist():
            final[index] = self._core.observations[index].copy()
        return with_masks({"final_obs": final, "final_info": infos}, self._ended)

    def _reset_infos(self, mask: Array, infos: dict[str, Any]) -> dict[str, Any]:
        """Adds the level seeds of the slots just reset to `infos`."""
        seeds = np.where(mask, self._core.slots[:, LEVEL_SEED], 0)
        if "level_seed" in infos:  # of other slots, which have just ended
            infos["level_seed"] += seeds
            infos["_level_seed"] |= mask
            return infos
        return {**infos, **with_masks({"level_seed": seeds}, mask)}

    def _slot_generators(self) -> list[np.random.Generator]:
        """Returns the slots' generators, seeded by the system where no seed was given yet."""
        while len(self._generators) < self.num_envs:
            generator, seed = seeding.np_random()
            self._generators.append(generator)
            self._seeds.append(seed)
        return self._generators

    def _read_actions(self, actions: Any) -> None:
        """Copies the actions to where the compiled step reads them."""
        given = np.asarray(actions)
        if given.shape != (self.num_envs,) or given.dtype.kind not in "iu":
            raise InvalidAction(
                f"actions must be integers of shape ({self.num_envs},), "
                f"got {given.dtype} of shape {given.shape}"
            )
        if given is not actions and any(isinstance(action, bool | np.bool_) for action in actions):
            raise InvalidAction(f"actions must be integers, not booleans, got {actions!r}")
        self._actions[:] = given

    def _check_reset(self, what: str) -> None:
        if not self._was_reset:
            raise ResetNeeded(f"{what} needs levels: call reset() first")
