"""Imitation: does it learn, from the right labels, and can the other commands read what it left?"""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from boxworld import LevelSpec
from boxworld.generator import FIRST_ENDLESS_SEED
from boxworld.lessons import draw_lessons
from experiments import configs, imitation
from experiments.export import export
from experiments.imitation import Teacher, imitate, imitation_loss, lessons_of, main
from experiments.launch import UsageError, launch
from experiments.results.store import add_run
from experiments.trained import load_trained_agent
from relational_rl.run.metrics import read_metrics

TINY = dataclasses.replace(
    configs.load("boxworld_easy"),
    env_kwargs={"solution_length": 1, "num_branches": 0, "room_size": 6},
    curriculum=(),
    max_entities=6,
    num_references=2,
    mlp=(32,),
    learning_rate=3e-3,
)


def test_loss_is_the_missing_probability_of_the_best_actions():
    logits = tf.math.log([[0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.25, 0.25]])
    best = tf.constant([[True, False, False, True], [False, True, False, False]])
    expected = -(np.log(0.5) + np.log(0.25)) / 2
    assert float(imitation_loss(logits, best)) == pytest.approx(expected, rel=1e-5)
    assert float(imitation_loss(logits, tf.ones_like(best))) == pytest.approx(0.0, abs=1e-6)


class TestLessons:
    def test_are_those_of_the_last_stage_on_levels_that_evaluation_never_plays(self, monkeypatch):
        asked = []

        def note(spec, seeds, *rest):
            asked.append((spec, seeds))
            return draw_lessons(spec, seeds, *rest)

        monkeypatch.setattr(imitation, "draw_lessons", note)
        draw = lessons_of(configs.load("boxworld"))
        first, again, second = draw(0), draw(0), draw(1)
        spec, seeds = asked[0]
        assert spec == LevelSpec()  # not the first stage, which has no branches
        assert min(seeds) >= FIRST_ENDLESS_SEED
        np.testing.assert_array_equal(first.observations, again.observations)
        assert not np.array_equal(first.observations, second.observations)

    def test_need_box_world(self):
        config = dataclasses.replace(TINY, env_id="CartPole-v1", env_kwargs={})
        with pytest.raises(UsageError, match=r"only Box-World has a solver .* got 'CartPole-v1'"):
            lessons_of(config)


class TestTeacher:
    def test_hands_out_batches_in_order_and_stops(self):
        teacher = Teacher(lambda number: number)
        assert [teacher.next() for _ in range(10)] == list(range(10))
        teacher.stop()
        assert not teacher._thread.is_alive()

    def test_passes_errors_on(self):
        def fail(number):
            raise ValueError("no more levels")

        teacher = Teacher(fail)
        with pytest.raises(ValueError, match="no more levels"):
            teacher.next()
        teacher.stop()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of 120 steps, by a clock that counts its own calls."""
    run_dir = tmp_path_factory.mktemp("imitation") / "run"
    ticks = iter(range(10**6))
    share = imitate(
        TINY, run_dir, minutes=6.0, num_levels=100, evaluations=2, clock=lambda: next(ticks)
    )
    return run_dir, share


class TestRun:
    def test_learns_to_solve_levels_that_it_was_not_taught_on(self, run):
        run_dir, share = run
        metrics = read_metrics(run_dir / "metrics.csv")
        assert len(metrics["frames"]) == 2
        assert metrics["loss"][1] < 0.5 * metrics["loss"][0]
        assert metrics["right_moves"][1] > 0.8
        assert metrics["solved"][1] == share.value > 0.7
        assert metrics["frames"][1] == 1024 * metrics["updates"][1]

    def test_leaves_a_run_that_the_other_commands_read(self, run):
        run_dir, _ = run
        trained = load_trained_agent(run_dir)
        metrics = read_metrics(run_dir / "metrics.csv")
        assert trained.frames == metrics["frames"][1]
        assert trained.minutes == pytest.approx(metrics["minutes"][1], rel=1e-3)
        biases = {x.name: x.numpy() for x in trained.agent.variables if x.name.endswith("/b:0")}
        (baseline,) = [value for name, value in biases.items() if "baseline" in name]
        (policy,) = [value for name, value in biases.items() if "policy" in name]
        np.testing.assert_array_equal(baseline, 0.0)  # never taught
        assert np.abs(policy).max() > 0
        assert "solver" in json.loads((run_dir / "imitation.json").read_text())["taught_by"]
        assert (run_dir / "learning_curve.png").exists()

    def test_does_not_go_on_in_a_run_that_is_there(self, run):
        run_dir, _ = run
        with pytest.raises(UsageError, match="holds a run already; choose another --run_dir"):
            imitate(TINY, run_dir)

    @pytest.mark.parametrize(
        "use",
        [
            lambda run_dir, _: launch(dataclasses.replace(TINY, total_frames=1), run_dir),
            lambda run_dir, to: export(run_dir, to / "exported", unfinished=True),
            lambda run_dir, to: add_run(run_dir, to / "results", "tiny"),
        ],
        ids=["launch", "export", "results"],
    )
    def test_is_never_taken_for_reinforcement_learning(self, run, tmp_path, use):
        run_dir, _ = run
        before = sorted(run_dir.rglob("*"))
        with pytest.raises(UsageError) as caught:
            use(run_dir, tmp_path)
        assert str(caught.value).startswith(
            f"run_dir must be that of a run of experiments.launch, got {run_dir}, whose agent "
            "experiments.imitation taught the solver's moves (imitation.json)"
        )
        assert sorted(run_dir.rglob("*")) == before
        assert not any(tmp_path.iterdir())


class TestCommand:
    def test_wrong_values_are_one_line(self, tmp_path, capsys):
        for arguments, message in (
            (["--config=nothing"], "config must be one of"),
            (["--config=boxworld_easy", "--minutes=0"], "minutes must be positive"),
            (["--config=boxworld_easy", "--config.agent=random"], "agent must be one that learns"),
        ):
            assert main([*arguments, f"--run_dir={tmp_path / 'run'}"]) == 1
            lines = capsys.readouterr().err.strip().split("\n")
            assert len(lines) == 1 and message in lines[0]
        assert not (tmp_path / "run" / "config.json").exists()
