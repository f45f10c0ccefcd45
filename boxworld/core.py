"""The state of N games, shared by the single and the vector environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from boxworld.dynamics import (
    BRANCH_LENGTH,
    COLUMN,
    HELD,
    LEVEL_SEED,
    NO_KEY,
    NO_TIME_LIMIT,
    NUM_BRANCHES,
    NUM_COLUMNS,
    ROW,
    SOLUTION_LENGTH,
    STEPS,
    paint_slots,
)
from boxworld.generator import (
    FIRST_ENDLESS_SEED,
    check_level_seed,
    deal,
    draw_level_seeds,
    generate_level,
    spec_array,
)
from boxworld.level import Level
from boxworld.rendering import codes_with_agent, draw_frame, draw_text, pixel_table
from boxworld.spec import LevelSpec, as_integer
from boxworld.withheld import withheld_table

DRAWN_LEVEL_SEED = -1
"""The level seed reported for a level given as text."""

_BASE_STEPS, _BASE_LENGTH, _STEPS_PER_BOX = 120, 4, 30


def default_max_steps(spec: LevelSpec) -> int:
    """Returns the step cap: 120, and 30 more for each box of the longest path beyond the fourth.

    The published cap is 120 (the authors' later code). It leaves little or no slack for a path of
    10 boxes, whose shortest solution takes 93 steps on average and up to 124; there we deviate.
    """
    return _BASE_STEPS + _STEPS_PER_BOX * max(0, spec.solution_lengths[1] - _BASE_LENGTH)


def _check_max_steps(max_steps: Any, spec: LevelSpec) -> int:
    if max_steps is None:
        return default_max_steps(spec)
    max_steps = as_integer("max_steps", max_steps)
    if max_steps < 1:
        raise ValueError(f"max_steps must be None or at least 1, got {max_steps}")
    return max_steps


def _check_step_cap(step_cap: Any) -> bool:
    """Returns whether the step cap terminates episodes instead of truncating them."""
    if step_cap not in ("truncate", "terminate"):
        raise ValueError(f"step_cap must be 'truncate' or 'terminate', got {step_cap!r}")
    return step_cap == "terminate"


def _check_levels(levels: Any) -> tuple[int, int]:
    """Returns (first, count) of a range of level seeds, and (0, 0) for endless levels."""
    if levels is None:
        return 0, 0
    if not isinstance(levels, tuple | list) or len(levels) != 2:
        raise ValueError(f"levels must be None or a (first, count) pair, got {levels!r}")
    first, count = as_integer("levels[0]", levels[0]), as_integer("levels[1]", levels[1])
    if first < 0 or count < 1 or first + count > FIRST_ENDLESS_SEED:
        raise ValueError(
            "levels must be (first, count) with first >= 0, count >= 1 and first + count <= 2**32, "
            f"got ({first}, {count})"
        )
    return first, count


def check_render_mode(render_mode: str | None, modes: list[str]) -> str | None:
    """Returns `render_mode`; raises ValueError if it is neither None nor one of `modes`."""
    if render_mode is not None and render_mode not in modes:
        raise ValueError(f"render_mode must be None or one of {modes}, got {render_mode!r}")
    return render_mode


class Core:
    """The state of N games (see `boxworld.dynamics`) and what can be dealt into it.

    Args:
        num_slots: N.
        spec: which levels to deal.
        max_steps: the step cap, or None for `default_max_steps(spec)`.
        step_cap: "truncate" or "terminate", see `BoxWorldEnv`.
        observation: "rgb" or "onehot".
        levels: None, or a (first, count) range of level seeds.
    """

    def __init__(
        self,
        num_slots: int,
        spec: LevelSpec,
        max_steps: Any,
        step_cap: Any,
        observation: str,
        levels: Any,
    ) -> None:
        self.spec = spec
        self.max_steps = _check_max_steps(max_steps, spec)
        self.cap_terminates = _check_step_cap(step_cap)
        self.last_step = min(self.max_steps + self.cap_terminates, NO_TIME_LIMIT)
        self.table = pixel_table(observation, spec.num_colors)
        self._first, self._count = _check_levels(levels)
        self._spec_array = spec_array(spec)
        self._withheld = withheld_table(spec.num_colors)

        size, channels = spec.room_size + 2, self.table.shape[1]
        self.boards = np.zeros((num_slots, size, size), np.uint8)
        self.slots = np.zeros((num_slots, NUM_COLUMNS), np.int64)
        self.observations = np.zeros((num_slots, size, size, channels), np.uint8)
        self.single_observation_space = gymnasium.spaces.Box(
            0, int(self.table.max()), (size, size, channels), np.uint8
        )
        # Counters of `boxworld.rng`, and the generators they were started from.
        self.streams = np.zeros((num_slots, 1), np.uint64)
        self.sources: list[np.random.Generator | None] = [None] * num_slots
        # The levels that were given as text, by slot.
        self.drawn: dict[int, Level] = {}

    def seed_slot(self, index: int, source: np.random.Generator) -> None:
        """Starts a slot's stream of level seeds from `source`, unless it came from it before."""
        if self.sources[index] is not source:
            self.sources[index] = source
            self.streams[index, 0] = source.integers(2**64, dtype=np.uint64)

    def deal_next(self, indices: npt.NDArray[np.int64]) -> None:
        """Deals the next level of each slot's stream.

        Args:
            indices: int64 [M], which slots.
        """
        draw_level_seeds(indices, self.streams, self._first, self._count, self.slots)
        self._deal(indices)

    def deal_options(self, indices: npt.NDArray[np.int64], options: dict[str, Any]) -> None:
        """Deals the level that reset options ask for, or the next ones if they ask for none.

        Args:
            indices: int64 [M], which slots.
            options: {"level_seed": one, or N of them}, {"level": Level or text}, or {}.

        Raises:
            TypeError: if a level or a level seed has a wrong type.
            ValueError: for other options, both of these, or a level that does not fit.
        """
        if len(options) > 1 or not options.keys() <= {"level_seed", "level"}:
            raise ValueError(
                "reset options must be {'level_seed': int} or {'level': Level or text}, "
                f"got {sorted(options)}"
            )
        if "level_seed" in options:
            self._deal_seeds(indices, options["level_seed"])
        elif "level" in options:
            self._deal_level(indices, options["level"])
        else:
            self.deal_next(indices)

    def _deal_seeds(self, indices: npt.NDArray[np.int64], level_seed: Any) -> None:
        if np.ndim(level_seed) > 0:
            if np.shape(level_seed) != (len(self.slots),):
                raise ValueError(
                    f"level_seed must be an int or one for each of {len(self.slots)} slots, "
                    f"got shape {np.shape(level_seed)}"
                )
            seeds = [check_level_seed(level_seed[index]) for index in indices]
        else:
            seeds = [check_level_seed(level_seed)] * len(indices)
        self.slots[indices, LEVEL_SEED] = seeds
        self._deal(indices)

    def _deal_level(self, indices: npt.NDArray[np.int64], level: Level | str) -> None:
        if not isinstance(level, Level):
            level = Level.from_text(level)
        if level.room_size != self.spec.room_size:
            raise ValueError(
                f"a level must have the environment's room_size={self.spec.room_size}, "
                f"got {level.room_size}"
            )
        if level.num_colors > self.spec.num_colors:
            raise ValueError(
                f"a level must use only the first num_colors={self.spec.num_colors} colours of the "
                f"environment, got {level.num_colors}"
            )
        slot = np.zeros(NUM_COLUMNS, np.int64)
        slot[[ROW, COLUMN]] = np.add(level.agent, 1)
        slot[[HELD, STEPS, LEVEL_SEED]] = NO_KEY, 0, DRAWN_LEVEL_SEED
        slot[[SOLUTION_LENGTH, NUM_BRANCHES]] = level.solution_length, level.num_branches
        slot[BRANCH_LENGTH] = level.branch_length
        self.slots[indices] = slot
        self.boards[indices] = level.board()
        self.drawn.update(dict.fromkeys(indices.tolist(), level))
        self._paint(indices)

    def _deal(self, indices: npt.NDArray[np.int64]) -> None:
        if self.drawn:
            for index in indices.tolist():
                self.drawn.pop(index, None)
        deal(indices, self._spec_array, self._withheld, self.boards, self.slots)
        self._paint(indices)

    def _paint(self, indices: npt.NDArray[np.int64]) -> None:
        paint_slots(indices, self.boards, self.slots, self.observations, self.table)

    def level(self, index: int) -> Level:
        """Returns the level of a slot as it was dealt."""
        if index in self.drawn:
            return self.drawn[index]
        return generate_level(self.spec, int(self.slots[index, LEVEL_SEED]))

    def frame(self, index: int) -> npt.NDArray[np.uint8]:
        """Returns a picture of a slot, see `draw_frame`."""
        return draw_frame(self._codes(index))

    def text(self, index: int) -> str:
        """Returns a slot in coloured characters, see `draw_text`."""
        return draw_text(self._codes(index), int(self.slots[index, HELD]))

    def _codes(self, index: int) -> npt.NDArray[np.uint8]:
        row, column, held = self.slots[index, [ROW, COLUMN, HELD]].tolist()
        return codes_with_agent(self.boards[index], row, column, held)
