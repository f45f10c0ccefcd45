"""Names of before version 0.2, when a configuration was one flat list of values.

Run directories, exported agents and command lines of that time are still read by this table.
"""

from collections.abc import Mapping
from typing import Any

from relational_rl.config.base import did_you_mean, shorten
from relational_rl.config.encoders import Cells
from relational_rl.config.experiment import Experiment
from relational_rl.config.tree import paths, replace
from relational_rl.errors import ConfigError

# Old name -> where the value is now. Of two places an agent has one.
MOVED: dict[str, tuple[str, ...]] = {
    "env_id": ("env.id",),
    "env_kwargs": ("env.kwargs",),
    "observation_keys": ("env.observation_keys",),
    "vectorization": ("env.vectorization",),
    "num_actors": ("source.num_actors",),
    "envs_per_actor": ("source.envs_per_actor",),
    "unroll_length": ("source.unroll_length",),
    "queue_size": ("source.queue_size",),
    "curriculum_threshold": ("curriculum.threshold",),
    "curriculum_window": ("curriculum.window", "run.stop_at.window"),
    "memory_size": ("agent.memory.size",),
    "memory_shortcut": ("agent.memory.shortcut",),
    "conv_channels": ("agent.encoder.stem.channels",),
    "conv_padding": ("agent.encoder.stem.padding",),
    "patch": ("agent.encoder.stem.shape",),
    "num_frequencies": ("agent.encoder.stem.num_frequencies",),
    "frequency_scale": ("agent.encoder.stem.frequency_scale",),
    "place_scale": ("agent.encoder.stem.place_scale",),
    "entity_size": ("agent.encoder.stem.size",),
    "max_entities": ("agent.encoder.max_entities",),
    "num_references": ("agent.encoder.references.count",),
    "match_size": ("agent.encoder.references.match_size",),
    "control_blocks": ("agent.residual_blocks",),
    "control_convolutions": ("agent.residual_convolutions",),
    "control_channels": ("agent.residual_channels",),
    **{
        name: (f"agent.{name}",)
        for name in (
            "likeness",
            "num_blocks",
            "num_heads",
            "head_size",
            "share_weights",
            "block_mlp",
            "mlp",
            "map_size",
            "map_channels",
            "embedding_size",
            "vector_mlp",
            "head_mlp",
            "action_embedding",
            "argument_channels",
            "argument_pixels",
            "argument_entropy",
            "implementation",
            "policy_scale",
        )
    },
    **{
        name: (f"learner.{name}",)
        for name in (
            "batch_size",
            "num_passes",
            "discount_factor",
            "baseline_cost",
            "entropy_cost",
            "entropy_schedule",
            "clip_rho_threshold",
            "clip_pg_rho_threshold",
            "trace_decay",
            "policy_clip",
            "min_advantage_deviation",
            "reward_scale",
            "reduction",
            "learning_rate",
            "learning_rate_schedule",
            "max_gradient_norm",
        )
    },
    "rmsprop_decay": ("learner.optimizer.decay",),
    "rmsprop_epsilon": ("learner.optimizer.epsilon",),
    "adam_epsilon": ("learner.optimizer.epsilon",),
    **{
        name: (f"run.{name}",)
        for name in (
            "seed",
            "total_frames",
            "max_minutes",
            "metrics_seconds",
            "checkpoint_seconds",
            "checkpoints_kept",
        )
    },
}
# Old names that choose between implementations; they come before the values of these.
CHOICES = (
    "network", "agent", "stem", "entities", "memory", "optimizer", "curriculum", "stop_at_solved",
    "normalize_advantages",
)  # fmt: skip
_BEFORE_CHOICES = {"max_entities": 24, "min_advantage_deviation": 0.1}  # defaults of that time


def is_old(values: Mapping[str, Any]) -> bool:
    """Whether values by name are those of a flat configuration."""
    return "env_id" in values or "env_kwargs" in values


def from_flat(values: Mapping[str, Any], start: Experiment | None = None) -> Experiment:
    """Makes a configuration of values by their old names.

    A value that did nothing beside the others (the convolutions' channels with another stem) is
    dropped, as it was ignored then.

    Args:
      values: by old name; names that are missing keep what they are in `start`.
      start: the defaults, if None.

    Raises:
      ConfigError: a name is unknown or a value is wrong.
    """
    unknown = sorted(set(values) - MOVED.keys() - set(CHOICES))
    if unknown:
        known = [*MOVED, *CHOICES]
        raise ConfigError(
            f"config.{unknown[0]} is unknown{did_you_mean(unknown[0], known)}; "
            f"the old names are {', '.join(sorted(known))}"
        )
    experiment = Experiment() if start is None else start
    if getattr(experiment.agent, "encoder", "none") is None:
        experiment = replace(experiment, {"agent.encoder": "cells"})
    for name in CHOICES:
        if name in values:
            experiment = _choose(experiment, name, values[name], values)
    return set_old(experiment, {name: values[name] for name in values if name in MOVED})


def set_old(experiment: Experiment, values: Mapping[str, Any]) -> Experiment:
    """Replaces values by their old names, where the configuration has such a value."""
    for name, value in values.items():
        if name == "num_references":
            experiment = _set_references(experiment, value)
            continue
        if name == "max_entities" and _all_cells(experiment):
            continue
        if name == "min_advantage_deviation" and _plain_advantages(experiment):
            continue
        if name in ("rmsprop_epsilon", "adam_epsilon"):
            wanted = name.removesuffix("_epsilon")
            if getattr(experiment.learner, "optimizer", None) is None:
                continue
            if experiment.learner.optimizer.kind != wanted:  # type: ignore[attr-defined]
                continue
        here = paths(experiment)
        for place in MOVED[name]:
            if place in here:
                experiment = replace(experiment, {place: value})
    here = paths(experiment)
    if here.get("source.queue_size") == here.get("source.num_actors", 0):
        experiment = replace(experiment, {"source.queue_size": 0})  # means the same
    return experiment


def _choose(experiment: Experiment, name: str, value: Any, values: Mapping[str, Any]) -> Experiment:
    """Applies an old name that chose between implementations."""
    if name == "network":
        if value not in ("entities", "spatial"):
            raise ConfigError(f"config.network must be entities or spatial, got {shorten(value)}")
        kind = experiment.agent.kind.removeprefix("spatial_")
        if value == "spatial" and kind != "random":
            return replace(experiment, {"agent": f"spatial_{kind}"})
        return experiment
    if name == "agent":
        return replace(experiment, {"agent": value})
    if name == "stem" and _cells(experiment):
        return replace(experiment, {"agent.encoder.stem": value})
    if name == "entities" and _cells(experiment):
        if value not in ("all", "occupied"):
            raise ConfigError(f"config.entities must be all or occupied, got {shorten(value)}")
        most = values.get("max_entities", _BEFORE_CHOICES["max_entities"])
        return replace(experiment, {"agent.encoder.max_entities": None if value == "all" else most})
    if name == "memory" and hasattr(experiment.agent, "memory"):
        return replace(experiment, {"agent.memory": value})
    if name == "optimizer":
        return replace(experiment, {"learner.optimizer": value})
    if name == "curriculum":
        if value is not None and not isinstance(value, list | tuple):
            raise ConfigError(f"config.curriculum must be a list of stages, got {shorten(value)}")
        stages = list(value or ())
        return replace(experiment, {"curriculum": {"stages": stages} if stages else None})
    if name == "stop_at_solved":
        stop = {"solved": value} if value else None
        return replace(experiment, {"run.stop_at": stop})
    if name == "normalize_advantages":
        floor = values.get("min_advantage_deviation", _BEFORE_CHOICES["min_advantage_deviation"])
        return replace(experiment, {"learner.min_advantage_deviation": floor if value else None})
    return experiment


def _cells(experiment: Experiment) -> bool:
    return isinstance(getattr(experiment.agent, "encoder", None), Cells)


def _all_cells(experiment: Experiment) -> bool:
    encoder = getattr(experiment.agent, "encoder", None)
    return not isinstance(encoder, Cells) or encoder.max_entities is None


def _plain_advantages(experiment: Experiment) -> bool:
    return getattr(experiment.learner, "min_advantage_deviation", None) is None


def _set_references(experiment: Experiment, count: Any) -> Experiment:
    if not _cells(experiment):
        return experiment
    if not count:
        return replace(experiment, {"agent.encoder.references": None})
    return replace(experiment, {"agent.encoder.references.count": count})
