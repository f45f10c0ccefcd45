"""Hooks: what they hear of, in which order, and what the files that they write hold."""

import pytest
from scripted_run import (
    SOLVED,
    STAGES,
    FakeBackend,
    make_trainer,
    make_unroll,
    rows,
    train,
)

from relational_rl.errors import ActorError
from relational_rl.run.hooks import Hook

pytestmark = pytest.mark.usefixtures("eager")


class Noting(Hook):
    """Notes the events; logs a number, and stops the run after some updates."""

    def __init__(self, stop_after=None):
        self.events = []
        self._stop_after = stop_after

    def on_run_start(self, run):
        self.events.append(f"start {run.frames}")

    def on_update(self, run, batch, metrics):
        self.events.append(f"update {run.learner.num_updates}")
        run.log("twice", 2 * run.learner.num_updates)
        if run.learner.num_updates == self._stop_after:
            run.stop("enough")

    def on_episodes(self, run, episodes):
        self.events.append(f"episodes {len(episodes)}")

    def on_stage(self, run, stage):
        self.events.append(f"stage {stage}")

    def on_metrics(self, run, row):
        self.events.append(f"row {row['frames']:.0f}")

    def on_checkpoint(self, run, path):
        self.events.append(f"checkpoint {path.name[-1]}")

    def on_run_end(self, run, reason):
        self.events.append(f"end {reason}")

    def close(self):
        self.events.append("close")


def test_hooks_hear_of_every_event_in_order(tmp_path):
    unrolls = [make_unroll(0, episodes=[SOLVED, SOLVED]), make_unroll(1, stage=1), make_unroll(2)]
    hook = Noting(stop_after=2)
    changes = {"curriculum": STAGES, "curriculum_window": 2, "checkpoint_seconds": 1e6}
    summary = make_trainer(tmp_path, FakeBackend(*unrolls), hooks=[hook], **changes).run()
    assert summary.reason == "enough"
    assert hook.events == [
        "start 0",
        "episodes 2",
        "update 1",
        "row 12",
        "stage 1",
        "update 2",
        "row 24",
        "end enough",
        "checkpoint 2",
        "close",
    ]
    assert [row["twice"] for row in rows(tmp_path)] == [2, 4]


def test_hooks_are_closed_after_an_error_too(tmp_path):
    hook = Noting()
    backend = FakeBackend(make_unroll(), ActorError("actor 0 failed"))
    with pytest.raises(ActorError):
        make_trainer(tmp_path, backend, hooks=[hook]).run()
    assert hook.events[-1] == "close"
    assert not any(event.startswith("end") for event in hook.events)


def test_progress_is_never_more_than_all(tmp_path):
    _, _, _, written = train(tmp_path, *map(make_unroll, range(2)), total_frames=13)
    assert "100 %: 24 of 13 frames" in written
    shares = [int(line.split(" %")[0]) for line in written.splitlines() if " %: " in line]
    assert max(shares) == 100


def events_of(run_dir):
    """Returns the steps of the events that TensorBoard shows of the loss."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(run_dir / "tensorboard"))
    accumulator.Reload()
    return [event.step for event in accumulator.Tensors("loss")]


def test_tensorboard_holds_the_rows_of_the_table_after_a_kill_too(tmp_path):
    # Killed after two updates that no checkpoint holds.
    unrolls = [make_unroll(), make_unroll(1), make_unroll(2), ActorError("killed")]
    trainer = make_trainer(tmp_path, FakeBackend(*unrolls), checkpoint_seconds=1e6)
    trainer._store.save(0, trainer._state())
    with pytest.raises(ActorError):
        trainer.run()
    assert events_of(tmp_path) == [12, 24, 36]
    for total_frames in (5, 20):
        train(tmp_path, *(make_unroll(i, dead=5) for i in range(2)), total_frames=total_frames)
        assert events_of(tmp_path) == [row["frames"] for row in rows(tmp_path)]
    assert events_of(tmp_path) == [7, 14, 21]
