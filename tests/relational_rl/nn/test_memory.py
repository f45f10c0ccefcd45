"""Recurrent cores over episodes: stepped, unrolled, reset."""

import math

import by_hand
import numpy as np
import pytest
import sonnet as snt
import tensorflow as tf

from relational_rl.nn.memory import Memory, first_steps, reset_state

T, B, F = 6, 3, 4
IS_FIRST = np.zeros((T, B), bool)
IS_FIRST[2, 0] = IS_FIRST[4, 0] = IS_FIRST[5, 2] = True
_random = np.random.default_rng(0)
KINDS = ("lstm", "convlstm", "lstm and shortcut", "convlstm and shortcut")


def make(kind):
    core, _, shortcut = kind.partition(" and ")
    if core == "lstm":
        memory, shape = Memory(snt.LSTM(5), bool(shortcut)), (F,)
    else:
        core = snt.Conv2DLSTM([3, 2, F], 5, kernel_shape=3)
        memory, shape = Memory(core, bool(shortcut)), (3, 2, F)
    inputs = tf.constant(_random.normal(size=(T, B, *shape)).astype(np.float32))
    memory.step(inputs[0], memory.initial_state(B))
    by_hand.randomize(memory)
    return memory, inputs


def stepped(memory, inputs, is_first, state):
    """Outputs of one step after the other, the state reset where an episode starts."""
    outputs = []
    for t in range(T):
        state = reset_state(state, memory.initial_state(B), tf.constant(is_first[t]))
        output, state = memory.step(inputs[t], state)
        outputs.append(output)
    return tf.stack(outputs), state


def warm_state(memory, inputs):
    return memory.step(inputs[-1], memory.initial_state(B))[1]


def test_episodes_start_after_the_steps_that_reset():
    weights = tf.constant([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    assert first_steps(weights).numpy().tolist() == [
        [False, False],
        [False, True],
        [True, False],
        [False, False],
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_stepping_equals_unrolling(kind):
    memory, inputs = make(kind)
    state = warm_state(memory, inputs)
    outputs, last = memory.unroll(inputs, state, tf.constant(IS_FIRST))
    expected, expected_last = stepped(memory, inputs, IS_FIRST, state)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    for ours, theirs in zip(tf.nest.flatten(last), tf.nest.flatten(expected_last), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    # And the resets are felt, in the rows that have one and in no other.
    without, _ = memory.unroll(inputs, state, tf.zeros([T, B], tf.bool))
    differs = np.abs(without - outputs).reshape(T, B, -1).max(axis=-1) > 1e-4
    np.testing.assert_array_equal(differs, np.maximum.accumulate(IS_FIRST, axis=0))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_passes_from_one_episode_to_the_next(kind):
    memory, inputs = make(kind)
    changed = tf.Variable(inputs)
    with tf.GradientTape() as tape:
        outputs, _ = memory.unroll(changed, memory.initial_state(B), tf.constant(IS_FIRST))
        last = tf.reduce_sum(tf.square(outputs[-1]))
    felt = np.abs(tape.gradient(last, changed)).reshape(T, B, -1).max(axis=-1) > 0
    # The last step of each row is reached from its own episode alone.
    starts = [4, 0, 5]
    expected = np.array([[t >= starts[b] for b in range(B)] for t in range(T)])
    np.testing.assert_array_equal(felt, expected)


@pytest.mark.parametrize("kind", KINDS[2:])
def test_a_shortcut_hands_on_what_goes_in_beside_what_comes_out(kind):
    memory, inputs = make(kind)
    outputs, _ = memory.unroll(inputs, memory.initial_state(B), tf.constant(IS_FIRST))
    np.testing.assert_array_equal(outputs[..., :F], inputs)
    memory._shortcut = False
    remembered, _ = memory.unroll(inputs, memory.initial_state(B), tf.constant(IS_FIRST))
    np.testing.assert_array_equal(outputs[..., F:], remembered)


def test_the_lstm_is_an_lstm():
    memory, inputs = make("lstm")
    w = {v.name.split("/")[-1]: v.numpy().astype(np.float64) for v in memory.variables}
    outputs, _ = memory.unroll(inputs, memory.initial_state(B), tf.constant(IS_FIRST))

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    for b in range(B):
        hidden = cell = np.zeros(5)
        for t in range(T):
            if IS_FIRST[t, b]:
                hidden = cell = np.zeros(5)
            gates = inputs[t, b].numpy() @ w["w_i:0"] + hidden @ w["w_h:0"] + w["b:0"]
            i, f, g, o = np.split(gates, 4)
            cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
            hidden = sigmoid(o) * np.tanh(cell)
            np.testing.assert_allclose(outputs[t, b], hidden, atol=1e-5)
    assert math.isfinite(float(np.abs(outputs).max()))
