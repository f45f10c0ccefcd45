"""States of dealt levels with every move that is part of a shortest solution from there.

What an agent can be taught from: many states of a level and not only those along one solution, so
that it also learns the way back to it. All of a level's states that can be reached are searched
forwards, see `search.py`, and then backwards from the gem; the states are drawn evenly from those
from which the gem can still be reached. Compiled, outside of the interpreter lock.

Symbols: N levels, M states of each, S = room_size + 2, C channels of a pixel, K configurations.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from boxworld._compile import compiled
from boxworld.cells import AGENT, FLOOR, KEY
from boxworld.generator import check_level_seeds, deal_levels, text_arrays
from boxworld.rendering import pixel_table
from boxworld.rng import next_below, start
from boxworld.search import (
    BLOCKED,
    CHANGES,
    FIRST_KEY,
    NO_HELD_KEY,
    WINS,
    changed,
    is_gone,
    prepare,
    try_move,
)
from boxworld.spec import LevelSpec

_NO_STATE, _GEM_STATE = -1, -2


class Lessons(NamedTuple):
    """States and what to do in them.

    Attributes:
      observations: uint8 [N * M, S, S, C], as the environments paint them.
      best_actions: bool [N * M, 4], which actions (up, down, left, right) begin a shortest solution
        from the state; at least one does.
      steps_left: int64 [N * M], how long a shortest solution from the state is.
    """

    observations: npt.NDArray[np.uint8]
    best_actions: npt.NDArray[np.bool_]
    steps_left: npt.NDArray[np.int64]


@compiled
def _explore(text):
    """Finds every state that can be reached, and what each action leads to.

    Args:
        text: uint8 [S - 2, S - 2], characters of the text form.

    Returns:
        numbers, held_of and gone_of, see `search.Board` and `search.Memory`; queue: int64 [states],
        the states that can be reached, the start first; next_states: int64 [K * S * S, 4],
        `_GEM_STATE` for taking the gem, the state itself where nothing happens.
    """
    board, memory = prepare(text)
    chars, numbers, on_path, moves = board
    held_of, gone_of, _, came_from, queue = memory
    cells = chars.size
    next_states = np.full((came_from.size, 4), _NO_STATE, np.int64)
    configurations, head, tail = 1, 0, 1
    while head < tail:
        state = queue[head]
        head += 1
        here = state // cells
        for action in range(4):
            next_states[state, action] = state
            target = state - here * cells + moves[action]
            outcome, held = try_move(chars, numbers, on_path, gone_of, here, held_of[here], target)
            if outcome == WINS:
                next_states[state, action] = _GEM_STATE
                continue
            if outcome == BLOCKED:
                continue
            there = here
            if outcome == CHANGES:
                memory, configurations, there = changed(
                    memory, configurations, here, held, numbers[target]
                )
                held_of, gone_of, _, came_from, queue = memory
                if came_from.size > next_states.shape[0]:
                    grown = np.full((came_from.size, 4), _NO_STATE, np.int64)
                    grown[: next_states.shape[0]] = next_states
                    next_states = grown
            new_state = there * cells + target
            next_states[state, action] = new_state
            if came_from[new_state] < 0:
                came_from[new_state] = state
                queue[tail] = new_state
                tail += 1
    return numbers, held_of, gone_of, queue[:tail], next_states


@compiled
def _steps_left(queue, next_states):
    """Returns int64 [K * S * S], the steps to the gem from each state, -1 where there is no way.

    A breadth-first search backwards, over lists of the states that lead to each.
    """
    num_states = next_states.shape[0]
    starts = np.zeros(num_states + 1, np.int64)
    for state in queue:
        for action in range(4):
            if next_states[state, action] >= 0:
                starts[next_states[state, action] + 1] += 1
    for state in range(num_states):
        starts[state + 1] += starts[state]
    filled = starts[:-1].copy()
    sources = np.empty(starts[-1], np.int64)
    steps = np.full(num_states, -1, np.int64)
    order = np.empty(queue.size, np.int64)
    head, tail = 0, 0
    for state in queue:
        for action in range(4):
            there = next_states[state, action]
            if there >= 0:
                sources[filled[there]] = state
                filled[there] += 1
            elif there == _GEM_STATE and steps[state] < 0:
                steps[state] = 1
                order[tail] = state
                tail += 1
    while head < tail:
        state = order[head]
        head += 1
        for source in sources[starts[state] : starts[state + 1]]:
            if steps[source] < 0:
                steps[source] = steps[state] + 1
                order[tail] = source
                tail += 1
    return steps


@compiled
def _teach(texts, boards, counter, per_level, table, observations, best_actions, steps_left):
    """Writes `per_level` lessons of each level; returns the first level without any, or -1."""
    cells = boards.shape[1] * boards.shape[2]
    for level in range(texts.shape[0]):
        numbers, held_of, gone_of, queue, next_states = _explore(texts[level])
        steps = _steps_left(queue, next_states)
        board = boards[level].reshape(cells)
        solvable = queue[steps[queue] > 0]
        if solvable.size == 0:
            return level
        for lesson in range(level * per_level, (level + 1) * per_level):
            state = solvable[next_below(counter, solvable.size)]
            here = state // cells
            observation = observations[lesson].reshape(cells, table.shape[1])
            for cell in range(cells):
                code = board[cell]
                if numbers[cell] >= 0 and is_gone(gone_of, here, numbers[cell]):
                    code = FLOOR
                observation[cell] = table[code]
            observation[state - here * cells] = table[AGENT]
            if held_of[here] != NO_HELD_KEY:
                observation[0] = table[KEY + held_of[here] - FIRST_KEY]
            steps_left[lesson] = steps[state]
            for action in range(4):
                there = next_states[state, action]
                left = 0 if there == _GEM_STATE else steps[there]
                best_actions[lesson, action] = left == steps[state] - 1
    return -1


def draw_lessons(
    spec: LevelSpec,
    level_seeds: npt.ArrayLike,
    per_level: int,
    seed: int,
    observation: str = "rgb",
) -> Lessons:
    """Draws states of dealt levels, with the moves that solve the level fastest from there.

    Args:
        spec: which levels.
        level_seeds: integers [N], each in [0, 2**63).
        per_level: M, states of each, drawn with replacement; at least 1.
        seed: of the draw, in [0, 2**63).
        observation: "rgb" or "onehot", see `rendering.pixel_table`.

    Raises:
        TypeError: if the seeds are no integers.
        ValueError: if an argument is out of range, or a level has no solution, which no dealt level
            should ever be.
    """
    seeds = np.asarray(level_seeds)
    if seeds.ndim != 1 or seeds.size == 0 or seeds.dtype.kind not in "iu":
        raise ValueError(
            "level_seeds must be integers [N] with N at least 1, "
            f"got {seeds.dtype} of shape {seeds.shape}"
        )
    check_level_seeds(seeds)
    if per_level < 1:
        raise ValueError(f"per_level must be at least 1, got {per_level}")
    if not 0 <= seed < 1 << 63:
        raise ValueError(f"seed must be in [0, 2**63), got {seed}")
    table = pixel_table(observation, spec.num_colors)
    boards, slots = deal_levels(spec, seeds)
    texts = text_arrays(boards, slots)
    counter = np.empty(1, np.uint64)
    start(counter, seed)
    size, count = spec.room_size + 2, seeds.size * per_level
    lessons = Lessons(
        np.empty((count, size, size, table.shape[1]), np.uint8),
        np.empty((count, 4), np.bool_),
        np.empty(count, np.int64),
    )
    unsolvable = _teach(texts, boards, counter, per_level, table, *lessons)
    if unsolvable >= 0:
        raise ValueError(f"level seed {seeds[unsolvable]} has no solution")
    return lessons
