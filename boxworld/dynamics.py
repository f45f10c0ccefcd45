"""The rules of Box-World, compiled, over a batch of slots; a slot is one running game.

Rules: Zambaldi et al., arXiv:1806.01830, section 4.1, and the authors' later public code (pycolab's
`box_world` example) where the paper is silent: blocked moves, one key at a time, a new key discards
the held one, the step cap.

Symbols: N slots, S = room_size + 2, C channels of a pixel. The state of all games is in

    boards        uint8 [N, S, S]          codes of `boxworld.cells`; the agent is not among them
    slots         int64 [N, NUM_COLUMNS]   the columns below
    observations  uint8 [N, S, S, C]       the painted state; a step repaints what it changed
    table         uint8 [NUM_CODES, C]     the pixel of every code, see `boxworld.rendering`
"""

from __future__ import annotations

from boxworld._compile import compiled, inlined
from boxworld.cells import AGENT, BORDER, DISTRACTOR, FLOOR, GEM, KEY, LOCK

UP, DOWN, LEFT, RIGHT = range(4)
NUM_ACTIONS = 4

# Columns of a slot: the agent's cell on the board, the colour of the key it holds or NO_KEY, the
# steps so far, and what the level is.
ROW, COLUMN, HELD, STEPS, SOLUTION_LENGTH, NUM_BRANCHES, BRANCH_LENGTH, LEVEL_SEED = range(8)
NUM_COLUMNS = 8
NO_KEY = -1

# Outcomes of a step. CUT_OFF is added to the first two at the step cap.
NOTHING, OPENED, GEM_COLLECTED, DISTRACTOR_OPENED, CUT_OFF = range(5)

REWARDS = (0.0, 1.0, 10.0, -1.0, 0.0, 1.0)
"""The reward of each outcome (paper, section 4.1)."""
SOLVED_OR_LOST = (False, False, True, True, False, False)
OUT_OF_STEPS = (False, False, False, False, True, True)

NO_TIME_LIMIT = 2**63 - 1


@inlined
def _paint(observation, row, column, table, code):
    if table.shape[1] == 3:  # a loop over three channels is twice as slow
        observation[row, column, 0] = table[code, 0]
        observation[row, column, 1] = table[code, 1]
        observation[row, column, 2] = table[code, 2]
    else:
        for channel in range(table.shape[1]):
            observation[row, column, channel] = table[code, channel]


@inlined
def _move(board, slot, observation, table, action):
    """Applies the rules to one action and repaints what it changed; returns the outcome."""
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

    outcome = NOTHING
    code = board[new_row, new_column]
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


@inlined
def _step(board, slot, observation, table, last_step, action):
    """Plays one action; returns the outcome."""
    outcome = _move(board, slot, observation, table, action)
    slot[STEPS] += 1
    if slot[STEPS] >= last_step and outcome <= OPENED:
        outcome += CUT_OFF
    return outcome


@compiled
def step_slot(index, boards, slots, observations, table, last_step, action):
    """Plays one action in one slot.

    Args:
        index: int, the slot.
        boards: uint8 [N, S, S], changed.
        slots: int64 [N, NUM_COLUMNS], changed.
        observations: uint8 [N, S, S, C], changed.
        table: uint8 [NUM_CODES, C].
        last_step: int, the number of the last step of an episode, from 1.
        action: int, in 0..3.

    Returns:
        int, the outcome: an index into REWARDS, SOLVED_OR_LOST and OUT_OF_STEPS.
    """
    return _step(boards[index], slots[index], observations[index], table, last_step, action)


@compiled
def step_slots(
    boards,
    slots,
    observations,
    table,
    last_step,
    cap_terminates,
    time_limit,
    actions,
    skipped,
    rewards,
    terminated,
    truncated,
):
    """Plays one action in every slot that is not skipped.

    Args:
        boards: uint8 [N, S, S], changed.
        slots: int64 [N, NUM_COLUMNS], changed.
        observations: uint8 [N, S, S, C], changed.
        table: uint8 [NUM_CODES, C].
        last_step: int, the number of the last step of an episode, from 1.
        cap_terminates: bool, whether an episode is terminated by its last step, or truncated.
        time_limit: int, the step at which an episode is truncated besides, whatever its outcome.
        actions: int64 [N].
        skipped: bool [N]; such slots get reward 0 and have not ended.
        rewards: float64 [N], written.
        terminated: bool [N], written.
        truncated: bool [N], written.

    Returns:
        int, how many slots ended; or -1 - i if the action of slot i is illegal, and then nothing
        was played.
    """
    for i in range(actions.size):
        if not 0 <= actions[i] < NUM_ACTIONS:
            return -1 - i
    ended = 0
    for i in range(actions.size):
        outcome, is_late = NOTHING, False
        if not skipped[i]:
            outcome = _step(boards[i], slots[i], observations[i], table, last_step, actions[i])
            is_late = slots[i, STEPS] >= time_limit
        rewards[i] = REWARDS[outcome]
        is_out = OUT_OF_STEPS[outcome]
        terminated[i] = SOLVED_OR_LOST[outcome] or (is_out and cap_terminates)
        truncated[i] = is_late or (is_out and not cap_terminates)
        ended += outcome > OPENED or is_late
    return ended


@compiled
def paint_slots(indices, boards, slots, observations, table):
    """Paints whole observations of levels just dealt: nothing is held yet.

    Args:
        indices: int64 [M], which slots.
        boards: uint8 [N, S, S].
        slots: int64 [N, NUM_COLUMNS].
        observations: uint8 [N, S, S, C], written.
        table: uint8 [NUM_CODES, C].
    """
    for index in indices:
        board, slot, observation = boards[index], slots[index], observations[index]
        for row in range(board.shape[0]):
            for column in range(board.shape[1]):
                _paint(observation, row, column, table, board[row, column])
        _paint(observation, slot[ROW], slot[COLUMN], table, AGENT)
