"""The experiments: launch, evaluate, generalise, look at attention; nobody imports this package."""

import relational_rl  # noqa: F401  # first, because it quiets TensorFlow before that is imported
