"""Learning curves: the solved share of training episodes, over frames and over minutes.

An episode of an early stage of the curriculum is easier than one of the last, which is the
distribution that the agent is for. So each experiment's line, the mean over its seeds with the
range from the worst to the best of them shaded, is drawn where all its seeds are in their last
stage. Elsewhere each seed has a thin line of its own, dashed before its last stage.
"""

import io
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from experiments.results.store import Experiment, Run
from relational_rl.files import write_atomically

# Okabe and Ito's colours, made for the colour-blind, without the yellow, too light for a line.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
# An experiment beyond the seventh has a colour again, and another line.
_LINES = ("-", "-.", ":")
_CLOCKS = (("frames", "environment frames"), ("minutes", "minutes of training"))
_DASHED = (0, (3, 2))
_POINTS = 400
# A point of a line is the mean over so much of the longest axis.
_SMOOTHED_OVER = 0.02


class Band(NamedTuple):
    """What the seeds of an experiment did where all of them are in their last stage.

    Attributes:
      x: float64 [points], frames or minutes.
      mean: float64 [points], mean over the seeds, in [0, 1].
      low: of the worst seed.
      high: of the best seed.
    """

    x: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def smoothed(run: Run, clock: str, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns where a run was how good: x and the mean of its rows within `width` around it.

    Rows count by their episodes; no mean reaches over a change of the stage.
    """
    known = np.isfinite(run.metrics["solved"])
    x, solved = run.metrics[clock][known], run.metrics["solved"][known]
    stages = run.metrics["curriculum_stage"][known]
    episodes = run.metrics.get("episodes", np.ones(known.size))[known]
    values = np.empty_like(solved)
    for i in range(x.size):
        near = (np.abs(x - x[i]) <= width / 2) & (stages == stages[i])
        values[i] = np.average(solved[near], weights=episodes[near])
    return x, values


def last_stage_begins(run: Run, clock: str) -> float:
    """Returns when a run's last stage began; infinity if it never did."""
    last = run.metrics["curriculum_stage"] >= run.last_stage
    known = last & np.isfinite(run.metrics["solved"])
    return float(run.metrics[clock][known][0]) if known.any() else np.inf


def band(runs: Sequence[Run], clock: str, width: float) -> Band | None:
    """Returns the mean and the range over the seeds; None if they never share the last stage."""
    begin = max(last_stage_begins(run, clock) for run in runs)
    lines = [smoothed(run, clock, width) for run in runs]
    end = min((x[-1] for x, _ in lines if x.size), default=-np.inf)
    if not begin <= end:
        return None
    x = np.linspace(begin, end, _POINTS)
    values = np.stack([np.interp(x, *line) for line in lines])
    return Band(x, values.mean(axis=0), values.min(axis=0), values.max(axis=0))


def by_environment(experiments: Sequence[Experiment]) -> dict[str, list[Experiment]]:
    """Returns the experiments that have curves, those of an environment together."""
    groups: dict[str, list[Experiment]] = {}
    for experiment in experiments:
        if any(np.isfinite(run.metrics["solved"]).any() for run in experiment.runs):
            groups.setdefault(experiment.config.env_id, []).append(experiment)
    return groups


def curve_file(env_id: str) -> str:
    """Returns the name of the figure of an environment."""
    return f"curves_{env_id.rpartition(':')[2].replace('/', '-')}.png"


def draw_curves(experiments: Sequence[Experiment], path: Path) -> None:
    """Draws the experiments of an environment into one figure, a panel for each clock.

    Raises:
      OSError: the file cannot be written.
    """
    figure = Figure(figsize=(11.0, 4.9), dpi=130, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (clock, label) in zip(panels, _CLOCKS, strict=True):
        _draw_panel(axes, experiments, clock)
        axes.set_xlabel(label)
    panels[0].set_ylabel("training episodes solved (%)")
    panels[0].xaxis.set_major_formatter(EngFormatter(sep=""))
    figure.suptitle(experiments[0].config.env_id.rpartition(":")[2])
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=min(len(labels), 3),
        frameon=False,
        title="mean over seeds on the last stage of the curriculum, shaded from the worst to the "
        "best seed;\nthin: one seed, dashed before its last stage (easier levels)",
        title_fontsize=8.5,
        fontsize=9.5,
    )
    picture = io.BytesIO()
    # Without the version of matplotlib in the file, the same numbers make the same file.
    FigureCanvasAgg(figure).print_png(picture, metadata={"Software": None})
    write_atomically(path, picture.getvalue())


def _draw_panel(axes: Axes, experiments: Sequence[Experiment], clock: str) -> None:
    runs = [run for experiment in experiments for run in experiment.runs]
    longest = max(float(run.metrics[clock][-1]) for run in runs)
    width = _SMOOTHED_OVER * longest
    styles = itertools.cycle(itertools.product(_LINES, _COLORS))
    for experiment, (line, color) in zip(experiments, styles, strict=False):
        found = band(experiment.runs, clock, width)
        for run in experiment.runs:
            for (x, values), dashes in _alone(run, clock, width, found):
                axes.plot(x, 100 * values, color=color, lw=1.1, ls=dashes, alpha=0.7)
        label = _label(experiment)
        if found is None:
            axes.plot([], [], color=color, lw=1.1, alpha=0.7, ls=_DASHED, label=label)
            continue
        axes.fill_between(found.x, 100 * found.low, 100 * found.high, color=color, alpha=0.2, lw=0)
        axes.plot(found.x, 100 * found.mean, color=color, ls=line, lw=2.0, label=label)
    axes.set_xlim(0.0, 1.01 * longest)
    axes.set_ylim(-2.0, 102.0)
    axes.grid(color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _alone(
    run: Run, clock: str, width: float, found: Band | None
) -> list[tuple[tuple[np.ndarray, np.ndarray], Any]]:
    """Returns the parts of a seed's line that the band of its experiment leaves out."""
    x, values = smoothed(run, clock, width)
    early = x < last_stage_begins(run, clock)
    begin, end = (found.x[0], found.x[-1]) if found else (np.inf, np.inf)
    parts = ((early, _DASHED), (~early & (x <= begin), "-"), (~early & (x >= end), "-"))
    return [((x[part], values[part]), dashes) for part, dashes in parts]


def _label(experiment: Experiment) -> str:
    """Returns an experiment's line in the legend: its title, its seeds, and where it got stuck."""
    count = len(experiment.runs)
    text = f"{experiment.title} ({count} seed{'s' if count > 1 else ''})"
    lowest = min(experiment.runs, key=lambda run: run.stage - run.last_stage)
    if lowest.stage < lowest.last_stage:
        text += f", stage {lowest.stage + 1} of {lowest.last_stage + 1} reached"
    return text
