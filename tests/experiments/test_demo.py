"""The demo: which commands it runs, in which order, and when it stops."""

import importlib

import pytest

from experiments import demo, training
from relational_rl.errors import UsageError
from relational_rl.run.trainer import Summary

COMMANDS = {
    name: importlib.import_module(f"experiments.cli.{name}")
    for name in ("evaluate", "generalise", "attention")
}


@pytest.fixture
def ran(monkeypatch):
    """Notes what is called instead of calling it."""
    calls = []

    def train(run_dir, experiment):
        calls.append(("train", experiment.env.id, experiment.run.seed, str(run_dir)))
        return Summary(1, 1.0, "frames")

    def note(name):
        def run(flags):
            calls.append((name, str(flags.run_dir), flags))
            return 0

        return run

    monkeypatch.setattr(training, "train", train)
    for name, command in COMMANDS.items():
        monkeypatch.setattr(command, "run", note(name))
    return calls


def test_the_demo_trains_evaluates_and_draws(ran, capsys):
    assert demo.main(["--seed=3"]) == 0
    run_dir = "runs/demo_boxworld_easy_seed3"
    assert ran[0] == ("train", "boxworld:BoxWorld-Easy-v0", 3, run_dir)
    assert [call[:2] for call in ran[1:]] == [("evaluate", run_dir), ("attention", run_dir)]
    assert (ran[1][2].levels, ran[1][2].video) == (2000, True)
    assert f"Everything is in {run_dir}" in capsys.readouterr().out


def test_reproducing_plays_the_published_tests_too(ran):
    arguments = ["--config=boxworld", "--levels=5000", "--generalisation", "--run_dir=somewhere"]
    assert demo.main(arguments) == 0
    assert ran[0] == ("train", "boxworld:BoxWorld-v0", 0, "somewhere")
    assert [call[0] for call in ran[1:]] == ["evaluate", "generalise", "attention"]
    assert ran[1][2].levels == 5000


def test_it_stops_where_a_step_fails(ran, monkeypatch, capsys):
    monkeypatch.setattr(COMMANDS["evaluate"], "run", lambda flags: ran.append(flags) or 1)
    assert demo.main([]) == 1
    assert len(ran) == 2
    assert demo.main(["--config=chess"]) == 1
    assert "config must be one of" in capsys.readouterr().err


def test_an_interrupted_training_is_not_evaluated(ran, monkeypatch):
    monkeypatch.setattr(training, "train", lambda *_: Summary(1, 1.0, "interrupted"))
    assert demo.main([]) == 0
    assert ran == []


def test_a_training_that_fails_is_one_line(ran, monkeypatch, capsys):
    def train(run_dir, experiment):
        raise UsageError("no room")

    monkeypatch.setattr(training, "train", train)
    assert demo.main([]) == 1
    assert capsys.readouterr().err == "error: no room\n"
    assert ran == []
