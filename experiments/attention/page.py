"""A page to explore an episode: one file that needs no network and no server."""

from collections.abc import Sequence
from typing import Any

from boxworld.cells import KEY, MAX_COLORS
from boxworld.rendering import pixel_table
from experiments.attention.arrows import attention_of, sources
from experiments.attention.colors import ARROW_COLORS, hexadecimal, hue_name, ink_on
from experiments.attention.episode import ACTIONS, Episode, Step
from experiments.attention.figure import MIN_WEIGHT
from experiments.attention.scene import Thing
from experiments.attention.summary import NOTE, RELATIONS, Row, percent
from experiments.attention.template import render

_FIRST_CHARACTER = ord("a")
# Weights below this are left out of the page, to keep it small.
_MIN_KEPT = 0.01
# The colour of every code that a scene can hold.
_PALETTE = [hexadecimal(rgb) for rgb in pixel_table("rgb")[: KEY + MAX_COLORS].tolist()]


def make_page(
    episode: Episode,
    rows: Sequence[Row],
    over: str,
    pictures: Sequence[str],
    gif: str,
    table: str,
) -> str:
    """Returns the page as HTML.

    Args:
      episode: to explore.
      rows: the summary of that episode, or of several.
      over: which ones, in words.
      pictures: relative links to the picture of every step; they may be drawn after the page.
      gif: relative link to the animation; likewise.
      table: relative link to the summary's table.
    """
    data = {
        "size": episode.steps[0].scene.size,
        "palette": _PALETTE,
        "inks": [ink_on(color) for color in _PALETTE],
        "arrowColors": ARROW_COLORS,
        "minWeight": MIN_WEIGHT,
        "actions": ACTIONS,
        "blocks": episode.num_blocks,
        "heads": episode.num_heads,
        "count": len(episode.steps),
        "steps": [_step_data(number, step) for number, step in enumerate(episode.steps, start=1)],
        "pictures": list(pictures),
    }
    outcome = "solved" if episode.solved else "not solved"
    heads = sorted({(row.block, row.head) for row in rows})
    return render(
        "boxworld.html",
        data,
        title=f"{episode.environment}, level {episode.level_seed}: what the agent attends to",
        about=f"{len(episode.steps)} steps of the {episode.policy} policy, {outcome}, "
        f"{episode.num_blocks} attention blocks with {episode.num_heads} heads each.",
        note=NOTE,
        board="the board with arrows of attention",
        arrow_colors=ARROW_COLORS,
        min_weight=f"{MIN_WEIGHT:.0%}",
        over=over,
        heads=heads,
        lines=_lines(rows, heads),
        animation=gif,
        table=table,
    )


def _step_data(number: int, step: Step) -> dict[str, Any]:
    scene = step.scene
    attending = sources(step, all_objects=True)
    position = {thing.cell: index for index, thing in enumerate(scene.things)}
    return {
        "number": number,
        "board": "".join(chr(_FIRST_CHARACTER + code) for code in scene.codes.ravel().tolist()),
        "things": [
            {
                "kind": thing.kind,
                "label": thing.label,
                "cell": thing.cell,
                "path": thing.on_path or thing.held,
                "box": thing.box,
                "color": _color_in_words(thing),
            }
            for thing in scene.things
        ],
        "sources": [position[thing.cell] for thing in attending],
        "weights": [
            [
                [_kept_weights(step, block, head, source) for source in attending]
                for head in range(weights.shape[0])
            ]
            for block, weights in enumerate(step.weights)
        ],
        "probabilities": [round(float(value), 4) for value in step.probabilities],
        "value": round(step.value, 2),
        "action": step.action,
        "reward": step.reward,
        "held": scene.held.label.removeprefix("held ") if scene.held else None,
    }


def _kept_weights(step: Step, block: int, head: int, source: Thing) -> list[list[float]]:
    """Returns [cell, weight] of all that weighs something."""
    weights = attention_of(step, block, head, source)
    return [
        [int(cell), round(float(weight), 3)]
        for cell, weight in zip(step.cells, weights, strict=True)
        if weight >= _MIN_KEPT
    ]


def _color_in_words(thing: Thing) -> str | None:
    """Returns "blue (colour 12)": several of the twenty colours share a name."""
    if thing.color is None:
        return None
    return f"{hue_name(_PALETTE[KEY + thing.color])} (colour {thing.color})"


def _lines(rows: Sequence[Row], heads: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """Returns the lines of the table of means, a cell for every head; None where there is none."""
    by_key = {(row.block, row.head, row.source, row.target): row for row in rows}
    lines = []
    for source, target in RELATIONS:
        found = [by_key.get((*head, source, target)) for head in heads]
        if any(found):
            cells = [_cell(row) if row else None for row in found]
            lines.append({"source": source, "target": target, "cells": cells})
    return lines


def _cell(row: Row) -> dict[str, str]:
    return {
        "mean": percent(row.mean_attention),
        "ratio": f"{row.ratio:.1f}x",
        "shade": f"{0.6 * row.mean_attention:.2f}",
        "title": f"over {row.num_sources} objects and steps; "
        f"uniform share {percent(row.uniform_share)}",
    }
