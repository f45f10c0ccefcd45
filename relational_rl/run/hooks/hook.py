"""What a hook is: called at the events of a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from relational_rl.acting.unroll import Episode

if TYPE_CHECKING:
    from relational_rl.data.source import Batch
    from relational_rl.run.trainer import Trainer


class Hook:
    """Does nothing at any event; a hook overrides those that it needs.

    Hooks are called in their order. What they may do: read everything of the trainer, add numbers
    to the next row of metrics (`Trainer.log`), end the run (`Trainer.stop`). An exception ends the
    run.
    """

    def on_run_start(self, run: "Trainer") -> None:
        """The run starts, or goes on after it was interrupted (`run.resumed`)."""

    def on_update(self, run: "Trainer", batch: "Batch", metrics: Mapping[str, float]) -> None:
        """The learner has learned from a batch.

        Args:
          run: the run.
          batch: what it learned from.
          metrics: what `Learner.update` returned.
        """

    def on_episodes(self, run: "Trainer", episodes: Sequence[Episode]) -> None:
        """Episodes have ended, and are counted now."""

    def on_stage(self, run: "Trainer", stage: int) -> None:
        """A stage of the curriculum begins; 0 is the first, which begins without a call."""

    def on_metrics(self, run: "Trainer", row: Mapping[str, float]) -> None:
        """A row of metrics is complete; NaN stands for what is unknown."""

    def on_checkpoint(self, run: "Trainer", path: Path) -> None:
        """A checkpoint has been written."""

    def on_run_end(self, run: "Trainer", reason: str) -> None:
        """The run ends in order: "frames", "minutes", "solved", "interrupted" or a hook's own."""

    def close(self) -> None:
        """Releases what the hook holds; called at the end in any case, after an error too."""
