"""Agents from a config and an environment's spec."""

import tensorflow as tf

from relational_rl.agents.agent import Agent, Core, RandomAgent
from relational_rl.config import AgentConfig
from relational_rl.modules.encoders import EntityEncoder
from relational_rl.modules.references import References
from relational_rl.modules.relational import RelationalModule
from relational_rl.modules.residual import ResidualModule
from relational_rl.modules.stems import ConvStem, PatchStem
from relational_rl.packed.features import unsupported
from relational_rl.specs import EnvironmentSpec


def make_agent(config: AgentConfig, spec: EnvironmentSpec) -> Agent | RandomAgent:
    """Makes the agent that `config` describes for environments like `spec`, all variables made.

    The relational and the control agent differ by one module, the core. The control agent's core
    works on the whole map, in which it puts each entity into its cell.

    Raises:
      ValueError: the config cannot be built for this environment.
    """
    if config.agent == "random":
        return RandomAgent(spec.num_actions)
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
    core: Core
    if config.agent == "control":
        core = ResidualModule(config.control_blocks, encoder.map_shape)
    else:
        core = RelationalModule(
            config.num_blocks,
            config.num_heads,
            config.head_size,
            config.share_weights,
        )
    agent = Agent(encoder, core, config.mlp, spec.num_actions, config.policy_scale)
    _build(agent, spec)
    why = unsupported(encoder, core)
    if config.implementation == "packed" or (config.implementation == "auto" and why is None):
        agent.use_packed()
    return agent


def _build(agent: Agent, spec: EnvironmentSpec) -> None:
    """Creates all variables of `agent` by showing it one observation of zeros."""
    observations = {key: tf.constant(value) for key, value in spec.zeros((1,)).items()}
    agent.step(observations, agent.initial_state(1), tf.constant([0, 0]))
