"""The table of metrics: metrics.csv, one row every few seconds.

A row is a mapping of names to numbers. `frames`, the transitions learned from so far, is the clock
of the run and must be there; NaN means unknown.
"""

import csv
import io
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np

from relational_rl.files import write_atomically


class Table:
    """Writes rows of metrics to a file that a spreadsheet opens.

    The columns are the names of the first row; a cell is empty where a row has no such number. A
    name that first appears later widens the table by a column at its end.
    """

    def __init__(self, path: Path, resume_step: int | None = None) -> None:
        """Opens the table.

        Args:
          path: of the file; its directory is made when missing.
          resume_step: the frame count that the run goes on from: later rows of an earlier record
            are dropped, so that no curve goes back in time. None starts a new table.

        A file that is no such table is kept beside the new one as NAME.damaged.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._columns: list[str] = []
        rows: list[list[str]] = []
        if resume_step is not None:
            self._columns, rows = _read_table(self._path)
            if not self._columns and path.exists() and path.stat().st_size:
                path.rename(path.with_name(f"{path.name}.damaged"))
            rows = [row for row in rows if self._frames(row) <= resume_step]
        self._file = self._rewrite(rows)

    def write(self, row: Mapping[str, float]) -> None:
        """Appends a row.

        Args:
          row: numbers by name; `frames` must be there.

        Raises:
          ValueError: `frames` is missing or unknown.
          OSError: the disk refuses; names the file.
        """
        frames = row.get("frames", math.nan)
        if not math.isfinite(frames):
            raise ValueError(f"metrics must hold a finite number of frames, got {frames}")
        new = [name for name in row if name not in self._columns]
        if new:
            _, rows = _read_table(self._path)
            self._columns += new
            self._file.close()
            self._file = self._rewrite([row + [""] * len(new) for row in rows])
        cells = [_cell(row.get(name, math.nan)) for name in self._columns]
        try:
            self._file.write(_lines([cells]))
            self._file.flush()
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from error

    def close(self) -> None:
        """Closes the file; the table cannot be written afterwards."""
        self._file.close()

    def _frames(self, row: Sequence[str]) -> float:
        return _number(row[self._columns.index("frames")])

    def _rewrite(self, rows: Iterable[Sequence[str]]) -> TextIO:
        """Replaces the table by these rows, and returns the file open at its end."""
        header = [self._columns] if self._columns else []
        write_atomically(self._path, _lines([*header, *rows]))
        return self._path.open("a", encoding="utf-8", newline="")


def read_metrics(metrics_csv: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Reads a table that `Table` wrote, also while a run is writing to it.

    Args:
      metrics_csv: The path of the table.

    Returns:
      float64 `[rows]` by column name; NaN for an empty cell.

    Raises:
      FileNotFoundError: If there is no such file.
    """
    if not Path(metrics_csv).exists():
        raise FileNotFoundError(f"no metrics file {os.fspath(metrics_csv)}")
    columns, rows = _read_table(Path(metrics_csv))
    return {
        name: np.array([_number(row[index]) for row in rows], dtype=np.float64)
        for index, name in enumerate(columns)
    }


def _read_table(path: Path) -> tuple[list[str], list[list[str]]]:
    """Returns the column names and the complete rows; both are empty without a file."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    # What follows the last line end is a line that a kill cut off.
    lines = text[: text.rfind("\n") + 1].splitlines()
    try:
        table = list(csv.reader(lines))
    except csv.Error:  # NUL bytes, for example
        return [], []
    if not table or "frames" not in table[0]:
        return [], []
    return table[0], [row for row in table[1:] if len(row) == len(table[0])]


def _lines(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _cell(value: float) -> str:
    """Returns a number as text: whole ones exactly, others to 8 digits, unknown ones empty."""
    value = float(value)
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() else f"{value:.8g}"


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan
