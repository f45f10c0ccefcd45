"""Hooks: what happens at the events of a run, besides learning.

    hook      the events
    rows      rows of metrics, which the others write and show
    files     metrics.csv, TensorBoard, the learning curve, checkpoints
    progress  one line that tells how the run is going

A user's own hook derives from `Hook` and is named in the configuration by its import path, or given
to `relational_rl.train`.
"""

from relational_rl.run.hooks.files import Checkpoints, CsvTable, Curve, TensorBoard
from relational_rl.run.hooks.hook import Hook
from relational_rl.run.hooks.progress import Progress
from relational_rl.run.hooks.rows import Rows


def standard_hooks() -> list[Hook]:
    """Returns the hooks of every run, in the order in which they are called."""
    return [Rows(), CsvTable(), TensorBoard(), Progress(), Curve(), Checkpoints()]


__all__ = [
    "Checkpoints",
    "CsvTable",
    "Curve",
    "Hook",
    "Progress",
    "Rows",
    "TensorBoard",
    "standard_hooks",
]
