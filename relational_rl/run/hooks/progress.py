"""One line that tells how a run is going."""

import math
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TextIO

from tqdm import tqdm

from relational_rl.run.hooks.hook import Hook

if TYPE_CHECKING:
    from relational_rl.data.source import Batch
    from relational_rl.run.trainer import Trainer


class Progress(Hook):
    """Shows how far the run is, the latest metrics, and changes of stage."""

    _line: "ProgressLine | None" = None

    def __init__(self, stream: TextIO | None = None):
        """Makes the hook; writes to `stream`, standard error if None."""
        self._stream = stream

    def on_run_start(self, run: "Trainer") -> None:
        """Begins the line."""
        num_stages = len(run.experiment.stages)
        self._line = ProgressLine(
            run.config.total_frames,
            run.frames,
            self._stream or sys.stderr,
            num_stages=num_stages,
            initial_share=run.progress,
        )

    def on_update(self, run: "Trainer", batch: "Batch", metrics: Mapping[str, float]) -> None:
        """Shows the frames."""
        del batch, metrics
        assert self._line is not None
        self._line.update(run.frames, run.progress, {})

    def on_stage(self, run: "Trainer", stage: int) -> None:
        """Tells of the new stage."""
        assert self._line is not None
        stages = run.experiment.stages
        self._line.message(
            f"stage {stage + 1} of {len(stages)}: {dict(stages[stage])} after {run.frames:,} frames"
        )

    def on_metrics(self, run: "Trainer", row: Mapping[str, float]) -> None:
        """Shows the row."""
        assert self._line is not None
        self._line.update(run.frames, run.progress, row)

    def close(self) -> None:
        """Ends the line."""
        if self._line is not None:
            self._line.close()


class ProgressLine:
    """One line that tells how a run is going.

    On a terminal it is a live bar; elsewhere (a file, a pipe) a plain line now and then.

    Args:
      total_frames: The frame count at which the run ends.
      initial_frames: The frame count it starts from; above 0 when resumed.
      stream: Where to write, `sys.stderr` for example.
      interval: The least number of seconds between two plain lines.
      clock: Tells the time in seconds.
      num_stages: How many stages the curriculum has.
      initial_share: How much of the run was done before; above 0 when resumed.
    """

    def __init__(
        self,
        total_frames: int,
        initial_frames: int,
        stream: TextIO,
        interval: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        num_stages: int = 1,
        initial_share: float = 0.0,
    ) -> None:
        self._total = total_frames
        self._num_stages = num_stages
        self._share = self._initial_share = initial_share
        self._frames = initial_frames
        self._fields: dict[str, float] = {}
        self._stream = stream
        self._interval = interval
        self._clock = clock
        self._started = clock()
        self._printed_at = -math.inf
        self._unprinted: str | None = None
        self._bar: tqdm | None = None
        if stream.isatty():
            self._bar = tqdm(
                total=total_frames,
                initial=initial_frames,
                file=stream,
                dynamic_ncols=True,
                smoothing=0.1,
                unit_scale=True,
                bar_format="{percentage:3.0f} % |{bar}| {n_fmt}/{total_fmt} frames, "
                "{remaining} left{postfix}",
            )

    def update(self, frames: int, share: float, fields: Mapping[str, float]) -> None:
        """Shows how far the run is.

        Args:
          frames: The frame count so far.
          share: How much of the run is done, by frames or by minutes, whichever is further.
          fields: Metrics by name, the known ones of which are shown; one that is missing
              keeps its last value.
        """
        self._frames = frames
        self._fields.update(fields)
        self._share = min(share, 1.0)
        if self._bar is not None:
            self._bar.set_postfix_str(_describe(self._fields, self._num_stages), refresh=False)
            self._bar.update(min(frames, self._total) - self._bar.n)
            return
        self._unprinted = self._plain()
        if self._clock() - self._printed_at >= self._interval:
            self._print_plain()

    def message(self, text: str) -> None:
        """Writes a line of text, above the bar where there is one."""
        if self._bar is not None:
            self._bar.write(text, file=self._stream)
        else:
            print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Shows the last update and ends the line."""
        if self._bar is not None:
            self._bar.refresh()
            self._bar.close()
        elif self._unprinted is not None:
            self._print_plain()

    def _print_plain(self) -> None:
        print(self._unprinted, file=self._stream, flush=True)
        self._unprinted = None
        self._printed_at = self._clock()

    def _plain(self) -> str:
        parts = [
            f"{100.0 * self._share:.0f} %: {_count(self._frames)} of {_count(self._total)} frames",
            f"{self._time_left()} left",
            _describe(self._fields, self._num_stages),
        ]
        return ", ".join(part for part in parts if part)

    def _time_left(self) -> str:
        done = self._share - self._initial_share
        if not done > 0:
            return "?"
        left = (1.0 - self._share) * (self._clock() - self._started) / done
        return tqdm.format_interval(max(left, 0.0))


def _describe(fields: Mapping[str, float], num_stages: int = 1) -> str:
    """Returns the known fields in words, the most wanted first: a narrow terminal cuts them."""
    words = {
        "frames_per_second": lambda x: f"{_count(x)}/s",
        "solved": lambda x: f"solved {100.0 * x:.0f} %",
        "episode_return": lambda x: f"return {x:.2f}",
        "curriculum_stage": lambda x: f"stage {x + 1:.0f} of {num_stages}",
        "entropy": lambda x: f"entropy {x:.2f}",
        "policy_lag": lambda x: f"lag {x:.1f}",
    }
    if num_stages == 1:
        del words["curriculum_stage"]
    known = {name: float(fields[name]) for name in words if name in fields}
    return ", ".join(words[name](x) for name, x in known.items() if math.isfinite(x))


def _count(number: float) -> str:
    """Returns a count in three digits: 950, 12.3k, 1.20M."""
    return tqdm.format_sizeof(number) if number >= 1000 else f"{number:.0f}"
