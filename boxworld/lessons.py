"""States of dealt levels with every move that is part of a shortest solution from there.

What an agent can be taught from: many states of a level and not only those along one solution, so
that it also learns the way back to it. All of a level's states that can be reached are searched
forwards, as in `solver.py`, and then backwards from the gem; the states are drawn evenly from those
from which the gem can still be reached. Compiled, outside of the interpreter lock.

Symbols: N levels, M states of each, S = room_size + 2, C channels of a pixel, K configurations.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from boxworld._compile import compiled
from boxworld.cells import AGENT, CODE_CHARACTERS, FLOOR, KEY
from boxworld.generator import (
    COLUMN,
    LEVEL_SEED,
    NUM_COLUMNS,
    ROW,
    check_level_seed,
    deal,
    spec_array,
)
from boxworld.rendering import pixel_table
from boxworld.rng import next_below, start
from boxworld.solver import (
    BLOCKED,
    CHANGES,
    FIRST_KEY,
    NO_HELD_KEY,
    WINS,
    doubled,
    find,
    is_gone,
    locks_to_gem,
    new_memory,
    number_objects,
    try_move,
    with_border,
)
from boxworld.spec import LevelSpec
from boxworld.withheld import withheld_table

_CHARACTERS = np.frombuffer(CODE_CHARACTERS.encode("ascii"), np.uint8)
_AGENT_CHARACTER = np.uint8(_CHARACTERS[AGENT])
_ONE = np.uint64(1)
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
        held_of and gone_of, see `solver.new_memory`; queue: int64 [states], the states that can be
        reached, the start first; next_states: int64 [K * S * S, 4], `_GEM_STATE` for taking the
        gem, the state itself where nothing happens.
    """
    size = text.shape[0] + 2
    moves = (-size, size, -1, 1)  # up, down, left, right
    chars = with_border(text)
    on_path = locks_to_gem(chars)
    numbers, count = number_objects(chars)
    cells = chars.size
    held_of, gone_of, table, came_from, queue = new_memory(32, count // 64 + 1, cells)
    first = np.argmax(chars == _AGENT_CHARACTER)
    table[find(table, held_of, gone_of, held_of[0], gone_of[0])] = 0
    came_from[first] = first
    queue[0] = first
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
                gone = gone_of[here].copy()
                gone[numbers[target] >> 6] |= _ONE << np.uint64(numbers[target] & 63)
                slot = find(table, held_of, gone_of, held, gone)
                there = table[slot]
                if there < 0:
                    if configurations == held_of.size:
                        held_of, gone_of, table, came_from, queue = doubled(
                            held_of, gone_of, came_from, queue
                        )
                        slot = find(table, held_of, gone_of, held, gone)
                        grown = np.full((came_from.size, 4), _NO_STATE, np.int64)
                        grown[: next_states.shape[0]] = next_states
                        next_states = grown
                    there = configurations
                    configurations += 1
                    table[slot] = there
                    held_of[there] = held
                    gone_of[there] = gone
            new_state = there * cells + target
            next_states[state, action] = new_state
            if came_from[new_state] < 0:
                came_from[new_state] = state
                queue[tail] = new_state
                tail += 1
    return held_of, gone_of, queue[:tail], next_states


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
        held_of, gone_of, queue, next_states = _explore(texts[level])
        steps = _steps_left(queue, next_states)
        numbers, _ = number_objects(with_border(texts[level]))
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
    check_level_seed(seeds.min())
    check_level_seed(seeds.max())
    if per_level < 1:
        raise ValueError(f"per_level must be at least 1, got {per_level}")
    if not 0 <= seed < 1 << 63:
        raise ValueError(f"seed must be in [0, 2**63), got {seed}")
    size, count = spec.room_size + 2, seeds.size * per_level
    table = pixel_table(observation, spec.num_colors)
    boards = np.empty((seeds.size, size, size), np.uint8)
    slots = np.zeros((seeds.size, NUM_COLUMNS), np.int64)
    slots[:, LEVEL_SEED] = seeds
    deal(np.arange(seeds.size), spec_array(spec), withheld_table(spec.num_colors), boards, slots)
    texts = _CHARACTERS[boards]
    texts[np.arange(seeds.size), slots[:, ROW], slots[:, COLUMN]] = _AGENT_CHARACTER
    counter = np.empty(1, np.uint64)
    start(counter, seed)
    lessons = Lessons(
        np.empty((count, size, size, table.shape[1]), np.uint8),
        np.empty((count, 4), np.bool_),
        np.empty(count, np.int64),
    )
    texts = np.ascontiguousarray(texts[:, 1:-1, 1:-1])
    unsolvable = _teach(texts, boards, counter, per_level, table, *lessons)
    if unsolvable >= 0:
        raise ValueError(f"level seed {seeds[unsolvable]} has no solution")
    return lessons
