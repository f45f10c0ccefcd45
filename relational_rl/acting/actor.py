"""Acting: an actor steps a batch of environments with its copy of the agent and makes unrolls.

Symbols: T unroll length, B environments of the actor, A actions.

Environments reset themselves by Gymnasium's NEXT_STEP mode: after a step that ends an episode the
true last observation is returned, and the next step, whatever its action, returns the first
observation of the next episode. That step is no transition; its weight is 0 ("dead"). So an
episode that is cut off (truncated) bootstraps from its true last observation.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium.vector import VectorEnv

from relational_rl._quiet import tf
from relational_rl.acting.vectorization import make_vector_environment
from relational_rl.agents import Agent, AnyAgent
from relational_rl.nn.entities import most_common_image
from relational_rl.nn.memory import reset_state
from relational_rl.observations.spec import EnvironmentSpec, Observations

__all__ = ["Actor", "Episode", "Unroll", "estimate_background", "make_vector_environment"]


@dataclasses.dataclass(frozen=True)
class Episode:
    """A finished episode.

    Attributes:
      episode_return: undiscounted sum of rewards.
      length: number of transitions.
      is_success: what the environment's info says; NaN if it says nothing.
    """

    episode_return: float
    length: int
    is_success: float


class Unroll(NamedTuple):
    """T steps of B environments, time-major; what goes from an actor to the learner.

    Attributes:
      observations: {"image": [T + 1, B, H, W, C], ...}; the last one is the bootstrap.
      actions: int32 [T, B]; [T, B, 1 + K] for actions with K arguments.
      behaviour_logits: float32 [T, B, A], of the policy that acted.
      rewards: float32 [T, B].
      not_terminated: float32 [T, B], 0 where the episode ended for good.
      weights: float32 [T, B], 0 for dead steps.
      initial_state: the agent's state before the first step, reset where an episode starts there.
      version: which parameters acted, as numbered by the learner.
      stage: which stage of the curriculum the environments were in.
      episodes: those that ended within.
      behaviour_log_probs: float32 [T, B], log probability of each action under the policy that
        acted, where `behaviour_logits` do not tell it (actions with arguments), else None.
    """

    observations: Observations
    actions: np.ndarray
    behaviour_logits: np.ndarray
    rewards: np.ndarray
    not_terminated: np.ndarray
    weights: np.ndarray
    initial_state: Any
    version: int
    stage: int
    episodes: list[Episode]
    behaviour_log_probs: np.ndarray | None = None


def estimate_background(
    environment: VectorEnv, spec: EnvironmentSpec, seed: int, num_steps: int = 256
) -> np.ndarray:
    """Plays randomly and returns the most common value of every pixel, [H, W, C]."""
    random = np.random.default_rng(seed)
    frames = [spec.select(environment.reset(seed=seed)[0])["image"].copy()]
    for step in range(1, num_steps + 1):
        actions = random.integers(spec.num_actions, size=environment.num_envs)
        observations = environment.step(actions)[0]
        if step % 16 == 0:  # frames further apart say more about what moves
            frames.append(spec.select(observations)["image"].copy())
    return most_common_image(np.concatenate(frames))


class Actor:
    """Steps its environments with its own copy of the agent."""

    def __init__(
        self,
        make_environment: Callable[[Mapping[str, Any]], VectorEnv],
        agent: AnyAgent,
        spec: EnvironmentSpec,
        unroll_length: int,
        seed: int,
    ):
        """Makes an actor; `set_parameters` and `set_stage` must be called before `unroll`.

        Args:
          make_environment: makes the vector environment from a stage's arguments.
          agent: this actor's own agent.
          spec: of the environment.
          unroll_length: T.
          seed: seeds the environments and the sampling of actions.
        """
        self._make_environment = make_environment
        self._agent = agent
        self._spec = spec
        self._unroll_length = unroll_length
        self._seeds = np.random.default_rng(seed)
        self._action_seed = int(self._seeds.integers(2**31))
        self._num_steps = 0
        self._version = -1
        self._stage = -1
        self._environment: VectorEnv | None = None
        if isinstance(agent, Agent):
            # An actor acts beside a learner, which needs the other cores more, and beside others.
            agent.limit_threads(1)
        self._act = tf.function(self._agent.step, jit_compile=agent.can_compile, autograph=False)

    def set_parameters(self, parameters: Sequence[np.ndarray], version: int) -> None:
        """Takes over the learner's variables."""
        if version == self._version:
            return
        for variable, value in zip(self._agent.variables, parameters, strict=True):
            variable.assign(value)
        self._version = version

    def set_stage(self, stage: int, env_kwargs: Mapping[str, Any]) -> None:
        """Goes to a stage of the curriculum: other environments, new episodes."""
        if stage == self._stage:
            return
        self.close()
        self._environment = environment = self._make_environment(env_kwargs)
        self._stage = stage
        observations, _ = environment.reset(seed=int(self._seeds.integers(2**31)))
        self._observations = {
            key: value.copy() for key, value in self._spec.select(observations).items()
        }
        num_envs = environment.num_envs
        self._state = self._first_state = self._agent.initial_state(num_envs)
        self._remembers = bool(tf.nest.flatten(self._first_state))
        self._dead = np.zeros(num_envs, bool)  # whether the next step only resets
        self._returns = np.zeros(num_envs, np.float64)
        self._lengths = np.zeros(num_envs, np.int64)

    def unroll(self) -> Unroll:
        """Acts for T steps.

        Raises:
          RuntimeError: `set_parameters` or `set_stage` has not been called.
        """
        environment = self._environment
        if environment is None or self._version < 0:
            raise RuntimeError("set_parameters and set_stage must be called before unroll")
        length, num_envs = self._unroll_length, environment.num_envs
        observations = {  # a stage's images may be of another size than the spec's
            key: np.empty((length + 1, *value.shape), value.dtype)
            for key, value in self._observations.items()
        }
        actions = np.empty((length, num_envs, *self._spec.action_shape), np.int32)
        logits = np.empty((length, num_envs, self._spec.num_actions), np.float32)
        rewards = np.empty((length, num_envs), np.float32)
        not_terminated = np.empty((length, num_envs), np.float32)
        weights = np.empty((length, num_envs), np.float32)
        log_probs = np.zeros((length, num_envs), np.float32)
        has_log_probs = False
        episodes: list[Episode] = []
        initial_state = tf.nest.map_structure(np.asarray, self._state)

        for t in range(length):
            for key, value in self._observations.items():
                observations[key][t] = value
            step, self._state = self._act(
                self._observations,
                self._state,
                tf.constant([self._action_seed, self._num_steps], tf.int32),
            )
            self._num_steps = (self._num_steps + 1) % 2**31
            actions[t] = step.actions
            logits[t] = step.policy_logits
            if step.log_probs is not None:
                log_probs[t], has_log_probs = step.log_probs, True
            observed, reward, terminated, truncated, infos = environment.step(actions[t])
            self._observations = self._spec.select(observed)
            rewards[t] = reward
            not_terminated[t] = ~terminated
            weights[t] = ~self._dead
            if self._remembers and self._dead.any():  # an episode's first observation has come
                self._state = reset_state(self._state, self._first_state, tf.constant(self._dead))
            self._count(reward, terminated | truncated, infos, episodes)
        for key, value in self._observations.items():
            observations[key][length] = value
        return Unroll(
            observations,
            actions,
            logits,
            rewards,
            not_terminated,
            weights,
            initial_state,
            self._version,
            self._stage,
            episodes,
            log_probs if has_log_probs else None,
        )

    def _count(
        self,
        reward: np.ndarray,
        ended: np.ndarray,
        infos: Mapping[str, Any],
        episodes: list[Episode],
    ) -> None:
        """Adds a step to the running returns and notes the episodes that it ended."""
        live = ~self._dead
        self._returns[live] += reward[live]
        self._lengths[live] += 1
        for i in np.flatnonzero(ended):
            known = "is_success" in infos and infos["_is_success"][i]
            success = float(infos["is_success"][i]) if known else math.nan
            episodes.append(Episode(float(self._returns[i]), int(self._lengths[i]), success))
        self._returns[ended] = 0.0
        self._lengths[ended] = 0
        self._dead = ended

    def close(self) -> None:
        """Closes the environments."""
        if self._environment is not None:
            self._environment.close()
            self._environment = None
