"""The agents, behind one interface.

protocol         the interface: `Agent`, what it returns, and what networks are made of
entity           section 2 of the paper: entities, relations, pooling
spatial          section 4: a map of cells, a memory, actions with arguments
spatial_encoder  what makes that map of images of feature layers
random           every action equally likely
memory_agent     what agents share
building         agents of a configuration and an environment's spec
"""

from relational_rl import _quiet  # noqa: F401  (first: TensorFlow without its start-up noise)
from relational_rl.agents.entity import EntityAgent
from relational_rl.agents.protocol import ActOutput, Agent, AttentionMaps, Evaluation
from relational_rl.agents.random import RandomAgent
from relational_rl.agents.spatial import SpatialAgent

__all__ = [
    "ActOutput",
    "Agent",
    "AttentionMaps",
    "EntityAgent",
    "Evaluation",
    "RandomAgent",
    "SpatialAgent",
]
