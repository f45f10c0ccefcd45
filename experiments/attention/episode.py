"""Plays one episode of Box-World and keeps, for every step, what the agent attended to.

H heads, N entities, A actions.
"""

from typing import Any, NamedTuple

import numpy as np

from boxworld import Level
from experiments.attention.scene import Scene, SceneReader
from experiments.games import boxworld_of, name_of
from relational_rl.config import EnvSpec
from relational_rl.errors import UsageError
from relational_rl.playing.levels import info_of
from relational_rl.playing.record import Recorder
from relational_rl.trained import TrainedAgent

ACTIONS = ("up", "down", "left", "right")


class Step(NamedTuple):
    """One decision of the agent.

    Attributes:
      scene: what it saw.
      cells: int32 [N], the cell of each entity in the observation.
      weights: for every block float32 [H, N, N], from entity (row) to entity (column).
      probabilities: float64 [A], the policy.
      value: the discounted return that the agent expects from here, in the game's rewards.
      action: what it did.
      reward: what that brought.
    """

    scene: Scene
    cells: np.ndarray
    weights: tuple[np.ndarray, ...]
    probabilities: np.ndarray
    value: float
    action: int
    reward: float


class Episode(NamedTuple):
    """One episode with its attention.

    Attributes:
      environment: id of the environment.
      level_seed: which level.
      level: as it was dealt.
      policy: "sampled" or "greedy".
      steps: the decisions in order.
      solved: whether the gem was collected.
    """

    environment: str
    level_seed: int
    level: Level
    policy: str
    steps: tuple[Step, ...]
    solved: bool

    @property
    def num_blocks(self) -> int:
        """How many attention blocks the agent has."""
        return len(self.steps[0].weights)

    @property
    def num_heads(self) -> int:
        """How many heads each block has."""
        return int(self.steps[0].weights[0].shape[0])


class AttentiveAgent:
    """A trained agent that shows its attention while it acts."""

    def __init__(self, trained: TrainedAgent):
        """Makes the agent; raises UsageError if it has no attention over cells."""
        self._recorder = Recorder(trained)
        map_shape = getattr(getattr(trained.agent, "encoder", None), "map_shape", None)
        if trained.experiment.agent.spatial or map_shape is None:
            raise UsageError(
                "attention maps of Box-World need agent=relational with entities that are cells, "
                f"got agent={trained.experiment.agent.kind!r}"
            )
        self._reward_scale = getattr(trained.experiment.learner, "reward_scale", 1.0)
        self._map_width = map_shape[1]

    def play(
        self, env: EnvSpec, level_seed: int, policy: str = "sampled", seed: int = 0
    ) -> Episode:
        """Plays a level: the same episode as the first try of `Player.play` with that seed.

        Raises:
          UsageError: the environment is not Box-World, or the policy is unknown.
        """
        if boxworld_of(env) is None:
            raise UsageError(f"attention maps need a Box-World environment, got env={env.name!r}")
        steps: list[Step] = []
        reader: SceneReader | None = None
        for environment, step in self._recorder.steps(env, level_seed, policy, seed):
            seen = step.observations["image"][0]
            if reader is None:
                level, colors = environment.level, environment.level_spec.num_colors
                reader = SceneReader(level, colors, seen.shape[-1])
            steps.append(self._step(reader.read(seen), step))
        solved = bool(info_of(step.infos, 0).get("is_success", False))
        return Episode(name_of(env), level_seed, level, policy, tuple(steps), solved)

    def _step(self, scene: Scene, step: Any) -> Step:
        logits = step.output.policy_logits.numpy()[0].astype(np.float64)
        probabilities = np.exp(logits - logits.max())
        return Step(
            scene,
            *self._maps(step.output.attention, scene.size),
            probabilities / probabilities.sum(),
            float(step.output.baseline[0]) / self._reward_scale,
            int(step.actions[0]),
            float(step.rewards[0]),
        )

    def _maps(self, attention: Any, size: int) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Returns the cells of the real entities and the weights among them."""
        (real,) = np.nonzero(attention.mask.numpy()[0])
        # A map of VALID convolutions is smaller than the observation; both start at the top left.
        rows, columns = np.divmod(attention.cells.numpy()[0][real], self._map_width)
        weights = tuple(block.numpy()[0][:, real][:, :, real] for block in attention.weights)
        return rows * size + columns, weights
