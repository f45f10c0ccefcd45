"""The configuration of an experiment: nested frozen dataclasses, validated when made.

    base        what every part is: validation, choices by kind or import path
    agents      agents, their memories and initial values
    units       agents over units, objects with kinds and places
    encoders    from observations to entities
    learners    learning rules and optimisers
    sources     where batches come from
    backends    where actors run
    experiment  environment, curriculum, run; all of them together
    tree        to and from JSON, with some values replaced
    texts       values given on a command line
    old_names   flat configurations of before version 0.2
    describe    every value with its meaning

Nothing here imports TensorFlow: a choice imports it when it builds its piece.
"""

from collections.abc import Mapping
from typing import Any

from relational_rl.config import old_names, tree
from relational_rl.config.agents import (
    LSTM,
    AgentConfig,
    Control,
    ConvLSTM,
    Initialization,
    Memory,
    OrthogonalInitialization,
    Random,
    Relational,
    SpatialControl,
    SpatialRelational,
    StandardInitialization,
)
from relational_rl.config.backends import BackendConfig, Local, Ray
from relational_rl.config.base import Choice, kind_of, part, value
from relational_rl.config.describe import Described, describe
from relational_rl.config.encoders import (
    Cells,
    Convolutions,
    Encoder,
    Mixed,
    Objects,
    Patch,
    References,
    Stem,
)
from relational_rl.config.experiment import (
    Curriculum,
    EnvSpec,
    Experiment,
    Run,
    StopAt,
)
from relational_rl.config.learners import Adam, Cloning, LearnerConfig, RMSProp, VTrace
from relational_rl.config.sources import Online, SourceConfig
from relational_rl.config.texts import override
from relational_rl.config.tree import replace, to_dict
from relational_rl.config.units import UnitsControl, UnitsRelational
from relational_rl.errors import ConfigError


def from_dict(values: Any) -> Experiment:
    """Makes an experiment of its values by name, in today's form or in the flat one of before 0.2.

    Raises:
      ConfigError: a name is unknown or a value is wrong.
    """
    if isinstance(values, Mapping) and old_names.is_old(values):
        return old_names.from_flat(values)
    return tree.from_dict(values)


__all__ = [
    "LSTM",
    "Adam",
    "AgentConfig",
    "BackendConfig",
    "Cells",
    "Choice",
    "Cloning",
    "ConfigError",
    "Control",
    "ConvLSTM",
    "Convolutions",
    "Curriculum",
    "Described",
    "Encoder",
    "EnvSpec",
    "Experiment",
    "Initialization",
    "LearnerConfig",
    "Local",
    "Memory",
    "Mixed",
    "Objects",
    "Online",
    "OrthogonalInitialization",
    "Patch",
    "RMSProp",
    "Random",
    "Ray",
    "References",
    "Relational",
    "Run",
    "SourceConfig",
    "SpatialControl",
    "SpatialRelational",
    "StandardInitialization",
    "Stem",
    "StopAt",
    "UnitsControl",
    "UnitsRelational",
    "VTrace",
    "describe",
    "from_dict",
    "kind_of",
    "override",
    "part",
    "replace",
    "to_dict",
    "value",
]
