"""Metrics of a run in few rows: which are kept, merged how, and written how."""

import csv
import io
from collections.abc import Mapping

import numpy as np

MAX_ROWS = 300
# What is counted as the run goes on, and so is that of the last row of those thinned to one.
_RUNNING = ("frames", "minutes", "updates", "curriculum_stage")
# What is a mean over episodes.
_OF_EPISODES = ("episode_return", "episode_length", "solved")


def until(metrics: Mapping[str, np.ndarray], frames: int) -> dict[str, np.ndarray]:
    """Returns the rows up to a number of frames."""
    kept = metrics["frames"] <= frames
    return {name: values[kept] for name, values in metrics.items()}


def thin(metrics: Mapping[str, np.ndarray], max_rows: int = MAX_ROWS) -> dict[str, np.ndarray]:
    """Returns metrics in at most so many rows, each of them as many successive ones in one.

    Episodes are added up, what is a mean over episodes is weighted by them, other numbers are
    averaged, and frames and minutes are those of the last row. Rows of different stages of the
    curriculum are never mixed, so there are at least as many rows as stages.
    """
    rows = metrics["frames"].size
    stages = metrics.get("curriculum_stage", np.zeros(rows))
    changes = np.flatnonzero(np.diff(stages)) + 1
    segments = list(zip([0, *changes], [*changes, rows], strict=True))
    size = 1
    while sum(-(-(end - first) // size) for first, end in segments) > max_rows and size < rows:
        size += 1
    groups = [
        slice(start, min(start + size, end))
        for first, end in segments
        for start in range(first, end, size)
    ]
    return {name: np.array([_merged(metrics, name, group) for group in groups]) for name in metrics}


def _merged(metrics: Mapping[str, np.ndarray], name: str, group: slice) -> float:
    """Returns the number that stands for a group of rows in column `name`."""
    values = metrics[name][group]
    if name in _RUNNING:
        return values[-1]
    known = np.isfinite(values)
    if not known.any():
        return float("nan")
    if name == "episodes":
        return values[known].sum()
    weights = np.ones(values.size)
    if name in _OF_EPISODES and "episodes" in metrics:
        weights = metrics["episodes"][group]
    return float(np.average(values[known], weights=weights[known]))


def to_csv(metrics: Mapping[str, np.ndarray]) -> str:
    """Returns metrics as a table like that of a run; whole numbers exactly, others to 6 digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(metrics)
    for row in zip(*metrics.values(), strict=True):
        writer.writerow(
            "" if np.isnan(x) else str(int(x)) if float(x).is_integer() else f"{x:.6g}" for x in row
        )
    return text.getvalue()
