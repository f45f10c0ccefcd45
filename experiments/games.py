"""A game to play: a Gymnasium environment with its arguments, and how to start one level of it."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import gymnasium

from boxworld import BoxWorldEnv
from boxworld.generator import FIRST_ENDLESS_SEED
from experiments.launch import UsageError
from relational_rl.config import Config
from relational_rl.observations.spec import EnvironmentSpec

# Arguments of Box-World that say what an observation looks like and not how hard a level is.
_OBSERVATION_KWARGS = ("observation", "room_size", "num_colors")
# Likewise of the mini-games, and which game it is: one is never played in place of the other.
_MINI_GAME_KWARGS = ("screen_size", "minimap_size", "game", "directory")


@dataclasses.dataclass(frozen=True)
class Game:
    """An environment to play in.

    Attributes:
      env_id: a Gymnasium id, "module:Id" imports the module first.
      env_kwargs: arguments of make.
    """

    env_id: str
    env_kwargs: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """The id without its module."""
        return self.env_id.rpartition(":")[2]

    @property
    def mini_game(self) -> str | None:
        """The map of a StarCraft II mini-game; None of any other environment."""
        found = re.fullmatch(r"SC2/(\w+)-v\d+", self.name)
        return found[1] if found else None

    def make(self, render_mode: str | None = None) -> gymnasium.Env:
        """Makes a single environment.

        Raises:
          UsageError: the id is unknown or an argument is wrong.
        """
        try:
            return gymnasium.make(
                self.env_id,
                render_mode=render_mode,
                disable_env_checker=True,
                **self.env_kwargs,
            )
        except (gymnasium.error.Error, TypeError, ValueError, ImportError) as error:
            given = f" with {dict(self.env_kwargs)}" if self.env_kwargs else ""
            raise UsageError(f"cannot make env_id={self.env_id!r}{given}: {error}") from error

    def check(self, spec: EnvironmentSpec, observation_keys: tuple[str, ...] = ()) -> None:
        """Checks that an agent made for `spec` can play.

        Raises:
          UsageError: observations or actions differ from those the agent was made for.
        """
        environment = self.make()
        try:
            mine = EnvironmentSpec.from_spaces(
                environment.observation_space, environment.action_space, observation_keys
            )
        except ValueError as error:
            raise UsageError(f"env_id={self.env_id!r} cannot be played: {error}") from error
        finally:
            environment.close()
        for field in dataclasses.fields(EnvironmentSpec):
            wanted, given = getattr(spec, field.name), getattr(mine, field.name)
            if wanted != given:
                raise UsageError(
                    f"env_id={self.env_id!r} must have {field.name}={wanted!r} as the agent was "
                    f"trained with, got {given!r}"
                )


def training_game(config: Config) -> Game:
    """Returns the game a run is trained for: that of the last stage of its curriculum.

    A range of levels is left out: whoever plays chooses the levels.
    """
    last = config.curriculum[-1] if config.curriculum else {}
    env_kwargs = {**config.env_kwargs, **last}
    env_kwargs.pop("levels", None)
    return Game(config.env_id, env_kwargs)


def other_game(config: Config, env_id: str) -> Game:
    """Returns another environment, in which a run's agent sees what it is used to see."""
    game = Game(env_id)
    kept = _MINI_GAME_KWARGS if game.mini_game else _OBSERVATION_KWARGS
    env_kwargs = {name: value for name, value in config.env_kwargs.items() if name in kept}
    return dataclasses.replace(game, env_kwargs=env_kwargs)


def is_boxworld(environment: gymnasium.Env) -> bool:
    """Returns whether an environment is Box-World, which deals a level by its level seed."""
    return isinstance(environment.unwrapped, BoxWorldEnv)


def start_level(environment: gymnasium.Env, level_seed: int) -> Any:
    """Starts a level and returns its first observation.

    The level of Box-World with that level seed; in any other game the episode that
    `reset(seed=level_seed)` starts.

    Raises:
      UsageError: the environment says that it cannot be played.
    """
    if is_boxworld(environment):
        return environment.reset(options={"level_seed": level_seed})[0]
    try:
        return environment.reset(seed=level_seed)[0]
    except gymnasium.error.Error as error:
        raise UsageError(f"no episode can be started: {error}") from error


def entities_needed(environment: gymnasium.Env) -> int:
    """Returns how many cells of a Box-World scene can differ from the empty room; else 0.

    The agent, a key (loose or held) and two cells a box: at a time there is one key more than
    there are boxes, as opening a box uses a key up.
    """
    if not isinstance(environment.unwrapped, BoxWorldEnv):
        return 0
    spec = environment.unwrapped.level_spec
    boxes = spec.solution_lengths[1] + spec.branch_counts[1] * spec.branch_length
    return 2 + 2 * boxes


def check_levels(first_level: int, num_levels: int) -> None:
    """Checks a range of level seeds that no endless training stream draws from.

    Raises:
      UsageError: it is empty or not within [0, 2**32).
    """
    if num_levels < 1:
        raise UsageError(f"levels must be at least 1, got {num_levels}")
    if first_level < 0 or first_level + num_levels > FIRST_ENDLESS_SEED:
        raise UsageError(
            "first_level must be at least 0 and first_level + levels at most 2**32, because "
            f"training draws the levels from there on, got {first_level} + {num_levels}"
        )


def levels_trained_on(config: Config, first_level: int, num_levels: int) -> int:
    """Returns how many of a range of level seeds the run may have trained on.

    Training draws from 2**32 on, unless the run's `levels` argument says otherwise.
    """
    stages = [{**config.env_kwargs, **stage} for stage in config.curriculum or ({},)]
    seen: set[int] = set()
    for stage in stages:
        if stage.get("levels") is not None:
            first, count = stage["levels"]
            seen |= set(
                range(max(first, first_level), min(first + count, first_level + num_levels))
            )
    return len(seen)
