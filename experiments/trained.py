"""A trained agent, read back from its run directory."""

import dataclasses
from pathlib import Path

from experiments.games import Game, entities_needed
from experiments.launch import UsageError, load_run_config
from relational_rl.agents import Agent, make_agent
from relational_rl.agents.agent import RandomAgent
from relational_rl.config import Config
from relational_rl.data.curriculum import Curriculum
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.run.checkpoint import CheckpointError, CheckpointStore
from relational_rl.run.trainer import CHECKPOINTS, environment_spec, why_ended

# What a command of this package answers with one line instead of a traceback.
COMMAND_ERRORS = (UsageError, CheckpointError, OSError)


@dataclasses.dataclass(frozen=True)
class TrainedAgent:
    """An agent with the variables of a checkpoint.

    Attributes:
      agent: ready to act.
      config: the run's config; `max_entities` is the agent's.
      spec: of the run's environment.
      frames: transitions learned from when the checkpoint was written.
      minutes: of training, likewise.
      stage: which stage of the curriculum was reached, 0 the first.
      ended: why the training was over, "" if it was not.
    """

    agent: Agent | RandomAgent
    config: Config
    spec: EnvironmentSpec
    frames: int
    minutes: float
    stage: int
    ended: str = ""

    @property
    def description(self) -> str:
        """What the agent is and how far it was trained, in a line."""
        stages = max(len(self.config.curriculum), 1)
        reached = f", stage {self.stage + 1} of {stages} of its curriculum" if stages > 1 else ""
        return (
            f"{self.config.agent} agent after {self.frames:,} frames "
            f"({self.minutes:.1f} minutes) on {self.config.env_id}{reached}"
        )

    @property
    def max_entities(self) -> int | None:
        """How many entities the agent has room for; None if every cell is one."""
        limited = self.config.entities == "occupied" and self.config.agent != "random"
        return self.config.max_entities if limited else None

    def with_entities(self, num_entities: int) -> "TrainedAgent":
        """Returns the agent with room for at least `num_entities` entities.

        An agent of the occupied cells drops those beyond its `max_entities`, which a scene larger
        than any in training would exceed. No variable depends on that number, so the same
        variables serve an agent with more room. An agent of all cells has room already.
        """
        if self.max_entities is None or num_entities <= self.max_entities:
            return self
        config = dataclasses.replace(self.config, max_entities=num_entities)
        agent = make_agent(config, self.spec)
        for variable, trained in zip(agent.variables, self.agent.variables, strict=True):
            variable.assign(trained)
        return dataclasses.replace(self, agent=agent, config=config)


def load_trained_agent(run_dir: Path) -> TrainedAgent:
    """Reads the agent of a run from its newest intact checkpoint; the run may still be training.

    Raises:
      UsageError: it is no run directory, has no checkpoint yet, or its environment cannot be made.
      CheckpointError: no checkpoint is intact, or it is not one of this agent.
    """
    config = load_run_config(run_dir)
    agent, spec = untrained_agent(config, run_dir)
    restored = CheckpointStore(run_dir / CHECKPOINTS, agent=agent).restore_latest()
    if restored is None:
        raise UsageError(
            f"{run_dir} has no checkpoint yet; train first: "
            f"python -m experiments.launch --config=NAME --run_dir={run_dir}"
        )
    state = restored.state
    frames, minutes = state["frames"], state["minutes"]
    curriculum = Curriculum(
        config.curriculum, config.curriculum_threshold, config.curriculum_window
    )
    curriculum.restore(state["curriculum"])
    ended = why_ended(config, frames, minutes, curriculum)
    return TrainedAgent(agent, config, spec, frames, minutes, curriculum.stage, ended)


def untrained_agent(config: Config, home: Path) -> tuple[Agent | RandomAgent, EnvironmentSpec]:
    """Makes the agent of a config, and reads the spec of its environment.

    Args:
      config: the agent's.
      home: the directory that the config is from, for the error.

    Raises:
      UsageError: one of the two cannot be made.
    """
    try:
        spec = environment_spec(config)
        return make_agent(config, spec), spec
    except (ValueError, ImportError) as error:
        raise UsageError(f"cannot make the agent of {home}: {error}") from error


def fit_to_game(trained: TrainedAgent, game: Game) -> TrainedAgent:
    """Checks that an agent can play a game and gives it room for the game's entities.

    Raises:
      UsageError: the game cannot be made or looks different from the one trained on.
    """
    game.check(trained.spec, trained.config.observation_keys)
    environment = game.make()
    try:
        return trained.with_entities(entities_needed(environment))
    finally:
        environment.close()
