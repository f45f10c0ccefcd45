"""Play Box-World in a terminal: `python -m boxworld.play`.

Arrow keys or wasd move; r plays the same level again, n the next one, q quits. Every cell has the
colour of its pixel in the observation and the character of the level's text form: a key is a small
letter and opens the lock with the same letter in capitals.

Everything but `main` and `_play_in_terminal` is free of the terminal, so that it can be tested.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from boxworld.env import BoxWorldEnv
from boxworld.generator import LEVEL_SEED_LIMIT, check_level_seed
from boxworld.keys import DOWN, LEFT, NEXT, QUIT, RIGHT, UP, decode_keys
from boxworld.level import Level
from boxworld.registration import ENVIRONMENTS
from boxworld.rendering import PALETTE
from boxworld.solver import solve

try:
    import termios
    import tty
except ImportError:  # Windows
    termios = tty = None  # type: ignore[assignment]

DEFAULT_ID = "BoxWorld-v0"
_ACTIONS = {UP: 0, DOWN: 1, LEFT: 2, RIGHT: 3}

_HOME, _CLEAR, _CLEAR_BELOW, _CLEAR_LINE = "\x1b[H", "\x1b[2J", "\x1b[J", "\x1b[K"
_PLAIN = "\x1b[0m"
# The cursor is hidden, and lines too long for the terminal are cut instead of wrapped.
_BEGIN, _END = "\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h"
_HELP = "arrows or wasd: move, r: again, n: next, q: quit"
_CELL_WIDTH = 2
_LINES_OF_WORDS = 4
# A level drawn by hand is played for as long as its player likes.
_NO_STEP_CAP = 2**31


def _draw_cell(pixel: npt.NDArray[np.uint8], character: str) -> str:
    red, green, blue = pixel.tolist()
    ink = 255 if red + green + blue < 3 * 100 else 0
    cell = character.ljust(_CELL_WIDTH)
    return f"\x1b[38;2;{ink};{ink};{ink};48;2;{red};{green};{blue}m{cell}{_PLAIN}"


def _key_of(pixel: npt.NDArray[np.uint8]) -> str | None:
    """Returns the letter of the key with a pixel's colour, None if it is no key's."""
    (colors,) = np.nonzero((pixel == PALETTE).all(axis=1))
    return chr(ord("a") + colors[0]) if colors.size else None


def draw_board(observation: npt.NDArray[np.uint8], level: Level) -> list[str]:
    """Draws an observation, two characters a pixel, in 24-bit terminal colours.

    Args:
        observation: uint8 [room_size + 2, room_size + 2, 3], the RGB observation.
        level: the level that is played, as it was dealt: objects never move, so its text form
            tells a key from a lock of the same colour.

    Returns:
        room_size + 2 lines.
    """
    agent, floor = (128, 128, 128), (204, 204, 204)
    characters = [[" "] * len(observation) for _ in observation]
    for row, line in enumerate(level.to_text().split("\n"), start=1):
        for column, character in enumerate(line, start=1):
            pixel = tuple(observation[row, column].tolist())
            characters[row][column] = {agent: "@", floor: " "}.get(pixel, character)
    characters[0][0] = _key_of(observation[0, 0]) or " "
    return [
        "".join(_draw_cell(*cell) for cell in zip(pixels, line, strict=True))
        for pixels, line in zip(observation, characters, strict=True)
    ]


class Game:
    """A game that is played by commands and draws itself.

    Args:
        env: with RGB observations.
        name: what the title calls it.
        level: the one level to play; None deals levels from `env`.
        level_seed: the first level to deal, followed by its successors; None for a random first.

    Attributes:
        observation: uint8 [room_size + 2, room_size + 2, 3], the RGB observation.
        level_seed: of the level that is played; -1 for a level given.
        steps: played in it.
        total: the return so far.
        over: whether the episode has ended.
        message: how it ended, "" before.
    """

    def __init__(
        self,
        env: BoxWorldEnv,
        name: str,
        *,
        level: Level | None = None,
        level_seed: int | None = None,
    ) -> None:
        self._env = env
        self._name = name
        self._level = level
        env.reset()
        env.step(0)  # so that what is compiled on first use does not hold up the first key
        if level is not None:
            self._start({"level": level})
        else:
            self._start({} if level_seed is None else {"level_seed": level_seed})

    def _start(self, options: dict[str, Any]) -> None:
        self.observation, info = self._env.reset(options=options)
        self.level_seed = info["level_seed"]
        self.steps, self._reward, self.total = 0, 0.0, 0.0
        self.over, self._to_compare, self.message = False, False, ""

    def press(self, command: str) -> None:
        """Plays one command; a move after the end does nothing.

        Args:
            command: one of `keys.UP`, `DOWN`, `LEFT`, `RIGHT`, `AGAIN`, `NEXT`.
        """
        if command in _ACTIONS:
            if not self.over:
                self._step(_ACTIONS[command])
        elif self._level is not None:
            self._start({"level": self._level})
        else:
            level_seed = (self.level_seed + (command == NEXT)) % LEVEL_SEED_LIMIT
            self._start({"level_seed": level_seed})

    def _step(self, action: int) -> None:
        self.observation, self._reward, terminated, truncated, info = self._env.step(action)
        self.steps += 1
        self.total += self._reward
        self.over = terminated or truncated
        if not self.over:
            return
        if info["is_success"]:
            self._to_compare = True
            self.message = f"Solved in {self.steps} steps."
        elif terminated:
            self.message = "A box off the solution path: nothing in it leads to the gem."
        else:
            self.message = f"Out of steps: the cap is {self._env.max_steps}."

    def compare(self) -> bool:
        """Adds to the message of a solved level how few steps would have done; True if it did."""
        if not self._to_compare:
            return False
        self._to_compare = False
        shortest = solve(self._env.level, max_steps=self.steps - 1)
        if shortest is None:
            self.message += " No solution is shorter."
        else:
            self.message += f" The shortest solution takes {len(shortest)}."
        return True

    def draw(self) -> str:
        """Returns the screen: title, board, what happened, help."""
        level = self._env.level
        boxes = "1 box" if level.solution_length == 1 else f"{level.solution_length} boxes"
        number = "" if self._level is not None else f", level {self.level_seed}"
        cap = "" if self._level is not None else f" of {self._env.max_steps}"
        key = _key_of(self.observation[0, 0])
        lines = [
            f"{self._name}{number}: {boxes} to the gem",
            *draw_board(self.observation, level),
            f"holds {key or 'no key'}   reward {self._reward:+g}   return {self.total:+g}   "
            f"steps {self.steps}{cap}",
            self.message,
            _HELP,
        ]
        return _HOME + "".join(f"{line}{_CLEAR_LINE}\n" for line in lines) + _CLEAR_BELOW


def read_level(path: str) -> Level:
    """Reads a level from a file in its text form.

    Raises:
        ValueError: if the file cannot be read or is not a level; one line that names it.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(
            f"--level must name a file that can be read, got {path!r}: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(f"--level must name a text file, got {path!r}") from error
    try:
        return Level.from_text(text)
    except ValueError as error:
        raise ValueError(f"--level {path!r}: {error}") from error


def make_game(
    name: str | None = None, level_seed: int | None = None, path: str | None = None
) -> Game:
    """Makes the game that the command line asks for.

    Args:
        name: one of `boxworld.ENVIRONMENTS`; None for "BoxWorld-v0".
        level_seed: which level of that id; None for a random one.
        path: a file with the one level to play instead.

    Raises:
        ValueError: if an argument is bad or they contradict each other.
    """
    if path is not None:
        for option, value in (("--id", name), ("--level-seed", level_seed)):
            if value is not None:
                raise ValueError(f"--level already says what to play, so no {option}, got {value}")
        level = read_level(path)
        env = BoxWorldEnv(
            solution_length=1, num_branches=0, room_size=level.room_size, max_steps=_NO_STEP_CAP
        )
        return Game(env, path, level=level)
    name = DEFAULT_ID if name is None else name
    if name not in ENVIRONMENTS:
        raise ValueError(f"--id must be one of {', '.join(ENVIRONMENTS)}, got {name!r}")
    if level_seed is not None:
        check_level_seed(level_seed)
    return Game(BoxWorldEnv(**ENVIRONMENTS[name]), name, level_seed=level_seed)


def _check_terminal(room_size: int) -> None:
    """Raises ValueError if there is no terminal to play in, or it is too small."""
    if termios is None:
        raise ValueError(
            "playing needs a terminal with termios (Linux, macOS or WSL), "
            f"got platform {sys.platform!r}"
        )
    for name, stream in (("standard input", sys.stdin), ("standard output", sys.stdout)):
        if not stream.isatty():
            raise ValueError(f"{name} must be a terminal, got a file or a pipe")
    columns, lines = os.get_terminal_size(sys.stdout.fileno())
    needed = (_CELL_WIDTH * (room_size + 2), room_size + 2 + _LINES_OF_WORDS + 1)
    # Some terminals do not tell their size, and report 0.
    if 0 < columns < needed[0] or 0 < lines < needed[1]:
        raise ValueError(
            f"the terminal must have at least {needed[0]} columns and {needed[1]} lines for "
            f"room_size={room_size}, got {columns} and {lines}"
        )


@contextlib.contextmanager
def _keys_unbuffered() -> Iterator[None]:
    """Lets keys through one by one and unseen, and restores the terminal whatever happens."""
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)

    def stop(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    signals = (signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.signal(number, stop) for number in signals]
    try:
        tty.setcbreak(fd)
        # Ctrl-Z would leave the shell behind without a cursor.
        changed = termios.tcgetattr(fd)
        changed[6][termios.VSUSP] = os.fpathconf(fd, "PC_VDISABLE").to_bytes(1, "little")
        termios.tcsetattr(fd, termios.TCSADRAIN, changed)
        _show(_BEGIN + _CLEAR)
        yield
    finally:
        # The terminal may be gone; then there is nothing to restore.
        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(fd, termios.TCSADRAIN, before)
            _show(_END + _PLAIN)
        for number, handler in zip(signals, handlers, strict=True):
            signal.signal(number, handler)


def _show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _play_in_terminal(game: Game) -> None:
    """Plays until the player quits."""
    with _keys_unbuffered():
        rest = b""
        while True:
            _show(game.draw())
            if game.compare():  # may take a moment, so the end is shown first
                _show(game.draw())
            data = os.read(sys.stdin.fileno(), 1024)
            commands, rest = decode_keys(rest + data)
            for command in commands:
                if command == QUIT:
                    return
                game.press(command)
            if not data:  # the terminal has hung up
                return


def main(arguments: Sequence[str] | None = None) -> None:
    """Plays what the command line asks for; exits with one line if that cannot be."""
    parser = argparse.ArgumentParser(
        prog="python -m boxworld.play",
        description="Play Box-World in a terminal. Collect the gem (white); never open a box whose "
        f"key leads nowhere. {_HELP}.",
    )
    parser.add_argument("--id", help=f"which levels (default: {DEFAULT_ID})")
    parser.add_argument("--level-seed", type=int, help="which level (default: a random one)")
    parser.add_argument("--level", metavar="FILE", help="play the level in this text file")
    options = parser.parse_args(arguments)
    try:
        game = make_game(options.id, options.level_seed, options.level)
        _check_terminal(len(game.observation) - 2)
    except ValueError as error:
        sys.exit(f"boxworld.play: {error}")
    with contextlib.suppress(KeyboardInterrupt):
        _play_in_terminal(game)


if __name__ == "__main__":
    main()
