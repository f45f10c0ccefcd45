"""Builds agents of their configuration and an environment's spec.

The relational and the control agent differ by one module, the core. The control agent's core works
on the whole map, in which it puts each entity into its cell.
"""

from typing import Any

import numpy as np
import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.agents.encoding import check_seen, default_encoder
from relational_rl.agents.entity import EntityAgent
from relational_rl.agents.protocol import Agent, Core
from relational_rl.agents.spatial import SpatialAgent
from relational_rl.agents.spatial_encoder import SpatialEncoder
from relational_rl.config import agents as config
from relational_rl.errors import ConfigError
from relational_rl.kernels.features import unsupported
from relational_rl.math.joint import Joint
from relational_rl.math.squashed import Bounds
from relational_rl.nn.arguments import ArgumentHeads
from relational_rl.nn.initializers import Initializer
from relational_rl.nn.memory import Memory
from relational_rl.nn.pointer import PointerHeads
from relational_rl.nn.relational import RelationalModule
from relational_rl.nn.residual import ResidualModule
from relational_rl.observations.spec import EnvironmentSpec


def entity_agent(description: config.EntityConfig, spec: EnvironmentSpec) -> EntityAgent:
    """Makes the agent of section 2 of the paper, all variables made.

    Raises:
      ConfigError: it cannot be built for this environment.
    """
    if spec.arguments is not None and spec.parts is None:
        raise ConfigError(
            "agent must be spatial_relational or spatial_control for actions with arguments, got "
            f"{description.kind} for arguments of the sizes {spec.arguments.sizes}"
        )
    likeness = isinstance(description, config.Relational) and description.likeness
    initializer = description.initialization.build()
    encoder = (description.encoder or default_encoder(spec)).build(spec, initializer, likeness)
    memory = None
    if description.memory is not None:
        memory = Memory(snt.LSTM(description.memory.size), description.memory.shortcut)
    if isinstance(description, config.Control) and encoder.map_shape is None:
        raise ConfigError(
            f"agent=control needs entities that are cells of an image, got {spec.kind} observations"
        )
    joint, pointers = None, None
    if spec.parts is not None:
        joint = Joint(spec.parts.sizes, Bounds(spec.parts.low, spec.parts.high))
        pointers = _pointers(spec, encoder, description.policy_scale, initializer)
    agent = EntityAgent(
        encoder,
        _core(description, encoder.map_shape or (0, 0), initializer),
        description.mlp,
        spec.num_actions,
        description.policy_scale,
        memory,
        append_vector=spec.vector_size > 0 and spec.kind != "vector",
        initializer=initializer,
        joint=joint,
        pointers=pointers,
        masked=spec.mask_key is not None,
    )
    _build(agent, spec)
    if isinstance(description, config.Relational):
        why = unsupported(agent.encoder, agent.core)
        wanted = description.implementation
        if wanted == "packed" and why is not None:
            raise ConfigError(f"implementation must be plain or auto, got 'packed': {why}")
        if wanted == "packed" or (wanted == "auto" and why is None):
            agent.use_packed()
    return agent


def spatial_agent(description: config.SpatialConfig, spec: EnvironmentSpec) -> SpatialAgent:
    """Makes the agent of section 4 of the paper, all variables made.

    Raises:
      ConfigError: it cannot be built for this environment.
    """
    if not spec.images:
        raise ConfigError(f"agent={description.kind} needs images, got {spec.kind} observations")
    check_seen(f"agent={description.kind}", spec, {"image"})
    if spec.parts is not None and spec.arguments is None:
        raise ConfigError(
            f"agent={description.kind} needs actions that are one choice, or a type and its "
            f"arguments, got {spec.parts}"
        )
    initializer = description.initialization.build()
    encoder = SpatialEncoder(
        spec,
        description.map_size,
        description.map_channels,
        description.embedding_size,
        description.vector_mlp,
        initializer,
    )
    memory = None
    if description.memory is not None:
        shape = [*encoder.map_shape, encoder.map_channels]
        core = snt.Conv2DLSTM(shape, description.memory.size, kernel_shape=3)
        memory = Memory(core, description.memory.shortcut)
    arguments = None
    if spec.arguments is not None:
        images = spec.images
        arguments = ArgumentHeads(
            spec.num_actions,
            spec.arguments.sizes,
            [None if name is None else images[name].shape[:2] for name in spec.arguments.images],
            encoder.map_shape,
            description.action_embedding,
            description.argument_channels,
            description.policy_scale,
            spec.arguments.images if description.argument_pixels else (),
            initializer,
        )
    agent = SpatialAgent(
        spec,
        encoder,
        memory,
        _core(description, encoder.map_shape, initializer),
        description.mlp,
        description.head_mlp,
        arguments,
        description.policy_scale,
        exact_entropy=description.argument_entropy == "exact",
        initializer=initializer,
    )
    _build(agent, spec)
    return agent


def zero_observations(spec: EnvironmentSpec) -> dict[str, tf.Tensor]:
    """Returns a batch of one observation of zeros."""
    return {key: tf.constant(value) for key, value in spec.zeros((1,)).items()}


def _pointers(
    spec: EnvironmentSpec, encoder: Any, scale: float, initializer: Initializer
) -> PointerHeads | None:
    """Makes what points at entities, None if no choice does.

    Raises:
      ConfigError: the encoder does not make entities of what a choice points at.
    """
    if spec.parts is None or not spec.parts.pointers:
        return None
    encoder(zero_observations(spec))  # an encoder knows its ranges once it has seen something
    names = getattr(encoder, "ranges", {})
    for target in spec.parts.pointers.values():
        if target not in names:
            raise ConfigError(
                f"points_at must name entities of the encoder, got {target!r} for "
                f"{type(encoder).__name__}"
            )
    return PointerHeads(spec.parts.sizes, spec.parts.pointers, scale=scale, initializer=initializer)


def _core(description: Any, map_shape: tuple[int, int], initializer: Initializer) -> Core:
    """Makes the module in which the relational and the control agent differ."""
    if isinstance(description, config.Control | config.SpatialControl):
        return ResidualModule(
            description.residual_blocks,
            map_shape,
            description.residual_convolutions,
            description.residual_channels,
            initializer,
        )
    return RelationalModule(
        description.num_blocks,
        description.num_heads,
        description.head_size,
        description.share_weights,
        description.block_mlp,
        initializer,
    )


def _build(agent: Agent, spec: EnvironmentSpec) -> None:
    """Creates all variables of an agent by showing it one observation of zeros."""
    uniforms = tf.constant(np.zeros((1, agent.num_draws)))
    agent.act(zero_observations(spec), agent.initial_state(1), uniforms)
