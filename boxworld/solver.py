"""The shortest solution of a level, or the proof that there is none.

The search is breadth-first over all states that can be reached; see `search.py` for what a state
is, and for the rules, which are written there a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from boxworld._compile import compiled
from boxworld.generator import check_level_seeds, deal_levels, text_arrays
from boxworld.search import BLOCKED, CHANGES, WINS, changed, prepare, try_move
from boxworld.spec import as_integer

if TYPE_CHECKING:
    from boxworld.level import Level
    from boxworld.spec import LevelSpec

UNSOLVABLE = -1
"""What `solution_steps` gives for a level without a solution."""

_CHUNK = 4096  # levels dealt at a time


@compiled
def _retrace(came_from, state, cells, moves, last_action, steps):
    """Returns int8 [steps], the actions that lead to `state`, and then `last_action`."""
    actions = np.empty(steps, np.int8)
    actions[steps - 1] = last_action
    for step in range(steps - 2, -1, -1):
        before = came_from[state]
        moved = state % cells - before % cells
        for action in range(4):
            if moves[action] == moved:
                actions[step] = action
        state = before
    return actions


@compiled
def _search(text, max_steps):
    """Searches one level, breadth-first.

    Args:
        text: uint8 [S - 2, S - 2], characters of the text form.
        max_steps: int, the longest solution looked for; negative for no limit.

    Returns:
        int8 [steps], a shortest solution; empty if there is none.
    """
    board, memory = prepare(text)
    chars, numbers, on_path, moves = board
    held_of, gone_of, _, came_from, queue = memory
    cells = chars.size
    configurations, head, tail = 1, 0, 1
    steps, layer_end = 0, 1
    while head < tail:
        if head == layer_end:
            steps += 1
            layer_end = tail
        if steps == max_steps:
            break
        state = queue[head]
        head += 1
        here = state // cells
        for action in range(4):
            target = state - here * cells + moves[action]
            outcome, held = try_move(chars, numbers, on_path, gone_of, here, held_of[here], target)
            if outcome == WINS:
                return _retrace(came_from, state, cells, moves, action, steps + 1)
            if outcome == BLOCKED:
                continue
            there = here
            if outcome == CHANGES:
                memory, configurations, there = changed(
                    memory, configurations, here, held, numbers[target]
                )
                held_of, gone_of, _, came_from, queue = memory
            new_state = there * cells + target
            if came_from[new_state] < 0:
                came_from[new_state] = state
                queue[tail] = new_state
                tail += 1
    return np.empty(0, np.int8)


@compiled
def _search_all(texts, steps):
    """Writes the steps of each text's shortest solution, or `UNSOLVABLE`, into int64 [N]."""
    for index in range(steps.size):
        actions = _search(texts[index], -1)
        steps[index] = actions.size if actions.size else UNSOLVABLE


def solve(level: Level, *, max_steps: int | None = None) -> tuple[int, ...] | None:
    """Finds a shortest solution of `level`.

    The search is exhaustive: None means that no sequence of actions of any length (or of at most
    `max_steps`, if given) collects the gem.

    Args:
        level: the level as it was dealt or drawn.
        max_steps: the longest solution to look for, at least 0; None for no limit. The step cap
            belongs to an environment and not to a level, so it is not looked at unless given here.

    Returns:
        The actions (0 up, 1 down, 2 left, 3 right), the last of which collects the gem; or None.

    Raises:
        TypeError: if `max_steps` is not an integer.
        ValueError: if `max_steps` is negative.
    """
    if max_steps is not None and as_integer("max_steps", max_steps) < 0:
        raise ValueError(f"max_steps must be None or at least 0, got {max_steps}")
    lines = level.to_text().split("\n")
    text = np.frombuffer("".join(lines).encode("ascii"), np.uint8).reshape(len(lines), -1)
    actions = _search(text, -1 if max_steps is None else max_steps)
    return tuple(actions.tolist()) or None


def solution_steps(spec: LevelSpec, level_seeds: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Measures the shortest solutions of many dealt levels, in compiled code throughout.

    Args:
        spec: which levels.
        level_seeds: integers [N], each in [0, 2**63).

    Returns:
        int64 [N], the steps of the shortest solution of each level; `UNSOLVABLE` (-1) where the
        whole state space holds none, which no dealt level should ever give.

    Raises:
        TypeError: if `level_seeds` are no integers.
        ValueError: if `level_seeds` has not one dimension, or a seed is out of range.
    """
    seeds = np.asarray(level_seeds)
    if seeds.size and seeds.dtype.kind not in "iu":
        raise TypeError(f"level_seeds must be integers, got {seeds.dtype}")
    if seeds.ndim != 1:
        raise ValueError(f"level_seeds must have one dimension, got shape {seeds.shape}")
    check_level_seeds(seeds)
    steps = np.empty(seeds.size, np.int64)
    for first in range(0, seeds.size, _CHUNK):
        chunk = slice(first, first + _CHUNK)
        _search_all(text_arrays(*deal_levels(spec, seeds[chunk])), steps[chunk])
    return steps
