"""A page to explore an episode: one file that needs no network and no server."""

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

from boxworld.cells import KEY, MAX_COLORS
from boxworld.rendering import pixel_table
from experiments.attention.arrows import attention_of, sources
from experiments.attention.episode import ACTIONS, Episode, Step
from experiments.attention.figure import ARROW_COLORS, MIN_WEIGHT
from experiments.attention.summary import CLAIMS, Row, percent
from experiments.attention.viewer import TEMPLATE

_FIRST_CHARACTER = ord("a")
# Weights below this are left out of the page, to keep it small.
_MIN_KEPT = 0.01


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
      pictures: relative links to the picture of every step.
      gif: relative link to the animation.
      table: relative link to the summary's table.
    """
    data = {
        "size": episode.steps[0].scene.size,
        "palette": _palette(),
        "arrowColors": ARROW_COLORS,
        "minWeight": MIN_WEIGHT,
        "actions": ACTIONS,
        "blocks": episode.num_blocks,
        "heads": episode.num_heads,
        "steps": [_step_data(step) for step in episode.steps],
        "pictures": list(pictures),
    }
    outcome = "solved" if episode.solved else "not solved"
    title = f"{episode.environment}, level {episode.level_seed}: what the agent attends to"
    about = (
        f"{len(episode.steps)} steps of the {episode.policy} policy, {outcome}, "
        f"{episode.num_blocks} attention blocks with {episode.num_heads} heads each."
    )
    return fill(
        TEMPLATE,
        data,
        TITLE=html.escape(title),
        ABOUT=html.escape(about),
        OVER=html.escape(over),
        CLAIMS=_claims_table(rows),
        GIF=html.escape(gif),
        TABLE=html.escape(table),
    )


def fill(template: str, data: Mapping[str, Any], **values: str) -> str:
    """Returns a template with its HTML values, and its data as JSON, filled in."""
    for name, value in values.items():
        template = template.replace(f"@@{name}@@", value)
    # "</" would end the script element.
    text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    return template.replace("@@DATA@@", text)


def _palette() -> list[str]:
    """Returns the colour of every code that a scene can hold."""
    colors = pixel_table("rgb")[: KEY + MAX_COLORS].tolist()
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in colors]


def _step_data(step: Step) -> dict[str, Any]:
    scene = step.scene
    attending = sources(step, all_objects=True)
    position = {thing.cell: index for index, thing in enumerate(scene.things)}
    return {
        "board": "".join(chr(_FIRST_CHARACTER + code) for code in scene.codes.ravel().tolist()),
        "things": [
            {
                "kind": thing.kind,
                "label": thing.label,
                "cell": thing.cell,
                "path": thing.on_path or thing.held,
                "box": thing.box,
            }
            for thing in scene.things
        ],
        "sources": [position[thing.cell] for thing in attending],
        "weights": [
            [
                [
                    [
                        [int(cell), round(float(weight), 3)]
                        for cell, weight in zip(
                            step.cells, attention_of(step, block, head, source), strict=True
                        )
                        if weight >= _MIN_KEPT
                    ]
                    for source in attending
                ]
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


def _claims_table(rows: Sequence[Row]) -> str:
    """Returns the claims of the paper as an HTML table, a column for every head."""
    by_key = {(row.block, row.head, row.source, row.target): row for row in rows}
    heads = sorted({key[:2] for key in by_key})
    header = "".join(f"<th>block {block}<br>head {head}</th>" for block, head in heads)
    lines = [f"<tr><th>from</th><th>to</th>{header}</tr>"]
    for source, target in CLAIMS:
        found = [by_key.get((*head, source, target)) for head in heads]
        if any(found):
            cells = "".join(_claim_cell(row) for row in found)
            lines.append(f"<tr><td>{source}</td><td>{target}</td>{cells}</tr>")
    return "\n".join(lines)


def _claim_cell(row: Row | None) -> str:
    if row is None:
        return "<td></td>"
    shade = f"background:rgba(0,87,184,{0.6 * row.mean_attention:.2f})"
    return (
        f'<td style="{shade}" title="over {row.num_sources} objects and steps; '
        f'uniform share {percent(row.uniform_share)}">'
        f"{percent(row.mean_attention)} <small>{row.ratio:.1f}x</small></td>"
    )
