"""The shortest solution of a level, or the proof that there is none.

The rules are those of the paper (Zambaldi et al., arXiv:1806.01830, section 4.1) and are written
here a second time, from a level's text form: nothing of `dynamics.py` is used, so that each can
check the other.

A game state is a configuration (the key the agent holds, and which keys and locks are gone) and
the agent's cell. The search is breadth-first over all states that can be reached. Most moves leave
the configuration as it is, so states are numbered `configuration * cells + cell` and looked up in
an array; only a move that takes a key or opens a lock looks its configuration up, in an
open-addressing hash table. A dealt level of solution length L has at most 2 L + 1 configurations,
as its keys can be had in one order only. A drawn level with many loose keys has more, in the worst
case exponentially many; memory then grows until the search ends.

Opening a box off the solution path ends the episode, so no solution has such a move.

Symbols: a board has S x S cells, in reading order, the border included; W 64-bit words hold a bit
for every key and lock, set once it is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from boxworld._compile import compiled
from boxworld.cells import (
    AGENT_CHARACTER,
    CODE_CHARACTERS,
    FLOOR_CHARACTER,
    GEM_CHARACTER,
    KEY_CHARACTERS,
    LOCK_CHARACTERS,
)
from boxworld.generator import (
    COLUMN,
    LEVEL_SEED,
    NUM_COLUMNS,
    ROW,
    check_level_seed,
    deal,
    spec_array,
)
from boxworld.spec import as_integer
from boxworld.withheld import withheld_table

if TYPE_CHECKING:
    from boxworld.level import Level
    from boxworld.spec import LevelSpec

UNSOLVABLE = -1
"""What `solution_steps` gives for a level without a solution."""

_FLOOR, _AGENT, _GEM = (ord(c) for c in (FLOOR_CHARACTER, AGENT_CHARACTER, GEM_CHARACTER))
FIRST_KEY, _LAST_KEY = ord(KEY_CHARACTERS[0]), ord(KEY_CHARACTERS[-1])
_FIRST_LOCK, _LAST_LOCK = ord(LOCK_CHARACTERS[0]), ord(LOCK_CHARACTERS[-1])
_LOCK_TO_KEY = FIRST_KEY - _FIRST_LOCK
NO_HELD_KEY = 0

_WALL = 0  # on no level's text form
BLOCKED, FREE, CHANGES, WINS = range(4)  # what a move can come to

_CHUNK = 4096  # levels dealt at a time
_ONE = np.uint64(1)
_MIXER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


@compiled
def _is_key(cell):
    return FIRST_KEY <= cell <= _LAST_KEY


@compiled
def _is_lock(cell):
    return _FIRST_LOCK <= cell <= _LAST_LOCK


@compiled
def with_border(text):
    """Returns uint8 [S * S], the characters of `text` (uint8 [S - 2, S - 2]) inside walls."""
    size = text.shape[0]
    chars = np.full((size + 2, size + 2), _WALL, np.uint8)
    chars[1:-1, 1:-1] = text
    return chars.reshape((size + 2) * (size + 2))


@compiled
def locks_to_gem(chars):
    """Returns bool [S * S]: the locks of the solution path, which are worth opening.

    The gem's box is on it, and so is every box that holds a key to a box on it.
    """
    on_path = np.zeros(chars.size, np.bool_)
    wanted = np.zeros(256, np.bool_)  # by the character of a box's content
    wanted[_GEM] = True
    found = True
    while found:
        found = False
        for cell in range(1, chars.size):
            if _is_lock(chars[cell]) and wanted[chars[cell - 1]] and not on_path[cell]:
                on_path[cell] = True
                wanted[chars[cell] + _LOCK_TO_KEY] = True
                found = True
    return on_path


@compiled
def number_objects(chars):
    """Returns int64 [S * S], a number for each cell with a key or a lock, else -1; and how many."""
    numbers = np.full(chars.size, -1, np.int64)
    count = 0
    for cell in range(chars.size):
        if _is_key(chars[cell]) or _is_lock(chars[cell]):
            numbers[cell] = count
            count += 1
    return numbers, count


@compiled
def is_gone(gone, configuration, number):
    """Returns whether an object is gone in a configuration; `gone` as in `new_memory`."""
    word = gone[configuration, number >> 6]
    return (word >> np.uint64(number & 63)) & _ONE == _ONE


@compiled
def try_move(chars, numbers, on_path, gone, configuration, held, target):
    """Returns what moving onto a cell comes to, and the key held after it."""
    char, number = chars[target], numbers[target]
    if char in (_FLOOR, _AGENT):
        return FREE, held
    if char == _WALL:
        return BLOCKED, held
    if number >= 0 and is_gone(gone, configuration, number):
        return FREE, held
    if _is_lock(char):
        # A distractor's lock is as good as shut: opening it ends the episode.
        opens = held == char + _LOCK_TO_KEY and on_path[target]
        return (CHANGES, np.uint8(NO_HELD_KEY)) if opens else (BLOCKED, held)
    if _is_lock(chars[target + 1]) and not is_gone(gone, configuration, numbers[target + 1]):
        return BLOCKED, held  # the content of a locked box
    return (WINS, held) if char == _GEM else (CHANGES, char)


@compiled
def find(table, held_of, gone_of, held, gone):
    """Returns the slot of the hash table that a configuration is in, or else belongs in."""
    mask = np.uint64(table.size - 1)
    value = np.uint64(held)
    for word in gone:
        value = (value ^ word) * _MIXER
        value ^= value >> _SHIFT
    slot = value & mask
    while table[slot] >= 0:
        other = table[slot]
        if held_of[other] == held and np.array_equal(gone_of[other], gone):
            break
        slot = (slot + _ONE) & mask
    return slot


@compiled
def new_memory(capacity, words, cells):
    """Returns what a search remembers, with room for K = `capacity` configurations.

    Returns:
        held_of: uint8 [K], the character of the key held in a configuration, or `NO_HELD_KEY`.
        gone_of: uint64 [K, W], the objects gone in a configuration.
        table: int64 [4 K], the hash table of configurations, -1 in a free slot.
        came_from: int64 [K * S * S], the state from which a state was first reached, or -1.
        queue: int64 [K * S * S], the states reached, in order.
    """
    return (
        np.zeros(capacity, np.uint8),
        np.zeros((capacity, words), np.uint64),
        np.full(4 * capacity, -1, np.int64),
        np.full(capacity * cells, -1, np.int64),
        np.empty(capacity * cells, np.int64),
    )


@compiled
def doubled(held_of, gone_of, came_from, queue):
    """Returns a memory of twice the size with the same content, given one that is full."""
    capacity, words = gone_of.shape
    new_held_of, new_gone_of, table, new_came_from, new_queue = new_memory(
        2 * capacity, words, queue.size // capacity
    )
    new_held_of[:capacity] = held_of
    new_gone_of[:capacity] = gone_of
    new_came_from[: came_from.size] = came_from
    new_queue[: queue.size] = queue
    for known in range(capacity):
        table[find(table, held_of, gone_of, held_of[known], gone_of[known])] = known
    return new_held_of, new_gone_of, table, new_came_from, new_queue


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
    size = text.shape[0] + 2
    moves = (-size, size, -1, 1)  # up, down, left, right
    chars = with_border(text)
    on_path = locks_to_gem(chars)
    numbers, count = number_objects(chars)
    cells = chars.size
    held_of, gone_of, table, came_from, queue = new_memory(32, count // 64 + 1, cells)

    start = np.argmax(chars == _AGENT)
    table[find(table, held_of, gone_of, held_of[0], gone_of[0])] = 0
    came_from[start] = start
    queue[0] = start
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
                    there = configurations
                    configurations += 1
                    table[slot] = there
                    held_of[there] = held
                    gone_of[there] = gone
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
    if seeds.size:
        check_level_seed(seeds.min())
        check_level_seed(seeds.max())
    steps = np.empty(seeds.size, np.int64)
    for first in range(0, seeds.size, _CHUNK):
        chunk = slice(first, first + _CHUNK)
        _search_all(_deal_texts(spec, seeds[chunk]), steps[chunk])
    return steps


def _deal_texts(spec: LevelSpec, seeds: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
    """Returns uint8 [N, room_size, room_size], the text forms of dealt levels."""
    size = spec.room_size + 2
    boards = np.empty((seeds.size, size, size), np.uint8)
    slots = np.zeros((seeds.size, NUM_COLUMNS), np.int64)
    slots[:, LEVEL_SEED] = seeds
    withheld = withheld_table(spec.num_colors)
    deal(np.arange(seeds.size), spec_array(spec), withheld, boards, slots)
    text = np.frombuffer(CODE_CHARACTERS.encode("ascii"), np.uint8)[boards]
    text[np.arange(seeds.size), slots[:, ROW], slots[:, COLUMN]] = _AGENT
    return np.ascontiguousarray(text[:, 1:-1, 1:-1])
