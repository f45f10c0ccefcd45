"""What a learner is, as the training loop sees it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np


class Learner(Protocol):
    """Owns the parameters of an agent; turns batches into updates of them.

    Attributes:
      num_updates: how many there were.
      trackables: objects with variables that a checkpoint keeps beside the agent: the optimiser.
    """

    num_updates: int
    trackables: Mapping[str, Any]

    def parameters(self) -> Sequence[np.ndarray]:
        """Returns a copy of the agent's variables, in the order of `agent.variables`."""

    def update(self, data: Any, progress: float) -> dict[str, float]:
        """Learns from a batch.

        Args:
          data: what the source gives (`Batch.data`).
          progress: share of the training done, in [0, 1], for schedules.

        Returns:
          Metrics by name.

        Raises:
          NonFiniteError: a loss or a gradient is NaN or infinite. The parameters are then spoilt
            and must not be saved.
        """

    def state(self) -> dict[str, Any]:
        """Returns what a resumed run needs beside the variables; JSON-serialisable."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to a state."""
