"""Lets a test run without compiling by XLA. TensorFlow is imported for tests that ask for it."""

import pytest


@pytest.fixture
def eager():
    """Runs functions as they are written: compiling takes seconds for every size and learner."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def traced(monkeypatch):
    """Traces functions without compiling them: faster where a test calls one a hundred times."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(False)
    function = tf.function
    monkeypatch.setattr(
        tf, "function", lambda *args, jit_compile=None, **kwargs: function(*args, **kwargs)
    )
