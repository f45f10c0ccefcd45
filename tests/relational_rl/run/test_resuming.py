"""A run that is stopped, killed or spoilt, and goes on from its newest checkpoint."""

import math
import os
import pickle
import shutil
import signal
from pathlib import Path

import by_hand
import numpy as np
import pytest
import tensorflow as tf
from flat import unrolled
from scripted_run import (
    RELATIONAL,
    SOLVED,
    STAGES,
    B,
    FakeBackend,
    changed,
    flat,
    make_trainer,
    make_unroll,
    rows,
    states,
    train,
)

from relational_rl.config import replace
from relational_rl.errors import ActorError, NonFiniteError
from relational_rl.run.directory import read_experiment
from relational_rl.run.train import train_in
from relational_rl.run.trainer import Trainer

pytestmark = pytest.mark.usefixtures("eager")


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


def test_only_so_many_checkpoints_are_kept(tmp_path):
    train(tmp_path, *map(make_unroll, range(5)), total_frames=60, checkpoints_kept=2)
    assert [state["updates"] for state in states(tmp_path)] == [4, 5]


def test_the_background_is_estimated_once_and_kept(tmp_path):
    changes = {"start": RELATIONAL, "entities": "occupied", "max_entities": 4}
    trainer = train(tmp_path, make_unroll(), total_frames=12, **changes)[0]
    background = trainer.agent.encoder.background
    assert background.shape == (2, 2, 1)
    assert background.numpy().any()  # the scripted game is never black
    background.assign(tf.fill([2, 2, 1], tf.constant(77, tf.uint8)))
    trainer.save()
    resumed = make_trainer(tmp_path, FakeBackend(), **changes)
    np.testing.assert_array_equal(resumed.agent.encoder.background, np.full((2, 2, 1), 77))


def test_a_run_without_a_single_update_is_saved_too(tmp_path):
    def interrupt():
        os.kill(os.getpid(), signal.SIGINT)

    _, summary, _, _ = train(tmp_path, interrupt)
    assert (summary.reason, summary.frames) == ("interrupted", 0)
    resumed = make_trainer(tmp_path, FakeBackend())
    assert resumed.resumed
    assert resumed.frames == 0


def test_a_run_of_version_0_1_goes_on(tmp_path):
    """Its flat configuration, its checkpoint and its table were written by that version."""
    run_dir = shutil.copytree(Path(__file__).parent / "version_0_1", tmp_path / "run")
    experiment = read_experiment(run_dir)
    trainer = Trainer(experiment, run_dir)
    assert (trainer.resumed, trainer.frames, trainer.learner.num_updates) == (True, 24, 1)
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 6, 6, 3), np.uint8)
    found = unrolled(trainer.agent, {"image": tf.constant(images)}, ()).policy_logits
    np.testing.assert_allclose(found, np.load(run_dir / "logits.npy"), atol=1e-5)
    summary, trainer = train_in(run_dir, replace(experiment, {"run.total_frames": 40}))
    assert (summary.reason, trainer.learner.num_updates) == ("frames", 2)
    assert [row["updates"] for row in rows(run_dir)] == [1, 2]
    assert trainer._sessions == 2
