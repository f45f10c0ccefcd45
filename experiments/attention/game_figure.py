"""Draws what every head attends to at one step of any game, beside the game's own picture."""

import math
import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from experiments.attention.colors import HEAT_COLOR
from experiments.attention.game import GameEpisode, GameStep
from experiments.attention.screen_figure import darkest
from experiments.attention.sheet import HEADER, Sheet
from experiments.attention.summary import LOOKING, percent

_HEAT = LinearSegmentedColormap.from_list("attention", ["#ffffff", HEAT_COLOR])
_OVER = LinearSegmentedColormap.from_list("over", [f"{HEAT_COLOR}00", HEAT_COLOR])
_PANEL, _GAP, _MARGIN, _NAMES = 2.9, 0.25, 0.3, 0.9  # inches
_TITLE, _LEGEND = 0.35, 0.9
_LETTERS = 14  # of the small print to an inch
_WRITTEN = 24  # weights of so many entities are written into their cells
_NAMED = 16  # names of more entities would not be readable


def draw_game_step(episode: GameEpisode, index: int) -> np.ndarray:
    """Draws one step of an episode: the game, and a panel for each head.

    Over the image where the entities are its cells: how much attention each gets on average. Else
    as a matrix: from the entity of the row to that of the column.

    Returns:
      uint8 [height, width, 3].
    """
    step = episode.steps[index]
    blocks, heads = step.weights.shape[:2]
    side = _MARGIN if episode.map_shape else _MARGIN + _NAMES
    columns = heads + (step.frame is not None)
    width = 2 * _MARGIN + columns * (_PANEL + side)
    row_height = _PANEL + _TITLE + (0.0 if episode.map_shape else _NAMES)
    sheet = Sheet(
        width, HEADER + blocks * row_height + _LEGEND, _title(episode, step), describe_step(step)
    )
    first = 0
    if step.frame is not None:
        axes = sheet.axes(_MARGIN, HEADER + _TITLE, _PANEL, _PANEL)
        axes.imshow(step.frame)
        axes.set_axis_off()
        axes.set_title("the game", fontsize=9, pad=4)
        first = 1
    for block, head in np.ndindex(blocks, heads):
        left = _MARGIN + (first + head) * (_PANEL + side) + side - _MARGIN
        axes = sheet.axes(left, HEADER + block * row_height + _TITLE, _PANEL, _PANEL)
        axes.set_title(f"block {block + 1} head {head + 1}", fontsize=9, pad=4)
        weights = step.weights[block, head]
        if episode.map_shape:
            _draw_map(axes, step, weights, episode.map_shape)
        else:
            _draw_matrix(axes, step, weights)
    _draw_legend(sheet, width, episode, step)
    return sheet.pixels()


def _title(episode: GameEpisode, step: GameStep) -> str:
    return (
        f"{episode.environment}, episode {episode.level_seed}: "
        f"step {step.number + 1} of {episode.num_steps}"
    )


def describe_step(step: GameStep) -> str:
    """Returns what happens at a step in a line."""
    likely = "" if math.isnan(step.probability) else f" ({step.probability:.0%} likely)"
    so_far = f"score so far {step.score:g}, this step {step.reward:+g}"
    return f"action {step.action}{likely}   ·   {so_far}"


def _draw_map(axes: Axes, step: GameStep, weights: np.ndarray, map_shape: tuple[int, int]) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    received, box = weights.mean(axis=0), (0, 1, 1, 0)
    if step.view is not None:
        light = (0.35 * step.view + 0.65 * 255).astype(np.uint8)
        axes.imshow(light, extent=box, interpolation="nearest")
    axes.set_xlim(0, 1)
    axes.set_ylim(1, 0)
    if len(received) > _WRITTEN:
        heat = np.zeros(map_shape)
        heat.flat[step.cells] = received
        most = darkest(received)
        axes.imshow(heat, _OVER, vmin=0, vmax=most, extent=box, interpolation="nearest")
        return
    (rows, columns), shares = map_shape, (received / darkest(received)).tolist()
    for cell, weight, share in zip(step.cells.tolist(), received.tolist(), shares, strict=True):
        x, y = cell % columns / columns, cell // columns / rows
        line = {"edgecolor": HEAT_COLOR, "linewidth": 0.3 + 3.2 * share}
        axes.add_patch(Rectangle((x, y), 1 / columns, 1 / rows, fill=False, **line))
        middle = (x + 0.5 / columns, y + 0.5 / rows)
        axes.text(*middle, percent(weight), fontsize=7, ha="center", va="center")


def _draw_matrix(axes: Axes, step: GameStep, weights: np.ndarray) -> None:
    axes.imshow(weights, _HEAT, vmin=0, vmax=max(1e-6, float(weights.max())))
    count = len(step.names)
    every = max(1, math.ceil(count / _NAMED))
    axes.set_xticks(range(0, count, every), step.names[::every], rotation=90, fontsize=7)
    axes.set_yticks(range(0, count, every), step.names[::every], fontsize=7)


def _draw_legend(sheet: Sheet, width: float, episode: GameEpisode, step: GameStep) -> None:
    even = percent(1 / max(1, len(step.names) + step.left_out))
    what = (
        "What each cell gets, on average over all that attend"
        if episode.map_shape
        else "From the entity of the row to that of the column; darker is more"
    )
    rest = f"; {step.left_out} entities with less are not shown" if step.left_out else ""
    lines = [f"{what}; an even share is {even}{rest}.", LOOKING]
    text = "\n".join(textwrap.fill(line, int(_LETTERS * width)) for line in lines)
    axes = sheet.axes(_MARGIN, sheet.height - _LEGEND, width - 2 * _MARGIN, _LEGEND)
    axes.set_axis_off()
    axes.text(0, 0.95, text, fontsize=8, va="top")
