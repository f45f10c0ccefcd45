"""Builds agents of their configuration and an environment's spec.

The relational and the control agent differ by one module, the core. The control agent's core works
on the whole map, in which it puts each entity into its cell.
"""

from typing import Any

import numpy as np
import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.agents.entity import EntityAgent
from relational_rl.agents.protocol import Agent, Core, ObservationEncoder
from relational_rl.agents.spatial import SpatialAgent
from relational_rl.agents.spatial_encoder import SpatialEncoder
from relational_rl.config import agents as config
from relational_rl.config import encoders
from relational_rl.config.base import kind_of
from relational_rl.errors import ConfigError
from relational_rl.kernels.features import unsupported
from relational_rl.nn.arguments import ArgumentHeads
from relational_rl.nn.encoders import EntityEncoder
from relational_rl.nn.initializers import Initializer
from relational_rl.nn.memory import Memory
from relational_rl.nn.objects import ObjectEncoder, VectorEncoder
from relational_rl.nn.references import References
from relational_rl.nn.relational import RelationalModule
from relational_rl.nn.residual import ResidualModule
from relational_rl.nn.stems import ConvStem, PatchStem
from relational_rl.observations.spec import EnvironmentSpec


def entity_agent(description: config.EntityConfig, spec: EnvironmentSpec) -> EntityAgent:
    """Makes the agent of section 2 of the paper, all variables made.

    Raises:
      ConfigError: it cannot be built for this environment.
    """
    if spec.arguments is not None:
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
    agent = EntityAgent(
        encoder,
        _core(description, encoder.map_shape or (0, 0), initializer),
        description.mlp,
        spec.num_actions,
        description.policy_scale,
        memory,
        append_vector=spec.vector_size > 0 and spec.kind != "vector",
        initializer=initializer,
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


def default_encoder(spec: EnvironmentSpec) -> encoders.Encoder:
    """Returns the encoder for a kind of observation, where none is chosen."""
    return encoders.Cells() if spec.kind == "image" else encoders.Objects()


def cell_encoder(
    description: encoders.Cells, spec: EnvironmentSpec, initializer: Initializer, likeness: bool
) -> EntityEncoder:
    """Makes entities of the cells of an image.

    Raises:
      ConfigError: there is no image, the stem cannot tell the likeness of colours, or its map is
        smaller than the image although cells are to be chosen.
    """
    if not spec.images:
        raise ConfigError(f"encoder=cells needs an image, got {spec.kind} observations")
    stem: ConvStem | PatchStem
    choice = description.stem
    if isinstance(choice, encoders.Convolutions):
        stem = ConvStem(choice.channels, padding=choice.padding, initializer=initializer)
    elif isinstance(choice, encoders.Patch):
        stem = PatchStem(
            choice.size,
            (choice.shape[0], choice.shape[1]),
            choice.num_frequencies,
            choice.frequency_scale,
            choice.place_scale,
            initializer,
        )
    else:
        raise ConfigError(f"stem must be conv or patch, got {kind_of(choice)!r}")
    if likeness and not (isinstance(choice, encoders.Patch) and choice.num_frequencies):
        raise ConfigError(
            "likeness must be false without random Fourier features of colours (stem=patch with "
            "num_frequencies >= 1), got true"
        )
    references = description.references
    try:
        return EntityEncoder(
            stem,
            spec.image_shape,
            spec.image_dtype,
            spec.image_scale,
            max_entities=description.max_entities,
            references=(
                References(references.count, references.match_size, initializer)
                if references
                else None
            ),
            likeness=likeness,
            initializer=initializer,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error


def object_encoder(
    description: encoders.Objects, spec: EnvironmentSpec, initializer: Initializer, likeness: bool
) -> ObservationEncoder:
    """Makes entities of a set of objects, or of the numbers of a vector.

    Raises:
      ConfigError: there is neither, or a likeness of colours is asked for.
    """
    if likeness:
        raise ConfigError("likeness must be false with encoder=objects, got true")
    if any(entry.kind == "objects" for entry in spec.entries):
        return ObjectEncoder(description.size, initializer=initializer)
    if spec.vector_size:
        return VectorEncoder(description.size, initializer)
    raise ConfigError(
        "encoder=objects needs a set of objects Box(N, F) or a vector, "
        f"got {spec.kind} observations"
    )


def zero_observations(spec: EnvironmentSpec) -> dict[str, tf.Tensor]:
    """Returns a batch of one observation of zeros."""
    return {key: tf.constant(value) for key, value in spec.zeros((1,)).items()}


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
