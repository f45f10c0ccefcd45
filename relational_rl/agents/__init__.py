"""The agents: relational, control and random, behind one interface."""

from relational_rl.agents.agent import Agent, AgentOutput, AttentionMaps, StepOutput
from relational_rl.agents.factory import make_agent

__all__ = ["Agent", "AgentOutput", "AttentionMaps", "StepOutput", "make_agent"]
