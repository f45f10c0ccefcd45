"""A page to explore an episode of a mini-game: one file that needs no network and no server."""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.attention.page import fill
from experiments.attention.screen import ScreenEpisode, ScreenStep, own_cells
from experiments.attention.screen_figure import FAINTEST, HEAT_COLOR, SIDE_COLORS, describe_step
from experiments.attention.screen_viewer import TEMPLATE


def make_screen_page(episode: ScreenEpisode, pictures: Sequence[str], gif: str) -> str:
    """Returns the page as HTML.

    Args:
      episode: to explore.
      pictures: relative links to the picture of every step.
      gif: relative link to the animation.
    """
    rows, columns = episode.map_shape
    blocks, heads = episode.steps[0].weights.shape[:2]
    data = {
        "rows": rows,
        "columns": columns,
        "size": len(episode.steps[0].sides),
        "sideColors": list(SIDE_COLORS.values()),
        "heatColor": HEAT_COLOR,
        "faintest": FAINTEST,
        "blocks": blocks,
        "heads": heads,
        "count": episode.num_steps,
        "steps": [_step_data(step, episode.map_shape) for step in episode.steps],
        "pictures": list(pictures),
    }
    title = f"{episode.environment}, episode {episode.level_seed}: what the agent attends to"
    about = (
        f"Played on: {episode.game}. {episode.num_steps} steps of the {episode.policy} policy, "
        f"score {episode.score:g}; {len(episode.steps)} steps are shown; {blocks} attention "
        f"blocks with {heads} heads each, over {rows}x{columns} cells of the screen."
    )
    return fill(
        TEMPLATE, data, TITLE=html.escape(title), ABOUT=html.escape(about), GIF=html.escape(gif)
    )


def _step_data(step: ScreenStep, map_shape: tuple[int, int]) -> dict[str, Any]:
    return {
        "number": step.number + 1,
        "sides": "".join(map(str, step.sides.ravel().tolist())),
        "own": own_cells(step, map_shape).tolist(),
        "target": step.target,
        "place": step.place,
        "text": describe_step(step),
        "value": round(step.value, 2),
        # In thousandths, to keep the page small.
        "weights": np.rint(1000 * step.weights).astype(int).tolist(),
    }
