"""The training loop over a scripted backend: what it counts, publishes and ends at."""

import math
import os
import signal
import threading

import numpy as np
import pytest
import scripted_run as tiny
from scripted import NUM_ACTIONS, TERMINATED

from relational_rl.acting.unroll import Episode
from relational_rl.errors import ActorError
from relational_rl.run.hooks import Curve
from relational_rl.run.spec import environment_spec

pytestmark = pytest.mark.usefixtures("eager")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def test_frames_are_transitions_and_end_the_run(tmp_path):
    unrolls = [tiny.make_unroll(dead=3), None, tiny.make_unroll(1, dead=1), tiny.make_unroll(2)]
    trainer, summary, backend, _ = tiny.train(tmp_path, *unrolls, total_frames=30)
    assert (summary.frames, summary.reason) == (9 + 11 + 12, "frames")
    assert summary.minutes > 0
    assert trainer.learner.num_updates == 3
    assert [row["frames"] for row in tiny.rows(tmp_path)] == [9, 20, 32]
    assert [row["updates"] for row in tiny.rows(tmp_path)] == [1, 2, 3]
    assert backend.log[:3] == ["publish 0", "stage 0", "start"]
    assert backend.log[-1] == "stop"
    Curve().on_checkpoint(trainer, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "checkpoints",
        "metrics.csv",
        "tensorboard",
        "learning_curve.png",
    }


def test_a_row_says_what_happened_since_the_last(tmp_path):
    # One row for all: none is due before the end.
    unrolls = [
        tiny.make_unroll(episodes=[Episode(4.0, 2, 1.0), Episode(0.0, 6, 0.0)]),
        tiny.make_unroll(1, version=0, episodes=[Episode(2.0, 1, 1.0)], dead=2),
        tiny.make_unroll(2, version=2),
    ]
    tiny.train(tmp_path, *unrolls, total_frames=30, metrics_seconds=1e6)
    (row,) = tiny.rows(tmp_path)
    assert row["frames"] == 34
    assert row["episodes"] == 3
    assert row["episode_return"] == 2.0
    assert row["episode_length"] == 3.0
    assert row["solved"] == pytest.approx(2 / 3)
    assert row["policy_lag"] == pytest.approx((0 + 1 + 0) / 3)
    assert row["frames_per_second"] > 0
    assert row["curriculum_stage"] == 0
    for name in ("loss", "policy_loss", "baseline_loss", "entropy", "gradient_norm"):
        assert math.isfinite(row[name])
    assert 0 < row["entropy"] < math.log(NUM_ACTIONS)


def test_an_unknown_success_is_an_empty_cell(tmp_path):
    tiny.train(tmp_path, tiny.make_unroll(episodes=[Episode(1.0, 2, math.nan)]), total_frames=1)
    (row,) = tiny.rows(tmp_path)
    assert math.isnan(row["solved"])
    assert row["episode_return"] == 1.0


def test_actors_get_the_newest_parameters_with_their_number(tmp_path):
    trainer, _, backend, _ = tiny.train(tmp_path, *map(tiny.make_unroll, range(3)), total_frames=30)
    assert [version for version, _ in backend.published] == [0, 1, 2, 3]
    newest = tiny.flat(backend.published[-1][1])
    np.testing.assert_array_equal(newest, tiny.flat(trainer.agent.variables))
    for (_, before), (_, after) in zip(backend.published[:-1], backend.published[1:], strict=True):
        assert np.abs(tiny.flat(before) - tiny.flat(after)).max() > 0


def test_ends_when_the_time_is_up(tmp_path):
    _, summary, backend, _ = tiny.train(
        tmp_path, *map(tiny.make_unroll, range(100)), max_minutes=1e-4
    )
    assert summary.reason == "minutes"
    assert 1e-4 <= summary.minutes < 1
    assert backend.log[-1] == "stop"


def test_stages_follow_one_another_and_the_last_one_is_solved(tmp_path):
    unrolls = [
        tiny.make_unroll(0, stage=0, episodes=[tiny.SOLVED, tiny.FAILED, tiny.SOLVED]),
        tiny.make_unroll(1, stage=0, episodes=[tiny.SOLVED, tiny.SOLVED]),  # 4 of 5, the threshold
        tiny.make_unroll(2, stage=0, episodes=[tiny.SOLVED] * 9),  # of the stage before
        tiny.make_unroll(3, stage=1, episodes=[tiny.SOLVED] * 4),
        tiny.make_unroll(4, stage=1, episodes=[tiny.SOLVED]),
    ]
    trainer, summary, backend, written = tiny.train(
        tmp_path,
        *unrolls,
        curriculum=tiny.STAGES,
        curriculum_window=5,
        curriculum_threshold=0.8,
        stop_at_solved=0.9,
    )
    assert summary.reason == "solved"
    assert trainer.learner.num_updates == 5
    episodes = tiny.CONFIG.env.kwargs["episodes"]
    assert backend.stages == [
        (0, {"tells_success": True, "episodes": episodes}),
        (1, {"tells_success": True, "episodes": [[[2.0, list(TERMINATED)]]]}),
    ]
    # The actors are sent on before they get the next parameters.
    assert backend.log.index("stage 1") == backend.log.index("publish 2") - 1
    assert "stage 2 of 2: {'tells_success': True, 'episodes'" in written
    assert "after 24 frames" in written
    # Of the unrolls that a row is about.
    assert [row["curriculum_stage"] for row in tiny.rows(tmp_path)] == [0, 0, 0, 1, 1]
    assert tiny.states(tmp_path)[-1]["curriculum"] == {"stage": 1, "recent": [1.0] * 5}


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_saves_and_ends(tmp_path, number):
    before = [signal.getsignal(each) for each in SIGNALS]

    def interrupt():
        os.kill(os.getpid(), number)
        return tiny.make_unroll(1)

    trainer, summary, backend, _ = tiny.train(
        tmp_path, tiny.make_unroll(), interrupt, tiny.make_unroll(2), checkpoint_seconds=1e6
    )
    assert (summary.reason, summary.frames) == ("interrupted", 24)
    assert trainer.learner.num_updates == 2
    assert [state["frames"] for state in tiny.states(tmp_path)] == [24]
    assert [row["frames"] for row in tiny.rows(tmp_path)] == [12, 24]
    assert backend.log[-1] == "stop"
    assert [signal.getsignal(each) for each in SIGNALS] == before


@pytest.fixture
def default_handler():
    """The handler that Python starts with, except where it was started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_second_signal_acts_as_always(tmp_path, default_handler):
    def interrupt_twice():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        return tiny.make_unroll(1)

    backend = tiny.FakeBackend(tiny.make_unroll(), interrupt_twice)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        tiny.make_trainer(tmp_path, backend).run()
    assert backend.log[-1] == "stop"
    assert signal.getsignal(signal.SIGINT) is before
    assert tiny.states(tmp_path)[-1]["frames"] == 12  # what the first update had saved


def test_signals_are_left_alone_in_another_thread(tmp_path):
    results = []

    def run():
        results.append(tiny.train(tmp_path, tiny.make_unroll(), total_frames=12)[1].reason)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert results == ["frames"]


def test_a_failed_actor_ends_the_run(tmp_path):
    backend = tiny.FakeBackend(tiny.make_unroll(), ActorError("actor 0 failed:\nTraceback"))
    with pytest.raises(ActorError, match="actor 0 failed"):
        tiny.make_trainer(tmp_path, backend).run()
    assert backend.log[-1] == "stop"
    assert [state["updates"] for state in tiny.states(tmp_path)] == [1]


def test_checkpoints_and_rows_come_when_they_are_due(tmp_path):
    unrolls = list(map(tiny.make_unroll, range(6)))
    # Never, but at the end of the run; and a row at the end of a stage, which is a curve's end.
    unrolls[1] = tiny.make_unroll(1, episodes=[tiny.SOLVED])
    tiny.train(
        tmp_path,
        *unrolls,
        total_frames=72,
        checkpoint_seconds=1e6,
        metrics_seconds=1e6,
        curriculum=tiny.STAGES,
        curriculum_window=1,
    )
    assert [state["updates"] for state in tiny.states(tmp_path)] == [6]
    assert [row["frames"] for row in tiny.rows(tmp_path)] == [24, 72]


def test_every_stage_is_tried_before_training():
    assert environment_spec(tiny.changed(curriculum=tiny.STAGES)) == environment_spec(tiny.CONFIG)
    wrong = tiny.changed(curriculum=(*tiny.STAGES, {"colour": 1}))
    with pytest.raises(ValueError, match=r"'colour': 1} .*unexpected keyword argument 'colour'"):
        environment_spec(wrong)


@pytest.mark.parametrize(
    ("max_minutes", "expected"), [(0.0, [0.0, 0.5]), (2e4, [0.25, 0.5]), (1e4, [0.5, 0.5])]
)
def test_schedules_follow_what_ends_the_run_first(tmp_path, monkeypatch, max_minutes, expected):
    backend = tiny.FakeBackend(tiny.make_unroll(0), tiny.make_unroll(1))
    trainer = tiny.make_trainer(
        tmp_path, backend, total_frames=2 * tiny.T * tiny.B, max_minutes=max_minutes
    )
    trainer.minutes = 5e3
    seen = []
    update = trainer.learner.update
    monkeypatch.setattr(
        trainer.learner, "update", lambda unroll, share: seen.append(share) or update(unroll, share)
    )
    trainer.run()
    np.testing.assert_allclose(seen, expected, atol=1e-3)


def test_the_seed_decides_the_initial_parameters(tmp_path):
    first, again, other = (
        tiny.make_trainer(
            tmp_path / name, tiny.FakeBackend(), start=tiny.RELATIONAL, seed=seed
        ).agent.variables
        for name, seed in (("first", 7), ("again", 7), ("other", 8))
    )
    first, again, other = ([v.numpy() for v in each] for each in (first, again, other))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(np.abs(a - b).max() > 0.01 for a, b in zip(first, other, strict=True) if a.ndim > 1)
