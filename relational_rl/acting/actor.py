"""Acting: an actor steps a batch of environments with its copy of the agent and makes unrolls.

T unroll length, B environments of the actor.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import VectorEnv

from relational_rl.acting.episodes import EpisodeCounter
from relational_rl.acting.guard import GuardedEnvironment, Watch
from relational_rl.acting.loop import Loop
from relational_rl.acting.unroll import Unroll
from relational_rl.acting.vectorization import make_vector_environment
from relational_rl.config import AgentConfig, EnvSpec
from relational_rl.kernels.policy import PackedPolicy
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.stopwatch import Stopwatch, timed

if TYPE_CHECKING:
    from relational_rl.acting.policy import Policy
    from relational_rl.agents.protocol import Agent


@dataclasses.dataclass(frozen=True)
class ActorDescription:
    """All that is needed to make an actor, in this process or in another: it can be pickled.

    Attributes:
      env: the environment.
      agent: the agent.
      spec: of the environment.
      num_envs: B.
      unroll_length: T.
      index: of the actor.
      seed: of the environments and of the actions.
    """

    env: EnvSpec
    agent: AgentConfig
    spec: EnvironmentSpec
    num_envs: int
    unroll_length: int
    index: int
    seed: int

    def build(self) -> "Actor":
        """Makes the actor, with an agent and environments of its own."""
        return Actor(self, self.agent.build(self.spec))


class Actor:
    """Steps its environments with its own copy of the agent.

    Attributes:
      watch: tells whether the environments still answer.
    """

    def __init__(
        self,
        description: ActorDescription,
        agent: "Agent | PackedPolicy",
        stopwatch: Stopwatch | None = None,
    ):
        """Makes an actor; `set_parameters` and `set_stage` must be called before `unroll`.

        Args:
          description: of the actor.
          agent: this actor's own, or what acts like it.
          stopwatch: of the loop, see `Loop`; None for a new one.
        """
        self.watch = Watch()
        self._stopwatch = stopwatch or Stopwatch()
        self._taken: dict[str, float] = {}
        self._description = description
        self._random = np.random.default_rng(description.seed)
        self._version = -1
        self._stage = -1
        self._environment: VectorEnv | None = None
        # An actor acts beside a learner, which needs the other cores more, and beside others.
        limit_threads = getattr(agent, "limit_threads", None)
        if limit_threads is not None:
            limit_threads(1)
        self._policy = _policy(agent)

    def set_parameters(self, parameters: Sequence[np.ndarray], version: int) -> None:
        """Takes over the learner's variables."""
        if version == self._version:
            return
        with timed(self._stopwatch, "transfer"):
            self._policy.set_parameters(parameters)
        self._version = version

    def set_stage(self, stage: int, env_kwargs: Mapping[str, Any]) -> None:
        """Goes to a stage of the curriculum: other environments, new episodes."""
        if stage == self._stage:
            return
        self.close()
        description = self._description
        with self.watch.during(f"making environment {description.env.name!r}"):
            environment = make_vector_environment(description.env, description.num_envs, env_kwargs)
        self._environment = GuardedEnvironment(environment, description.env.name, self.watch)
        self._stage = stage
        self._loop = Loop(
            self._policy, description.spec, self._environment, stopwatch=self._stopwatch
        )
        self._loop.reset(seed=int(self._random.integers(2**31)))
        self._episodes = EpisodeCounter(description.num_envs)

    def unroll(self) -> Unroll:
        """Acts for T steps.

        Raises:
          RuntimeError: `set_parameters` or `set_stage` has not been called.
        """
        if self._environment is None or self._version < 0:
            raise RuntimeError("set_parameters and set_stage must be called before unroll")
        loop, spec = self._loop, self._description.spec
        length, num_envs = self._description.unroll_length, self._description.num_envs
        observations = {  # a stage's images may be of another size than the spec's
            key: np.empty((length + 1, *value.shape), value.dtype)
            for key, value in loop.observations.items()
        }
        actions: np.ndarray = np.empty((length, num_envs, *spec.action_shape), spec.action_dtype)
        log_probs, rewards, not_terminated, weights = np.empty((4, length, num_envs), np.float32)
        initial_state = self._policy.arrays(loop.state)
        for t in range(length):
            step = loop.step(self._random.random((num_envs, self._policy.num_draws)))
            for key, value in step.observations.items():
                observations[key][t] = value
            actions[t] = step.actions
            log_probs[t] = step.output.log_probs
            rewards[t] = step.rewards
            not_terminated[t] = ~step.terminated
            weights[t] = step.live
            self._episodes.add(step.rewards, step.live, step.ended, step.infos)
        for key, value in loop.observations.items():
            observations[key][length] = value
        return Unroll(
            observations,
            actions,
            log_probs,
            rewards,
            not_terminated,
            weights,
            initial_state,
            self._version,
            self._stage,
            self._episodes.take(),
        )

    def take_seconds(self) -> dict[str, float]:
        """Returns what the time since the last call was spent on, in seconds by part."""
        names = {"environment": "environment", "inference": "act", "transfer": "transfer"}
        now = {part: self._stopwatch.seconds.get(name, 0.0) for part, name in names.items()}
        taken, self._taken = self._taken, now
        return {part: seconds - taken.get(part, 0.0) for part, seconds in now.items()}

    def close(self) -> None:
        """Closes the environments."""
        if self._environment is not None:
            self._environment.close()
            self._environment = None


def _policy(agent: Any) -> "Policy | PackedPolicy":
    """Returns what acts: the agent's policy, or what was given if it is one already."""
    if hasattr(agent, "set_parameters"):
        return agent
    from relational_rl.acting.policy import Policy  # with TensorFlow, which others do without

    return Policy(agent)
