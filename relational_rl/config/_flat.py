"""The configuration of an experiment: typed, flat, checked when made.

Parts that need only some of the values take only that part (`AgentConfig`, `LearnerConfig`, ...);
`Config` is all of them. The defaults are the published Box-World experiment (Zambaldi et al.
2018; Espeholt et al. 2018), or, where [D] stands, our decision where the papers are silent.
"""

import ast
import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

AGENTS = ("relational", "control", "random")
NETWORKS = ("entities", "spatial")
MEMORIES = ("none", "lstm", "convlstm")
ARGUMENT_ENTROPIES = ("sampled", "exact")
VECTORIZATIONS = ("auto", "sync", "async")
STEMS = ("conv", "patch")
PADDINGS = ("SAME", "VALID")
ENTITIES = ("all", "occupied")
IMPLEMENTATIONS = ("auto", "packed", "plain")
OPTIMIZERS = ("rmsprop", "adam")
REDUCTIONS = ("sum", "mean")
SCHEDULES = ("constant", "linear")


def _check(name: str, holds: bool, rule: str, value: Any) -> None:
    if not holds:
        raise ValueError(f"{name} must be {rule}, got {value!r}")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    _check(name, value in choices, f"one of {', '.join(choices)}", value)


def _check_positive(name: str, value: float) -> None:
    _check(name, 0 < value < math.inf, "positive and finite", value)


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


@dataclasses.dataclass(frozen=True)
class EnvironmentConfig:
    """Which environment, and in which order it becomes harder."""

    env_id: str = "boxworld:BoxWorld-v0"  # any Gymnasium id, "module:Id" imports the module first
    env_kwargs: dict[str, Any] = dataclasses.field(default_factory=dict)  # arguments of make
    observation_keys: tuple[str, ...] = ()  # entries of a Dict observation to use; () means all
    num_actors: int = 1  # [D] actors with their own environments and their own copy of the agent
    envs_per_actor: int = 32  # environments that one actor steps as a batch
    # How a batch is stepped: sync in this process, async in a process each; auto: by the
    # environment's own batch implementation where it has one, else sync.
    vectorization: str = "auto"
    # Stages of env_kwargs laid over env_kwargs; the next one when `curriculum_threshold` is solved.
    curriculum: tuple[dict[str, Any], ...] = ()
    curriculum_threshold: float = 0.8  # solved share that raises the stage
    curriculum_window: int = 1000  # episodes over which the share is taken

    def __post_init__(self):
        """Checks the values."""
        _check("env_id", bool(self.env_id), "a Gymnasium id", self.env_id)
        for name in ("env_kwargs", "curriculum"):
            _check(name, _is_json(getattr(self, name)), "made of JSON values", getattr(self, name))
        _check_choice("vectorization", self.vectorization, VECTORIZATIONS)
        for name in ("num_actors", "envs_per_actor", "curriculum_window"):
            _check(name, getattr(self, name) >= 1, "at least 1", getattr(self, name))
        threshold = self.curriculum_threshold
        _check("curriculum_threshold", 0 < threshold <= 1, "in (0, 1]", threshold)


@dataclasses.dataclass(frozen=True)
class AgentConfig:
    """The network."""

    agent: str = "relational"  # relational | control | random
    network: str = "entities"  # entities: the paper's of section 2; spatial: of its section 4
    memory: str = "none"  # none | lstm (network=entities) | convlstm (network=spatial)
    memory_size: int = 96  # units, or channels of the convolutional LSTM (the paper: 96)
    memory_shortcut: bool = False  # what goes into the memory also goes past it
    stem: str = "conv"  # conv: the paper's; patch: a network over the pixels around each entity
    conv_channels: tuple[int, ...] = (12, 24)  # kernels of the conv stem, 2x2 each
    conv_padding: str = "SAME"  # [D] SAME: a pixel an entity; VALID: two fewer a side
    patch: tuple[int, ...] = (1, 3)  # rows, columns that the patch stem sees
    num_frequencies: int = 32  # random Fourier features of colours and of places (patch stem)
    frequency_scale: float = 20.0  # their deviation, radians per full range of colour
    place_scale: float = 5.0  # likewise of coordinates, radians per half of the map
    entity_size: int = 64  # features of an entity (patch stem; the conv stem gives 24 + 2)
    entities: str = "all"  # all cells (the paper) | occupied: those unlike the background
    max_entities: int = 24  # occupied: at most so many
    num_references: int = 0  # learned points of reference told to every entity; 0: none
    likeness: bool = False  # heads may attend by how alike colours are (patch stem)
    match_size: int = 32  # features of the comparison with each of them
    num_blocks: int = 2  # relational blocks (the paper: 1 for branch length 1, more for 3)
    num_heads: int = 2  # the paper: 2 to 4
    head_size: int = 32  # [D] "d = 64" taken as the total of two heads
    share_weights: bool = True  # the paper: blocks share weights on Box-World
    block_mlp: tuple[int, ...] = ()  # hidden layers of a block; (): one of the entity's size
    control_blocks: int = 3  # residual blocks of the control agent (the paper: 3 to 6)
    control_convolutions: int = 2  # convolutions in each of them
    control_channels: int = 0  # their channels; 0: as many as an entity has features
    mlp: tuple[int, ...] = (256, 256, 256, 256)  # the paper: 4 layers; [D] their width
    # What follows is used by network=spatial alone (the paper's section 4).
    map_size: int = 8  # images are halved until their side is at most this
    map_channels: int = 32  # [D] channels of the convolutions that do so
    embedding_size: int = 10  # numbers that a category becomes
    vector_mlp: tuple[int, ...] = (128, 64)  # layers for everything that is no image
    head_mlp: tuple[int, ...] = (256,)  # hidden layers of the policy, and again of the baseline
    action_embedding: int = 16  # numbers that a chosen action becomes, to condition its arguments
    argument_channels: int = 16  # channels of the transposed convolutions to spatial arguments
    argument_pixels: bool = False  # spatial arguments also see the pixels of their image
    argument_entropy: str = (
        "sampled"  # exact: over all actions, affordable for a few (composite.py)
    )
    implementation: str = "auto"  # packed: compiled over packed rows; plain; auto: packed if it can
    policy_scale: float = 0.01  # [D] initial scale of the policy's layer: near-uniform at first

    def __post_init__(self):
        """Checks the values."""
        _check_choice("agent", self.agent, AGENTS)
        _check_choice("network", self.network, NETWORKS)
        _check_choice("memory", self.memory, MEMORIES)
        _check_choice("argument_entropy", self.argument_entropy, ARGUMENT_ENTROPIES)
        _check_choice("stem", self.stem, STEMS)
        _check_choice("conv_padding", self.conv_padding, PADDINGS)
        _check_choice("entities", self.entities, ENTITIES)
        _check_choice("implementation", self.implementation, IMPLEMENTATIONS)
        for name in ("entity_size", "max_entities", "match_size", "control_blocks"):
            _check(name, getattr(self, name) >= 1, "at least 1", getattr(self, name))
        for name in ("num_blocks", "num_heads", "head_size", "memory_size"):
            _check(name, getattr(self, name) >= 1, "at least 1", getattr(self, name))
        for name in ("map_size", "map_channels", "embedding_size", "control_convolutions"):
            _check(name, getattr(self, name) >= 1, "at least 1", getattr(self, name))
        for name in ("action_embedding", "argument_channels"):
            _check(name, getattr(self, name) >= 1, "at least 1", getattr(self, name))
        for name in ("num_references", "num_frequencies", "control_channels"):
            _check(name, getattr(self, name) >= 0, "at least 0", getattr(self, name))
        for name in ("conv_channels", "mlp", "block_mlp", "vector_mlp", "head_mlp"):
            sizes = getattr(self, name)
            _check(name, all(size >= 1 for size in sizes), "of numbers that are at least 1", sizes)
        _check("conv_channels", bool(self.conv_channels), "not empty", self.conv_channels)
        other = {"entities": "convlstm", "spatial": "lstm"}[self.network]
        rule = f"one of {', '.join(name for name in MEMORIES if name != other)}"
        rule += f" with network={self.network}"
        _check("memory", self.memory != other, rule, self.memory)
        odd = all(side >= 1 and side % 2 == 1 for side in self.patch)
        _check("patch", odd and len(self.patch) == 2, "two odd positive numbers", self.patch)
        for name in ("frequency_scale", "place_scale", "policy_scale"):
            _check_positive(name, getattr(self, name))


@dataclasses.dataclass(frozen=True)
class LearnerConfig:
    """V-trace and the optimiser (Espeholt et al. 2018; Zambaldi et al. 2018, section 3)."""

    unroll_length: int = 40  # T
    batch_size: int = 32  # unrolls in one gradient step
    num_passes: int = 1  # how often each unroll is learned from
    discount_factor: float = 0.99
    baseline_cost: float = 0.5  # [D]
    entropy_cost: float = 0.005
    entropy_schedule: str = "constant"  # constant | linear (to zero at the end)
    clip_rho_threshold: float = 1.0  # [D]
    clip_pg_rho_threshold: float = 1.0  # [D]
    trace_decay: float = 1.0  # V-trace's lambda (remark 2); 1 is the paper's
    policy_clip: float = 0.0  # clipped surrogate as in IMPACT (arXiv:1912.00167); 0: plain
    normalize_advantages: bool = False
    min_advantage_deviation: float = 0.1  # floor under the normaliser: rewards are rare
    reward_scale: float = 1.0
    reduction: str = "sum"  # over time and batch, as published; see losses.py before changing
    optimizer: str = "rmsprop"  # rmsprop (epsilon inside the root) | adam
    learning_rate: float = 1e-4  # the paper tuned it in [1e-5, 2e-4]
    learning_rate_schedule: str = "constant"  # constant | linear (to zero at the end)
    rmsprop_decay: float = 0.99
    rmsprop_epsilon: float = 0.1
    adam_epsilon: float = 1e-8
    max_gradient_norm: float = 40.0  # [D] global norm

    def __post_init__(self):
        """Checks the values."""
        for name in ("unroll_length", "batch_size", "num_passes"):
            _check(name, getattr(self, name) >= 1, "at least 1", getattr(self, name))
        _check("discount_factor", 0 <= self.discount_factor <= 1, "in [0, 1]", self.discount_factor)
        _check("trace_decay", 0 <= self.trace_decay <= 1, "in [0, 1]", self.trace_decay)
        for name in ("learning_rate", "max_gradient_norm", "reward_scale"):
            _check_positive(name, getattr(self, name))
        for name in ("clip_rho_threshold", "clip_pg_rho_threshold", "min_advantage_deviation"):
            _check_positive(name, getattr(self, name))
        for name in ("rmsprop_epsilon", "adam_epsilon"):
            _check_positive(name, getattr(self, name))
        _check("rmsprop_decay", 0 <= self.rmsprop_decay < 1, "in [0, 1)", self.rmsprop_decay)
        for name in ("baseline_cost", "entropy_cost", "policy_clip"):
            _check(name, getattr(self, name) >= 0, "at least 0", getattr(self, name))
        _check_choice("reduction", self.reduction, REDUCTIONS)
        _check_choice("optimizer", self.optimizer, OPTIMIZERS)
        _check_choice("learning_rate_schedule", self.learning_rate_schedule, SCHEDULES)
        _check_choice("entropy_schedule", self.entropy_schedule, SCHEDULES)


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """The run: how long, what is kept."""

    seed: int = 0
    total_frames: int = 1_000_000_000  # transitions learned from
    max_minutes: float = 0.0  # end after so many minutes of training; 0: no limit
    stop_at_solved: float = 0.0  # end early at this solved share on the last stage; 0: never
    queue_size: int = 1  # unrolls under way or waiting for the learner; at least one an actor
    metrics_seconds: float = 10.0  # between rows of metrics.csv
    checkpoint_seconds: float = 60.0
    checkpoints_kept: int = 3

    def __post_init__(self):
        """Checks the values."""
        for name in ("total_frames", "queue_size", "checkpoints_kept"):
            _check(name, getattr(self, name) >= 1, "at least 1", getattr(self, name))
        _check("seed", self.seed >= 0, "at least 0", self.seed)
        _check("stop_at_solved", 0 <= self.stop_at_solved <= 1, "in [0, 1]", self.stop_at_solved)
        for name in ("max_minutes", "metrics_seconds", "checkpoint_seconds"):
            _check(name, getattr(self, name) >= 0, "at least 0", getattr(self, name))


@dataclasses.dataclass(frozen=True)
class Config(EnvironmentConfig, AgentConfig, LearnerConfig, RunConfig):
    """Everything that defines an experiment.

    Raises:
      ValueError: a value is outside its range; the message names the value, the rule and what
        was given.
    """

    def __post_init__(self):
        """Checks every part, and what only holds between parts."""
        for part in (EnvironmentConfig, AgentConfig, LearnerConfig, RunConfig):
            part.__post_init__(self)
        _check(
            "batch_size",
            self.envs_per_actor % self.batch_size == 0,
            f"a divisor of envs_per_actor={self.envs_per_actor}",
            self.batch_size,
        )
        _check(
            "queue_size",
            self.queue_size >= self.num_actors,
            f"at least num_actors={self.num_actors}",
            self.queue_size,
        )


def to_dict(config: Config) -> dict[str, Any]:
    """Returns the values by name, JSON-able."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def from_dict(values: Mapping[str, Any]) -> Config:
    """Makes a config of values by name; names that are missing take their default.

    Raises:
      ValueError: a name is unknown (the message lists the known ones) or a value is wrong.
    """
    types = {
        field.name: field.type.__name__ if isinstance(field.type, type) else str(field.type)
        for field in dataclasses.fields(Config)
    }
    unknown = sorted(set(values) - set(types))
    if unknown:
        raise ValueError(
            f"config.{unknown[0]} is unknown; the names are {', '.join(sorted(types))}"
        )
    return Config(**{name: _typed(name, types[name], values[name]) for name in values})


def override(config: Config, texts: Mapping[str, str]) -> Config:
    """Replaces values by what their texts say, as on a command line.

    Numbers, lists and dicts are written as in Python, `true` and `false` as in JSON; a text is
    written as it is. A name that is no field but an argument in `env_kwargs` replaces that one.

    Raises:
      ValueError: a name is unknown or a value is wrong.
    """
    values = to_dict(config)
    for name, text in texts.items():
        holder = values
        if name not in values and name in values["env_kwargs"]:
            holder = values["env_kwargs"]
        holder[name] = text if isinstance(holder.get(name), str) else _parse(name, text)
    return from_dict(values)


def _parse(name: str, text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        raise ValueError(f"config.{name} must be a Python value, got {text!r}") from None


def _typed(name: str, type_name: str, value: Any) -> Any:
    """Brings a JSON value to a field's type: lists to tuples, whole numbers to floats."""
    kind = type_name.split("[")[0]
    fits = {
        "str": isinstance(value, str),
        "bool": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, int | float) and not isinstance(value, bool),
        "tuple": isinstance(value, list | tuple),
        "dict": isinstance(value, dict),
    }
    if not fits[kind]:
        raise ValueError(f"config.{name} must be of type {type_name}, got {value!r}")
    if kind == "float":
        return float(value)
    if kind != "tuple":
        return value
    item = type_name.removeprefix("tuple[").split(",")[0].split("[")[0]
    for entry in value:
        if item in ("int", "str", "dict") and type(entry).__name__ != item:
            raise ValueError(f"config.{name} must be of type {type_name}, got {value!r}")
    return tuple(value)
