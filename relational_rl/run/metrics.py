"""The record of a training run: a table, TensorBoard events, a picture and a live line.

A row of metrics is a mapping of names to numbers. `frames`, the environment frames so far,
is the clock of the run and must be there; NaN means unknown. Names that the picture and the
live line know, all optional: `minutes`, `frames_per_second`, `episode_return`, `solved` (a
share in [0, 1]), `entropy`, `policy_lag` (updates between acting and learning) and
`curriculum_stage`.
"""

import csv
import io
import itertools
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator
from tqdm import tqdm

from relational_rl._quiet import tf
from relational_rl.run.files import write_atomically

METRICS_FILE = "metrics.csv"


class MetricsWriter:
    """Writes rows of metrics to `metrics.csv` and to TensorBoard.

    The columns of the table are the names of the first row; a cell is empty where a row has
    no such number. A name that first appears later widens the table by a column at its end.

    Args:
      run_dir: The directory of the run; made when missing.
      resume_step: The frame count that the run goes on from: later rows of an earlier
          record are dropped, so that no curve goes back in time. None starts a new record.
    """

    def __init__(self, run_dir: str | os.PathLike[str], resume_step: int | None = None) -> None:
        run_dir = Path(run_dir)
        run_dir.mkdir(parents=True, exist_ok=True)
        self._path = run_dir / METRICS_FILE
        self._columns: list[str] = []
        rows: list[list[str]] = []
        if resume_step is not None:
            self._columns, rows = _read_table(self._path)
            rows = [row for row in rows if self._frames(row) <= resume_step]
        self._file = self._rewrite(rows)
        self._tensorboard = tf.summary.create_file_writer(str(run_dir / "tensorboard"))

    def write(self, step_metrics: Mapping[str, float]) -> None:
        """Appends a row.

        Args:
          step_metrics: Numbers by name; `frames` must be there.

        Raises:
          ValueError: If `frames` is missing or unknown.
          OSError: If the disk refuses; names the file.
        """
        frames = step_metrics.get("frames", math.nan)
        if not math.isfinite(frames):
            raise ValueError(f"metrics must hold a finite number of frames, got {frames}")
        new = [name for name in step_metrics if name not in self._columns]
        if new:
            _, rows = _read_table(self._path)
            self._columns += new
            self._file.close()
            self._file = self._rewrite([row + [""] * len(new) for row in rows])
        cells = [_cell(step_metrics.get(name, math.nan)) for name in self._columns]
        try:
            self._file.write(_lines([cells]))
            self._file.flush()
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from error
        with self._tensorboard.as_default(step=int(frames)):
            for name, value in step_metrics.items():
                if name != "frames" and math.isfinite(value):
                    tf.summary.scalar(name, value)
        self._tensorboard.flush()

    def close(self) -> None:
        """Closes the files; the writer cannot be used afterwards."""
        self._file.close()
        self._tensorboard.close()

    def _frames(self, row: Sequence[str]) -> float:
        return _number(row[self._columns.index("frames")])

    def _rewrite(self, rows: Iterable[Sequence[str]]) -> TextIO:
        """Replaces the table by these rows, and returns the file open at its end."""
        header = [self._columns] if self._columns else []
        write_atomically(self._path, _lines([*header, *rows]))
        return self._path.open("a", encoding="utf-8", newline="")


def read_metrics(metrics_csv: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Reads a table that MetricsWriter wrote, also while a run is writing to it.

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


def draw_learning_curve(
    metrics_csv: str | os.PathLike[str], png_path: str | os.PathLike[str]
) -> None:
    """Draws the share of solved episodes and the return over the run.

    Frames are on the lower axis, minutes on the upper one; thin vertical lines are the
    changes of the curriculum's stage.

    Args:
      metrics_csv: The table, as MetricsWriter writes it.
      png_path: Where the picture goes; it is replaced in one step.

    Raises:
      FileNotFoundError: If there is no such table.
    """
    metrics = read_metrics(metrics_csv)
    frames = metrics.get("frames", np.zeros(0))
    unknown = np.full(frames.shape, np.nan)
    stages = metrics.get("curriculum_stage", unknown)
    panels = [
        ("episodes solved (%)", 100.0 * metrics.get("solved", unknown), "#0072b2"),
        ("return of an episode", metrics.get("episode_return", unknown), "#d55e00"),
    ]
    # A game without a notion of success has no use for an empty panel.
    panels = [panel for panel in panels if np.isfinite(panel[1]).any()] or panels[1:]
    figure = Figure(figsize=(8.0, 1.2 + 2.6 * len(panels)), dpi=120, layout="constrained")
    all_axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    for axes, (label, values, color) in zip(all_axes, panels, strict=True):
        _draw_panel(axes, label, frames, values, stages, color)
        if label.endswith("(%)"):
            axes.set_ylim(-3.0, 103.0)
    _label_stages(all_axes[0], frames, stages)
    all_axes[-1].set_xlabel("environment frames")
    all_axes[-1].xaxis.set_major_formatter(EngFormatter(sep=""))
    all_axes[0].set_xlim(0.0, 1.01 * frames[-1] if frames.size else 1e6)
    _draw_minutes(all_axes[0], frames, metrics.get("minutes", unknown))
    picture = io.BytesIO()
    FigureCanvasAgg(figure).print_png(picture)
    write_atomically(Path(png_path), picture.getvalue())


class ProgressLine:
    """One line that tells how a run is going.

    On a terminal it is a live bar; elsewhere (a file, a pipe) a plain line now and then.

    Args:
      total_frames: The frame count at which the run ends.
      initial_frames: The frame count it starts from; above 0 when resumed.
      stream: Where to write, `sys.stderr` for example.
      interval: The least number of seconds between two plain lines.
      clock: Tells the time in seconds.
    """

    def __init__(
        self,
        total_frames: int,
        initial_frames: int,
        stream: TextIO,
        interval: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total_frames
        self._initial = self._frames = initial_frames
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

    def update(self, frames: int, fields: Mapping[str, float]) -> None:
        """Shows how far the run is.

        Args:
          frames: The frame count so far.
          fields: Metrics by name, the known ones of which are shown; one that is missing
              keeps its last value.
        """
        step, self._frames = frames - self._frames, frames
        self._fields.update(fields)
        if self._bar is not None:
            self._bar.set_postfix_str(_describe(self._fields), refresh=False)
            self._bar.update(step)
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
        share = 100.0 * self._frames / max(self._total, 1)
        parts = [
            f"{share:.0f} %: {_count(self._frames)} of {_count(self._total)} frames",
            f"{self._time_left()} left",
            _describe(self._fields),
        ]
        return ", ".join(part for part in parts if part)

    def _time_left(self) -> str:
        done = self._frames - self._initial
        if done <= 0:
            return "?"
        left = (self._total - self._frames) * (self._clock() - self._started) / done
        return tqdm.format_interval(max(left, 0.0))


def _describe(fields: Mapping[str, float]) -> str:
    """Returns the known fields in words, the most wanted first: a narrow terminal cuts them."""
    words = {
        "frames_per_second": lambda x: f"{_count(x)}/s",
        "solved": lambda x: f"solved {100.0 * x:.0f} %",
        "episode_return": lambda x: f"return {x:.2f}",
        "curriculum_stage": lambda x: f"stage {x:.0f}",
        "entropy": lambda x: f"entropy {x:.2f}",
        "policy_lag": lambda x: f"lag {x:.1f}",
    }
    known = {name: float(fields[name]) for name in words if name in fields}
    return ", ".join(words[name](x) for name, x in known.items() if math.isfinite(x))


def _count(number: float) -> str:
    """Returns a count in three digits: 950, 12.3k, 1.20M."""
    return tqdm.format_sizeof(number) if number >= 1000 else f"{number:.0f}"


def _draw_panel(
    axes: Axes,
    label: str,
    frames: np.ndarray,
    values: np.ndarray,
    stages: np.ndarray,
    color: str,
) -> None:
    axes.set_ylabel(label)
    axes.grid(color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    changes = [frame for frame, _ in _stage_changes(frames, stages)]
    for frame in changes:
        axes.axvline(frame, color="#777777", linewidth=0.8, linestyle=(0, (4, 3)))
    known = np.isfinite(values)
    frames, values = frames[known], values[known]
    if not values.size:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no episode has ended yet", ha="center", transform=axes.transAxes)
        return
    window = values.size // 80
    axes.plot(frames, values, color=color, alpha=0.35, linewidth=1.0)
    # Never smoothed across a change of stage: the drop there is the news.
    bounds = [0, *np.searchsorted(frames, changes).tolist(), frames.size]
    for first, end in itertools.pairwise(bounds):
        axes.plot(
            frames[first:end],
            _moving_mean(values[first:end], window),
            color=color,
            linewidth=2.0,
            marker="o" if values.size < 20 else None,
            markersize=4.0,
        )


def _moving_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Returns the mean of each value and up to `window` of its neighbours on either side."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(values.size)
    first, end = np.maximum(index - window, 0), np.minimum(index + window + 1, values.size)
    return (sums[end] - sums[first]) / (end - first)


def _stage_changes(frames: np.ndarray, stages: np.ndarray) -> list[tuple[float, int]]:
    """Returns where each new stage begins, and its number."""
    known = np.isfinite(stages)
    frames, stages = frames[known], stages[known].astype(np.int64)
    changes = np.flatnonzero(np.diff(stages)) + 1
    return [(float(frames[i]), int(stages[i])) for i in changes]


def _label_stages(axes: Axes, frames: np.ndarray, stages: np.ndarray) -> None:
    """Numbers the stages along the lower end of their lines, as many as have room."""
    labelled_until = -math.inf
    for frame, stage in _stage_changes(frames, stages):
        if frame < labelled_until:
            continue
        axes.annotate(
            f"stage {stage}",
            (frame, 0.0),
            xycoords=("data", "axes fraction"),
            xytext=(3, 4),
            textcoords="offset points",
            rotation=90,
            fontsize=7,
            color="#555555",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
        )
        labelled_until = frame + 0.03 * float(frames[-1])


def _draw_minutes(axes: Axes, frames: np.ndarray, minutes: np.ndarray) -> None:
    """Adds an upper axis of minutes; it is uneven where the speed changed."""
    known = np.isfinite(minutes)
    if known.sum() < 2:
        return
    minutes = np.concatenate([[0.0], np.maximum.accumulate(minutes[known])])
    positions = np.concatenate([[0.0], frames[known]])
    upper = axes.twiny()
    upper.set_xlim(axes.get_xlim())
    ticks = MaxNLocator(nbins=8, steps=[1, 2, 2.5, 5, 10]).tick_values(0.0, minutes[-1])
    ticks = ticks[ticks <= minutes[-1]]
    shown: list[tuple[float, str]] = []
    for position, tick in zip(np.interp(ticks, minutes, positions), ticks, strict=True):
        if not shown or position - shown[-1][0] > 0.04 * positions[-1]:
            shown.append((float(position), f"{tick:g}"))
    upper.set_xticks([position for position, _ in shown], [text for _, text in shown])
    upper.set_xlabel("minutes of training")
    for side in ("left", "right", "bottom"):
        upper.spines[side].set_visible(False)


def _read_table(path: Path) -> tuple[list[str], list[list[str]]]:
    """Returns the column names and the complete rows; both are empty without a file."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    # What follows the last line end is a line that a kill cut off.
    lines = text[: text.rfind("\n") + 1].splitlines()
    table = list(csv.reader(lines))
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
