"""Every backward pass belongs to its own forward pass, whatever was computed in between."""

import threading

import numpy as np
import pytest
import tensorflow as tf
from packed_case import Case, Network, scenes, weights

from relational_rl.kernels.features import PackedFeatures
from relational_rl.kernels.saved import SavedPasses

NETWORKS = {
    "patch": Network(),
    "patch, references, likeness": Network(references=2, likeness=True, share_weights=False),
    "convolutions": Network(conv=(4, 6)),
}
A, B, C = scenes(5), scenes(7, seed=5), scenes(3, seed=6)
MANY = scenes(40, seed=7)


@pytest.fixture(scope="module", params=NETWORKS)
def case(request):
    case = Case(NETWORKS[request.param])
    case.known = {}
    return case


def _loss(features, seed=2):
    return tf.reduce_sum(features * weights(features, seed))


def _gradients(case, function, batches):
    """Returns the gradients of the sum of a loss of each batch."""
    with tf.GradientTape() as tape:
        loss = tf.add_n([_loss(function(images), i) for i, images in enumerate(batches)])
    return tape.gradient(loss, case.variables)


def _expected(case, *batches):
    """Returns the modules' gradients, computed once for each combination of the batches above."""
    key = tuple(map(id, batches))
    if key not in case.known:
        case.known[key] = _gradients(case, case.plain, batches)
    return case.known[key]


def test_one_pass(case):
    np.testing.assert_allclose(case.packed(A), case.plain(A), rtol=1e-5, atol=1e-5)
    case.assert_same_gradients(_gradients(case, case.packed, [A]), _expected(case, A))


def test_two_passes_on_one_tape(case):
    case.assert_same_gradients(_gradients(case, case.packed, [A, B]), _expected(case, A, B))


def test_more_passes_on_one_tape_than_are_saved(case):
    batches = [A, B, C, A, B, C, B]
    gradients = _gradients(case, case.packed, batches)
    case.assert_same_gradients(gradients, _expected(case, *batches))
    assert len(case.packed._saved) <= 4


@pytest.mark.parametrize("others", [[MANY], [B, MANY, C, A, B]], ids=len)
def test_other_batches_computed_before_the_backward_pass(case, others):
    with tf.GradientTape() as tape:
        loss = _loss(case.packed(A), 0)
    for images in others:
        case.packed(images)
    case.assert_same_gradients(tape.gradient(loss, case.variables), _expected(case, A))


def test_backward_passes_of_a_persistent_tape_in_any_order_and_twice(case):
    with tf.GradientTape(persistent=True) as tape:
        losses = [_loss(case.packed(images), 0) for images in (A, B, C)]
    expected = [_expected(case, images) for images in (A, B, C)]
    for i in (1, 1, 0, 2, 0, 1):
        case.assert_same_gradients(tape.gradient(losses[i], case.variables), expected[i])


def test_the_gradient_is_at_the_values_that_the_forward_pass_saw(case):
    expected = _expected(case, A)
    before = [variable.numpy() for variable in case.variables]
    for drop in (False, True):
        with tf.GradientTape() as tape:
            loss = _loss(case.packed(A), 0)
        for variable in case.variables:
            variable.assign(variable * 0.5)
        if case.encoder.needs_background:
            background = case.encoder.background.numpy()
            case.encoder.background.assign(255 - background)
        if drop:
            case.packed._saved = SavedPasses()
        gradients = tape.gradient(loss, case.variables)
        for variable, value in zip(case.variables, before, strict=True):
            variable.assign(value)
        if case.encoder.needs_background:
            case.encoder.background.assign(background)
        case.assert_same_gradients(gradients, expected)


def test_nested_tapes_of_first_derivatives(case):
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner_loss = _loss(case.packed(A), 0)
        inner_gradients = inner.gradient(inner_loss, case.variables)
        outer_loss = _loss(case.packed(B), 0)
    case.assert_same_gradients(inner_gradients, _expected(case, A))
    case.assert_same_gradients(outer.gradient(outer_loss, case.variables), _expected(case, B))


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "graph"])
def test_a_second_derivative_is_an_error(case, compiled):
    def penalty():
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                loss = _loss(case.packed(A))
            gradients = inner.gradient(loss, case.variables)
            norm = tf.add_n([tf.reduce_sum(value**2) for value in gradients])
        return outer.gradient(norm, case.variables)

    with pytest.raises(NotImplementedError, match=r"once; second derivatives need .*=plain"):
        (tf.function(penalty) if compiled else penalty)()


def test_threads_do_not_disturb_one_another(case):
    expected = {len(images): _expected(case, images) for images in (A, B, C)}
    failures, start = [], threading.Barrier(3)

    def learn(images):
        try:
            start.wait(timeout=60)
            for _ in range(4):
                gradients = _gradients(case, case.packed, [images])
                case.assert_same_gradients(gradients, expected[len(images)])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=learn, args=(images,)) for images in (A, B, C)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_graphs(case):
    @tf.function
    def gradients(first, second):
        with tf.GradientTape() as tape:
            loss = _loss(case.packed(first), 0) + _loss(case.packed(second), 1)
        return tape.gradient(loss, case.variables)

    features = tf.function(case.packed)  # its gradient function is made apart from it
    for _ in range(2):
        case.assert_same_gradients(gradients(A, B), _expected(case, A, B))
        case.assert_same_gradients(_gradients(case, features, [A, B]), _expected(case, A, B))


def test_memory_is_bounded():
    case = Case(NETWORKS["patch"])
    for images in [A, B, C] * 100:
        case.packed(images)
    assert len(case.packed._saved) == 1  # nobody came back for what was dropped
    (slot,) = case.packed._saved._slots
    assert len(slot.passes) == len(slot.buffers) == 1
    for _ in range(2):
        with tf.GradientTape(persistent=True) as tape:
            losses = [_loss(case.packed(images)) for images in [A, B, C] * 2]
        for loss in losses:
            tape.gradient(loss, case.variables)
    assert len(case.packed._saved) == 4


def test_other_threads_share_out_the_backward_pass():
    case = Case(NETWORKS["patch"])
    case.packed = PackedFeatures(case.encoder, case.core, num_threads=3)
    images = scenes(400)
    with tf.GradientTape() as tape:
        loss = _loss(case.packed(images), 0)
    case.packed.limit_threads(2)
    case.packed(images)  # drops the pass in three shares
    expected = _gradients(case, case.plain, [images])
    case.assert_same_gradients(tape.gradient(loss, case.variables), expected, 1e-4)


class TestSavedPasses:
    """The memory alone."""

    def test_one_slot_serves_forward_and_backward_in_turn(self):
        saved = SavedPasses()
        for _ in range(3):
            slot = saved.take()
            ticket = saved.save(slot, 10)
            assert saved.find(ticket) is slot
            saved.release(slot, ticket)
        assert len(saved) == 1

    def test_a_miss_makes_room_for_one_more_up_to_the_most(self):
        saved = SavedPasses(most=2)
        for expected in (1, 2, 2):
            tickets = [saved.save(saved.take(), 10) for _ in range(3)]
            assert len(saved) == expected
            assert saved.find(tickets[0]) is None

    def test_small_passes_drop_one_another_before_a_large_one(self):
        saved = SavedPasses(most=2)
        saved.find(-1)  # room for two
        large = saved.save(saved.take(), 100)
        for _ in range(50):
            saved.save(saved.take(), 1)
        slot = saved.find(large)
        assert slot is not None
        saved.save(slot, 100)
        for _ in range(2000):  # but not for ever
            saved.save(saved.take(), 1)
        assert saved.find(large) is None

    def test_a_slot_in_use_is_nobody_elses(self):
        saved = SavedPasses(most=2)
        taken = [saved.take() for _ in range(3)]
        assert len(set(map(id, taken))) == 3
        tickets = [saved.save(slot, 1) for slot in taken]
        assert len(saved) == 2  # the third was not kept
        assert [saved.find(ticket) for ticket in tickets] == [*taken[:2], None]
        assert saved.find(tickets[0]) is None  # found, and not yet released
