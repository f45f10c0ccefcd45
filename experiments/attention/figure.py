"""Draws what every head of every block attends to at one step, over the board.

After the attention analysis of Zambaldi et al. 2018: arrows from the objects of the solution path
to what they attend to, more opaque the larger the weight.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from boxworld.rendering import pixel_table
from experiments.attention.arrows import Arrow, arrows
from experiments.attention.colors import ARROW_COLORS, hexadecimal, ink_on
from experiments.attention.episode import ACTIONS, Episode, Step
from experiments.attention.scene import Scene, Thing
from experiments.attention.sheet import HEADER, Sheet
from experiments.attention.summary import LOOKING

MIN_WEIGHT = 0.05
"""Weaker arrows could not be seen."""

ACTION_SYMBOLS = ("↑", "↓", "←", "→")

_POINTER: dict[str, Any] = {
    "markersize": 7,
    "color": "white",
    "markeredgecolor": "#111111",
    "markeredgewidth": 0.8,
}
_DIRECTIONS = ((0, -1), (0, 1), (-1, 0), (1, 0))  # (x, y) of the actions
_RGB = pixel_table("rgb")
_PANEL, _GAP, _MARGIN = 4.5, 0.25, 0.3  # inches
_TITLE, _LEGEND = 0.35, 1.45
_OPACITIES = (0.1, 0.25, 0.5, 0.75, 1.0)


def draw_step(episode: Episode, index: int, all_objects: bool = False) -> np.ndarray:
    """Draws one step of an episode, a row of panels for each block, a column for each head.

    Args:
      episode: see `AttentiveAgent.play`.
      index: of the step, 0 the first.
      all_objects: whether distractors attend too.

    Returns:
      uint8 [height, width, 3].
    """
    rows, columns = episode.num_blocks, episode.num_heads
    width = 2 * _MARGIN + columns * _PANEL + (columns - 1) * _GAP
    width = max(width, 2 * _PANEL + _GAP + 2 * _MARGIN)  # room for the legend
    left = (width - columns * _PANEL - (columns - 1) * _GAP) / 2
    height = HEADER + rows * (_PANEL + _TITLE) + _LEGEND
    step = episode.steps[index]
    sheet = Sheet(width, height, _title(episode, index), describe_step(episode, index))
    for block in range(rows):
        for head in range(columns):
            x = left + head * (_PANEL + _GAP)
            top = HEADER + block * (_PANEL + _TITLE) + _TITLE
            axes = sheet.axes(x, top, _PANEL, _PANEL)
            axes.set_title(f"block {block + 1} · head {head + 1}", fontsize=11, pad=5)
            _draw_board(axes, step.scene)
            _draw_action(axes, step)
            _draw_arrows(axes, arrows(step, block, head, all_objects, MIN_WEIGHT), step.scene.size)
    legend = sheet.axes(_MARGIN, height - _LEGEND, width - 2 * _MARGIN, _LEGEND)
    _draw_legend(legend, width - 2 * _MARGIN, _LEGEND)
    return sheet.pixels()


def describe_step(episode: Episode, index: int) -> str:
    """Returns what happens at a step in a line."""
    step = episode.steps[index]
    held = step.scene.held
    so_far = sum(before.reward for before in episode.steps[:index])
    return (
        f"action {ACTION_SYMBOLS[step.action]} {ACTIONS[step.action]} "
        f"({step.probabilities[step.action]:.0%} likely)   ·   "
        f"holds {held.label.removeprefix('held ') if held else 'nothing'}   ·   "
        f"reward so far {so_far:+g}, this step {step.reward:+g}"
    )


def _title(episode: Episode, index: int) -> str:
    count = len(episode.steps)
    end = "the gem is collected" if episode.solved else "not solved"
    return f"{episode.environment}, level {episode.level_seed}: step {index + 1} of {count} ({end})"


def _draw_board(axes: Axes, scene: Scene) -> None:
    size = scene.size
    axes.imshow(_RGB[scene.codes], extent=(0, size, size, 0), interpolation="nearest")
    axes.autoscale(False)  # a ring may reach over the edge
    axes.set_axis_off()
    lines = np.arange(1, size)
    axes.hlines(lines, 1, size - 1, color="white", linewidth=0.4, alpha=0.6)
    axes.vlines(lines, 1, size - 1, color="white", linewidth=0.4, alpha=0.6)
    by_cell = {thing.cell: thing for thing in scene.things}
    for thing in scene.things:
        row, column = divmod(thing.cell, size)
        content = by_cell.get(thing.cell - 1)
        if thing.kind == "lock":  # an outline around the box, or around what is left of it
            width = 2 if content is not None and content.box == thing.box else 1
            corner = (column + 1 - width, row)
            axes.add_patch(Rectangle(corner, width, 1, fill=False, edgecolor="#333333", lw=0.9))
        background = hexadecimal(_RGB[scene.codes[row, column]])
        _write_label(axes, thing, column + 0.5, row + 0.5, background)


def _write_label(axes: Axes, thing: Thing, x: float, y: float, background: str) -> None:
    text = "held\n" + thing.label.removeprefix("held ") if thing.held else thing.label
    axes.text(
        x,
        y,
        text.replace(" ", "\n") if not thing.held else text,
        ha="center",
        va="center",
        fontsize=6.5,
        linespacing=0.95,
        color=ink_on(background),
        style="normal" if thing.on_path else "italic",
        # Readable where an arrow passes under it.
        path_effects=[withStroke(linewidth=1.8, foreground=background)],
        zorder=5,
    )


def _draw_action(axes: Axes, step: Step) -> None:
    """A white pointer beside the agent, towards where it goes."""
    row, column = divmod(step.scene.agent.cell, step.scene.size)
    dx, dy = _DIRECTIONS[step.action]
    axes.plot(
        column + 0.5 + 0.72 * dx,
        row + 0.5 + 0.72 * dy,
        marker="^v<>"[step.action],
        zorder=6,
        **_POINTER,
    )


def _draw_arrows(axes: Axes, found: Sequence[Arrow], size: int) -> None:
    """Draws arrows, the weakest first; what attends to itself gets a ring."""
    middles = {cell: np.array(divmod(cell, size))[::-1] + 0.5 for cell in range(size * size)}
    lines, heads, colors, widths = [], [], [], []
    for arrow in found:
        color = to_rgba(ARROW_COLORS[arrow.source.kind], arrow.weight)
        start, end = middles[arrow.source.cell], middles[arrow.cell]
        if arrow.cell == arrow.source.cell:
            lines.append(_ring(start, 0.64))
            heads.append(np.tile(start, (3, 1)))
        else:
            line, head = _curved_arrow(start, end, 0.24 + 0.16 * arrow.weight)
            lines.append(line)
            heads.append(head)
        colors.append(color)
        widths.append(1 + 2 * arrow.weight)
    for drawn in (
        LineCollection(lines, colors=colors, linewidths=widths, zorder=3),
        PolyCollection(heads, facecolors=colors, linewidths=0, zorder=3),
    ):
        drawn.set_clip_on(False)
        axes.add_collection(drawn, autolim=False)


def _ring(centre: np.ndarray, radius: float) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 33)
    return centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)


def _curved_arrow(
    start: np.ndarray, end: np.ndarray, head: float, bend: float = 0.16
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the points of a line and of its head's triangle, [points, 2] each.

    The line bends to its left, so that there and back do not cover each other, and ends where the
    head begins, so that the head is no darker where they would overlap.
    """
    along = end - start
    control = (start + end) / 2 + bend * np.array([along[1], -along[0]])
    t = np.linspace(0, 1, 49)[:, np.newaxis]
    curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end
    to_end = np.linalg.norm(curve - end, axis=-1)
    tip = curve[np.flatnonzero(to_end >= 0.3)[-1]]
    back = np.flatnonzero((to_end >= 0.3 + head) | (np.arange(49) == 0))[-1]
    direction = (tip - curve[back]) / max(np.linalg.norm(tip - curve[back]), 1e-9)
    side = 0.4 * head * np.array([-direction[1], direction[0]])
    base = tip - head * direction
    return curve[: back + 1], np.stack([tip, base + side, base - side])


def _draw_legend(axes: Axes, width: float, height: float) -> None:
    """Says what the arrows and the labels mean; the axes are in inches."""
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.set_axis_off()

    def write(x: float, y: float, text: str) -> None:
        axes.text(x, y, text, fontsize=9, va="center")

    def line(x: float, y: float, weight: float, color: str) -> None:
        body, head = _curved_arrow(np.array([x, y]), np.array([x + 0.6, y]), 0.1, bend=0.0)
        rgba = [to_rgba(color, weight)]
        axes.add_collection(LineCollection([body], colors=rgba, linewidths=1 + 2 * weight))
        axes.add_collection(PolyCollection([head], facecolors=rgba, linewidths=0))

    first, second, third, fourth = (height - down for down in (0.35, 0.65, 0.95, 1.25))
    write(0, first, "An arrow goes from an object to what it attends to:")
    x = 3.6
    for kind, color in ARROW_COLORS.items():
        line(x, first, 1.0, color)
        write(x + 0.36, first, kind)
        x += 0.82
    ring = _ring(np.array([x + 0.15, first]), 0.08)
    axes.add_collection(LineCollection([ring], colors="#555555", linewidths=2))
    write(x + 0.3, first, "ring: to itself")
    write(0, second, "The more opaque, the larger the attention weight:")
    x = 3.6
    for weight in _OPACITIES:
        line(x, second, weight, "#111111")
        write(x + 0.36, second, f"{weight:.0%}")
        x += 0.82
    write(x + 0.06, second, f"below {MIN_WEIGHT:.0%}: not drawn")
    write(
        0,
        third,
        "Key k opens lock k; boxes are outlined, content left of its lock. D, italic: distractors, "
        "not on the solution path. ",
    )
    axes.plot(7.75, third, marker=">", **_POINTER)
    write(7.9, third, "where the agent goes")
    write(0, fourth, LOOKING)
