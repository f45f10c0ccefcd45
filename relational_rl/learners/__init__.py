"""Learning rules: `update(batch) -> metrics`.

learner   the interface
gradient  what learners by gradient share
vtrace    actor-critic with V-trace targets, from unrolls
cloning   behaviour cloning, from lessons
"""

from relational_rl import _quiet  # noqa: F401  (first: TensorFlow without its start-up noise)
