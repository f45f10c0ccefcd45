"""The rules of Box-World, compiled, over a batch of slots (environments).

Rules: Zambaldi et al., arXiv:1806.01830, section 4.1, and the authors' later public code (pycolab's
`box_world` example) where the paper is silent: blocked moves, one key at a time, a new key discards
the held one.

Symbols: N slots, S = room_size + 2, C channels.
  boards        uint8 [N, S, S]      codes of `boxworld.cells`; the agent is not on the board
  slots         int64 [N, NUM_COLUMNS]  columns of `boxworld.generator`
  observations  uint8 [N, S, S, C]   kept equal to the painted state, only changed pixels written
  table         uint8 [NUM_CODES, C] the pixel of every code
"""

from __future__ import annotations

from boxworld._compile import compiled
from boxworld.cells import AGENT, BORDER, DISTRACTOR, FLOOR, GEM, KEY, LOCK
from boxworld.generator import COLUMN, HELD, NO_KEY, ROW, STEPS

UP, DOWN, LEFT, RIGHT = range(4)
NUM_ACTIONS = 4

# Outcomes of a step. CUT_OFF is added to NOTHING or OPENED at the step cap.
NOTHING, OPENED, GEM_COLLECTED, DISTRACTOR_OPENED, CUT_OFF = range(5)

REWARDS = (0.0, 1.0, 10.0, -1.0, 0.0, 1.0)
"""The reward of every outcome (paper, section 4.1)."""
TERMINATED = (False, False, True, True, False, False)
TRUNCATED = (False, False, False, False, True, True)


@compiled
def _paint(observation, row, column, table, code):
    for channel in range(table.shape[1]):
        observation[row, column, channel] = table[code, channel]


@compiled
def _move(board, slot, observation, table, action):
    """Applies the rules to one action and repaints what changed; returns the outcome."""
    row, column = slot[ROW], slot[COLUMN]
    new_row, new_column = row, column
    if action == UP:
        new_row -= 1
    elif action == DOWN:
        new_row += 1
    elif action == LEFT:
        new_column -= 1
    else:
        new_column += 1

    code = board[new_row, new_column]
    outcome = NOTHING
    if code != FLOOR:
        if code == BORDER:
            return NOTHING
        if code >= LOCK:
            on_path = code < DISTRACTOR
            if slot[HELD] != code - (LOCK if on_path else DISTRACTOR):
                return NOTHING
            slot[HELD] = NO_KEY
            _paint(observation, 0, 0, table, BORDER)
            outcome = OPENED if on_path else DISTRACTOR_OPENED
        else:
            if board[new_row, new_column + 1] >= LOCK:  # the content of a locked box
                return NOTHING
            if code == GEM:
                outcome = GEM_COLLECTED
            else:
                slot[HELD] = code - KEY
                _paint(observation, 0, 0, table, code)
        board[new_row, new_column] = FLOOR

    slot[ROW] = new_row
    slot[COLUMN] = new_column
    _paint(observation, row, column, table, FLOOR)
    _paint(observation, new_row, new_column, table, AGENT)
    return outcome


@compiled
def step_slot(board, slot, observation, table, max_steps, action):
    """Plays one action in one slot.

    Args:
        board: uint8 [S, S], changed.
        slot: int64 [NUM_COLUMNS], changed.
        observation: uint8 [S, S, C], changed.
        table: uint8 [NUM_CODES, C].
        max_steps: int, the step cap.
        action: int, 0..3.

    Returns:
        int, the outcome, an index into REWARDS, TERMINATED and TRUNCATED.
    """
    outcome = _move(board, slot, observation, table, action)
    slot[STEPS] += 1
    if slot[STEPS] >= max_steps and outcome <= OPENED:
        outcome += CUT_OFF
    return outcome


@compiled
def step_slots(boards, slots, observations, table, max_steps, actions, skipped, outcomes):
    """Plays one action in every slot that is not skipped.

    Args:
        boards, slots, observations, table, max_steps: see the module and `step_slot`.
        actions: int64 [N].
        skipped: bool [N].
        outcomes: int64 [N], written; NOTHING for a skipped slot.

    Returns:
        int, -1; or the first slot whose action is illegal, in which case nothing has been played.
    """
    for i in range(actions.size):
        if not 0 <= actions[i] < NUM_ACTIONS:
            return i
    for i in range(actions.size):
        if skipped[i]:
            outcomes[i] = NOTHING
        else:
            outcomes[i] = step_slot(
                boards[i], slots[i], observations[i], table, max_steps, actions[i]
            )
    return -1


@compiled
def paint(indices, boards, slots, observations, table):
    """Paints whole observations.

    Args:
        indices: int64 [M], which slots.
        boards, slots, observations, table: see the module; observations are written.
    """
    for index in indices:
        board, slot, observation = boards[index], slots[index], observations[index]
        for row in range(board.shape[0]):
            for column in range(board.shape[1]):
                _paint(observation, row, column, table, board[row, column])
        _paint(observation, slot[ROW], slot[COLUMN], table, AGENT)
        if slot[HELD] != NO_KEY:
            _paint(observation, 0, 0, table, KEY + slot[HELD])
