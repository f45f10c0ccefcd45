"""Learning curves: how good training episodes were, over frames and over minutes.

Shown is the share that was solved or, of an environment that does not say which were, the mean
return; of a mini-game beside the mean scores of who did not learn, on the same game.

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

from experiments.games import game_of, mini_game_of, name_of, title_of
from experiments.published import RANDOM, SCRIPTED
from experiments.results.kept import KeptExperiment, Run, mean_scores
from relational_rl.config import Experiment
from relational_rl.files import write_atomically

# Okabe and Ito's colours, made for the colour-blind, without the yellow, too light for a line.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
# An experiment beyond the seventh has a colour again, and another line.
_LINES = ("-", "-.", ":")
_CLOCKS = (("frames", "environment frames"), ("minutes", "minutes of training"))
_DASHED = (0, (3, 2))
_YARDSTICK = "#555555"
_WITH_STAGES = (
    "mean over seeds on the last stage of the curriculum, shaded from the worst to the best seed;\n"
    "thin: one seed, dashed before its last stage (easier levels)"
)
_WITHOUT_STAGES = "mean over seeds, shaded from the worst to the best seed; thin: one seed"
_POINTS = 400
# A point of a line is the mean over so much of the longest axis.
_SMOOTHED_OVER = 0.02


class Measure(NamedTuple):
    """What curves show.

    Attributes:
      column: of the metrics.
      title: what it is.
      label: of the axis.
      scale: units of the axis in one of the column's.
      limits: of the axis; None fits it to the data, with zero or less at its lower end.
    """

    column: str
    title: str
    label: str
    scale: float
    limits: tuple[float, float] | None

    def known(self, run: Run) -> np.ndarray:
        """Returns in which rows of a run it is known, bool [rows]."""
        return np.isfinite(run.metrics[self.column])


SOLVED = Measure(
    "solved",
    "Solved share of training episodes",
    "training episodes solved (%)",
    100.0,
    (-2.0, 102.0),
)
RETURN = Measure(
    "episode_return",
    "Mean return of training episodes",
    "mean return of training episodes",
    1.0,
    None,
)


class Band(NamedTuple):
    """What the seeds of an experiment did where all of them are in their last stage.

    Attributes:
      x: float64 [points], frames or minutes.
      mean: float64 [points], mean over the seeds.
      low: of the worst seed.
      high: of the best seed.
    """

    x: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def measure_of(experiments: Sequence[KeptExperiment]) -> Measure:
    """Returns what the curves of experiments in the same environment show."""
    runs = [run for experiment in experiments for run in experiment.runs]
    return SOLVED if any(SOLVED.known(run).any() for run in runs) else RETURN


def smoothed(run: Run, measure: Measure, clock: str, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns where a run was how good: x and the mean of its rows within `width` around it.

    Rows count by their episodes; no mean reaches over a change of the stage.
    """
    known = measure.known(run)
    x, measured = run.metrics[clock][known], run.metrics[measure.column][known]
    stages = run.metrics["curriculum_stage"][known]
    episodes = run.metrics.get("episodes", np.ones(known.size))[known]
    values = np.empty_like(measured)
    for i in range(x.size):
        near = (np.abs(x - x[i]) <= width / 2) & (stages == stages[i])
        values[i] = np.average(measured[near], weights=episodes[near])
    return x, values


def last_stage_begins(run: Run, measure: Measure, clock: str) -> float:
    """Returns when a run's last stage began; infinity if it never did."""
    last = measure.known(run) & (run.metrics["curriculum_stage"] >= run.last_stage)
    return float(run.metrics[clock][last][0]) if last.any() else np.inf


def band(runs: Sequence[Run], measure: Measure, clock: str, width: float) -> Band | None:
    """Returns the mean and the range over the seeds; None if they never share the last stage."""
    begin = max(last_stage_begins(run, measure, clock) for run in runs)
    lines = [smoothed(run, measure, clock, width) for run in runs]
    end = min((x[-1] for x, _ in lines if x.size), default=-np.inf)
    if not begin <= end:
        return None
    x = np.linspace(begin, end, _POINTS)
    values = np.stack([np.interp(x, *line) for line in lines])
    return Band(x, values.mean(axis=0), values.min(axis=0), values.max(axis=0))


def by_figure(experiments: Sequence[KeptExperiment]) -> dict[str, list[KeptExperiment]]:
    """Returns the experiments that have curves, by the name of the file that shows them.

    Those of an environment are together; what a mini-game is played on makes it another one.
    """
    groups: dict[str, list[KeptExperiment]] = {}
    for experiment in experiments:
        measure = measure_of([experiment])
        if any(measure.known(run).any() for run in experiment.runs):
            groups.setdefault(_file_name(experiment.config), []).append(experiment)
    return groups


def _file_name(config: Experiment) -> str:
    env = config.final_env
    played_on = f"_{game_of(env)}" if mini_game_of(env) else ""
    return f"curves_{name_of(env).replace('/', '-')}{played_on}.png"


def draw_curves(experiments: Sequence[KeptExperiment], path: Path) -> None:
    """Draws the experiments of a figure into a file.

    Raises:
      OSError: the file cannot be written.
    """
    picture = io.BytesIO()
    # Without the version of matplotlib in the file, the same numbers make the same file.
    metadata = {"Software": None}
    FigureCanvasAgg(figure_of(experiments)).print_png(picture, metadata=metadata)
    write_atomically(path, picture.getvalue())


def figure_of(experiments: Sequence[KeptExperiment]) -> Figure:
    """Returns the curves of experiments in the same environment, a panel for each clock."""
    measure = measure_of(experiments)
    figure = Figure(figsize=(11.0, 4.9), dpi=130, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (clock, label) in zip(panels, _CLOCKS, strict=True):
        _draw_panel(axes, experiments, measure, clock)
        axes.set_xlabel(label)
    _draw_yardsticks(panels, experiments)
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(measure.limits or (min(low, 0.0), high))
    panels[0].set_ylabel(measure.label)
    panels[0].xaxis.set_major_formatter(EngFormatter(sep=""))
    figure.suptitle(title_of(experiments[0].config.final_env))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=min(len(labels), 3),
        frameon=False,
        title=_WITH_STAGES if any(e.config.curriculum for e in experiments) else _WITHOUT_STAGES,
        title_fontsize=8.5,
        fontsize=9.5,
    )
    return figure


def _draw_panel(
    axes: Axes, experiments: Sequence[KeptExperiment], measure: Measure, clock: str
) -> None:
    runs = [run for experiment in experiments for run in experiment.runs]
    longest = max(float(run.metrics[clock][-1]) for run in runs)
    width, scale = _SMOOTHED_OVER * longest, measure.scale
    styles = itertools.cycle(itertools.product(_LINES, _COLORS))
    for experiment, (line, color) in zip(experiments, styles, strict=False):
        found = band(experiment.runs, measure, clock, width)
        for run in experiment.runs:
            for (x, values), dashes in _alone(run, measure, clock, width, found):
                axes.plot(x, scale * values, color=color, lw=1.1, ls=dashes, alpha=0.7)
        label = _label(experiment)
        if found is None:
            axes.plot([], [], color=color, lw=1.1, alpha=0.7, ls=_DASHED, label=label)
            continue
        low, mean, high = scale * found.low, scale * found.mean, scale * found.high
        axes.fill_between(found.x, low, high, color=color, alpha=0.2, lw=0)
        axes.plot(found.x, mean, color=color, ls=line, lw=2.0, label=label)
    axes.set_xlim(0.0, 1.01 * longest)
    axes.grid(color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _draw_yardsticks(panels: Sequence[Axes], experiments: Sequence[KeptExperiment]) -> None:
    """Draws the mean scores of who did not learn, named at the right; none but of a mini-game."""
    means = mean_scores([run for experiment in experiments for run in experiment.runs])
    shown = sorted((means[player], player) for player in (RANDOM, SCRIPTED) if player in means)
    # However close the two are, their names are not: one is below its line, one above.
    for (mean, player), side in zip(shown, ("top", "bottom")[-len(shown) :], strict=False):
        for axes in panels:
            axes.axhline(mean, color=_YARDSTICK, lw=0.9, ls=(0, (6, 2)), zorder=1.5)
        panels[-1].annotate(
            f"{player}\n{mean:.1f}",
            (1.0, mean),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va=side,
            fontsize=8.0,
            color=_YARDSTICK,
        )


def _alone(
    run: Run, measure: Measure, clock: str, width: float, found: Band | None
) -> list[tuple[tuple[np.ndarray, np.ndarray], Any]]:
    """Returns the parts of a seed's line that the band of its experiment leaves out."""
    x, values = smoothed(run, measure, clock, width)
    early = x < last_stage_begins(run, measure, clock)
    begin, end = (found.x[0], found.x[-1]) if found else (np.inf, np.inf)
    parts = ((early, _DASHED), (~early & (x <= begin), "-"), (~early & (x >= end), "-"))
    return [((x[part], values[part]), dashes) for part, dashes in parts]


def _label(experiment: KeptExperiment) -> str:
    """Returns an experiment's line in the legend: its title, its seeds, and where it got stuck."""
    count = len(experiment.runs)
    text = f"{experiment.title} ({count} seed{'s' if count > 1 else ''})"
    lowest = min(experiment.runs, key=lambda run: run.stage - run.last_stage)
    if lowest.stage < lowest.last_stage:
        text += f", stage {lowest.stage + 1} of {lowest.last_stage + 1} reached"
    return text
