"""Rows of metrics: what happened in every few seconds."""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from relational_rl.acting.unroll import Episode
from relational_rl.run.hooks.hook import Hook

if TYPE_CHECKING:
    from relational_rl.data.source import Batch
    from relational_rl.run.trainer import Trainer


class Rows(Hook):
    """Makes a row of metrics every `run.metrics_seconds`, at every change of stage and at the end.

    `frames` are the transitions learned from so far, `minutes` the time, `updates` the learner's.
    `episodes` counts, and `episode_return`, `episode_length` and `solved` are means over, the
    episodes counted since the row before. `policy_lag` is the number of updates between acting and
    learning, `learner_waiting` the share of time in which the learner waited for a batch; what the
    source tells of its actors follows, means of what the learner returned, and what hooks logged.
    """

    def on_run_start(self, run: "Trainer") -> None:
        """Begins the first row."""
        self._begin(run)

    def on_update(self, run: "Trainer", batch: "Batch", metrics: Mapping[str, float]) -> None:
        """Counts the update; ends the row when its time has come."""
        self._frames += batch.num_frames
        self._stage = batch.stage
        self._episodes += batch.episodes
        if batch.version is not None:
            self._lags.append(run.learner.num_updates - 1 - batch.version)
        self._learner.append(metrics)
        due = time.monotonic() - self._started >= run.config.metrics_seconds
        if run.progress < 1 and (due or batch.stage_began):  # the last row waits for the run's end
            self._end(run)

    def on_run_end(self, run: "Trainer", reason: str) -> None:
        """Ends the last row."""
        del reason
        self._end(run)

    def _begin(self, run: "Trainer") -> None:
        self._started = time.monotonic()
        self._waited_before = run.waited
        self._frames = 0
        self._stage = 0
        self._lags: list[float] = []
        self._episodes: list[Episode] = []
        self._learner: list[Mapping[str, float]] = []

    def _end(self, run: "Trainer") -> None:
        if self._learner:
            run.emit_metrics(self._row(run))
            self._begin(run)

    def _row(self, run: "Trainer") -> dict[str, float]:
        seconds = max(time.monotonic() - self._started, 1e-9)
        episodes: Sequence[Episode] = self._episodes
        names = dict.fromkeys(name for row in self._learner for name in row)
        return {
            "frames": run.frames,
            "minutes": run.minutes,
            "updates": run.learner.num_updates,
            "frames_per_second": self._frames / seconds,
            "episodes": len(episodes),
            "episode_return": mean(episode.episode_return for episode in episodes),
            "episode_length": mean(episode.length for episode in episodes),
            "solved": mean(episode.is_success for episode in episodes),
            "curriculum_stage": self._stage,
            "policy_lag": mean(self._lags),
            "learner_waiting": (run.waited - self._waited_before) / seconds,
            **getattr(run.source, "metrics", dict)(),
            **{name: mean(row.get(name, math.nan) for row in self._learner) for name in names},
        }


def mean(values: Iterable[float]) -> float:
    """Returns the mean of the known values, NaN if there are none."""
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
