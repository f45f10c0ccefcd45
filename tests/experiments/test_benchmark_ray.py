"""The benchmark of actors on Ray, with two of them and short games."""

import re

import pytest

from experiments.benchmark import ray_actors
from experiments.benchmark.names import load

pytest.importorskip("ray")


def test_it_measures_slow_games_by_the_number_of_actors(monkeypatch):
    monkeypatch.setattr(ray_actors, "_trainings", lambda frames: [("trained", str(frames), "", "")])
    table = load("ray")(frames=7, milliseconds=(20.0,), actors=(1, 2), seconds=0.3)
    trained, started, one, two = table.rows
    assert trained[:2] == ("trained", "7")
    assert started[0] == "2 actors start"
    own, resident = map(int, re.findall(r"(\d+) MB", started[3]))
    assert 20 < own < resident < 400  # with TensorFlow it would be twice as much
    assert [row[0] for row in (one, two)] == ["20 ms a step, 1 actors", "20 ms a step, 2 actors"]
    assert 0 < int(one[1]) <= 50
    assert int(two[1]) <= 100
