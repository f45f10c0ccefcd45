"""What a cell of the board can hold: codes for the compiled rules, characters for the text form.

A board is a uint8 array of codes, [room_size + 2, room_size + 2] with the border. Locks on the
solution path and locks of distractor branches have codes of their own, so that the rules need no
table to tell them apart; they look the same in every observation and in the text form.

Symbols: colours are integers 0..19; the key of colour k is `KEY + k`, and so on.
"""

from __future__ import annotations

import string

MAX_COLORS = 20

FLOOR = 0
BORDER = 1
AGENT = 2  # never stored on a board, only painted
GEM = 3
KEY = 4  # loose, or the content of the box whose lock is right of it
LOCK = KEY + MAX_COLORS  # of a box on the solution path
DISTRACTOR = LOCK + MAX_COLORS  # the lock of a box off the solution path
NUM_CODES = DISTRACTOR + MAX_COLORS

# Characters of the text form.
FLOOR_CHARACTER = "."
AGENT_CHARACTER = "@"
GEM_CHARACTER = "*"
KEY_CHARACTERS = string.ascii_lowercase[:MAX_COLORS]
LOCK_CHARACTERS = string.ascii_uppercase[:MAX_COLORS]

CODE_CHARACTERS = (
    FLOOR_CHARACTER
    + "#"
    + AGENT_CHARACTER
    + GEM_CHARACTER
    + KEY_CHARACTERS
    + LOCK_CHARACTERS
    + LOCK_CHARACTERS
)
"""The character of every code; '#' is the border, which the text form of a level leaves out."""
