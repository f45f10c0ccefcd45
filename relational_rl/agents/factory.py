"""Agents from a config and an environment's spec."""

import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.agents.agent import Agent, Core, RandomAgent
from relational_rl.agents.spatial import SpatialAgent, SpatialEncoder
from relational_rl.config import AgentConfig
from relational_rl.kernels.features import unsupported
from relational_rl.nn.arguments import ArgumentHeads
from relational_rl.nn.encoders import EntityEncoder
from relational_rl.nn.memory import Memory
from relational_rl.nn.references import References
from relational_rl.nn.relational import RelationalModule
from relational_rl.nn.residual import ResidualModule
from relational_rl.nn.stems import ConvStem, PatchStem
from relational_rl.observations.spec import EnvironmentSpec

AnyAgent = Agent | SpatialAgent | RandomAgent


def make_agent(config: AgentConfig, spec: EnvironmentSpec) -> AnyAgent:
    """Makes the agent that `config` describes for environments like `spec`, all variables made.

    The relational and the control agent differ by one module, the core. The control agent's core
    works on the whole map, in which it puts each entity into its cell.

    Raises:
      ValueError: the config cannot be built for this environment.
    """
    if config.agent == "random":
        return RandomAgent(spec.num_actions, spec.arguments)
    agent: Agent | SpatialAgent
    agent = _spatial(config, spec) if config.network == "spatial" else _entities(config, spec)
    _build(agent, spec)
    if isinstance(agent, Agent):
        why = unsupported(agent.encoder, agent.core)
        if config.implementation == "packed" or (config.implementation == "auto" and why is None):
            agent.use_packed()
    elif config.implementation == "packed":
        raise ValueError("implementation=packed is not possible: network=spatial has no such form")
    return agent


def _entities(config: AgentConfig, spec: EnvironmentSpec) -> Agent:
    """Makes the agent of section 2 of the paper."""
    if spec.arguments is not None:
        raise ValueError(
            "network=entities needs actions without arguments, got arguments of the sizes "
            f"{spec.arguments.sizes}; network=spatial has heads for them"
        )
    stem: ConvStem | PatchStem
    if config.stem == "conv":
        stem = ConvStem(config.conv_channels, padding=config.conv_padding)
    else:
        rows, columns = config.patch
        stem = PatchStem(
            config.entity_size,
            (rows, columns),
            config.num_frequencies,
            config.frequency_scale,
            config.place_scale,
        )
    if config.likeness and not (config.stem == "patch" and config.num_frequencies):
        raise ValueError(
            "likeness must be false without random Fourier features of colours, got true with "
            f"stem={config.stem!r} and num_frequencies={config.num_frequencies}"
        )
    occupied = config.entities == "occupied"
    encoder = EntityEncoder(
        stem,
        spec.image_shape,
        spec.image_dtype,
        spec.image_scale,
        max_entities=config.max_entities if occupied else None,
        references=(
            References(config.num_references, config.match_size) if config.num_references else None
        ),
        likeness=config.likeness,
    )
    memory = None
    if config.memory == "lstm":
        memory = Memory(snt.LSTM(config.memory_size), config.memory_shortcut)
    core = _core(config, encoder.map_shape)
    return Agent(encoder, core, config.mlp, spec.num_actions, config.policy_scale, memory)


def _spatial(config: AgentConfig, spec: EnvironmentSpec) -> SpatialAgent:
    """Makes the agent of section 4 of the paper."""
    encoder = SpatialEncoder(
        spec, config.map_size, config.map_channels, config.embedding_size, config.vector_mlp
    )
    memory = None
    if config.memory == "convlstm":
        shape = [*encoder.map_shape, encoder.map_channels]
        core = snt.Conv2DLSTM(shape, config.memory_size, kernel_shape=3)
        memory = Memory(core, config.memory_shortcut)
    arguments = None
    if spec.arguments is not None:
        images = spec.images
        arguments = ArgumentHeads(
            spec.num_actions,
            spec.arguments.sizes,
            [None if name is None else images[name].shape[:2] for name in spec.arguments.images],
            encoder.map_shape,
            config.action_embedding,
            config.argument_channels,
            config.policy_scale,
            spec.arguments.images if config.argument_pixels else (),
        )
    return SpatialAgent(
        spec,
        encoder,
        memory,
        _core(config, encoder.map_shape),
        config.mlp,
        config.head_mlp,
        arguments,
        config.policy_scale,
        exact_entropy=config.argument_entropy == "exact",
    )


def _core(config: AgentConfig, map_shape: tuple[int, int]) -> Core:
    """Makes the module in which the relational and the control agent differ."""
    if config.agent == "control":
        return ResidualModule(
            config.control_blocks, map_shape, config.control_convolutions, config.control_channels
        )
    return RelationalModule(
        config.num_blocks,
        config.num_heads,
        config.head_size,
        config.share_weights,
        config.block_mlp,
    )


def _build(agent: Agent | SpatialAgent, spec: EnvironmentSpec) -> None:
    """Creates all variables of `agent` by showing it one observation of zeros."""
    observations = {key: tf.constant(value) for key, value in spec.zeros((1,)).items()}
    agent.step(observations, agent.initial_state(1), tf.constant([0, 0]))
