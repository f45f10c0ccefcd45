"""Scenes of many episodes, and what an agent computes of them.

B states, N entities, H heads.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.attention.scene import Scene, SceneReader
from experiments.games import boxworld_of
from relational_rl.acting.vectorization import make_environment
from relational_rl.config import EnvSpec
from relational_rl.errors import UsageError
from relational_rl.playing.player import Player, attempts_of
from relational_rl.trained import Look, TrainedAgent

_BATCH = 256


class State(NamedTuple):
    """One moment of an episode.

    Attributes:
      level_seed: which level.
      image: uint8 [S, S, C], what the agent saw.
      scene: what it shows.
      steps_left: how many actions the episode went on; None if it was not solved.
    """

    level_seed: int
    image: np.ndarray
    scene: Scene
    steps_left: int | None


def play_states(
    trained: TrainedAgent, env: EnvSpec, levels: Sequence[int], per_level: int, seed: int = 0
) -> list[State]:
    """Plays each level once and returns some moments of each episode, drawn evenly.

    Args:
      trained: plays, with the sampled policy.
      env: a Box-World environment.
      levels: level seeds.
      per_level: moments of a level, fewer where an episode is shorter.
      seed: of the actions and of the moments.

    Raises:
      UsageError: the environment is not Box-World.
    """
    if boxworld_of(env) is None:
        raise UsageError(f"attention is measured on Box-World, got env={env.name!r}")
    episodes = Player(trained.agent, trained.spec).play(env, attempts_of(levels), seed=seed)
    environment = make_environment(env)
    game: Any = environment.unwrapped
    states = []
    for episode in episodes:
        random = np.random.default_rng((seed, episode.attempt.level_seed))
        count = len(episode.actions)
        chosen = set(random.choice(count, min(per_level, count), replace=False).tolist())
        image, _ = environment.reset(options={"level_seed": episode.attempt.level_seed})
        reader = SceneReader(game.level, game.level_spec.num_colors, image.shape[-1])
        for place, action in enumerate(episode.actions):
            if place in chosen:
                left = count - place if episode.is_success else None
                seen = image.copy()
                states.append(State(episode.attempt.level_seed, seen, reader.read(seen), left))
            image, *_ = environment.step(action)
    environment.close()
    return states


def looks(trained: TrainedAgent, images: np.ndarray, *interventions: Any) -> Iterator[Look]:
    """Yields what the agent computes of images uint8 [B, S, S, C], some hundred at a time."""
    for first in range(0, len(images), _BATCH):
        yield trained.look(images[first : first + _BATCH], interventions)


def places(look: Look, index: int, map_width: int, size: int) -> dict[int, int]:
    """Returns the entity at each cell row * size + column of one of the images of a look.

    A map of VALID convolutions is smaller than the observation; both start at the top left.
    """
    (real,) = np.nonzero(look.values["present"][index])
    rows, columns = np.divmod(look.values["cells"][index][real], map_width)
    return dict(zip((rows * size + columns).tolist(), real.tolist(), strict=True))


def entities_of(trained: TrainedAgent, states: Sequence[State]) -> Iterator[tuple[Any, ...]]:
    """Yields each state with its look, its place in that, and its entities by cell."""
    images = np.stack([state.image for state in states])
    width = trained.agent.encoder.map_shape[1]  # type: ignore[attr-defined]
    for number, look in enumerate(looks(trained, images)):
        for index in range(len(look.value)):
            state = states[number * _BATCH + index]
            yield state, look, index, places(look, index, width, state.scene.size)
