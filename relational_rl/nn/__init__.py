"""The parts of the networks, as Sonnet modules."""

from relational_rl import _quiet  # noqa: F401  (first: TensorFlow without its start-up noise)
