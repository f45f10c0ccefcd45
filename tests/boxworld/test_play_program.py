"""The program, played by keys in a terminal of its own."""

import os
import re
import signal

import pytest
from terminal import TEXT, Terminal

from boxworld import BoxWorldEnv, generate_level, play, solve
from boxworld.keys import DOWN, LEFT, RIGHT, UP


@pytest.mark.skipif(play.termios is None, reason="pseudo-terminals need termios")
class TestProgram:
    @pytest.fixture
    def level_file(self, tmp_path):
        path = tmp_path / "level.txt"
        path.write_text(TEXT)
        return str(path)

    def test_plays_a_level_and_quits(self, level_file):
        with Terminal("--level", level_file) as terminal:
            terminal.read_until("q: quit")
            assert terminal.settings() != terminal.settings_before
            assert "\x1b[?25l" in terminal.output
            terminal.press(b"dddd\x1b[B\x1b[Baa")
            terminal.read_until("Solved in 8 steps. No solution is shorter.")
            terminal.press(b"r")
            terminal.read_until("steps 0")
            terminal.press(b"q")
            assert terminal.program.wait(60) == 0
            terminal.read_until("")
            assert terminal.settings() == terminal.settings_before

    @pytest.fixture
    def default_handler(self):
        """A program started in the background ignores Ctrl-C, and so does what it starts."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, before)

    @pytest.mark.parametrize(
        ("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 128 + 15), (None, 0)]
    )
    def test_restores_the_terminal_on_any_exit(self, number, status, default_handler):
        with Terminal("--id", "BoxWorld-Easy-v0", "--level-seed", "3") as terminal:
            terminal.read_until("q: quit")
            assert terminal.settings() != terminal.settings_before
            if number is None:
                terminal.press(b"\x04")  # Ctrl-D
            else:
                terminal.program.send_signal(number)
            assert terminal.program.wait(60) == status
            assert terminal.settings() == terminal.settings_before
            os.write(terminal._keys, b"END")
            terminal.read_until("END")
            # Where colorama is installed, Numba loads it, and it resets the colours once more.
            assert re.search(r"\x1b\[\?7h\x1b\[\?25h(\x1b\[0m)+END\Z", terminal.output)

    def test_refuses_a_terminal_that_is_too_small(self):
        with Terminal(size=(18, 80)) as terminal:
            terminal.read_until(
                "boxworld.play: the terminal must have at least 28 columns and 19 lines for "
                "room_size=12, got 80 and 18"
            )
            assert terminal.program.wait(60) == 1


def test_the_solution_of_a_dealt_level_wins_by_keys():
    game = play.make_game("BoxWorld-v0", 11)
    level = generate_level(BoxWorldEnv().level_spec, 11)
    for action in solve(level):
        game.press((UP, DOWN, LEFT, RIGHT)[action])
    assert game.total == level.solution_length + 10
