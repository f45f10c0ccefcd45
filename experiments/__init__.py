"""The experiments: train, evaluate, generalise, look at attention; nobody imports this package.

cli          the command `relational-rl`
evaluation   how well an agent plays, and the folder it is exported into
attention    what it attends to
imitation    what the solver can teach it
benchmark    how fast all of it is
results      what runs left behind, as evidence
configs      the named experiments
"""

from pathlib import Path

import relational_rl  # noqa: F401  # first, because it quiets TensorFlow before that is imported

__path__.append(str(Path(__file__).parent / "cli" / "old_names"))
