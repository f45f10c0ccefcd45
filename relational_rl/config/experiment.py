"""An experiment: which environment, agent, learning rule, source of batches, and how long."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

import pydantic

from relational_rl.config.agents import AgentConfig, Relational
from relational_rl.config.base import (
    Count,
    Natural,
    NonNegative,
    Positive,
    import_path,
    part,
    shorten,
    value,
)
from relational_rl.config.learners import LearnerConfig, VTrace
from relational_rl.config.sources import Online, SourceConfig
from relational_rl.errors import ConfigError

Kwargs = dict[str, Any]


def _as_json(name: str, given: Any) -> Any:
    """Returns a value as it comes back from a run directory: a tuple as a list."""
    try:
        kept = json.loads(json.dumps(given, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise ConfigError(f"{name} must be JSON-serialisable, got {shorten(given)}") from None
    if _has_other_keys(given):
        raise ConfigError(f"{name} must have texts as keys, got {shorten(given)}")
    return kept


def _has_other_keys(given: Any) -> bool:
    if isinstance(given, Mapping):
        return any(not isinstance(key, str) for key in given) or any(
            map(_has_other_keys, given.values())
        )
    return isinstance(given, list | tuple) and any(map(_has_other_keys, given))


@part
class EnvSpec:
    """Which environment, made how."""

    id: str = value(
        default="boxworld:BoxWorld-v0", meaning="Gymnasium id; 'module:Id' imports the module first"
    )
    make: str | Callable[..., Any] | None = value(
        default=None,
        meaning="makes an environment, in place of the id: a callable or 'package.module:function'",
    )
    kwargs: Kwargs = value(default=dict, meaning="arguments of the environment")
    wrappers: tuple[tuple[str, Kwargs], ...] = value(
        default=(),
        meaning="around each environment, the first inside: names of gymnasium.wrappers, "
        "ActionMaskFromInfo, SpaceAttributes or 'package.module:Class', and their arguments",
    )
    observation_keys: tuple[str, ...] = value(
        default=(), meaning="entries of a Dict or Tuple observation to use; (): all"
    )
    vectorization: Literal["auto", "sync", "async"] = value(
        default="auto",
        meaning="sync: stepped in this process; async: a process each; auto: the environment's "
        "own batch implementation, else sync",
    )

    def __post_init__(self):
        """Checks what only holds between values."""
        if not self.id and self.make is None:
            raise ConfigError("id must be a Gymnasium id, got ''")
        object.__setattr__(self, "kwargs", _as_json("kwargs", self.kwargs))
        wrappers = tuple((name, _as_json("wrappers", given)) for name, given in self.wrappers)
        object.__setattr__(self, "wrappers", wrappers)

    @property
    def name(self) -> str:
        """What the environment is called: its id, or the path of what makes it."""
        return self.id if self.make is None else describe_callable(self.make)

    def factory(self) -> Callable[..., Any] | None:
        """Returns what makes an environment, None if the id does.

        Raises:
          ConfigError: the path in `make` cannot be imported.
        """
        if isinstance(self.make, str):
            return import_path(self.make, "env.make")
        return self.make


def describe_callable(function: Any) -> str:
    """Returns `module:name` of a callable, the same in every process.

    Most can be imported by it. Of what cannot (a lambda, a function of the program that was run)
    it is only a name, by which a resumed run knows it again.
    """
    if isinstance(function, str):
        return function
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}:{named.__qualname__}"


def _env(given: Any) -> Any:
    """Makes an EnvSpec of an id or of a callable."""
    if isinstance(given, EnvSpec):
        return given
    if isinstance(given, str):
        return EnvSpec(id=given)
    if callable(given):
        return EnvSpec(id="", make=given)
    raise ValueError("must be a Gymnasium id, a callable that makes one, or an EnvSpec")


@part
class Curriculum:
    """Stages of an environment, the easiest first."""

    stages: tuple[Kwargs, ...] = value(
        default=({},), meaning="arguments laid over env.kwargs, stage by stage", min_length=1
    )
    threshold: Positive = value(default=0.8, meaning="solved share that ends a stage", le=1)
    window: Count = value(default=1000, meaning="episodes over which the share is taken")

    def __post_init__(self):
        """Keeps the stages as they come back from a run directory."""
        object.__setattr__(self, "stages", tuple(_as_json("stages", self.stages)))


@part
class StopAt:
    """Ends a run early, on the last stage of its curriculum."""

    solved: Positive = value(default=0.985, meaning="solved share", le=1)
    window: Count = value(default=1000, meaning="episodes over which the share is taken")


@part
class Run:
    """How long, and what is kept."""

    seed: Natural = value(default=0, meaning="of everything random", lt=2**31)
    total_frames: Count = value(default=1_000_000_000, meaning="transitions learned from")
    max_minutes: NonNegative = value(
        default=0.0, meaning="end after so many minutes of training; 0: no limit"
    )
    stop_at: StopAt | None = value(default=None, meaning="end early once solved; None: never")
    metrics_seconds: NonNegative = value(default=10.0, meaning="between rows of metrics.csv")
    checkpoint_seconds: NonNegative = value(default=60.0, meaning="between checkpoints")
    checkpoints_kept: Count = value(default=3, meaning="the newest ones")


@part
class Experiment:
    """Everything that defines a training run.

    `env` may be given as a Gymnasium id or as a callable that makes an environment.

    Raises:
      ConfigError: a value is unknown or out of its range; one line that names the value, the rule
        and what was given.
    """

    env: EnvSpec = value(default=EnvSpec, meaning="the environment")
    curriculum: Curriculum | None = value(
        default=None, meaning="stages of growing difficulty; None: no stages"
    )
    agent: AgentConfig = value(
        default=Relational,
        meaning="relational | control | random, and of both spatial_... and units_...",
    )
    learner: LearnerConfig = value(default=VTrace, meaning="vtrace | cloning")
    source: SourceConfig = value(default=Online, meaning="where batches come from: online")
    run: Run = value(default=Run, meaning="how long, and what is kept")
    hooks: tuple[str, ...] = value(
        default=(),
        meaning="import paths 'package.module:Hook' of further hooks, see relational_rl.run.hooks",
    )

    @pydantic.field_validator("env", mode="before")
    @classmethod
    def _make_env(cls, given: Any) -> Any:
        return _env(given)

    @property
    def stages(self) -> tuple[Kwargs, ...]:
        """The curriculum's stages; one without arguments if there is no curriculum."""
        return ({},) if self.curriculum is None else self.curriculum.stages

    def stage_kwargs(self, stage: int) -> Kwargs:
        """Returns the environment's arguments in a stage."""
        return {**self.env.kwargs, **self.stages[stage]}

    @property
    def final_env(self) -> EnvSpec:
        """The environment that training is for: that of the last stage.

        A range of levels (`levels`) is left out: whoever plays chooses the levels.
        """
        kwargs = {name: each for name, each in self.stage_kwargs(-1).items() if name != "levels"}
        return dataclasses.replace(self.env, kwargs=kwargs)
