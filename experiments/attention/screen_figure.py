"""Draws what every head of every block attends to at one step of a mini-game, over the screen."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.patches import Rectangle

from experiments.attention.colors import HEAT_COLOR, SIDE_COLORS
from experiments.attention.screen import SIDES, ScreenEpisode, ScreenStep, View, views
from experiments.attention.sheet import HEADER, Sheet
from experiments.attention.summary import LOOKING, percent

VIEWS = ("own units", "where it acts", "all cells")
FAINTEST = 4
"""The darkest colour stands for at least so many times an even share."""

_HEAT = LinearSegmentedColormap.from_list("attention", ["#ffffff", HEAT_COLOR])
_RGBA = np.array(
    [to_rgba(SIDE_COLORS[side], float(number > 0)) for number, side in enumerate(SIDES)]
)
_PANEL, _GAP, _MARGIN = 2.9, 0.2, 0.3  # inches
_TITLE, _LEGEND = 0.35, 0.95


def darkest(weights: np.ndarray) -> float:
    """Returns the weight that is drawn darkest, so that even attention is drawn faint."""
    return float(max(weights.max(), FAINTEST / weights.size))


def draw_screen_step(episode: ScreenEpisode, index: int) -> np.ndarray:
    """Draws one step of an episode: a row of panels for each head, a column for each view.

    Args:
      episode: see `play_screens`.
      index: in its steps.

    Returns:
      uint8 [height, width, 3].
    """
    step = episode.steps[index]
    heads = list(np.ndindex(step.weights.shape[:2]))
    width = 2 * _MARGIN + len(VIEWS) * _PANEL + (len(VIEWS) - 1) * _GAP
    height = HEADER + len(heads) * (_PANEL + _TITLE) + _LEGEND
    sheet = Sheet(width, height, _title(episode, step), describe_step(step))
    for row, (block, head) in enumerate(heads):
        found = views(episode, step, block, head)
        for column, name in enumerate(VIEWS):
            top = HEADER + row * (_PANEL + _TITLE) + _TITLE
            axes = sheet.axes(_MARGIN + column * (_PANEL + _GAP), top, _PANEL, _PANEL)
            view = found.get(name)
            what = f"up to {percent(view.weights.max())}" if view else "none"
            axes.set_title(f"block {block + 1} head {head + 1} · {name}: {what}", fontsize=9, pad=4)
            _draw_screen(axes, step, view, episode.map_shape)
    _draw_legend(sheet, width, height, step)
    return sheet.pixels()


def describe_step(step: ScreenStep) -> str:
    """Returns what happens at a step in a line."""
    return (
        f"{step.action} ({step.probability:.0%} likely)   ·   "
        f"score so far {step.score:g}, this step {step.reward:+g}"
    )


def _title(episode: ScreenEpisode, step: ScreenStep) -> str:
    return (
        f"{episode.environment} ({episode.game}), episode {episode.level_seed}: "
        f"step {step.number + 1} of {episode.num_steps}"
    )


def _draw_screen(
    axes: Axes, step: ScreenStep, view: View | None, map_shape: tuple[int, int]
) -> None:
    """Draws the weights under the units, the cells they are from, and where the agent acts."""
    axes.set_xticks([])
    axes.set_yticks([])
    (rows, columns), box = map_shape, (0, 1, 1, 0)
    if view is not None:
        heat = view.weights.reshape(map_shape)
        axes.imshow(heat, _HEAT, vmin=0, vmax=darkest(heat), extent=box, interpolation="nearest")
    axes.imshow(_RGBA[step.sides], extent=box, interpolation="nearest")
    axes.hlines(np.arange(1, rows) / rows, 0, 1, color="#cccccc", linewidth=0.5)
    axes.vlines(np.arange(1, columns) / columns, 0, 1, color="#cccccc", linewidth=0.5)
    if view is not None and len(view.sources) < rows * columns:
        for cell in view.sources.tolist():
            row, column = divmod(cell, columns)
            corner = (column / columns, row / rows)
            axes.add_patch(
                Rectangle(corner, 1 / columns, 1 / rows, fill=False, edgecolor="#111111", lw=1.6)
            )
    if step.place is not None:
        axes.plot(*step.place, "x", color="#111111", markersize=9, markeredgewidth=2)


def _draw_legend(sheet: Sheet, width: float, height: float, step: ScreenStep) -> None:
    axes = sheet.axes(_MARGIN, height - _LEGEND, width - 2 * _MARGIN, _LEGEND)
    axes.set_xlim(0, width - 2 * _MARGIN)
    axes.set_ylim(0, _LEGEND)
    axes.set_axis_off()
    even = percent(1 / step.weights.shape[-1])
    text = (
        "Each panel: the mean attention from the outlined cells (from all, in the last column) to "
        f"every cell; an even share is {even}."
    )
    axes.text(0, 0.72, text, fontsize=9, va="center")
    axes.text(0, 0.2, LOOKING, fontsize=9, va="center")
    x = 0.0
    for side in SIDES[1:]:
        axes.add_patch(Rectangle((x, 0.39), 0.14, 0.14, color=SIDE_COLORS[side]))
        axes.text(x + 0.2, 0.46, side, fontsize=9, va="center")
        x += 1.0
    axes.text(x, 0.46, "x  where the agent acts on the screen", fontsize=9, va="center")
