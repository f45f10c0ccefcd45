"""Registers the scripted game, and lets a test run without compiling."""

import pytest
import scripted
import tensorflow as tf

scripted.register()


@pytest.fixture
def eager():
    """Runs functions as they are written: compiling takes seconds for every size and learner."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
