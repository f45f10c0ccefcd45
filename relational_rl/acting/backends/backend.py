"""The interface between the training loop and its actors."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from relational_rl.acting.actor import ActorDescription
from relational_rl.acting.unroll import Unroll


class Backend(Protocol):
    """Runs actors: parameters go in, unrolls come out.

    It may have a method `metrics() -> Mapping[str, float]`: what it tells of its actors for the
    next row of metrics.
    """

    def publish(self, parameters: Sequence[np.ndarray], version: int) -> None:
        """Gives the actors new parameters, which they take before their next unroll."""

    def set_stage(self, stage: int, env_kwargs: Mapping[str, Any]) -> None:
        """Sends the actors to a stage of the curriculum before their next unroll."""

    def start(self) -> None:
        """Starts the actors; parameters and a stage have been given."""

    def get(self, timeout: float) -> Unroll | None:
        """Returns the next unroll, or None if none came within `timeout` seconds.

        Raises:
          ActorError: an actor has failed.
        """

    def stop(self) -> None:
        """Stops the actors and waits until they have stopped."""


MakeBackend = Callable[[Sequence[ActorDescription], int], Backend]
"""Makes a backend of the actors and of how many unrolls may be under way or wait."""
