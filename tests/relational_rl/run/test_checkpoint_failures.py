"""Checkpoints under damage, kills, and disks that refuse."""

import logging
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from checkpoints import SIZE, Training, make_variable, names, restore, save_steps

from relational_rl.run.checkpoint import CheckpointError, CheckpointStore


class Killed(BaseException):
    """Stands for a kill: nothing catches it, nothing is tidied up."""


# --- Damage -------------------------------------------------------------------------------


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


DAMAGES = {
    "flipped bit": flip,
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "empty": lambda path: os.truncate(path, 0),
    "missing": os.unlink,
}
FILES = ["manifest.json", "state.json", "variables.data-00000-of-00001", "variables.index"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_skipped_with_one_warning(tmp_path, caplog, damage, name):
    save_steps(tmp_path, [1, 2])
    newest = tmp_path / "step-000000000002"
    assert names(newest) == FILES
    DAMAGES[damage](newest / name)
    with caplog.at_level(logging.WARNING):
        assert restore(tmp_path) == 1
    (record,) = caplog.records
    message = record.getMessage()
    assert record.name == "relational_rl.run.checkpoint"
    assert message.startswith(f"checkpoint {newest} is damaged (")
    assert message.endswith("falling back to step-000000000001")
    # A bit flipped in the manifest falsifies the checksum of another file.
    assert name in message or (name, damage) == ("manifest.json", "flipped bit")
    assert "\n" not in message


def test_no_flipped_bit_of_a_manifest_does_harm(tmp_path):
    save_steps(tmp_path, [1, 2])
    path = tmp_path / "step-000000000002" / "manifest.json"
    intact = path.read_bytes()
    variable = make_variable()
    store = CheckpointStore(tmp_path, variable=variable)
    steps = []
    for position in range(0, len(intact), 3):
        damaged = bytearray(intact)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(bytes(damaged))
        steps.append(store.restore_latest().step)
        np.testing.assert_array_equal(variable, steps[-1])
    assert steps.count(1) > 0.8 * len(steps)


def test_falls_back_over_several(tmp_path, caplog):
    save_steps(tmp_path, [1, 2, 3])
    flip(tmp_path / "step-000000000003" / "state.json")
    shutil.rmtree(tmp_path / "step-000000000002")
    (tmp_path / "step-000000000002").mkdir()
    assert restore(tmp_path) == 1
    assert [record.getMessage().rpartition(" ")[2] for record in caplog.records] == [
        "step-000000000002",
        "step-000000000001",
    ]


def test_none_intact_is_an_error(tmp_path):
    save_steps(tmp_path, [1, 2])
    for step in (1, 2):
        flip(tmp_path / f"step-{step:012d}" / "variables.index")
    with pytest.raises(CheckpointError) as error:
        restore(tmp_path)
    assert str(error.value) == (
        f"no checkpoint in {tmp_path} is intact (2 found): {tmp_path / 'step-000000000001'}"
        " is damaged (variables.index: checksum differs)"
    )


@pytest.mark.parametrize("step", [2, 3, 4])
def test_a_run_goes_on_after_falling_back(tmp_path, step):
    save_steps(tmp_path, [1, 2, 3], keep=3)
    flip(tmp_path / "step-000000000003" / "state.json")
    variable = make_variable()
    store = CheckpointStore(tmp_path, keep=1, variable=variable)
    assert store.restore_latest().step == 2
    variable.assign(np.full(SIZE, step))
    store.save(step, {"frames": 10 * step})
    # Neither the damaged one nor its higher step outlives the new one.
    assert names(tmp_path) == [f"step-{step:012d}"]
    assert restore(tmp_path) == step


def test_the_checkpoint_just_saved_is_never_removed(tmp_path):
    save_steps(tmp_path, [10, 20])
    save_steps(tmp_path, [5], keep=2)
    assert names(tmp_path) == [f"step-{step:012d}" for step in (5, 10, 20)]


# --- Kills --------------------------------------------------------------------------------


def kill_at_call(monkeypatch, number):
    """Make the number-th call that touches the disk raise Killed, once before it acts."""
    calls = 0

    def counted(function):
        def call(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls == number:
                raise Killed
            return function(*args, **kwargs)

        return call

    for owner, name in [
        (Path, "mkdir"),
        (Path, "rename"),
        (Path, "write_text"),
        (os, "fsync"),
        (os, "rmdir"),
        (os, "unlink"),
        (tf.train.Checkpoint, "write"),
    ]:
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))


@pytest.mark.parametrize(("step", "keep"), [(2, 1), (3, 2)])
def test_a_kill_at_any_point_of_a_save_loses_nothing(tmp_path, step, keep):
    outcomes = []
    for number in range(1, 100):
        directory = tmp_path / str(number)
        save_steps(directory, [1, 2], keep)
        variable = make_variable(step)
        store = CheckpointStore(directory, keep, variable=variable)
        with pytest.MonkeyPatch.context() as monkeypatch:
            kill_at_call(monkeypatch, number)
            try:
                store.save(step, {"frames": 10 * step})
                killed = False
            except Killed:
                killed = True
        outcomes.append(restore(directory))
        assert all(names(path) == FILES for path in store.paths())
        # The next process saves as if nothing had been, and nothing is left over.
        save_steps(directory, [4], keep)
        assert restore(directory) == 4
        found = names(directory)
        assert len(found) == keep
        assert all(name.startswith("step-") for name in found)
        if not killed:
            break
    else:
        pytest.fail("the save was never reached in full")
    assert len(outcomes) > 10
    assert set(outcomes) == {2, step}
    assert outcomes == sorted(outcomes)


def resume_and_save_for_ever(directory):
    """Run by a subprocess until it is killed; prints every step that was saved."""
    training = Training("adam", jit_compile=True)
    assert training.store(directory).restore_latest() == (3, {})
    training.run(3, 5)
    step = 5
    while True:
        training.store(directory).save(step, {"step": step})
        print(step, flush=True)
        step += 1


def test_a_fresh_process_resumes_exactly_and_survives_kill_9(tmp_path):
    uninterrupted = Training("adam", jit_compile=True)
    uninterrupted.run(0, 3)
    uninterrupted.store(tmp_path).save(3, {})
    uninterrupted.run(3, 5)
    here = Path(__file__).parent
    call = f"import test_checkpoint_failures as t; t.resume_and_save_for_ever({str(tmp_path)!r})"
    with subprocess.Popen(
        [sys.executable, "-c", call],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(here.parent), "."])},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for _ in range(5):
            process.stdout.readline()
        time.sleep(random.uniform(0.0, 0.05))
        process.send_signal(signal.SIGKILL)
    resumed = Training("adam", jit_compile=True)
    resumed.run(0, 1)
    step, state = resumed.store(tmp_path).restore_latest()
    assert step >= 9
    assert state == {"step": step}
    for a, b in zip(resumed.values(), uninterrupted.values(), strict=True):
        np.testing.assert_array_equal(a, b)
    resumed.store(tmp_path).save(step + 1, {})
    assert names(tmp_path) == [f"step-{n:012d}" for n in (step - 1, step, step + 1)]


# --- Disks that refuse --------------------------------------------------------------------


def test_a_file_in_place_of_the_directory(tmp_path):
    path = tmp_path / "taken"
    path.write_text("")
    with pytest.raises(CheckpointError) as error:
        save_steps(path, [1])
    assert str(error.value) == f"cannot write checkpoint {path / 'step-000000000001'}: File exists"
    with pytest.raises(CheckpointError, match=r"cannot read .*taken: Not a directory"):
        restore(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_write_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(CheckpointError, match=r"cannot write checkpoint .*: Permission denied"):
        save_steps(tmp_path / "new", [1])
    tmp_path.chmod(0o700)


def test_a_refused_rename(tmp_path, monkeypatch):
    save_steps(tmp_path, [1])

    def refuse(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(CheckpointError, match=r"step-000000000002: Read-only file system$"):
        save_steps(tmp_path, [2])
    assert names(tmp_path) == ["step-000000000001"]


def test_a_file_that_cannot_grow(tmp_path):
    """A limit on the size of files makes the real write fail as a full disk does."""
    variable = tf.Variable(np.zeros(100_000, np.float32))
    store = CheckpointStore(tmp_path, variable=variable)
    store.save(1, {})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, hard))
    try:
        with pytest.raises(CheckpointError) as error:
            store.save(2, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    path = tmp_path / "step-000000000002"
    assert str(error.value) == f"cannot write checkpoint {path}: File too large"
    assert names(tmp_path) == ["step-000000000001"]
    store.save(2, {})
    assert store.restore_latest().step == 2
