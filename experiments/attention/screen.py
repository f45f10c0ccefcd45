"""Plays an episode of a mini-game and keeps what the agent of maps attended to on the screen.

Its entities are the cells of the map that the images are encoded to: cell (row, column) of H x W
covers the same part of the screen. The agent pools over all of them, so no single cell decides;
`View` is the attention from those that matter.

H x W cells, N = H * W, B blocks, K heads, S side of the screen.
"""

from typing import Any, NamedTuple

import numpy as np

from experiments.games import display_name, name_of
from relational_rl.acting.loop import Transition
from relational_rl.config import EnvSpec
from relational_rl.playing.record import Recorder
from relational_rl.trained import TrainedAgent

SIDES = ("nothing", "own", "ally", "neutral", "enemy")
"""Whose a unit is, by the value of PySC2's layer player_relative."""
_OWN = SIDES.index("own")


class View(NamedTuple):
    """Attention from some cells of the map, in one head.

    Attributes:
      sources: int [M], the cells that attend; all of them for what each cell receives on average.
      weights: float32 [N], the mean over them; sums to 1.
    """

    sources: np.ndarray
    weights: np.ndarray


class ScreenStep(NamedTuple):
    """One decision of the agent.

    Attributes:
      number: of the step, 0 the first.
      sides: uint8 [S, S], whose the unit on each pixel is, see `SIDES`.
      weights: float32 [B, K, N, N], from cell (row) to cell (column).
      action: in words.
      place: where on the screen it acts, x and y as shares of the side; None if nowhere there.
      target: the cell where it acts, on the screen or the minimap; None if nowhere.
      probability: of the type of the action.
      value: the discounted return that the agent expects from here, in the game's rewards.
      reward: what the action brought.
      score: so far.
    """

    number: int
    sides: np.ndarray
    weights: np.ndarray
    action: str
    place: tuple[float, float] | None
    target: int | None
    probability: float
    value: float
    reward: float
    score: float


class ScreenEpisode(NamedTuple):
    """One episode with its attention.

    Attributes:
      environment: its id.
      game: "stand-in" or "StarCraft II".
      level_seed: what its reset was seeded with.
      policy: "sampled" or "greedy".
      map_shape: (H, W).
      steps: every so many of its decisions, in order.
      num_steps: all of them.
      score: at the end.
    """

    environment: str
    game: str
    level_seed: int
    policy: str
    map_shape: tuple[int, int]
    steps: tuple[ScreenStep, ...]
    num_steps: int
    score: float


def own_cells(step: ScreenStep, map_shape: tuple[int, int]) -> np.ndarray:
    """Returns the cells of the map in which there is a unit of one's own, int [M]."""
    (height, width), side = map_shape, len(step.sides)
    y, x = np.nonzero(step.sides == _OWN)
    return np.unique(y * height // side * width + x * width // side)


def views(episode: ScreenEpisode, step: ScreenStep, block: int, head: int) -> dict[str, View]:
    """Returns the views of one head by what they are from; those without a cell are left out."""
    weights = step.weights[block, head]
    sources = {
        "own units": own_cells(step, episode.map_shape),
        "where it acts": np.array([] if step.target is None else [step.target], int),
        "all cells": np.arange(len(weights)),
    }
    return {
        name: View(cells, weights[cells].mean(axis=0))
        for name, cells in sources.items()
        if len(cells)
    }


def play_screens(
    trained: TrainedAgent,
    env: EnvSpec,
    level_seed: int,
    policy: str = "sampled",
    seed: int = 0,
    every: int = 1,
) -> ScreenEpisode:
    """Plays an episode: the same as the first try of `Player.play` with that seed.

    Args:
      trained: a spatial agent that attends.
      env: a mini-game.
      level_seed: of its reset.
      policy: "sampled" or "greedy".
      seed: of the sampled actions.
      every: every so many steps are kept, from the first on.

    Raises:
      UsageError: the agent has no attention, or there is no such policy.
    """
    map_shape = trained.agent.encoder.map_shape  # type: ignore[attr-defined]
    reward_scale = getattr(trained.experiment.learner, "reward_scale", 1.0)
    steps: list[ScreenStep] = []
    number, score = 0, 0.0
    for environment, step in Recorder(trained).steps(env, level_seed, policy, seed):
        if number % every == 0:
            value = float(step.output.baseline[0]) / reward_scale
            codec = environment.action_codec
            steps.append(_screen_step(trained, codec, step, map_shape, number, value, score))
        number, score = number + 1, score + float(step.rewards[0])
    played_on = display_name(step.infos["game"][0])
    return ScreenEpisode(
        name_of(env), played_on, level_seed, policy, map_shape, tuple(steps), number, score
    )


def _screen_step(
    trained: TrainedAgent,
    codec: Any,
    step: Transition,
    map_shape: tuple[int, int],
    number: int,
    value: float,
    score: float,
) -> ScreenStep:
    from sc2_minigames.observations import SCREEN_LAYERS  # needs the extra

    layer = [entry.name for entry in SCREEN_LAYERS].index("player_relative")
    names = {image.key: name for name, image in trained.spec.images.items()}
    action, attention = step.sent[0], step.output.attention
    assert attention is not None
    place = codec.place(action)
    logits = step.output.policy_logits.numpy()[0].astype(np.float64)
    weights = np.exp(logits - logits.max())
    return ScreenStep(
        number,
        step.observations[names["screen"]][0][..., layer].astype(np.uint8),
        np.stack([block.numpy()[0] for block in attention.weights]),
        codec.describe(action),
        place[1:] if place is not None and place[0] == "screen" else None,
        _cell(place[1:], map_shape) if place is not None else None,
        float(weights[action[0]] / weights.sum()),
        value,
        float(step.rewards[0]),
        score,
    )


def _cell(place: tuple[float, float], map_shape: tuple[int, int]) -> int:
    """Returns the cell of a place, x and y as shares of the side."""
    (height, width), (x, y) = map_shape, place
    return int(y * height) * width + int(x * width)
