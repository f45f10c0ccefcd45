"""What a checkpoint brings back, into the same objects and into others."""

import json

import numpy as np
import pytest
import sonnet as snt
import tensorflow as tf
from checkpoints import OPTIMIZERS, SIZE, Training, make_variable, names, restore, save_steps

from relational_rl.run.checkpoint import CheckpointError, CheckpointStore


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
