"""The benchmarks at tiny sizes: do they run, and do their numbers make sense? Nothing is timed."""

import datetime
import os
import re
import socket
import sys

import numpy as np
import pytest

from boxworld import ENVIRONMENTS, BoxWorldEnv, generate_level, solve
from experiments.benchmark import standin
from experiments.benchmark.environment import environment, solvable
from experiments.benchmark.names import BENCHMARKS, load
from experiments.benchmark.sc2_world import sc2_world
from experiments.benchmark.table import Table, best_rate, format_table
from experiments.cli.main import main
from relational_rl.run.machine import machine_class


def _clock(seconds):
    """A clock that tells the given seconds, one a call."""
    return iter(seconds).__next__


class TestBestRate:
    def test_is_that_of_the_fastest_repeat_after_one_that_is_not_timed(self):
        calls = []
        rate = best_rate(
            6, lambda: calls.append(None), repeats=3, clock=_clock([0, 5, 10, 13, 20, 24])
        )
        assert rate == 6 / 3
        assert len(calls) == 1 + 3

    def test_needs_a_repeat(self):
        with pytest.raises(ValueError, match=r"^repeats must be at least 1, got 0$"):
            best_rate(1, lambda: None, repeats=0)


class TestFormatTable:
    def test_first_column_left_others_right(self):
        table = Table(
            "Speeds", ("what", "a second"), [("slow", "7"), ("much faster", "12,345,678")]
        )
        assert format_table(table, "the command").split("\n") == [
            "Speeds",
            f"{datetime.date.today().isoformat()}, {machine_class()}: the command",
            "",
            "what           a second",
            "-----------------------",
            "slow                  7",
            "much faster  12,345,678",
            "",
        ]

    def test_a_row_that_does_not_fit_is_named(self):
        table = Table("Speeds", ("what", "a second"), [("slow",)])
        message = re.escape("a row must have 2 cells as there are columns, got ('slow',)")
        with pytest.raises(ValueError, match=f"^{message}$"):
            format_table(table, "the command")


def test_machine_class_tells_the_kind_and_not_the_name():
    assert re.fullmatch(r"\w+ with (AVX-512|AVX2|AVX|NEON|no vectors), \d+ cores", machine_class())
    assert socket.gethostname() not in machine_class()


class TestEnvironment:
    def test_measures_every_way_to_play_and_to_deal(self):
        table = environment(batch_steps=3, steps=200, levels=200, repeats=1)
        assert table.columns == ("what", "a second", "unit", "ratio")
        rates = {row[0]: float(row[1].replace(",", "")) for row in table.rows}
        units = {row[0]: row[2] for row in table.rows}
        assert {
            "BoxWorldVectorEnv, 256 in a batch, copy=False": "steps",
            "BoxWorldVectorEnv, 256 in a batch": "steps",
            "BoxWorldEnv": "steps",
            "BoxWorld-v0, gymnasium.make": "steps",
            "levels dealt as boards": "levels",
            "levels dealt as Level objects": "levels",
        }.items() <= units.items()
        assert all(rate > 1 for rate in rates.values())

    def test_ratios_are_to_minigrid(self):
        pytest.importorskip("minigrid")
        table = environment(batch_steps=3, steps=200, levels=200, repeats=1)
        rows = {row[0]: row for row in table.rows}
        baseline = rows["MiniGrid-DoorKey-8x8-v0, gymnasium.make"]
        assert baseline[3] == "1.0"
        one = rows["BoxWorldEnv"]
        rate, base, ratio = (float(t.replace(",", "")) for t in (one[1], baseline[1], one[3]))
        assert ratio == pytest.approx(rate / base, rel=0.01, abs=0.06)

    def test_runs_without_other_games(self, monkeypatch):
        for name in ("envpool", "minigrid"):
            monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
        table = environment(batch_steps=1, steps=10, levels=100, repeats=1)
        assert len(table.rows) == 6
        assert all(row[3] in ("-", "") for row in table.rows)


class TestSolvable:
    def test_solves_levels_of_every_id(self, capsys):
        table = solvable(levels=8)
        assert [row[0] for row in table.rows] == list(ENVIRONMENTS)
        for name, levels, unsolvable, mean, longest, cap, over, seconds in table.rows:
            env = BoxWorldEnv(**ENVIRONMENTS[name])
            steps = [len(solve(generate_level(env.level_spec, seed))) for seed in range(8)]
            assert (levels, unsolvable, over) == ("8", "0", "0")
            assert (mean, longest) == (f"{np.mean(steps):.1f}", str(max(steps)))
            assert int(cap) == env.max_steps
            assert float(seconds) >= 0
        assert "solving 8 levels of BoxWorld-Path10-v0" in capsys.readouterr().err

    def test_counts_levels_without_a_solution_and_over_the_cap(self, monkeypatch):
        monkeypatch.setattr(
            "experiments.benchmark.environment.solution_steps",
            lambda spec, seeds: np.array([-1, 10, 500, -1]),
        )
        row = solvable(levels=4).rows[0]
        assert row[:-1] == ("BoxWorld-v0", "4", "2", "255.0", "500", "120", "1")

    def test_survives_that_no_level_has_a_solution(self, monkeypatch):
        monkeypatch.setattr(
            "experiments.benchmark.environment.solution_steps",
            lambda spec, seeds: np.full(len(seeds), -1),
        )
        assert solvable(levels=4).rows[0][2:5] == ("4", "0.0", "0")

    def test_needs_a_level(self):
        with pytest.raises(ValueError, match=r"^levels must be at least 1, got 0$"):
            solvable(levels=0)


class TestCommand:
    @pytest.mark.parametrize("name", BENCHMARKS)
    def test_every_name_leads_to_a_function(self, name):
        assert callable(load(name))

    def test_runs_the_named_ones_in_order(self, monkeypatch, capsys):
        self._replace(monkeypatch)
        assert main(["benchmark", "second", "first"]) == 0
        out = capsys.readouterr().out
        assert re.findall(r"^(\w+ title)$", out, re.MULTILINE) == ["second title", "first title"]
        assert ": relational-rl benchmark second\n" in out

    def test_runs_all_by_default(self, monkeypatch, capsys):
        self._replace(monkeypatch)
        assert main(["benchmark"]) == 0
        out = capsys.readouterr().out
        assert re.findall(r"^(\w+ title)$", out, re.MULTILINE) == ["first title", "second title"]

    def test_unknown_names_are_named_and_nothing_runs(self, monkeypatch, capsys):
        self._replace(monkeypatch)
        assert main(["benchmark", "first", "third"]) == 1
        captured = capsys.readouterr()
        assert "a benchmark must be one of first, second, got 'third'" in captured.err
        assert captured.out == ""

    def _replace(self, monkeypatch):
        names = {name: f"{__name__}:_{name}" for name in ("first", "second")}
        monkeypatch.setattr("experiments.benchmark.names.BENCHMARKS", names)


def _first():
    return Table("first title", ("what",), [("1",)])


def _second():
    return Table("second title", ("what",), [("2",)])


def test_the_stand_in_is_measured_on_one_core():
    pytest.importorskip("pysc2")
    cores = os.sched_getaffinity(0)
    seen = []

    def work(count, work, repeats):
        seen.append((os.sched_getaffinity(0), count, repeats))
        work()
        return 1234.0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standin, "best_rate", work)
        table = standin.standin(["MoveToBeacon"], size=16, steps=5, repeats=2)
    assert table.rows == [("MoveToBeacon", "1,234")]
    assert seen == [({min(cores)}, 5, 2)]
    assert os.sched_getaffinity(0) == cores


def test_without_pysc2_the_stand_in_is_not_measured(monkeypatch):
    monkeypatch.setitem(sys.modules, "sc2_minigames.env", None)  # as if it could not be imported
    ((what, rate),) = standin.standin().rows
    assert what.startswith("not measured: ") and rate == "-"


def test_the_compiled_world_is_faster_than_the_game_that_pysc2_plays():
    table = sc2_world(["MoveToBeacon"], num_envs=8, steps=5, repeats=1, reference_steps=10)
    ((name, *_, ratio),) = table.rows
    assert name == "MoveToBeacon"
    assert float(ratio.replace(",", "")) > 5
