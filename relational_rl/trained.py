"""A trained agent: its network, what it was trained with, and how to ask it for actions."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from relational_rl.acting.policy import Policy
from relational_rl.agents.protocol import Agent
from relational_rl.config import Cells, EnvSpec, Experiment, replace
from relational_rl.data.stages import Stages
from relational_rl.errors import ConfigError, UsageError
from relational_rl.interventions import Intervened, Intervention
from relational_rl.observations.action_parts import single as single_action
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.run.checkpoint import CheckpointStore
from relational_rl.run.directory import CHECKPOINTS, read_experiment
from relational_rl.run.spec import environment_spec
from relational_rl.run.trainer import why_ended


class Look(NamedTuple):
    """What a pass computed.

    Attributes:
      policy_logits: float32 [B, A].
      value: float32 [B], in the learner's rewards.
      values: at the points of `relational_rl.nn.points`, by their names.
    """

    policy_logits: np.ndarray
    value: np.ndarray
    values: dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class TrainedAgent:
    """An agent with the variables of a checkpoint.

    Attributes:
      agent: the network, ready to act.
      experiment: what it was trained with; the encoder's `max_entities` is the agent's.
      spec: of the run's environment.
      frames: transitions learned from when the checkpoint was written.
      minutes: of training, likewise.
      stage: which stage of the curriculum was reached, 0 the first.
      ended: why the training was over, "" if it was not.
    """

    agent: Agent
    experiment: Experiment
    spec: EnvironmentSpec
    frames: int
    minutes: float
    stage: int
    ended: str = ""
    _player: dict[str, Any] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Chooses actions, with the arguments and results of Stable-Baselines3's `predict`.

        Args:
          observation: of one environment, or of a batch of B, as the environment gives it.
          state: what the call before returned; None before the first.
          episode_start: bool [B], where an episode starts, so that the memory starts anew; None for
            nowhere.
          deterministic: whether the most probable action is taken instead of a sampled one. Sampled
            actions follow from `seed`.

        Returns:
          The action, or the actions [B, ...], as the environment takes them, and the state: None
          for an agent without memory.

        Raises:
          ValueError: the observation is not one of the environment that the agent is for.
        """
        selected, single = self._select(observation)
        batch = len(next(iter(selected.values())))
        policy, random = self._policy()
        if state is None:
            state = policy.initial_state(batch)
        if episode_start is not None:
            state = policy.restart(state, np.broadcast_to(np.asarray(episode_start, bool), batch))
        self.spec.check_legal(selected)
        uniforms = random.random((batch, policy.num_draws))
        output, state = policy.act(selected, state, uniforms, bool(deterministic))
        actions = self.spec.to_environment(np.asarray(output.actions))
        return (single_action(actions, 0) if single else actions), (None if state == () else state)

    def intervened(self, interventions: Sequence[Intervention]) -> "TrainedAgent":
        """Returns the agent under interventions, see `relational_rl.interventions`.

        Raises:
          UsageError: the agent has no attention.
          ValueError: an intervention does not fit it.
        """
        if not self.experiment.agent.attends:
            raise UsageError(
                "interventions need an agent with attention, got "
                f"agent={self.experiment.agent.kind!r}"
            )
        agent: Any = Intervened(self.agent, interventions)
        return dataclasses.replace(self, agent=agent, _player={})

    def look(self, observation: Any, interventions: Sequence[Intervention] = ()) -> Look:
        """Returns what a pass computes, under interventions; the agent's memory is at its start.

        Args:
          observation: of one environment, or of a batch of B, as the environment gives it.
          interventions: see `relational_rl.interventions`.

        Raises:
          UsageError: the agent has no attention.
          ValueError: the observation is of another environment, or an intervention does not fit.
        """
        selected, _ = self._select(observation)
        batch = len(next(iter(selected.values())))
        agent: Any = self.intervened(interventions).agent
        state, uniforms = agent.initial_state(batch), np.zeros((batch, agent.num_draws))
        output, _, values = agent.look(selected, state, uniforms, True, True)
        arrays = {name: value.numpy() for name, value in values.items()}
        return Look(output.policy_logits.numpy(), output.baseline.numpy(), arrays)

    def seed(self, seed: int) -> None:
        """Seeds the actions that `predict` samples from now on; at first the seed is 0."""
        self._policy()
        self._player["random"] = np.random.default_rng(seed)

    @property
    def description(self) -> str:
        """What the agent is and how far it was trained, in a line."""
        stages = len(self.experiment.stages)
        reached = f", stage {self.stage + 1} of {stages} of its curriculum" if stages > 1 else ""
        return (
            f"{self.experiment.agent.label} agent after {self.frames:,} frames "
            f"({self.minutes:.1f} minutes) on {self.experiment.env.name}{reached}"
        )

    @property
    def max_entities(self) -> int | None:
        """How many entities the agent has room for; None if every cell is one."""
        encoder = getattr(self.experiment.agent, "encoder", None)
        return encoder.max_entities if isinstance(encoder, Cells) else None

    def with_entities(self, num_entities: int) -> "TrainedAgent":
        """Returns the agent with room for at least `num_entities` entities.

        An agent of the occupied cells drops those beyond its `max_entities`, which a scene larger
        than any in training would exceed. No variable depends on that number, so the same
        variables serve an agent with more room. An agent of all cells has room already.
        """
        if self.max_entities is None or num_entities <= self.max_entities:
            return self
        experiment = replace(self.experiment, {"agent.encoder.max_entities": num_entities})
        agent = experiment.agent.build(self.spec)
        for variable, trained in zip(agent.variables, self.agent.variables, strict=True):
            variable.assign(trained)
        return dataclasses.replace(self, agent=agent, experiment=experiment, _player={})

    @property
    def env(self) -> EnvSpec:
        """The environment that the run is for: that of the last stage of its curriculum."""
        return self.experiment.final_env

    def _policy(self) -> tuple[Policy, np.random.Generator]:
        if not self._player:
            self._player["policy"] = Policy(self.agent)
            self._player["random"] = np.random.default_rng(0)
        return self._player["policy"], self._player["random"]

    def _select(self, observation: Any) -> tuple[dict[str, np.ndarray], bool]:
        """Returns a batch of observations, and whether it is a single one."""
        wanted = _form(self.spec.zeros((1,)))
        reasons = []
        for single in (True, False):
            try:
                given = self.spec.batch_of_one(observation) if single else observation
                selected = self.spec.select(given)
            except (ValueError, IndexError, KeyError, TypeError) as error:
                reasons.append(f"as {'one' if single else 'a batch'}: {error}")
                continue
            if _form(selected) == wanted:
                return selected, single
        raise ValueError(
            f"observation must be one, or a batch, of the agent's environment {self.spec}, got "
            f"{_shapes(observation)}; {'; '.join(reasons)}"
        )


def load_run(run_dir: Path, env: EnvSpec | None = None) -> TrainedAgent:
    """Reads the agent of a run from its newest intact checkpoint; the run may still be training.

    Args:
      run_dir: of the run.
      env: its environment, if it was trained in one that has no name.

    Raises:
      UsageError: it is no run directory, has no checkpoint yet, or its environment cannot be made.
      CheckpointError: no checkpoint is intact, or it is not one of this agent.
    """
    experiment = read_experiment(run_dir)
    if env is not None:
        experiment = dataclasses.replace(experiment, env=env)
    agent, spec = untrained_agent(experiment, run_dir)
    restored = CheckpointStore(run_dir / CHECKPOINTS, agent=agent).restore_latest()
    if restored is None:
        raise UsageError(
            f"{run_dir} has no checkpoint yet; train first: "
            f"relational-rl train --config=NAME --run_dir={run_dir}"
        )
    state = restored.state
    stages = Stages(experiment)
    stages.restore(state["curriculum"])
    ended = why_ended(experiment, state["frames"], state["minutes"])
    ended = ended or ("solved" if stages.is_solved else "")
    return TrainedAgent(
        agent, experiment, spec, state["frames"], state["minutes"], stages.stage, ended
    )


def untrained_agent(experiment: Experiment, home: Path) -> tuple[Agent, EnvironmentSpec]:
    """Makes the agent of an experiment, and reads the spec of its environment.

    Args:
      experiment: the agent's.
      home: the directory that the configuration is from, for the error.

    Raises:
      UsageError: one of the two cannot be made.
    """
    try:
        spec = environment_spec(experiment)
        return experiment.agent.build(spec), spec
    except ConfigError as error:
        raise UsageError(f"cannot make the agent of {home}: {error}") from error


def _form(selected: Mapping[str, np.ndarray]) -> dict[str, tuple[int, int]]:
    """Returns the rank and the last dimension of arrays; images may be of any height and width."""
    return {name: (value.ndim, value.shape[-1]) for name, value in selected.items()}


def _shapes(observation: Any) -> Any:
    if isinstance(observation, Mapping):
        return {name: _shapes(value) for name, value in observation.items()}
    try:
        return np.shape(observation)
    except ValueError:  # values of different shapes
        return type(observation).__name__
