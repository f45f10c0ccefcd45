"""The terminal game: its keys, its screen, and the real program in a pseudo-terminal."""

import os
import re
import sys

import numpy as np
import pytest
from terminal import ESCAPE, SOLUTION, TEXT

from boxworld import PALETTE, BoxWorldEnv, Level, play
from boxworld.keys import AGAIN, DOWN, LEFT, NEXT, QUIT, RIGHT, UP, decode_keys
from boxworld.play import Game, draw_board


def _level_game(text=TEXT):
    level = Level.from_text(text)
    env = BoxWorldEnv(solution_length=1, num_branches=0, room_size=level.room_size)
    return Game(env, "drawn", level=level)


def _lines(screen):
    return [line.rstrip() for line in ESCAPE.sub("", screen).splitlines()]


class TestDecodeKeys:
    @pytest.mark.parametrize(
        ("data", "commands"),
        [
            (b"wasd", [UP, LEFT, DOWN, RIGHT]),
            (b"WASDRNQ", [UP, LEFT, DOWN, RIGHT, AGAIN, NEXT, QUIT]),
            (b"\x1b[A\x1b[B\x1b[D\x1b[C", [UP, DOWN, LEFT, RIGHT]),
            (b"\x1bOA\x1bOB\x1bOD\x1bOC", [UP, DOWN, LEFT, RIGHT]),  # application cursor keys
            (b"\x1b[1;5A", [UP]),  # with Ctrl
            (b"\x04", [QUIT]),
            (b"", []),
            # Neither bytes that mean nothing nor the letters inside an escape sequence are keys.
            (b"xq", [QUIT]),
            (b"\n \xff\x00", []),
            (b"\x1b[3~\x1b[H\x1b[1;2D", [LEFT]),
            (b"\x1b\x1b[A", [UP]),
        ],
    )
    def test_complete(self, data, commands):
        assert decode_keys(data) == (commands, b"")

    @pytest.mark.parametrize("sequence", [b"\x1b[A", b"\x1bOA", b"\x1b[1;5A"])
    def test_a_sequence_may_come_in_pieces(self, sequence):
        for cut in range(1, len(sequence)):
            commands, rest = decode_keys(b"d" + sequence[:cut])
            assert (commands, rest) == ([RIGHT], sequence[:cut])
            assert decode_keys(rest + sequence[cut:] + b"s") == ([UP, DOWN], b"")

    def test_an_escape_key_does_not_swallow_the_next_key(self):
        commands, rest = decode_keys(b"\x1b")
        assert (commands, rest) == ([], b"\x1b")
        assert decode_keys(rest + b"q") == ([QUIT], b"")


class TestDrawBoard:
    def test_every_cell_has_the_colour_of_its_pixel_and_is_two_wide(self):
        env = BoxWorldEnv()
        observation, _ = env.reset(seed=0)
        lines = draw_board(observation, env.level)
        cell = re.compile(r"\x1b\[38;2;\d+;\d+;\d+;48;2;(\d+);(\d+);(\d+)m(..)\x1b\[0m")
        drawn = [cell.findall(line) for line in lines]
        assert all(cell.sub("", line) == "" for line in lines)
        pixels = np.array([[[int(v) for v in found[:3]] for found in row] for row in drawn])
        np.testing.assert_array_equal(pixels, observation)
        room = [" ".join(found[3][0] for found in row[1:-1]) for row in drawn[1:-1]]
        expected = env.level.to_text().replace(".", " ").split("\n")
        assert room == [" ".join(line) for line in expected]

    def test_follows_the_game(self):
        game = _level_game()
        for command in SOLUTION[:-1]:
            game.press(command)
        # The keys and the lock are gone, the agent stands in the lock's place.
        assert _lines("\n".join(draw_board(game.observation, Level.from_text(TEXT)))) == [
            "",
            "",
            "",
            "      * @",
            "  b A",
            "          c",
            "",
        ]

    def test_shows_the_held_key_in_the_corner(self):
        game = _level_game()
        for command in SOLUTION[:5]:
            game.press(command)
        first = draw_board(game.observation, Level.from_text(TEXT))[0]
        assert first.startswith(
            "\x1b[38;2;0;0;0;48;2;{};{};{}ma ".format(*PALETTE[0].tolist()),
        )
        assert "holds a " in game.draw()


class TestGame:
    def test_a_won_game(self):
        game = _level_game()
        for command in SOLUTION:
            assert not game.over
            game.press(command)
        assert game.over and (game.steps, game.total) == (8, 11)
        assert game.message == "Solved in 8 steps."
        assert game.compare()
        assert game.message == "Solved in 8 steps. No solution is shorter."
        assert not game.compare()
        assert "reward +10   return +11   steps 8" in game.draw()

    def test_a_detour_is_told(self):
        game = _level_game()
        for command in [DOWN, UP, *SOLUTION]:
            game.press(command)
        game.compare()
        assert game.message == "Solved in 10 steps. The shortest solution takes 8."

    def test_a_distractor(self):
        game = _level_game()
        for command in [*SOLUTION[:4], *[DOWN] * 1, *[LEFT] * 3, *[DOWN] * 2]:
            game.press(command)
        assert game.over and game.total == -1
        assert game.message.startswith("A box off the solution path")
        assert not game.compare()

    def test_nothing_moves_after_the_end_until_it_starts_again(self):
        game = _level_game()
        first = game.draw()
        for command in SOLUTION:
            game.press(command)
        last = game.draw()
        game.press(UP)
        assert game.draw() == last
        game.press(AGAIN)
        assert game.draw() == first
        assert not game.over

    def test_out_of_steps(self):
        game = Game(BoxWorldEnv(max_steps=3), "short", level_seed=0)
        for _ in range(3):
            game.press(UP)
        assert game.over and game.message == "Out of steps: the cap is 3."
        assert "steps 3 of 3" in game.draw()

    def test_again_and_next(self):
        game = play.make_game("BoxWorld-Easy-v0", 41)
        assert _lines(game.draw())[0].startswith("BoxWorld-Easy-v0, level 41: ")
        first = game.draw()
        game.press(AGAIN)
        assert (game.level_seed, game.draw()) == (41, first)
        game.press(NEXT)
        assert game.level_seed == 42
        assert game.draw() != first
        game.press(AGAIN)
        assert game.level_seed == 42

    def test_after_the_last_level_comes_the_first(self):
        game = play.make_game(None, 2**63 - 1)
        game.press(NEXT)
        assert game.level_seed == 0

    def test_random_levels_differ(self):
        assert play.make_game().level_seed != play.make_game().level_seed

    def test_draws_over_the_last_screen(self):
        game = play.make_game(None, 7)
        screen = game.draw()
        assert screen.startswith("\x1b[H") and screen.endswith("\x1b[J")
        lines = screen.removesuffix("\x1b[J").splitlines()
        assert len(lines) == 14 + 4
        assert all(line.endswith("\x1b[K") for line in lines)

    def test_a_drawn_level_has_no_step_cap(self, tmp_path):
        path = tmp_path / "level.txt"
        path.write_text(TEXT)
        game = play.make_game(path=str(path))
        for _ in range(1000):
            game.press(UP)
        assert not game.over
        assert " of " not in game.draw()
        game.press(NEXT)
        assert game.steps == 0


class TestErrors:
    """Each is one line on standard error, with the thing, the rule and the value."""

    def _fails(self, capsys, *arguments):
        with pytest.raises(SystemExit) as error:
            play.main(arguments)
        message = error.value.code
        assert isinstance(message, str)  # so the exit status is 1
        assert message.startswith("boxworld.play: ") and "\n" not in message
        assert capsys.readouterr().out == ""
        return message.removeprefix("boxworld.play: ")

    def test_missing_file(self, capsys, tmp_path):
        path = str(tmp_path / "none.txt")
        assert self._fails(capsys, "--level", path) == (
            f"--level must name a file that can be read, got {path!r}: No such file or directory"
        )

    def test_folder(self, capsys, tmp_path):
        assert self._fails(capsys, "--level", str(tmp_path)) == (
            f"--level must name a file that can be read, got {str(tmp_path)!r}: Is a directory"
        )

    def test_no_text(self, capsys, tmp_path):
        path = tmp_path / "level.txt"
        path.write_bytes(b"\xff\xfe\x00")
        assert self._fails(capsys, "--level", str(path)) == (
            f"--level must name a text file, got {str(path)!r}"
        )

    def test_byte_order_mark(self, tmp_path):
        path = tmp_path / "level.txt"
        path.write_text(TEXT, encoding="utf-8-sig")
        assert play.read_level(str(path)) == Level.from_text(TEXT)

    def test_no_level(self, capsys, tmp_path):
        path = tmp_path / "level.txt"
        path.write_text(TEXT.replace("@", "."))
        assert self._fails(capsys, "--level", str(path)) == (
            f"--level {str(path)!r}: a level must have exactly one agent ('@'), got 0"
        )

    def test_unknown_id(self, capsys):
        message = self._fails(capsys, "--id", "BoxWorld")
        assert message.startswith("--id must be one of BoxWorld-v0, ")
        assert message.endswith(", got 'BoxWorld'")

    def test_bad_level_seed(self, capsys):
        message = self._fails(capsys, "--level-seed", "-1")
        assert message == "level_seed must be in [0, 2**63), got -1"

    @pytest.mark.parametrize("option", ["--id", "--level-seed"])
    def test_contradiction(self, capsys, option):
        assert self._fails(capsys, "--level", "level.txt", option, "7") == (
            f"--level already says what to play, so no {option}, got 7"
        )

    def test_no_terminal(self, capsys, monkeypatch):
        with open(os.devnull) as null:
            monkeypatch.setattr(sys, "stdin", null)
            message = self._fails(capsys)
        assert message == "standard input must be a terminal, got a file or a pipe"

    def test_no_termios(self, capsys, monkeypatch):
        monkeypatch.setattr(play, "termios", None)
        monkeypatch.setattr(sys, "platform", "win32")
        assert self._fails(capsys) == (
            "playing needs a terminal with termios (Linux, macOS or WSL), got platform 'win32'"
        )
