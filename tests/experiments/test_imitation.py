"""Imitation: does it learn, from the right labels, and can the other commands read what it left?"""

import numpy as np
import pytest

import boxworld.lessons
from boxworld import LevelSpec
from boxworld.generator import FIRST_ENDLESS_SEED
from experiments import cli, configs
from experiments.evaluation.export import export
from experiments.imitation.imitate import HeldOut, imitation_of
from experiments.imitation.lessons import Prefetcher, SolverLessons
from experiments.results.store import add_run
from experiments.training import train
from relational_rl.config import from_dict, replace, to_dict
from relational_rl.errors import UsageError
from relational_rl.run.spec import environment_spec
from relational_rl.run.table import read_metrics
from relational_rl.trained import load_run

TINY = replace(
    configs.load("boxworld_easy"),
    {
        "env.kwargs": {"solution_length": 1, "num_branches": 0, "room_size": 6},
        "curriculum": None,
        "agent.encoder.max_entities": 6,
        "agent.encoder.references.count": 2,
        "agent.mlp": (32,),
        "learner.learning_rate": 3e-3,
    },
)


def source_of(experiment):
    return SolverLessons().build(experiment, environment_spec(experiment), None)


class TestLessons:
    def test_are_those_of_the_last_stage_on_levels_that_evaluation_never_plays(self, monkeypatch):
        asked = []
        draw_lessons = boxworld.lessons.draw_lessons

        def note(spec, seeds, *rest):
            asked.append((spec, seeds))
            return draw_lessons(spec, seeds, *rest)

        monkeypatch.setattr(boxworld.lessons, "draw_lessons", note)
        draw = source_of(imitation_of(configs.load("boxworld"), 1.0))._draw
        first, again, second = draw(0), draw(0), draw(1)
        spec, seeds = asked[0]
        assert spec == LevelSpec()  # not the first stage, which has no branches
        assert min(seeds) >= FIRST_ENDLESS_SEED
        assert first.observations["image"].shape == (1024, 14, 14, 3)
        assert first.best_actions.any(axis=1).all()
        np.testing.assert_array_equal(first.observations["image"], again.observations["image"])
        assert not np.array_equal(first.observations["image"], second.observations["image"])

    def test_need_box_world(self):
        experiment = replace(imitation_of(TINY, 1.0), {"env.id": "CartPole-v1", "env.kwargs": {}})
        with pytest.raises(UsageError, match=r"only Box-World has a solver .* got env='CartPole"):
            source_of(experiment)

    def test_a_source_of_ones_own_is_named_by_its_import_path(self):
        experiment = imitation_of(TINY, 1.0)
        plain = to_dict(experiment)
        assert plain["source"]["kind"] == "experiments.imitation.lessons:SolverLessons"
        assert from_dict(plain) == experiment


class TestPrefetcher:
    def test_hands_out_items_in_order_and_stops(self):
        prefetcher = Prefetcher(lambda number: number, first=3)
        assert [prefetcher.next(10.0) for _ in range(10)] == list(range(3, 13))
        prefetcher.stop()
        assert not prefetcher._thread.is_alive()

    def test_passes_errors_on(self):
        def fail(number):
            raise ValueError("no more levels")

        prefetcher = Prefetcher(fail)
        with pytest.raises(ValueError, match="no more levels"):
            prefetcher.next(10.0)
        prefetcher.stop()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of 120 steps, evaluated twice."""
    run_dir = tmp_path_factory.mktemp("imitation") / "run"
    experiment = replace(
        imitation_of(TINY, 60.0), {"run.total_frames": 120 * 1024, "run.metrics_seconds": 0}
    )
    held_out = HeldOut(num_levels=100, evaluations=2)
    train(run_dir, experiment, hooks=[held_out])
    return run_dir, held_out.share


class TestRun:
    def test_learns_to_solve_levels_that_it_was_not_taught_on(self, run):
        run_dir, share = run
        metrics = read_metrics(run_dir / "metrics.csv")
        assert len(metrics["frames"]) == 120
        assert metrics["loss"][-10:].mean() < 0.5 * metrics["loss"][:10].mean()
        assert metrics["right_moves"][-10:].mean() > 0.8
        assert np.isfinite(metrics["solved"]).sum() == 2
        assert metrics["solved"][-1] == pytest.approx(share.value)
        assert share.value > 0.7
        assert metrics["frames"][-1] == 1024 * metrics["updates"][-1]

    def test_leaves_a_run_that_the_other_commands_read_and_that_resumes(self, run):
        run_dir, _ = run
        trained = load_run(run_dir)
        assert trained.frames == 120 * 1024
        biases = {x.name: x.numpy() for x in trained.agent.variables if x.name.endswith("/b:0")}
        (baseline,) = [value for name, value in biases.items() if "baseline" in name]
        (policy,) = [value for name, value in biases.items() if "policy" in name]
        np.testing.assert_array_equal(baseline, 0.0)  # never taught
        assert np.abs(policy).max() > 0
        assert (run_dir / "learning_curve.png").exists()
        more = replace(trained.experiment, {"run.total_frames": 121 * 1024})
        assert train(run_dir, more).frames == 121 * 1024

    @pytest.mark.parametrize(
        "use",
        [
            lambda run_dir, _: train(run_dir, TINY),
            lambda run_dir, to: export(run_dir, to / "exported", unfinished=True),
            lambda run_dir, to: add_run(run_dir, to / "results", "tiny"),
        ],
        ids=["train", "export", "results"],
    )
    def test_is_never_taken_for_reinforcement_learning(self, run, tmp_path, use):
        run_dir, _ = run
        before = sorted(run_dir.rglob("*"))
        with pytest.raises(UsageError) as caught:
            use(run_dir, tmp_path)
        assert str(caught.value).startswith(
            f"run_dir must be that of a run of reinforcement learning, got {run_dir}, whose agent "
            "was taught the solver's moves"
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
            assert cli.main(["imitate", *arguments, f"--run_dir={tmp_path / 'run'}"]) == 1
            lines = capsys.readouterr().err.strip().split("\n")
            assert len(lines) == 1 and message in lines[0]
        assert not (tmp_path / "run" / "config.json").exists()
