"""N games side by side: the part that one environment and a vector of them share."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.utils import seeding

from boxworld import dynamics
from boxworld.generator import (
    BRANCH_LENGTH,
    COLUMN,
    FIRST_ENDLESS_SEED,
    HELD,
    LEVEL_SEED,
    NO_KEY,
    NUM_BRANCHES,
    NUM_COLUMNS,
    ROW,
    SOLUTION_LENGTH,
    STEPS,
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
"""The level seed that is reported for a level given by hand."""

_BASE_STEPS, _BASE_LENGTH, _STEPS_PER_BOX = 120, 4, 30


def default_max_steps(spec: LevelSpec) -> int:
    """Returns the step cap: 120, and 30 more for each box beyond the fourth.

    The paper's cap is 120 (from the authors' later code); the shortest solution of a level with a
    path of 10 boxes can be longer, so longer paths get more.
    """
    return _BASE_STEPS + _STEPS_PER_BOX * max(0, spec.solution_lengths[1] - _BASE_LENGTH)


def _check_levels(levels: Any) -> tuple[int, int]:
    """Returns (first, count) of a range of level seeds; count 0 for endless levels."""
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


class Core:
    """The state of N games and what can be done to it.

    Args:
        num_slots: N.
        spec: which levels to deal.
        max_steps: the step cap, or None for `default_max_steps(spec)`.
        observation: "rgb" or "onehot".
        levels: None or a (first, count) range of level seeds.
    """

    def __init__(
        self, num_slots: int, spec: LevelSpec, max_steps: Any, observation: str, levels: Any
    ) -> None:
        self.spec = spec
        self.max_steps = (
            default_max_steps(spec) if max_steps is None else as_integer("max_steps", max_steps)
        )
        if self.max_steps < 1:
            raise ValueError(f"max_steps must be at least 1, got {self.max_steps}")
        self.table = pixel_table(observation, spec.num_colors)
        self._first, self._count = _check_levels(levels)
        self._spec_array = spec_array(spec)
        self._withheld = (
            withheld_table(spec.num_colors) if spec.withheld else np.zeros((1, 1), bool)
        )

        size = spec.room_size + 2
        self.boards = np.zeros((num_slots, size, size), np.uint8)
        self.slots = np.zeros((num_slots, NUM_COLUMNS), np.int64)
        self.observations = np.zeros((num_slots, size, size, self.table.shape[1]), np.uint8)
        self._streams = np.zeros((num_slots, 1), np.uint64)
        # The generators that the streams of level seeds were started from.
        self._sources: list[np.random.Generator | None] = [None] * num_slots
        # Levels that were given by hand.
        self._drawn: list[Level | None] = [None] * num_slots

    @property
    def single_observation_space(self) -> gymnasium.spaces.Box:
        """The observation of one slot."""
        high = 255 if self.table.shape[1] == 3 else 1
        return gymnasium.spaces.Box(0, high, self.observations.shape[1:], np.uint8)

    def seed_slot(self, index: int, source: np.random.Generator) -> None:
        """Starts a slot's stream of level seeds from a generator, unless it came from it before."""
        if self._sources[index] is not source:
            self._sources[index] = source
            self._streams[index, 0] = source.integers(2**64, dtype=np.uint64)

    def deal_next(self, indices: npt.NDArray[np.int64]) -> None:
        """Deals the next level of each slot's stream.

        Args:
            indices: int64 [M].
        """
        draw_level_seeds(indices, self._streams, self._first, self._count, self.slots)
        self._deal(indices)

    def deal_given(self, indices: npt.NDArray[np.int64], options: dict[str, Any]) -> None:
        """Deals the levels that reset options name, or the next ones if they name none.

        Args:
            indices: int64 [M].
            options: {"level_seed": int}, or {"level": Level or text}, or {}.

        Raises:
            ValueError: for another option, both options, or a level that does not fit.
        """
        unknown = set(options) - {"level", "level_seed"}
        if unknown or len(options) > 1:
            raise ValueError(
                "reset options must be {'level_seed': int} or {'level': Level or text}, "
                f"got {sorted(options)}"
            )
        if "level_seed" in options:
            self.slots[indices, LEVEL_SEED] = check_level_seed(options["level_seed"])
            self._deal(indices)
        elif "level" in options:
            self._play(indices, options["level"])
        else:
            self.deal_next(indices)

    def _deal(self, indices: npt.NDArray[np.int64]) -> None:
        for index in indices:
            self._drawn[index] = None
        deal(indices, self._spec_array, self._withheld, self.boards, self.slots)
        self._paint(indices)

    def _play(self, indices: npt.NDArray[np.int64], level: Level | str) -> None:
        if not isinstance(level, Level):
            level = Level.from_text(level)
        if level.room_size != self.spec.room_size:
            raise ValueError(
                f"a level must have room_size={self.spec.room_size} as the environment has, "
                f"got {level.room_size}"
            )
        if level.num_colors > self.spec.num_colors:
            raise ValueError(
                f"a level must use the first {self.spec.num_colors} colours only, as num_colors="
                f"{self.spec.num_colors}, got {level.num_colors}"
            )
        self.boards[indices] = level.board()
        row, column = level.agent
        for name, value in (
            (ROW, row + 1),
            (COLUMN, column + 1),
            (HELD, NO_KEY),
            (STEPS, 0),
            (SOLUTION_LENGTH, level.solution_length),
            (NUM_BRANCHES, level.num_branches),
            (BRANCH_LENGTH, level.branch_length),
            (LEVEL_SEED, DRAWN_LEVEL_SEED),
        ):
            self.slots[indices, name] = value
        for index in indices:
            self._drawn[index] = level
        self._paint(indices)

    def _paint(self, indices: npt.NDArray[np.int64]) -> None:
        dynamics.paint(indices, self.boards, self.slots, self.observations, self.table)

    def level(self, index: int) -> Level:
        """Returns the level of a slot as it was dealt."""
        drawn = self._drawn[index]
        if drawn is not None:
            return drawn
        return generate_level(self.spec, int(self.slots[index, LEVEL_SEED]))

    def frame(self, index: int) -> npt.NDArray[np.uint8]:
        """Returns a picture of a slot, see `draw_frame`."""
        return draw_frame(self._codes(index))

    def text(self, index: int) -> str:
        """Returns a slot in coloured characters, see `draw_text`."""
        return draw_text(self._codes(index), int(self.slots[index, HELD]))

    def _codes(self, index: int) -> npt.NDArray[np.uint8]:
        row, column, held = (int(self.slots[index, name]) for name in (ROW, COLUMN, HELD))
        return codes_with_agent(self.boards[index], row, column, held)


def new_generator(seed: int | None) -> tuple[np.random.Generator, int]:
    """Returns a generator and its seed, as `gymnasium.Env.reset(seed=seed)` makes them."""
    return seeding.np_random(seed)
