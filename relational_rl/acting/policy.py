"""An agent with its compiled step: arrays in, arrays out.

B batch.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from relational_rl._quiet import tf
from relational_rl.agents.protocol import ActOutput, Agent
from relational_rl.nn.memory import reset_state
from relational_rl.observations.spec import Observations


class Policy:
    """Acts with an agent; its step is compiled once for each batch size and way of acting."""

    def __init__(self, agent: Agent):
        """Makes the policy of an agent, whose variables are read at every step."""
        self.agent = agent
        self.num_draws = agent.num_draws
        self._act = tf.function(agent.act, jit_compile=agent.can_compile, autograph=False)
        # Attention is looked at for a few steps only, and is not worth a compilation.
        self._look = tf.function(agent.act, autograph=False)

    def set_parameters(self, parameters: Sequence[np.ndarray]) -> None:
        """Assigns the agent's variables, in the order of `agent.variables`."""
        for variable, value in zip(self.agent.variables, parameters, strict=True):
            variable.assign(value)

    def initial_state(self, batch_size: int) -> Any:
        """Returns the state before the first step of B episodes; () without memory."""
        return self.agent.initial_state(batch_size)

    def act(
        self,
        observations: Observations,
        state: Any,
        uniforms: np.ndarray,
        greedy: bool = False,
        with_attention: bool = False,
    ) -> tuple[ActOutput, Any]:
        """Chooses actions; arguments and results as for `Agent.act`."""
        act = self._look if with_attention else self._act
        return act(observations, state, uniforms, greedy, with_attention)

    def restart(self, state: Any, started: np.ndarray) -> Any:
        """Returns the state with the rows of starting episodes, bool [B], back to the first."""
        if not tf.nest.flatten(state) or not started.any():
            return state
        return reset_state(state, self.initial_state(len(started)), tf.constant(started))

    def arrays(self, state: Any) -> Any:
        """Returns a state as NumPy arrays, in the same nest."""
        return tf.nest.map_structure(np.asarray, state)
