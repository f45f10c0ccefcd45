"""What the experiments know of games: Box-World's levels, the mini-games' maps."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

from relational_rl.acting.vectorization import make_environment
from relational_rl.config import EnvSpec, Experiment, replace
from relational_rl.errors import UsageError
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.playing.player import NUM_SLOTS
from relational_rl.trained import TrainedAgent

# Training draws Box-World's level seeds from here on (boxworld.generator.FIRST_ENDLESS_SEED).
FIRST_TRAINING_LEVEL = 2**32
# Arguments of Box-World that say what an observation looks like and not how hard a level is.
_OBSERVATION_KWARGS = ("observation", "room_size", "num_colors")
# Likewise of the mini-games, and which game it is: one is never played in place of the other.
_MINI_GAME_KWARGS = ("screen_size", "minimap_size", "game", "directory", "layers", "max_units")
_NUM_PROGRAMS = 8
STARCRAFT = "StarCraft II"


def name_of(env: EnvSpec) -> str:
    """Returns an environment's id without its module."""
    return env.name.rpartition(":")[2]


def mini_game_of(env: EnvSpec) -> str | None:
    """Returns the map of a StarCraft II mini-game; None of any other environment."""
    found = re.fullmatch(r"SC2/(\w+)-v\d+", name_of(env))
    return found[1] if found else None


def display_name(game: str) -> str:
    """Returns the display name of a game, by what `info["game"]` says."""
    return {"starcraft": STARCRAFT, "standin": "stand-in"}[game]


def game_of(env: EnvSpec) -> str:
    """Returns what a mini-game is played on, as its environment's argument `game` says it."""
    return env.kwargs.get("game", "starcraft")


def title_of(env: EnvSpec) -> str:
    """Returns an environment's name; of a mini-game its map and what it is played on."""
    if mini_game_of(env) is None:
        return name_of(env)
    played_on = display_name(game_of(env))
    return f"{mini_game_of(env)} on {played_on if played_on == STARCRAFT else f'the {played_on}'}"


def caveats(games: Iterable[str], crashed: int) -> list[str]:
    """Returns the sentences that belong beside scores.

    Args:
      games: which they were played on, as `display_name` calls them.
      crashed: in how many episodes the game crashed.
    """
    sentences = []
    if crashed:
        sentences.append(f"The game crashed in {crashed} episodes, which are left out.")
    if any(game != STARCRAFT for game in games):
        sentences.append(
            "The stand-in is not StarCraft II: its scores say nothing about that game."
        )
    return sentences


def other_env(experiment: Experiment, env_id: str) -> EnvSpec:
    """Returns another environment, in which a run's agent sees what it is used to see."""
    env = replace(experiment.env, {"id": env_id, "make": None}, "env")
    kept = _MINI_GAME_KWARGS if mini_game_of(env) else _OBSERVATION_KWARGS
    kwargs = {name: value for name, value in experiment.env.kwargs.items() if name in kept}
    return replace(env, {"kwargs": kwargs}, "env")


def boxworld_of(env: EnvSpec) -> Any:
    """Returns a Box-World environment, unwrapped; None if the environment is another game."""
    environment = make_environment(env)
    environment.close()
    from boxworld import BoxWorldEnv

    found = environment.unwrapped
    return found if isinstance(found, BoxWorldEnv) else None


def entities_needed(env: EnvSpec) -> int:
    """Returns how many cells of a Box-World scene can differ from the empty room; else 0.

    The agent, a key (loose or held) and two cells a box: at a time there is one key more than
    there are boxes, as opening a box uses a key up.
    """
    environment = boxworld_of(env)
    if environment is None:
        return 0
    spec = environment.level_spec
    boxes = spec.solution_lengths[1] + spec.branch_counts[1] * spec.branch_length
    return 2 + 2 * boxes


def fit(trained: TrainedAgent, env: EnvSpec) -> TrainedAgent:
    """Checks that an agent can play in an environment and gives it room for its entities.

    Raises:
      UsageError: the environment cannot be made or looks different from the one trained on.
    """
    check_spaces(env, trained.spec)
    return trained.with_entities(entities_needed(env))


def check_spaces(env: EnvSpec, spec: EnvironmentSpec) -> None:
    """Checks that an agent made for `spec` can play in an environment.

    Raises:
      UsageError: observations or actions differ from those the agent was made for.
    """
    environment = make_environment(env)
    try:
        given = EnvironmentSpec.from_spaces(
            environment.observation_space, environment.action_space, env.observation_keys
        )
    except ValueError as error:
        raise UsageError(f"env={env.name!r} cannot be played: {error}") from error
    finally:
        environment.close()
    for field in dataclasses.fields(EnvironmentSpec):
        wanted, found = getattr(spec, field.name), getattr(given, field.name)
        if wanted != found:
            raise UsageError(
                f"env={env.name!r} must have {field.name}={wanted!r} as the agent was trained "
                f"with, got {found!r}"
            )


def is_compiled(env: EnvSpec) -> bool:
    """Whether an environment is a mini-game whose batches are the compiled stand-in."""
    is_standin = mini_game_of(env) is not None and env.kwargs.get("game") == "standin"
    return is_standin and env.vectorization == "auto" and env.make is None


def num_slots(env: EnvSpec, num_episodes: int) -> int:
    """Returns how many episodes to play at a time: few where each is a program of its own."""
    are_programs = mini_game_of(env) is not None and not is_compiled(env)
    return min(_NUM_PROGRAMS if are_programs else NUM_SLOTS, num_episodes)


def check_levels(first_level: int, num_levels: int) -> None:
    """Checks a range of level seeds that no endless training stream draws from.

    Raises:
      UsageError: it is empty or not within [0, 2**32).
    """
    if num_levels < 1:
        raise UsageError(f"levels must be at least 1, got {num_levels}")
    if first_level < 0 or first_level + num_levels > FIRST_TRAINING_LEVEL:
        raise UsageError(
            "first_level must be at least 0 and first_level + levels at most 2**32, because "
            f"training draws the levels from there on, got {first_level} + {num_levels}"
        )


def levels_trained_on(experiment: Experiment, first_level: int, num_levels: int) -> int:
    """Returns how many of a range of level seeds the run may have trained on.

    Training draws from 2**32 on, unless the run's `levels` argument says otherwise.
    """
    seen: set[int] = set()
    for stage in range(len(experiment.stages)):
        kwargs: Mapping[str, Any] = experiment.stage_kwargs(stage)
        if kwargs.get("levels") is not None:
            first, count = kwargs["levels"]
            seen |= set(
                range(max(first, first_level), min(first + count, first_level + num_levels))
            )
    return len(seen)
