"""The training loop over a scripted backend: what it counts, keeps, publishes and ends at."""

import csv
import io
import json
import math
import os
import pickle
import signal
import threading

import by_hand
import numpy as np
import pytest
import tensorflow as tf
from flat import flat as config
from scripted import GO_ON, NUM_ACTIONS, TERMINATED

from relational_rl.acting.unroll import Episode, Unroll
from relational_rl.config.old_names import from_flat
from relational_rl.errors import ActorError, NonFiniteError
from relational_rl.run.hooks import Hook, Progress, standard_hooks
from relational_rl.run.spec import environment_spec
from relational_rl.run.trainer import Trainer

T, B = 3, 4
CONFIG = config(
    env_id="Scripted-v0",
    env_kwargs={"episodes": [[[1.0, GO_ON], [1.0, TERMINATED]]]},
    envs_per_actor=B,
    batch_size=2,
    unroll_length=T,
    stem="patch",
    entity_size=4,
    num_frequencies=1,
    num_heads=1,
    num_blocks=1,
    head_size=4,
    mlp=(4,),
    implementation="plain",
    total_frames=10**9,
    metrics_seconds=0.0,
    checkpoint_seconds=0.0,
)
STAGES = ({"tells_success": True}, {"tells_success": True, "episodes": [[[2.0, TERMINATED]]]})
SOLVED, FAILED = Episode(1.0, 2, 1.0), Episode(0.0, 2, 0.0)


@pytest.fixture(autouse=True)
def eager():
    """Runs functions as they are written: compiling takes seconds for every learner."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def make_unroll(number=0, version=0, stage=0, episodes=(), dead=0):
    """The unroll of a number: always the same, with `dead` dead steps."""
    random = np.random.default_rng(number)
    weights = np.ones((T, B), np.float32)
    weights.ravel()[:dead] = 0.0
    return Unroll(
        observations={"image": random.integers(0, 256, (T + 1, B, 2, 2, 1), np.uint8)},
        actions=random.integers(NUM_ACTIONS, size=(T, B)).astype(np.int32),
        behaviour_log_probs=np.full((T, B), -math.log(NUM_ACTIONS), np.float32),
        rewards=random.normal(size=(T, B)).astype(np.float32),
        not_terminated=np.ones((T, B), np.float32),
        weights=weights,
        initial_state=(),
        version=version,
        stage=stage,
        episodes=tuple(episodes),
    )


class FakeBackend:
    """Deals unrolls (or calls functions, or raises) one after the other; notes what it is told."""

    def __init__(self, *unrolls):
        self._unrolls = list(unrolls)
        self.published = []
        self.stages = []
        self.log = []

    def publish(self, parameters, version):
        self.published.append((version, [value.copy() for value in parameters]))
        self.log.append(f"publish {version}")

    def set_stage(self, stage, env_kwargs):
        self.stages.append((stage, dict(env_kwargs)))
        self.log.append(f"stage {stage}")

    def start(self):
        self.log.append("start")

    def get(self, timeout):
        assert timeout > 0
        assert self._unrolls, "the loop went on"
        unroll = self._unrolls.pop(0)
        if isinstance(unroll, Exception):
            raise unroll
        return unroll() if callable(unroll) else unroll

    def stop(self):
        self.log.append("stop")


def train(run_dir, *unrolls, **changes):
    """Runs a new trainer; returns it, its summary, its backend and what it wrote."""
    backend, stream = FakeBackend(*unrolls), io.StringIO()
    trainer = make_trainer(run_dir, backend, stream, **changes)
    summary = trainer.run()
    return trainer, summary, backend, stream.getvalue()


def make_trainer(run_dir, backend, stream=None, hooks=(), **changes):
    """Makes a trainer on a backend, with changes by their flat names."""
    standard = [Progress(stream) if type(h) is Progress else h for h in standard_hooks()]
    return Trainer(changed(**changes), run_dir, lambda *_: backend, [*hooks, *standard])


def changed(**changes):
    return from_flat(changes, CONFIG)


def rows(run_dir):
    with open(run_dir / "metrics.csv") as file:
        return [
            {name: float(cell or "nan") for name, cell in row.items()}
            for row in csv.DictReader(file)
        ]


def states(run_dir):
    """Returns what the checkpoints on the disk say, the oldest first."""
    paths = sorted((run_dir / "checkpoints").glob("step-*"))
    return [json.loads((path / "state.json").read_text())["state"] for path in paths]


def flat(values):
    return np.concatenate([np.asarray(value).ravel() for value in values])


def test_frames_are_transitions_and_end_the_run(tmp_path):
    unrolls = [make_unroll(dead=3), None, make_unroll(1, dead=1), make_unroll(2)]
    trainer, summary, backend, _ = train(tmp_path, *unrolls, total_frames=30)
    assert (summary.frames, summary.reason) == (9 + 11 + 12, "frames")
    assert summary.minutes > 0
    assert trainer.learner.num_updates == 3
    assert [row["frames"] for row in rows(tmp_path)] == [9, 20, 32]
    assert [row["updates"] for row in rows(tmp_path)] == [1, 2, 3]
    assert backend.log[:3] == ["publish 0", "stage 0", "start"]
    assert backend.log[-1] == "stop"
    assert {path.name for path in tmp_path.iterdir()} == {
        "checkpoints",
        "metrics.csv",
        "tensorboard",
        "learning_curve.png",
    }


def test_a_row_says_what_happened_since_the_last(tmp_path):
    # One row for all: none is due before the end.
    unrolls = [
        make_unroll(episodes=[Episode(4.0, 2, 1.0), Episode(0.0, 6, 0.0)]),
        make_unroll(1, version=0, episodes=[Episode(2.0, 1, 1.0)], dead=2),
        make_unroll(2, version=2),
    ]
    train(tmp_path, *unrolls, total_frames=30, metrics_seconds=1e6)
    (row,) = rows(tmp_path)
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
    assert row["entropy"] == pytest.approx(math.log(NUM_ACTIONS), abs=0.01)


def test_an_unknown_success_is_an_empty_cell(tmp_path):
    train(tmp_path, make_unroll(episodes=[Episode(1.0, 2, math.nan)]), total_frames=1)
    (row,) = rows(tmp_path)
    assert math.isnan(row["solved"])
    assert row["episode_return"] == 1.0


def test_actors_get_the_newest_parameters_with_their_number(tmp_path):
    trainer, _, backend, _ = train(tmp_path, *map(make_unroll, range(3)), total_frames=30)
    assert [version for version, _ in backend.published] == [0, 1, 2, 3]
    newest = flat(backend.published[-1][1])
    np.testing.assert_array_equal(newest, flat(trainer.agent.variables))
    for (_, before), (_, after) in zip(backend.published[:-1], backend.published[1:], strict=True):
        assert np.abs(flat(before) - flat(after)).max() > 0


def test_ends_when_the_time_is_up(tmp_path):
    _, summary, backend, _ = train(tmp_path, *map(make_unroll, range(100)), max_minutes=1e-4)
    assert summary.reason == "minutes"
    assert 1e-4 <= summary.minutes < 1
    assert backend.log[-1] == "stop"


def test_stages_follow_one_another_and_the_last_one_is_solved(tmp_path):
    unrolls = [
        make_unroll(0, stage=0, episodes=[SOLVED, FAILED, SOLVED]),
        make_unroll(1, stage=0, episodes=[SOLVED, SOLVED]),  # 4 of 5, the threshold
        make_unroll(2, stage=0, episodes=[SOLVED] * 9),  # of the stage before
        make_unroll(3, stage=1, episodes=[SOLVED] * 4),
        make_unroll(4, stage=1, episodes=[SOLVED]),
    ]
    trainer, summary, backend, written = train(
        tmp_path,
        *unrolls,
        curriculum=STAGES,
        curriculum_window=5,
        curriculum_threshold=0.8,
        stop_at_solved=0.9,
    )
    assert summary.reason == "solved"
    assert trainer.learner.num_updates == 5
    episodes = CONFIG.env.kwargs["episodes"]
    assert backend.stages == [
        (0, {"tells_success": True, "episodes": episodes}),
        (1, {"tells_success": True, "episodes": [[[2.0, TERMINATED]]]}),
    ]
    # The actors are sent on before they get the next parameters.
    assert backend.log.index("stage 1") == backend.log.index("publish 2") - 1
    assert "stage 2 of 2: {'tells_success': True, 'episodes'" in written
    assert "after 24 frames" in written
    # Of the unrolls that a row is about.
    assert [row["curriculum_stage"] for row in rows(tmp_path)] == [0, 0, 0, 1, 1]
    assert states(tmp_path)[-1]["curriculum"] == {"stage": 1, "recent": [1.0] * 5}


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_saves_and_ends(tmp_path, number):
    before = [signal.getsignal(each) for each in SIGNALS]

    def interrupt():
        os.kill(os.getpid(), number)
        return make_unroll(1)

    trainer, summary, backend, _ = train(
        tmp_path, make_unroll(), interrupt, make_unroll(2), checkpoint_seconds=1e6
    )
    assert (summary.reason, summary.frames) == ("interrupted", 24)
    assert trainer.learner.num_updates == 2
    assert [state["frames"] for state in states(tmp_path)] == [24]
    assert [row["frames"] for row in rows(tmp_path)] == [12, 24]
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
        return make_unroll(1)

    backend = FakeBackend(make_unroll(), interrupt_twice)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        make_trainer(tmp_path, backend).run()
    assert backend.log[-1] == "stop"
    assert signal.getsignal(signal.SIGINT) is before
    assert states(tmp_path)[-1]["frames"] == 12  # what the first update had saved


def test_signals_are_left_alone_in_another_thread(tmp_path):
    results = []

    def run():
        results.append(train(tmp_path, make_unroll(), total_frames=12)[1].reason)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert results == ["frames"]


def test_a_resumed_run_is_the_run_that_was_never_stopped(tmp_path):
    unrolls = [make_unroll(i, episodes=[SOLVED]) for i in range(4)]
    changes = {"curriculum": STAGES, "curriculum_window": 3, "num_passes": 2}
    # From the same start, the second time in two halves.
    backend = FakeBackend(*unrolls)
    whole = make_trainer(tmp_path / "whole", backend, total_frames=48, **changes)
    backend = FakeBackend(*unrolls[:2])
    first = make_trainer(tmp_path / "halves", backend, total_frames=24, **changes)
    for trainer in (whole, first):
        by_hand.randomize(trainer.agent)
    assert not first.resumed
    whole.run()
    first.run()
    backend = FakeBackend(*unrolls[2:])
    second = make_trainer(tmp_path / "halves", backend, total_frames=48, **changes)
    assert second.resumed
    assert (second.frames, second.learner.num_updates, second._sessions) == (24, 2, 1)
    assert second.minutes == first.minutes > 0
    np.testing.assert_array_equal(flat(second.agent.variables), flat(first.agent.variables))
    second.run()
    assert (second.frames, second.learner.num_updates, second._sessions) == (48, 4, 2)
    assert second.source.stages.stage == whole.source.stages.stage == 1
    # Parameters, the optimiser's averages and the grouping of environments all went on.
    np.testing.assert_allclose(flat(second.agent.variables), flat(whole.agent.variables), atol=1e-6)
    assert [row["frames"] for row in rows(tmp_path / "halves")] == [12, 24, 36, 48]
    assert backend.published[0][0] == 2
    np.testing.assert_array_equal(flat(backend.published[0][1]), flat(first.agent.variables))


def test_rows_later_than_the_checkpoint_are_dropped_on_resuming(tmp_path):
    # Killed after two updates that no checkpoint holds.
    backend = FakeBackend(make_unroll(), make_unroll(1), make_unroll(2), ActorError("killed"))
    trainer = make_trainer(tmp_path, backend, checkpoint_seconds=1e6)
    trainer._store.save(0, trainer._state())
    with pytest.raises(ActorError):
        trainer.run()
    assert [row["frames"] for row in rows(tmp_path)] == [12, 24, 36]
    trainer, _, _, _ = train(tmp_path, make_unroll(5, dead=5), total_frames=5)
    assert trainer.resumed
    assert [row["frames"] for row in rows(tmp_path)] == [7]


def test_a_finished_run_stays_finished(tmp_path):
    train(tmp_path, make_unroll(), total_frames=12)
    _, summary, backend, _ = train(tmp_path, total_frames=12)
    assert (summary.reason, summary.frames) == ("frames", 12)
    assert [row["frames"] for row in rows(tmp_path)] == [12]
    assert backend.log[-1] == "stop"
    # It can be prolonged.
    assert train(tmp_path, make_unroll(1), total_frames=24)[1].frames == 24


def test_random_streams_of_a_resumed_run_are_new(tmp_path):
    acted = []

    def make_backend(descriptions, room):
        # Every actor acts by the same parameters; only their seeds differ.
        assert room == 2
        for description in descriptions:
            actor = pickle.loads(pickle.dumps(description)).build()
            actor.set_parameters(parameters, 0)
            actor.set_stage(0, description.env.kwargs)
            acted.append(actor.unroll().actions.ravel().tolist())
            actor.close()
        return FakeBackend(make_unroll())

    for total_frames in (12, 24):
        values = {"total_frames": total_frames, "unroll_length": 20, "num_actors": 2}
        trainer = Trainer(changed(**values), tmp_path, make_backend)
        parameters = [np.zeros(variable.shape, np.float32) for variable in trainer.agent.variables]
        trainer.run()
    assert len({tuple(actions) for actions in acted}) == 4


def test_a_loss_that_is_no_number_ends_the_run_and_spoils_no_checkpoint(tmp_path):
    spoilt = make_unroll(2)
    spoilt.rewards[1, 1] = math.nan
    backend = FakeBackend(make_unroll(), make_unroll(1), spoilt)
    trainer = make_trainer(tmp_path, backend)
    with pytest.raises(NonFiniteError, match="loss is nan in update 3"):
        trainer.run()
    assert backend.log[-1] == "stop"
    assert [state["updates"] for state in states(tmp_path)] == [1, 2]
    resumed = make_trainer(tmp_path, FakeBackend())
    assert resumed.frames == 24
    np.testing.assert_array_equal(flat(resumed.agent.variables), flat(backend.published[-1][1]))
    assert np.isfinite(flat(resumed.agent.variables)).all()


def test_parameters_that_are_not_finite_are_not_saved(tmp_path):
    train(tmp_path, make_unroll(), total_frames=12)
    # The losses of this update are finite, its step is not, and it would be the last one.
    with pytest.raises(NonFiniteError, match="is not finite after update 2"):
        train(tmp_path, make_unroll(1), total_frames=24, learning_rate=3e38, batch_size=B)
    assert [state["updates"] for state in states(tmp_path)] == [1]
    assert np.isfinite(flat(make_trainer(tmp_path, FakeBackend()).agent.variables)).all()


def test_a_failed_actor_ends_the_run(tmp_path):
    backend = FakeBackend(make_unroll(), ActorError("actor 0 failed:\nTraceback"))
    with pytest.raises(ActorError, match="actor 0 failed"):
        make_trainer(tmp_path, backend).run()
    assert backend.log[-1] == "stop"
    assert [state["updates"] for state in states(tmp_path)] == [1]


def test_checkpoints_and_rows_come_when_they_are_due(tmp_path):
    unrolls = list(map(make_unroll, range(6)))
    # Never, but at the end of the run; and a row at the end of a stage, which is a curve's end.
    unrolls[1] = make_unroll(1, episodes=[SOLVED])
    train(
        tmp_path,
        *unrolls,
        total_frames=72,
        checkpoint_seconds=1e6,
        metrics_seconds=1e6,
        curriculum=STAGES,
        curriculum_window=1,
    )
    assert [state["updates"] for state in states(tmp_path)] == [6]
    assert [row["frames"] for row in rows(tmp_path)] == [24, 72]


def test_only_so_many_checkpoints_are_kept(tmp_path):
    train(tmp_path, *map(make_unroll, range(5)), total_frames=60, checkpoints_kept=2)
    assert [state["updates"] for state in states(tmp_path)] == [4, 5]


def test_the_background_is_estimated_once_and_kept(tmp_path):
    changes = {"entities": "occupied", "max_entities": 4}
    trainer = train(tmp_path, make_unroll(), total_frames=12, **changes)[0]
    background = trainer.agent.encoder.background
    assert background.shape == (2, 2, 1)
    assert background.numpy().any()  # the scripted game is never black
    background.assign(tf.fill([2, 2, 1], tf.constant(77, tf.uint8)))
    trainer.save()
    resumed = make_trainer(tmp_path, FakeBackend(), **changes)
    np.testing.assert_array_equal(resumed.agent.encoder.background, np.full((2, 2, 1), 77))


def test_every_stage_is_tried_before_training():
    assert environment_spec(changed(curriculum=STAGES)) == environment_spec(CONFIG)
    wrong = changed(curriculum=(*STAGES, {"colour": 1}))
    with pytest.raises(ValueError, match=r"'colour': 1} .*unexpected keyword argument 'colour'"):
        environment_spec(wrong)


def test_a_run_without_a_single_update_is_saved_too(tmp_path):
    def interrupt():
        os.kill(os.getpid(), signal.SIGINT)

    _, summary, _, _ = train(tmp_path, interrupt)
    assert (summary.reason, summary.frames) == ("interrupted", 0)
    resumed = make_trainer(tmp_path, FakeBackend())
    assert resumed.resumed
    assert resumed.frames == 0


@pytest.mark.parametrize(
    ("max_minutes", "expected"), [(0.0, [0.0, 0.5]), (20.0, [0.25, 0.5]), (10.0, [0.5, 0.5])]
)
def test_schedules_follow_what_ends_the_run_first(tmp_path, monkeypatch, max_minutes, expected):
    backend = FakeBackend(make_unroll(0), make_unroll(1))
    trainer = make_trainer(tmp_path, backend, total_frames=2 * T * B, max_minutes=max_minutes)
    trainer.minutes = 5.0
    seen = []
    update = trainer.learner.update
    monkeypatch.setattr(
        trainer.learner, "update", lambda unroll, share: seen.append(share) or update(unroll, share)
    )
    trainer.run()
    np.testing.assert_allclose(seen, expected, atol=0.01)


def test_the_seed_decides_the_initial_parameters(tmp_path):
    first, again, other = (
        make_trainer(tmp_path / name, FakeBackend(), seed=seed).learner.parameters()
        for name, seed in (("first", 7), ("again", 7), ("other", 8))
    )
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(np.abs(a - b).max() > 0.01 for a, b in zip(first, other, strict=True) if a.ndim > 1)


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
