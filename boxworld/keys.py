"""Commands of a player, read from the bytes that a terminal sends."""

from __future__ import annotations

import re

UP, DOWN, LEFT, RIGHT, AGAIN, NEXT, QUIT = "up", "down", "left", "right", "again", "next", "quit"

_LETTERS = {b"w": UP, b"s": DOWN, b"a": LEFT, b"d": RIGHT, b"r": AGAIN, b"n": NEXT, b"q": QUIT}
_ARROWS = {b"A": UP, b"B": DOWN, b"D": LEFT, b"C": RIGHT}
_END_OF_INPUT = b"\x04"  # Ctrl-D
# An escape sequence of a key (its last byte tells an arrow), or any one byte.
_KEY = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|O)([@-~])|.", re.DOTALL)
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|O)?\Z")


def decode_keys(data: bytes) -> tuple[list[str], bytes]:
    """Reads commands from what a terminal sent.

    Args:
        data: bytes as they came, with what was left over from the last call in front.

    Returns:
        The commands in order (`UP` .. `QUIT`; bytes that mean nothing are skipped), and the bytes
        of an escape sequence whose end has not come yet.
    """
    unfinished = _UNFINISHED.search(data)
    rest = unfinished.group() if unfinished else b""
    commands = []
    for key in _KEY.finditer(data, 0, len(data) - len(rest)):
        if key.group() == _END_OF_INPUT:
            commands.append(QUIT)
        elif key.group(1) in _ARROWS:
            commands.append(_ARROWS[key.group(1)])
        elif key.group().lower() in _LETTERS:
            commands.append(_LETTERS[key.group().lower()])
    return commands, rest
