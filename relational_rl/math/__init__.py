"""Pure mathematics on tensors: V-trace, losses, distributions. No config, no state."""

from relational_rl import _quiet  # noqa: F401  (first: TensorFlow without its start-up noise)
