"""Builds the agents over units of their configuration and an environment's spec."""

from typing import Any

import numpy as np

from relational_rl._quiet import tf
from relational_rl.agents.units import ActionTypes, UnitCore, UnitsAgent, units_of
from relational_rl.config import units as config
from relational_rl.errors import ConfigError
from relational_rl.nn.initializers import Initializer
from relational_rl.nn.unit_arguments import UnitArguments
from relational_rl.nn.units import UnitEncoder, UnitRelations, UnitResiduals
from relational_rl.observations.spec import EnvironmentSpec


def units_agent(description: config.UnitsConfig, spec: EnvironmentSpec) -> UnitsAgent:
    """Makes an agent over units, all variables made.

    Raises:
      ConfigError: it cannot be built for this environment.
    """
    try:
        units = units_of(spec)
        types = ActionTypes(spec, description.action_types)
    except ValueError as error:
        raise ConfigError(f"agent={description.kind}: {error}") from error
    initializer = description.initialization.build()
    sizes = () if spec.arguments is None else spec.arguments.sizes
    places = units.argument_places or ((),) * len(sizes)
    if len(places) != len(sizes):
        raise ConfigError(
            f"argument_places of the units must be one for each of {len(sizes)} arguments, "
            f"got {len(places)}"
        )
    arguments = UnitArguments(
        len(types.ids),
        [sizes[k] for k in types.arguments],
        [places[k] for k in types.arguments],
        description.grid,
        description.key_size,
        description.action_embedding,
        description.policy_scale,
        initializer,
    )
    encoder = UnitEncoder(
        units.columns,
        description.size,
        description.embedding_size,
        description.num_frequencies,
        initializer,
    )
    agent = UnitsAgent(
        spec,
        encoder,
        _core(description, initializer),
        types,
        arguments,
        description.mlp,
        description.action_embedding,
        description.policy_scale,
        initializer,
    )
    observation = {key: tf.constant(value) for key, value in spec.zeros((1,)).items()}
    uniforms = tf.constant(np.zeros((1, agent.num_draws)))
    agent.act(observation, agent.initial_state(1), uniforms)  # makes the variables
    return agent


def _core(description: Any, initializer: Initializer) -> UnitCore:
    """Makes the module in which the relational and the control agent differ."""
    if isinstance(description, config.UnitsControl):
        return UnitResiduals(description.residual_blocks, description.hidden, initializer)
    return UnitRelations(
        description.num_blocks,
        description.num_heads,
        description.head_size,
        description.share_weights,
        description.hidden,
        initializer,
    )
