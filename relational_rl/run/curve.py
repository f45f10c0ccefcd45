"""The learning curve of a run, as a picture."""

import io
import itertools
import math
import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from relational_rl.files import write_atomically
from relational_rl.run.table import read_metrics


def draw_learning_curve(
    metrics_csv: str | os.PathLike[str], png_path: str | os.PathLike[str]
) -> None:
    """Draws the share of solved episodes and the return over the run.

    Frames are on the lower axis, minutes on the upper one; thin vertical lines are the
    changes of the curriculum's stage.

    Args:
      metrics_csv: The table, as `run.table.Table` writes it.
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
            f"stage {stage + 1}",
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
