"""A page to explore an episode of a mini-game: one file that needs no network and no server."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.attention.colors import HEAT_COLOR, SIDE_COLORS
from experiments.attention.screen import SIDES, ScreenEpisode, ScreenStep, own_cells
from experiments.attention.screen_figure import FAINTEST, describe_step
from experiments.attention.summary import LOOKING
from experiments.attention.template import render


def make_screen_page(episode: ScreenEpisode, pictures: Sequence[str], gif: str) -> str:
    """Returns the page as HTML.

    Args:
      episode: to explore.
      pictures: relative links to the picture of every step; they may be drawn after the page.
      gif: relative link to the animation; likewise.
    """
    rows, columns = episode.map_shape
    blocks, heads = episode.steps[0].weights.shape[:2]
    data = {
        "rows": rows,
        "columns": columns,
        "size": len(episode.steps[0].sides),
        "sideColors": [SIDE_COLORS[side] for side in SIDES],
        "heatColor": HEAT_COLOR,
        "faintest": FAINTEST,
        "blocks": blocks,
        "heads": heads,
        "count": episode.num_steps,
        "steps": [_step_data(step, episode.map_shape) for step in episode.steps],
        "pictures": list(pictures),
    }
    sides = {side: color for side, color in SIDE_COLORS.items() if side != "nothing"}
    return render(
        "screen.html",
        data,
        title=f"{episode.environment}, episode {episode.level_seed}: what the agent attends to",
        about=f"Played on: {episode.game}. {episode.num_steps} steps of the {episode.policy} "
        f"policy, score {episode.score:g}; {len(episode.steps)} steps are shown; {blocks} "
        f"attention blocks with {heads} heads each, over {rows}x{columns} cells of the screen.",
        note=LOOKING,
        board="the screen with the attention to its cells",
        side_colors=sides,
        animation=gif,
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
