"""The step of an agent that shows its attention while it acts."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from experiments.launch import UsageError
from experiments.trained import TrainedAgent
from relational_rl.agents import Agent, RandomAgent, StepOutput

AttentiveStep = Callable[[Any, Any, Any, bool], tuple[StepOutput, Any]]


def attentive_step(trained: TrainedAgent) -> AttentiveStep:
    """Returns the agent's `step(observations, state, seed, greedy)`, with attention maps.

    Raises:
      UsageError: the agent has no attention.
    """
    agent = trained.agent
    if trained.config.agent != "relational" or isinstance(agent, RandomAgent):
        raise UsageError(
            f"attention maps need config.agent='relational', got {trained.config.agent!r}: that "
            "agent has no attention"
        )

    def look(observations: Any, state: Any, seed: Any, greedy: bool) -> tuple[StepOutput, Any]:
        return agent.step(observations, state, seed, greedy, with_attention=True)

    # `can_compile` of an entity agent is about its packed features, which have no maps.
    compiled = agent.can_compile or isinstance(agent, Agent)
    return tf.function(look, jit_compile=compiled, autograph=False)
