"""A page to explore an episode of any game: one file that needs no network and no server."""

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from experiments.attention.colors import HEAT_COLOR
from experiments.attention.game import GameEpisode, GameStep
from experiments.attention.game_figure import describe_step
from experiments.attention.screen_figure import FAINTEST
from experiments.attention.summary import LOOKING
from experiments.attention.template import render

_FRAME = 240  # pixels, the longer side of a game's picture


def make_game_page(episode: GameEpisode, pictures: Sequence[str], gif: str) -> str:
    """Returns the page as HTML.

    Args:
      episode: to explore.
      pictures: relative links to the picture of every step; they may be drawn after the page.
      gif: relative link to the animation; likewise.
    """
    blocks, heads = episode.steps[0].weights.shape[:2]
    data = {
        "heatColor": HEAT_COLOR,
        "faintest": FAINTEST,
        "blocks": blocks,
        "heads": heads,
        "count": episode.num_steps,
        "steps": [_step_data(step, episode.map_shape) for step in episode.steps],
        "pictures": list(pictures),
    }
    outcome = {None: "", True: ", solved", False: ", not solved"}[episode.solved]
    kind = "cells of the image" if episode.map_shape else "entities"
    return render(
        "game.html",
        data,
        title=f"{episode.environment}, episode {episode.level_seed}: what the agent attends to",
        about=f"{episode.num_steps} steps of the {episode.policy} policy, score "
        f"{episode.score:g}{outcome}; {len(episode.steps)} steps are shown. Attention over {kind}: "
        f"blocks: {blocks}, heads of each: {heads}.",
        note=LOOKING,
        board="the entities with the attention to them",
        animation=gif,
    )


def _step_data(step: GameStep, map_shape: tuple[int, int] | None) -> dict[str, Any]:
    return {
        "number": step.number + 1,
        "frame": _picture(step.frame, _FRAME),
        "view": _picture(step.view, None),
        "names": step.names,
        "places": _places(step, map_shape),
        "leftOut": step.left_out,
        "text": describe_step(step),
        "value": round(step.value, 2),
        # In thousandths, to keep the page small.
        "weights": np.rint(1000 * step.weights).astype(int).tolist(),
    }


def _places(step: GameStep, map_shape: tuple[int, int] | None) -> list[list[float]]:
    """Returns left, top, width and height of each entity's mark, as shares of the board."""
    if map_shape is not None:
        (height, width), cells = map_shape, step.cells
        corners = np.stack([cells % width / width, cells // width / height], axis=1)
        sides = np.broadcast_to([1 / width, 1 / height], corners.shape)
        return np.round(np.concatenate([corners, sides], axis=1), 4).tolist()
    count = len(step.names)
    side = min(0.08, 2.0 / max(count, 1))
    angles = [2 * math.pi * i / max(count, 1) - math.pi / 2 for i in range(count)]
    return [
        [
            round(0.5 + 0.42 * math.cos(angle) - side / 2, 4),
            round(0.5 + 0.42 * math.sin(angle) - side / 2, 4),
            side,
            side,
        ]
        for angle in angles
    ]


def _picture(pixels: np.ndarray | None, longest: int | None) -> str | None:
    """Returns a picture as a data URI, made smaller where it is longer than that."""
    if pixels is None:
        return None
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if longest is not None:
        image.thumbnail((longest, longest))
    content = io.BytesIO()
    image.save(content, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
