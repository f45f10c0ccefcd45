"""The one loop in which agents meet environments: for acting, evaluating and recording.

B environments, K arguments of an action.

Training uses Gymnasium's NEXT_STEP mode: after a step that ends an episode the true last
observation is returned, and the next step, whatever its action, returns the first observation of
the next episode. That step is no transition ("dead"). So an episode that is cut off (truncated)
bootstraps from its true last observation. Evaluation uses the DISABLED mode: an environment whose
episode has ended is reset by hand, to a level of choice.
"""

import functools
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from relational_rl.kernels.policy import PackedPolicy
from relational_rl.observations.spec import EnvironmentSpec, Observations
from relational_rl.stopwatch import Stopwatch, timed

if TYPE_CHECKING:
    from relational_rl.acting.policy import Policy

_logger = logging.getLogger(__name__)


class Transition(NamedTuple):
    """One step of B environments.

    Attributes:
      observations: what the agent saw, in the form of `EnvironmentSpec.select`.
      actions: as `Agent.act` gives them.
      sent: the same as the environment was given them, in dicts and tuples as its space has them.
      output: of the agent, an `ActOutput` or the same of arrays (`kernels.policy.Choice`).
      rewards: float [B].
      terminated: bool [B].
      truncated: bool [B].
      live: bool [B], False where the step only reset the environment.
      infos: of the vector environment.
    """

    observations: Observations
    actions: np.ndarray
    sent: np.ndarray
    output: Any
    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    live: np.ndarray
    infos: Mapping[str, Any]

    @property
    def ended(self) -> np.ndarray:
        """Where an episode ended, bool [B]."""
        return self.terminated | self.truncated


class Loop:
    """Steps a vector environment with a policy.

    Attributes:
      observations: of the environments now, in the form of `EnvironmentSpec.select`.
      state: of the agent, before it sees them.
    """

    def __init__(
        self,
        policy: "Policy | PackedPolicy",
        spec: EnvironmentSpec,
        environment: VectorEnv,
        greedy: bool = False,
        with_attention: bool = False,
        stopwatch: Stopwatch | None = None,
    ):
        """Makes the loop; `reset` must be called before `step`.

        Args:
          policy: acts.
          spec: of the environment.
          environment: in NEXT_STEP or DISABLED mode.
          greedy: whether the most probable action is taken.
          with_attention: whether the agent's output has attention maps.
          stopwatch: times the parts "act" and "environment" of every step; None for none.
        """
        self._stopwatch = stopwatch
        self._policy = policy
        self._spec = spec
        self._environment = environment
        self._greedy = greedy
        self._with_attention = with_attention
        mode = environment.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        self._resets_itself = mode == AutoresetMode.NEXT_STEP
        self.num_envs = environment.num_envs
        self.observations: Observations = {}
        self.state: Any = policy.initial_state(self.num_envs)
        self._dead = np.zeros(self.num_envs, bool)  # whether the next step only resets

    def reset(
        self,
        seed: Any = None,
        options: Mapping[str, Any] | None = None,
        where: np.ndarray | None = None,
    ) -> Mapping[str, Any]:
        """Starts episodes.

        Args:
          seed: of the environments, as for `VectorEnv.reset`.
          options: likewise.
          where: bool [B], which environments (DISABLED mode); None for all.

        Returns:
          The infos of the environment.
        """
        options = dict(options or {})
        if where is not None:
            options["reset_mask"] = where
        observations, infos = self._environment.reset(seed=seed, options=options or None)
        if "action_mask" in infos and self._spec.mask_key is None:
            _say_unused_mask()
        self._see(observations)
        started = np.ones(self.num_envs, bool) if where is None else where
        self.state = self._policy.restart(self.state, started)
        self._dead[:] = False
        return infos

    def step(self, uniforms: np.ndarray) -> Transition:
        """Acts once.

        Args:
          uniforms: float64 [B, num_draws] in [0, 1), which choose the sampled actions.
        """
        seen, live = self.observations, ~self._dead
        self._spec.check_legal(seen, live)
        with timed(self._stopwatch, "act"):
            output, self.state = self._policy.act(
                seen, self.state, uniforms, self._greedy, self._with_attention
            )
            actions = np.asarray(output.actions)
        sent = self._spec.to_environment(actions)
        with timed(self._stopwatch, "environment"):
            observations, rewards, terminated, truncated, infos = self._environment.step(sent)
        self._see(observations)
        if self._resets_itself:
            # Where the last step only reset, the first observation of an episode has come.
            self.state = self._policy.restart(self.state, self._dead)
            self._dead = terminated | truncated
        return Transition(seen, actions, sent, output, rewards, terminated, truncated, live, infos)

    def _see(self, observations: Any) -> None:
        # Copied, as the environment may write the next observation into the same memory.
        selected = self._spec.select(observations)
        self.observations = {key: value.copy() for key, value in selected.items()}


@functools.cache
def _say_unused_mask() -> None:
    """Logs once that an environment offers a mask that nothing uses."""
    _logger.warning(
        "the environment's info has 'action_mask', which is not used: wrap it with "
        "--config.env.wrappers=[['ActionMaskFromInfo',{}]]"
    )
