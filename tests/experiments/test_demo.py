"""The demo: which commands it runs, in which order, and when it stops."""

import pytest

from experiments import demo
from experiments.launch import UsageError
from relational_rl.run.trainer import Summary


@pytest.fixture
def ran(monkeypatch):
    """Notes what is called instead of calling it."""
    calls = []

    def launch(config, run_dir):
        calls.append(("launch", config.env_id, config.seed, str(run_dir)))
        return Summary(1, 1.0, "frames")

    monkeypatch.setattr(demo, "launch", launch)
    for name in ("evaluate", "generalisation", "attention"):
        command = getattr(demo, name)
        monkeypatch.setattr(
            command, "main", lambda given, name=name: calls.append((name, *given)) or 0
        )
    return calls


def test_the_demo_trains_evaluates_and_draws(ran, capsys):
    assert demo.main(["--seed=3"]) == 0
    run_dir = "runs/demo_boxworld_easy_seed3"
    assert ran == [
        ("launch", "boxworld:BoxWorld-Easy-v0", 3, run_dir),
        ("evaluate", f"--run_dir={run_dir}", "--levels=2000", "--video"),
        ("attention", f"--run_dir={run_dir}"),
    ]
    assert f"Everything is in {run_dir}" in capsys.readouterr().out


def test_reproducing_plays_the_published_tests_too(ran):
    arguments = ["--config=boxworld", "--levels=5000", "--generalisation", "--run_dir=somewhere"]
    assert demo.main(arguments) == 0
    assert ran == [
        ("launch", "boxworld:BoxWorld-v0", 0, "somewhere"),
        ("evaluate", "--run_dir=somewhere", "--levels=5000", "--video"),
        ("generalisation", "--run_dir=somewhere"),
        ("attention", "--run_dir=somewhere"),
    ]


def test_it_stops_where_a_step_fails(ran, monkeypatch, capsys):
    monkeypatch.setattr(demo.evaluate, "main", lambda given: ran.append(given) or 1)
    assert demo.main([]) == 1
    assert len(ran) == 2
    assert demo.main(["--config=chess"]) == 1
    assert "config must be one of" in capsys.readouterr().err


def test_an_interrupted_training_is_not_evaluated(ran, monkeypatch):
    monkeypatch.setattr(demo, "launch", lambda *_: Summary(1, 1.0, "interrupted"))
    assert demo.main([]) == 0
    assert ran == []


def test_a_training_that_fails_is_one_line(ran, monkeypatch, capsys):
    def launch(config, run_dir):
        raise UsageError("no room")

    monkeypatch.setattr(demo, "launch", launch)
    assert demo.main([]) == 1
    assert capsys.readouterr().err == "error: no room\n"
    assert ran == []
