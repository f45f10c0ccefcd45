"""Where actors run.

A backend starts actors, hands their unrolls to the learner and the learner's parameters to them.
This narrow seam is all that the training loop knows of where and how they run.
"""

from relational_rl.acting.backends.backend import Backend, MakeBackend
from relational_rl.acting.backends.local import LocalBackend

__all__ = ["Backend", "LocalBackend", "MakeBackend"]
