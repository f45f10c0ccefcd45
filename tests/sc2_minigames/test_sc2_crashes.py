"""Games that die, and games that are not there: truncated, counted, told in words."""

import os
import signal

import gymnasium
import numpy as np
import pytest

pytest.importorskip("pysc2")

from sc2_actions import action

from sc2_minigames import check
from sc2_minigames.env import GameCrashedError
from sc2_minigames.maps import MINI_GAMES

pytestmark = pytest.mark.usefixtures("nothing_is_left_behind")


def kill_game(env):
    process = env._running.env._sc2_procs[0]
    os.kill(process.pid, signal.SIGKILL)
    process._proc.wait(30)


def test_a_crash_is_a_truncated_episode_and_the_next_one_is_played(make):
    env = make(max_crashes=2)
    before, _ = env.reset(seed=0)
    for _ in range(2):
        kill_game(env)
        observation, reward, terminated, truncated, info = env.step(action(0))
        assert (reward, terminated, truncated) == (0.0, False, True)
        assert info["game_crashed"] is True
        assert "signal 9 (SIGKILL)" in info["game_output"]
        assert "the stand-in listens on port" in info["game_output"]
        np.testing.assert_array_equal(observation["screen"], before["screen"])
        with pytest.raises(gymnasium.error.ResetNeeded):
            env.step(action(0))
        before, info = env.reset()
        assert "game_crashed" not in info
    kill_game(env)
    with pytest.raises(GameCrashedError, match=r"crashed 3 times in a row, and max_crashes=2"):
        env.step(action(0))


def test_a_whole_episode_forgives_earlier_crashes(make):
    env = make(max_crashes=1, max_game_loops=8)
    env.reset(seed=0)
    for _ in range(2):
        kill_game(env)
        assert env.step(action(0))[4]["game_crashed"]
        env.reset()
        assert env.step(action(0))[3]
        env.reset()


def made_up_installation(tmp_path, script):
    program = tmp_path / "game" / "Versions" / "Base75689" / "SC2_x64"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    map_file = tmp_path / "game" / "Maps" / MINI_GAMES["MoveToBeacon"].map_file
    map_file.parent.mkdir(parents=True)
    map_file.write_bytes(b"made up")
    return tmp_path / "game"


def test_a_game_that_always_dies_at_start_is_given_up_with_its_output(make, tmp_path):
    starts = tmp_path / "starts.txt"
    script = f"echo once more >> {starts}; echo 'my last words' >&2; exit 4"
    env = make(
        game="starcraft", directory=made_up_installation(tmp_path, script), timeout_seconds=5
    )
    with pytest.raises(GameCrashedError) as caught:
        env.reset()
    text = str(caught.value)
    assert "MoveToBeacon (starcraft) crashed 4 times in a row" in text
    assert "exit code 4" in text
    assert "my last words" in text
    assert "python -m sc2_minigames.check" in text
    assert starts.read_text().count("once more") == 4


def test_no_game_is_an_error_in_words_and_never_the_stand_in(make, tmp_path, monkeypatch):
    monkeypatch.setenv("SC2PATH", str(tmp_path / "nowhere"))
    env = make(game="starcraft")
    with pytest.raises(check.CheckFailedError, match=r"must be a folder at .*nowhere"):
        env.reset()
