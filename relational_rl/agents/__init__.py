"""The agents: relational, control and random, behind one interface."""

from relational_rl.agents.agent import Agent, AgentOutput, AttentionMaps, RandomAgent, StepOutput
from relational_rl.agents.factory import AnyAgent, make_agent
from relational_rl.agents.spatial import SpatialAgent

__all__ = [
    "Agent",
    "AgentOutput",
    "AnyAgent",
    "AttentionMaps",
    "RandomAgent",
    "SpatialAgent",
    "StepOutput",
    "make_agent",
]
