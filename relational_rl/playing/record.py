"""One episode with everything that the agent computed: its attention, its policy, its value."""

from collections.abc import Iterator
from typing import Any

from gymnasium.vector import SyncVectorEnv

from relational_rl.acting.loop import Loop, Transition
from relational_rl.acting.policy import Policy
from relational_rl.config import EnvSpec, replace
from relational_rl.errors import UsageError
from relational_rl.playing.levels import make_for_levels, start_levels
from relational_rl.playing.player import Attempt, action_stream, check_policy
from relational_rl.trained import TrainedAgent


class Recorder:
    """A trained agent that shows its attention while it acts."""

    def __init__(self, trained: TrainedAgent):
        """Makes the recorder.

        Raises:
          UsageError: the agent has no attention.
        """
        if not trained.experiment.agent.attends:
            raise UsageError(
                "attention maps need a relational agent, got "
                f"agent={trained.experiment.agent.kind!r}, which has no attention"
            )
        self.trained = trained
        self._policy = Policy(trained.agent)

    def steps(
        self, env: EnvSpec, level_seed: int, policy: str = "sampled", seed: int = 0
    ) -> Iterator[tuple[Any, Transition]]:
        """Plays the episode that `Player.play` plays as the first try of a level.

        Args:
          env: where to play.
          level_seed: which level, see `levels.start_levels`.
          policy: "sampled" or "greedy".
          seed: of the sampled actions.

        Yields:
          The unwrapped environment as it is after a step, and the step, of a batch of one; its
          output has attention maps.

        Raises:
          UsageError: there is no such policy, or the episode cannot be started.
          ConfigError: the environment cannot be made.
        """
        check_policy(policy)
        # Single environments can be looked into; a batch implementation cannot.
        single = replace(env, {"vectorization": "sync"}, "env")
        environment = make_for_levels(single, 1)
        assert isinstance(environment, SyncVectorEnv)
        try:
            loop = Loop(self._policy, self.trained.spec, environment, policy == "greedy", True)
            start_levels(loop, environment, {0: level_seed}, first=True)
            stream = action_stream(seed, Attempt(level_seed))
            ended = False
            while not ended:
                step = loop.step(stream.random((1, self._policy.num_draws)))
                ended = bool(step.ended[0])
                yield environment.envs[0].unwrapped, step
        finally:
            environment.close()
