"""The states of a level and the moves between them, for searches: compiled.

The rules are those of the paper (Zambaldi et al., arXiv:1806.01830, section 4.1) and are written
here a second time, from a level's text form: nothing of `dynamics.py` is used, so that each can
check the other.

A game state is a configuration (the key the agent holds, and which keys and locks are gone) and
the agent's cell. Most moves leave the configuration as it is, so states are numbered
`configuration * cells + cell` and looked up in an array; only a move that takes a key or opens a
lock looks its configuration up, in an open-addressing hash table. A dealt level of solution length
L has at most 2 L + 1 configurations, as its keys can be had in one order only. A drawn level with
many loose keys has more, in the worst case exponentially many; memory then grows until the search
ends.

Opening a box off the solution path ends the episode, so no solution has such a move.

Symbols: a board has S x S cells, in reading order, the border included; K configurations; W 64-bit
words hold a bit for every key and lock, set once it is gone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from boxworld._compile import compiled
from boxworld.cells import (
    AGENT_CHARACTER,
    FLOOR_CHARACTER,
    GEM_CHARACTER,
    KEY_CHARACTERS,
    LOCK_CHARACTERS,
)

_FLOOR, _AGENT, _GEM = (ord(c) for c in (FLOOR_CHARACTER, AGENT_CHARACTER, GEM_CHARACTER))
FIRST_KEY, _LAST_KEY = ord(KEY_CHARACTERS[0]), ord(KEY_CHARACTERS[-1])
_FIRST_LOCK, _LAST_LOCK = ord(LOCK_CHARACTERS[0]), ord(LOCK_CHARACTERS[-1])
_LOCK_TO_KEY = FIRST_KEY - _FIRST_LOCK
NO_HELD_KEY = 0

_WALL = 0  # on no level's text form
BLOCKED, FREE, CHANGES, WINS = range(4)  # what a move can come to

_ONE = np.uint64(1)
_MIXER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


class Board(NamedTuple):
    """A level as a search sees it.

    Attributes:
        chars: uint8 [S * S], the characters of the text form inside walls.
        numbers: int64 [S * S], a number for each cell with a key or a lock, else -1.
        on_path: bool [S * S], the locks that are worth opening.
        moves: what up, down, left and right add to a cell.
    """

    chars: npt.NDArray[np.uint8]
    numbers: npt.NDArray[np.int64]
    on_path: npt.NDArray[np.bool_]
    moves: tuple[int, int, int, int]


class Memory(NamedTuple):
    """What a search remembers, with room for K configurations.

    Attributes:
        held_of: uint8 [K], the character of the key held in a configuration, or `NO_HELD_KEY`.
        gone_of: uint64 [K, W], the objects gone in a configuration.
        table: int64 [4 K], the hash table of configurations, -1 in a free slot.
        came_from: int64 [K * S * S], the state from which a state was first reached, or -1.
        queue: int64 [K * S * S], the states reached, in order.
    """

    held_of: npt.NDArray[np.uint8]
    gone_of: npt.NDArray[np.uint64]
    table: npt.NDArray[np.int64]
    came_from: npt.NDArray[np.int64]
    queue: npt.NDArray[np.int64]


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
    """Returns whether an object is gone in a configuration; `gone` is `Memory.gone_of`."""
    word = gone[configuration, number >> 6]
    return (word >> np.uint64(number & 63)) & _ONE == _ONE


@compiled
def try_move(chars, numbers, on_path, gone, here, held, target):
    """Returns what moving onto a cell in configuration `here` comes to, and the key held then."""
    char, number = chars[target], numbers[target]
    if char in (_FLOOR, _AGENT):
        return FREE, held
    if char == _WALL:
        return BLOCKED, held
    if number >= 0 and is_gone(gone, here, number):
        return FREE, held
    if _is_lock(char):
        # A distractor's lock is as good as shut: opening it ends the episode.
        opens = held == char + _LOCK_TO_KEY and on_path[target]
        return (CHANGES, np.uint8(NO_HELD_KEY)) if opens else (BLOCKED, held)
    if _is_lock(chars[target + 1]) and not is_gone(gone, here, numbers[target + 1]):
        return BLOCKED, held  # the content of a locked box
    return (WINS, held) if char == _GEM else (CHANGES, char)


@compiled
def _find(memory, held, gone):
    """Returns the slot of the hash table that a configuration is in, or else belongs in."""
    mask = np.uint64(memory.table.size - 1)
    value = np.uint64(held)
    for word in gone:
        value = (value ^ word) * _MIXER
        value ^= value >> _SHIFT
    slot = value & mask
    while memory.table[slot] >= 0:
        other = memory.table[slot]
        if memory.held_of[other] == held and np.array_equal(memory.gone_of[other], gone):
            break
        slot = (slot + _ONE) & mask
    return slot


@compiled
def _new_memory(capacity, words, cells):
    return Memory(
        np.zeros(capacity, np.uint8),
        np.zeros((capacity, words), np.uint64),
        np.full(4 * capacity, -1, np.int64),
        np.full(capacity * cells, -1, np.int64),
        np.empty(capacity * cells, np.int64),
    )


@compiled
def _doubled(memory):
    """Returns a memory of twice the size with the same content, given one that is full."""
    capacity, words = memory.gone_of.shape
    size = memory.queue.size
    larger = _new_memory(2 * capacity, words, size // capacity)
    larger.held_of[:capacity] = memory.held_of
    larger.gone_of[:capacity] = memory.gone_of
    larger.came_from[:size] = memory.came_from
    larger.queue[:size] = memory.queue
    for known in range(capacity):
        larger.table[_find(larger, memory.held_of[known], memory.gone_of[known])] = known
    return larger


@compiled
def prepare(text):
    """Returns the `Board` of a level, and the `Memory` of a search that is at its start.

    Args:
        text: uint8 [S - 2, S - 2], characters of the text form.
    """
    chars = with_border(text)
    numbers, count = number_objects(chars)
    memory = _new_memory(32, count // 64 + 1, chars.size)
    first = np.argmax(chars == _AGENT)
    memory.table[_find(memory, memory.held_of[0], memory.gone_of[0])] = 0
    memory.came_from[first] = first
    memory.queue[0] = first
    size = text.shape[0] + 2
    return Board(chars, numbers, locks_to_gem(chars), (-size, size, -1, 1)), memory


@compiled
def changed(memory, known, here, held, number):
    """Looks up the configuration after a move that takes a key or opens a lock.

    Args:
        memory: of the search.
        known: configurations reached so far.
        here: configuration before the move.
        held: the key held after it.
        number: of the object that is gone then.

    Returns:
        The memory, which is a larger one if it was full; how many configurations are known now;
        and the configuration after the move.
    """
    gone = memory.gone_of[here].copy()
    gone[number >> 6] |= _ONE << np.uint64(number & 63)
    slot = _find(memory, held, gone)
    there = memory.table[slot]
    if there >= 0:
        return memory, known, there
    if known == memory.held_of.size:
        memory = _doubled(memory)
        slot = _find(memory, held, gone)
    memory.table[slot] = known
    memory.held_of[known] = held
    memory.gone_of[known] = gone
    return memory, known + 1, known
