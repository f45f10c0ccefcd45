"""Plays one episode of Box-World and keeps, for every step, what the agent attended to.

H heads, N entities, A actions.
"""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from boxworld import Level
from experiments.attention.attentive import attentive_step
from experiments.attention.scene import Scene, SceneReader
from experiments.games import Game, is_boxworld, start_level
from experiments.launch import UsageError
from experiments.playing import Attempt, action_stream, check_policy, sample_actions
from experiments.trained import TrainedAgent

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
      last_scene: what the last action led to.
    """

    environment: str
    level_seed: int
    level: Level
    policy: str
    steps: tuple[Step, ...]
    solved: bool
    last_scene: Scene

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
        """Makes the agent; raises UsageError if it has no attention."""
        self._step = attentive_step(trained)
        if trained.config.network != "entities":
            raise UsageError(
                "attention maps of Box-World need config.network='entities', got "
                f"{trained.config.network!r}"
            )
        self._agent = trained.agent
        self._spec = trained.spec
        self._reward_scale = trained.config.reward_scale
        self._map_width = self._agent.encoder.map_shape[1]

    def play(self, game: Game, level_seed: int, policy: str = "sampled", seed: int = 0) -> Episode:
        """Plays a level: the same episode as the first try of `Player.play` with that seed.

        Raises:
          UsageError: the game is not Box-World, or the policy is unknown.
        """
        check_policy(policy)
        environment = game.make()
        try:
            if not is_boxworld(environment):
                raise UsageError(
                    f"attention maps need a Box-World environment, got env_id={game.env_id!r}"
                )
            return self._play(environment, game, level_seed, policy, seed)
        finally:
            environment.close()

    def _play(
        self, environment: Any, game: Game, level_seed: int, policy: str, seed: int
    ) -> Episode:
        observation = start_level(environment, level_seed)
        level, spec = environment.unwrapped.level, environment.unwrapped.level_spec
        reader = SceneReader(level, spec.num_colors, observation.shape[-1])
        stream = action_stream(seed, Attempt(level_seed))
        state: Any = self._agent.initial_state(1)
        steps = []
        ended, info = False, {}
        while not ended:
            observations = self._spec.select(observation[np.newaxis])
            output, state = self._step(observations, state, tf.zeros([2], tf.int32), True)
            logits = output.policy_logits.numpy()
            if policy == "greedy":
                action = int(np.argmax(logits[0]))
            else:
                action = int(sample_actions(logits, np.array([stream.random()]))[0])
            scene = reader.read(observation)
            observation, reward, terminated, truncated, info = environment.step(action)
            ended = terminated or truncated
            probabilities = np.exp(logits[0].astype(np.float64) - logits.max())
            steps.append(
                Step(
                    scene,
                    *self._maps(output.attention, scene.size),
                    probabilities / probabilities.sum(),
                    float(output.baseline[0]) / self._reward_scale,
                    action,
                    float(reward),
                )
            )
        return Episode(
            game.name,
            level_seed,
            level,
            policy,
            tuple(steps),
            bool(info["is_success"]),
            reader.read(observation),
        )

    def _maps(self, attention: Any, size: int) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Returns the cells of the real entities and the weights among them."""
        (real,) = np.nonzero(attention.mask.numpy()[0])
        # A map of VALID convolutions is smaller than the observation; both start at the top left.
        rows, columns = np.divmod(attention.cells.numpy()[0][real], self._map_width)
        weights = tuple(block.numpy()[0][:, real][:, :, real] for block in attention.weights)
        return rows * size + columns, weights
