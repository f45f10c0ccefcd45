"""Checkpoints under kills, damage, full disks and changed networks."""

import json
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
import sonnet as snt
import tensorflow as tf

from relational_rl.checkpoint import CheckpointError, CheckpointStore

SIZE = 3


class Killed(BaseException):
    """Stands for a kill: nothing catches it, nothing is tidied up."""


def make_variable(value=0.0):
    return tf.Variable(np.full(SIZE, value, np.float32))


def save_steps(directory, steps, keep=3):
    """Save a variable that equals the step."""
    variable = make_variable()
    store = CheckpointStore(directory, keep, variable=variable)
    for step in steps:
        variable.assign(np.full(SIZE, step))
        store.save(step, {"frames": 10 * step})
    return store


def restore(directory):
    """Restore the newest into a new variable, and check that it belongs to its step."""
    variable = make_variable(-1.0)
    restored = CheckpointStore(directory, variable=variable).restore_latest()
    if restored is None:
        np.testing.assert_array_equal(variable, -1.0)
        return None
    np.testing.assert_array_equal(variable, restored.step)
    assert restored.state == {"frames": 10 * restored.step}
    return restored.step


def names(directory):
    return sorted(os.listdir(directory))


def test_keeps_the_newest(tmp_path):
    store = save_steps(tmp_path / "new" / "folder", [1, 5, 10, 2**40], keep=3)
    assert [path.name for path in store.paths()] == [
        "step-000000000005",
        "step-000000000010",
        "step-1099511627776",
    ]
    assert names(tmp_path / "new" / "folder") == [path.name for path in store.paths()]
    assert restore(tmp_path / "new" / "folder") == 2**40


def test_nothing_to_restore(tmp_path):
    assert restore(tmp_path) is None
    assert restore(tmp_path / "missing") is None
    assert names(tmp_path) == []


def test_state_comes_back_as_it_was(tmp_path):
    state = {
        "random": np.random.default_rng(3).bit_generator.state,
        "list": [1, 2.5, None, True, "ä"],
        "tiny": 1e-300,
    }
    store = CheckpointStore(tmp_path, variable=make_variable())
    store.save(7, state)
    assert CheckpointStore(tmp_path, variable=make_variable()).restore_latest() == (7, state)


def test_a_step_saved_twice_is_replaced(tmp_path):
    variable = make_variable(1.0)
    store = CheckpointStore(tmp_path, keep=1, variable=variable)
    store.save(4, {"n": 1})
    variable.assign_add(np.ones(SIZE))
    store.save(4, {"n": 2})
    assert names(tmp_path) == ["step-000000000004"]
    assert store.restore_latest() == (4, {"n": 2})
    np.testing.assert_array_equal(variable, 2.0)


# --- Optimizers ---------------------------------------------------------------------------


OPTIMIZERS = {
    "adam": lambda: snt.optimizers.Adam(0.01),
    "rmsprop": lambda: snt.optimizers.RMSProp(0.01, momentum=0.5, centered=True),
}


class Training:
    """A network, its optimizer, and steps that depend on both."""

    def __init__(self, optimizer, jit_compile=False, build=False, sizes=(5, 3)):
        self.network = snt.nets.MLP(sizes)
        self.optimizer = OPTIMIZERS[optimizer]()
        self.step = tf.function(self._step, jit_compile=True) if jit_compile else self._step
        if build:
            self.network(tf.zeros((1, 2)))

    def _step(self, inputs):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((self.network(inputs) - 1.0) ** 2)
        variables = self.network.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)

    def run(self, first, end):
        for i in range(first, end):
            inputs = np.random.default_rng(i).normal(size=(4, 2)).astype(np.float32)
            self.step(tf.constant(inputs))

    def store(self, directory):
        return CheckpointStore(directory, agent=self.network, optimizer=self.optimizer)

    def values(self):
        return [v.numpy() for v in (*self.network.variables, *self.optimizer.variables)]


@pytest.mark.parametrize(("jit_compile", "build"), [(False, True), (True, False)])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_resumed_training_equals_uninterrupted_training(tmp_path, optimizer, jit_compile, build):
    uninterrupted = Training(optimizer, jit_compile)
    uninterrupted.run(0, 3)
    uninterrupted.store(tmp_path).save(3, {})
    uninterrupted.run(3, 5)
    # The optimizer's slots do not exist when the checkpoint is restored.
    resumed = Training(optimizer, jit_compile, build)
    assert resumed.store(tmp_path).restore_latest() == (3, {})
    resumed.run(3, 5)
    assert len(resumed.values()) == len(uninterrupted.values()) > 8
    for a, b in zip(resumed.values(), uninterrupted.values(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_optimizer_matters(tmp_path):
    uninterrupted = Training("adam")
    uninterrupted.run(0, 3)
    uninterrupted.store(tmp_path).save(3, {})
    uninterrupted.run(3, 5)
    without = Training("adam")
    CheckpointStore(tmp_path, agent=without.network).restore_latest()
    without.run(3, 5)
    assert np.abs(without.values()[0] - uninterrupted.values()[0]).max() > 1e-3


def test_an_agent_is_restored_without_its_optimizer(tmp_path):
    trained = Training("adam")
    trained.run(0, 3)
    trained.store(tmp_path).save(3, {"frames": 12})
    for build in (False, True):
        network = Training("adam", build=build).network
        assert CheckpointStore(tmp_path, agent=network).restore_latest() == (3, {"frames": 12})
        inputs = np.ones((2, 2), np.float32)
        np.testing.assert_array_equal(network(inputs), trained.network(inputs))


class LazyModule(snt.Module):
    """Has one child from the start and one from its first call."""

    def __init__(self):
        super().__init__()
        self.first = snt.Linear(3)

    @snt.once
    def _build(self):
        self.second = snt.Linear(2)

    def __call__(self, inputs):
        self._build()
        return self.second(self.first(inputs))


def test_a_module_that_has_no_variables_yet_is_restored_as_it_is_built(tmp_path):
    inputs = np.ones((2, 4), np.float32)
    saved, restored = LazyModule(), LazyModule()
    expected = saved(inputs)
    CheckpointStore(tmp_path, module=saved).save(1, {})
    CheckpointStore(tmp_path, module=restored).restore_latest()
    np.testing.assert_array_equal(restored(inputs), expected)


def test_values_not_yet_created_cannot_be_lost_by_a_save(tmp_path):
    trained = Training("adam")
    trained.run(0, 3)
    trained.store(tmp_path).save(3, {})
    resumed = Training("adam", build=True)
    store = resumed.store(tmp_path)
    store.restore_latest()
    with pytest.raises(
        CheckpointError, match=r"variable optimizer/m/0 was restored but its object"
    ):
        store.save(4, {})
    assert names(tmp_path) == ["step-000000000003"]
    resumed.run(3, 4)
    store.save(4, {})
    assert len(names(tmp_path)) == 2


# --- Objects that do not fit --------------------------------------------------------------


def restore_other(tmp_path, saved, other):
    saved.run(0, 1)
    path = saved.store(tmp_path).save(1, {})
    other.run(0, 1)
    before = other.values()
    with pytest.raises(CheckpointError) as error:
        other.store(tmp_path).restore_latest()
    for a, b in zip(other.values(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    return str(error.value).replace(str(path), "PATH")


def test_another_width_names_the_variable_and_both_shapes(tmp_path):
    message = restore_other(
        tmp_path, Training("adam", sizes=(5, 3)), Training("adam", sizes=(5, 4))
    )
    assert message == (
        "variable agent/_layers/1/b is float32 [3] in checkpoint PATH,"
        " but float32 [4] in the object to restore"
    )


def test_more_layers_name_the_first_that_is_missing(tmp_path):
    message = restore_other(tmp_path, Training("adam"), Training("adam", sizes=(5, 3, 3)))
    assert message == "checkpoint PATH has no variable agent/_layers/2/b float32 [3]"


def test_fewer_layers_name_the_first_that_is_too_many(tmp_path):
    message = restore_other(tmp_path, Training("adam", sizes=(5, 3, 3)), Training("adam"))
    assert message == (
        "checkpoint PATH has variable agent/_layers/2/b float32 [3],"
        " but the object to restore has none of that name"
    )


def test_another_optimizer_names_what_is_missing(tmp_path):
    message = restore_other(tmp_path, Training("rmsprop"), Training("adam"))
    assert message.startswith("checkpoint PATH has no variable optimizer/m/0 float32 [5]")


def test_another_dtype_is_an_error(tmp_path):
    CheckpointStore(tmp_path, v=tf.Variable([1.0])).save(1, {})
    with pytest.raises(CheckpointError, match=r"variable v is float32 \[1\] .* but int32 \[1\]"):
        CheckpointStore(tmp_path, v=tf.Variable([1])).restore_latest()


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
    assert record.name == "relational_rl.checkpoint"
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
    call = f"import test_checkpoint; test_checkpoint.resume_and_save_for_ever({str(tmp_path)!r})"
    with subprocess.Popen(
        [sys.executable, "-c", call],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), "."])},
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


# --- Arguments ----------------------------------------------------------------------------


def test_errors_of_arguments(tmp_path):
    variable = make_variable()
    with pytest.raises(ValueError, match=r"keep must be at least 1, got 0"):
        CheckpointStore(tmp_path, keep=0, variable=variable)
    with pytest.raises(ValueError, match=r"trackables must name at least one object, got none"):
        CheckpointStore(tmp_path)
    store = CheckpointStore(tmp_path, variable=variable)
    with pytest.raises(ValueError, match=r"step must be at least 0, got -1"):
        store.save(-1, {})
    with pytest.raises(TypeError, match="not JSON serializable"):
        store.save(1, {"array": np.zeros(3)})
    assert names(tmp_path) == []


def test_state_is_readable_json(tmp_path):
    path = save_steps(tmp_path, [3]).paths()[0]
    assert json.loads((path / "state.json").read_text()) == {
        "step": 3,
        "state": {"frames": 30},
        "variables": {"variable": "float32 [3]"},
    }
