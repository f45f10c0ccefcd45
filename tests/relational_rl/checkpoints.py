"""Checkpoints, and a training to save in them, for the tests of both."""

import os

import numpy as np
import sonnet as snt
import tensorflow as tf

from relational_rl.run.checkpoint import CheckpointStore

SIZE = 3


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
