"""Plays an episode of any game and keeps what the agent attended to, with the game's own pictures.

The entities may be the cells of an image, objects, words or numbers. H x W cells of a map, M
entities that are there, B blocks, K heads.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from experiments.games import name_of
from relational_rl.acting.loop import Transition
from relational_rl.acting.vectorization import make_environment
from relational_rl.config import EnvSpec
from relational_rl.observations.action_parts import single
from relational_rl.playing.levels import info_of
from relational_rl.playing.player import Attempt, PlayedEpisode, kept, replay
from relational_rl.playing.record import Recorder
from relational_rl.trained import TrainedAgent

MOST = 48
"""So many entities are kept of a step, those that get most attention in any head."""


class GameStep(NamedTuple):
    """One decision of the agent.

    Attributes:
      number: of the step, 0 the first.
      frame: uint8 [height, width, 3], what the game draws before it; None if it draws nothing.
      view: uint8 [H, W, 3], the image that the agent saw; None if the entities are no cells of one,
        or it is no picture.
      names: of the M entities.
      cells: int [M], row * W + column where the entities are cells of a map, else their places.
      weights: float32 [B, K, M, M], from entity (row) to entity (column).
      left_out: how many entities are not kept.
      action: what it did.
      probability: of that; NaN where it is not one choice.
      value: the discounted return that the agent expects from here, in the game's rewards.
      reward: what the action brought.
      score: so far.
    """

    number: int
    frame: np.ndarray | None
    view: np.ndarray | None
    names: tuple[str, ...]
    cells: np.ndarray
    weights: np.ndarray
    left_out: int
    action: str
    probability: float
    value: float
    reward: float
    score: float


class GameEpisode(NamedTuple):
    """One episode with its attention.

    Attributes:
      environment: its id.
      level_seed: what its reset was seeded with.
      policy: "sampled" or "greedy".
      map_shape: (H, W) of the cells; None if the entities are no cells.
      steps: every so many of its decisions, in order.
      num_steps: all of them.
      score: at the end.
      solved: what the environment says; None if it says nothing.
    """

    environment: str
    level_seed: int
    policy: str
    map_shape: tuple[int, int] | None
    steps: tuple[GameStep, ...]
    num_steps: int
    score: float
    solved: bool | None


def play_game(
    trained: TrainedAgent,
    env: EnvSpec,
    level_seed: int,
    policy: str = "sampled",
    seed: int = 0,
    every: int = 1,
) -> GameEpisode:
    """Plays an episode: the same as the first try of `Player.play` with that seed.

    Args:
      trained: an agent that attends.
      env: any environment that it can play in.
      level_seed: of its reset.
      policy: "sampled" or "greedy".
      seed: of the sampled actions.
      every: every so many steps are kept, from the first on.

    Raises:
      UsageError: the agent has no attention, or there is no such policy.
    """
    reward_scale = getattr(trained.experiment.learner, "reward_scale", 1.0)
    taken: list[tuple[Transition, float, float]] = []
    score = 0.0
    for _, step in Recorder(trained).steps(env, level_seed, policy, seed):
        taken.append((step, float(step.output.baseline[0]) / reward_scale, score))
        score += float(step.rewards[0])
    actions = tuple(kept(single(step.sent, 0)) for step, _, _ in taken)
    info = info_of(taken[-1][0].infos, 0)
    solved = bool(info["is_success"]) if "is_success" in info else None
    frames = _frames(env, PlayedEpisode(Attempt(level_seed), actions, score, solved, info))
    steps = tuple(
        _game_step(trained, number, *taken[number], frames[number] if frames else None)
        for number in range(0, len(taken), every)
    )
    shape = _map_shape(trained)
    return GameEpisode(name_of(env), level_seed, policy, shape, steps, len(taken), score, solved)


def _frames(env: EnvSpec, episode: PlayedEpisode) -> list[np.ndarray]:
    """Returns what the game draws before each step and at the end; [] if it draws nothing."""
    environment = make_environment(env)
    modes = environment.metadata.get("render_modes") or ()
    environment.close()
    return replay(env, episode) if "rgb_array" in modes else []


def _map_shape(trained: TrainedAgent) -> tuple[int, int] | None:
    return getattr(getattr(trained.agent, "encoder", None), "map_shape", None)


def _game_step(
    trained: TrainedAgent,
    number: int,
    step: Transition,
    value: float,
    score: float,
    frame: np.ndarray | None,
) -> GameStep:
    attention = step.output.attention
    assert attention is not None
    mask = attention.mask.numpy()[0]
    weights = np.stack([block.numpy()[0] for block in attention.weights])[:, :, mask][..., mask]
    received = weights.mean(axis=2).max(axis=(0, 1))  # [M]
    kept_ones = np.sort(np.argsort(-received, kind="stable")[:MOST])
    places = np.flatnonzero(mask)[kept_ones]
    shape, names = _map_shape(trained), _names(trained)
    cells = attention.cells.numpy()[0][places] if shape is not None else places
    return GameStep(
        number,
        frame,
        _view(trained, step, shape),
        tuple(_cell_name(int(cell), shape) if shape else names(int(cell)) for cell in cells),
        cells,
        weights[:, :, kept_ones][..., kept_ones],
        int(mask.sum()) - len(kept_ones),
        str(kept(single(step.sent, 0))),
        _probability(step),
        value,
        float(step.rewards[0]),
        score,
    )


def _cell_name(cell: int, shape: tuple[int, int]) -> str:
    return f"row {cell // shape[1] + 1}, column {cell % shape[1] + 1}"


def _names(trained: TrainedAgent) -> Callable[[int], str]:
    """Returns what the entity at a place is called: the name of its set, and its number there."""
    ranges = getattr(getattr(trained.agent, "encoder", None), "ranges", None) or {}

    def name(place: int) -> str:
        for known, (first, last) in ranges.items():
            if first <= place < last:
                return f"{known} {place - first + 1}"
        return f"{trained.spec.kind} {place + 1}"

    return name


def _view(
    trained: TrainedAgent, step: Transition, shape: tuple[int, int] | None
) -> np.ndarray | None:
    """Returns the image whose cells are the entities, as a picture; None if it is none."""
    if shape is None or "image" not in step.observations:
        return None
    image = np.asarray(step.observations["image"][0], np.float64) / trained.spec.image_scale
    if image.shape[-1] not in (1, 3) or trained.spec.image_dtype != "uint8":
        return None
    return np.broadcast_to(np.rint(255 * image).astype(np.uint8), (*image.shape[:2], 3))


def _probability(step: Transition) -> float:
    if np.ndim(step.actions[0]):
        return math.nan
    logits = step.output.policy_logits.numpy()[0].astype(np.float64)
    weights = np.exp(logits - logits.max())
    return float(weights[int(step.actions[0])] / weights.sum())
