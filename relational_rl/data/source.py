"""Where a learner's batches come from, as the training loop sees it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from relational_rl.acting.unroll import Episode
from relational_rl.data.stages import Stages


class Batch(NamedTuple):
    """What a learner learns from next.

    Attributes:
      data: as the learner takes it, an `Unroll` or `Lessons`.
      num_frames: how many transitions or states are in it.
      version: which parameters acted, as numbered by the learner; None if none did.
      stage: which stage of the curriculum it is from.
      episodes: those that are counted with it.
      stage_began: whether the next stage begins with what comes after this batch.
    """

    data: Any
    num_frames: int
    version: float | None = None
    stage: int = 0
    episodes: Sequence[Episode] = ()
    stage_began: bool = False


class Source(Protocol):
    """Makes batches.

    It may have a method `metrics() -> Mapping[str, float]`: what it tells for the next row of
    metrics.

    Attributes:
      stages: the curriculum and what is known of the present stage.
      trackables: objects with variables of the source's own, which a checkpoint keeps.
    """

    stages: Stages
    trackables: Mapping[str, Any]

    def start(self, parameters: Sequence[np.ndarray], version: int, session: int) -> None:
        """Starts making batches.

        Args:
          parameters: of the agent, in the order of `agent.variables`.
          version: how they are numbered.
          session: how often the run was started before; no random stream repeats.
        """

    def publish(self, parameters: Sequence[np.ndarray], version: int) -> None:
        """Takes over new parameters of the agent."""

    def next(self, timeout: float) -> Batch | None:
        """Returns the next batch, or None if there was none within `timeout` seconds."""

    def stop(self) -> None:
        """Stops, and waits until everything has stopped."""

    def state(self) -> dict[str, Any]:
        """Returns what a resumed run needs; JSON-serialisable."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to a state."""
