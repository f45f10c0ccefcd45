"""Hooks that write the files of a run directory: table, TensorBoard, curve, checkpoints."""

import math
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from relational_rl._quiet import tf
from relational_rl.run.curve import draw_learning_curve
from relational_rl.run.directory import CURVE, METRICS, TENSORBOARD
from relational_rl.run.hooks.hook import Hook
from relational_rl.run.table import Table, read_metrics

if TYPE_CHECKING:
    from relational_rl.data.source import Batch
    from relational_rl.run.trainer import Trainer


class CsvTable(Hook):
    """Writes every row of metrics to metrics.csv."""

    _table: Table | None = None

    def on_run_start(self, run: "Trainer") -> None:
        """Opens the table; one of a resumed run loses what came after the checkpoint."""
        self._table = Table(run.run_dir / METRICS, run.frames if run.resumed else None)

    def on_metrics(self, run: "Trainer", row: Mapping[str, float]) -> None:
        """Appends a row."""
        del run
        assert self._table is not None
        self._table.write(row)

    def close(self) -> None:
        """Closes the table."""
        if self._table is not None:
            self._table.close()


class TensorBoard(Hook):
    """Writes every row of metrics as TensorBoard events.

    TensorBoard cannot take events back, so a resumed run writes those of the table anew: both
    then hold the same rows. It must come after `CsvTable`.
    """

    _writer: tf.summary.SummaryWriter | None = None

    def on_run_start(self, run: "Trainer") -> None:
        """Opens the file of events."""
        directory = run.run_dir / TENSORBOARD
        rows: dict[str, np.ndarray] = {}
        if directory.exists():
            if run.resumed:
                rows = read_metrics(run.run_dir / METRICS)
            shutil.rmtree(directory)
        self._writer = tf.summary.create_file_writer(str(directory))
        for i in range(len(rows.get("frames", ()))):
            self._write({name: float(values[i]) for name, values in rows.items()})

    def on_metrics(self, run: "Trainer", row: Mapping[str, float]) -> None:
        """Writes a row."""
        del run
        self._write(row)
        assert self._writer is not None
        self._writer.flush()

    def close(self) -> None:
        """Closes the file."""
        if self._writer is not None:
            self._writer.close()

    def _write(self, row: Mapping[str, float]) -> None:
        assert self._writer is not None
        with self._writer.as_default(step=int(row["frames"])):
            for name, value in row.items():
                if name != "frames" and math.isfinite(value):
                    tf.summary.scalar(name, value)


class Curve(Hook):
    """Draws the learning curve whenever a checkpoint is written."""

    def on_checkpoint(self, run: "Trainer", path: Path) -> None:
        """Draws it."""
        del path
        if (run.run_dir / METRICS).exists():
            draw_learning_curve(run.run_dir / METRICS, run.run_dir / CURVE)


class Checkpoints(Hook):
    """Saves the run every `run.checkpoint_seconds` and at its end."""

    def on_run_start(self, run: "Trainer") -> None:
        """Starts the clock."""
        del run
        self._saved = time.monotonic()

    def on_update(self, run: "Trainer", batch: "Batch", metrics: Mapping[str, float]) -> None:
        """Saves if it is time."""
        del batch, metrics
        if time.monotonic() - self._saved >= run.config.checkpoint_seconds:
            run.save()
            self._saved = time.monotonic()

    def on_run_end(self, run: "Trainer", reason: str) -> None:
        """Saves."""
        del reason
        run.save()
