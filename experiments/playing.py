"""Playing many episodes with a trained agent: every level exactly as often as asked.

The environments are single ones, stepped one after the other, with one call of the network for
all of them; a slot that has ended its episode takes the next one, so that the batch stays full.

An episode is a function of the agent, the level, the number of the try and a seed: it does not
depend on what is played beside it. So an episode that one command counted can be drawn by another.
(Actions with arguments are drawn by the agent for all slots together: there the other episodes do
matter, and an episode is drawn again by its actions.)

Symbols: B slots, A actions.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import tensorflow as tf

from experiments.games import Game, start_level
from experiments.launch import UsageError
from relational_rl.agents import Agent
from relational_rl.agents.agent import RandomAgent
from relational_rl.observations.spec import EnvironmentSpec

POLICIES = ("sampled", "greedy")
NUM_SLOTS = 256
_NUM_PROGRAMS = 8


class Attempt(NamedTuple):
    """One episode to play.

    Attributes:
      level_seed: which level, see `games.start_level`.
      number: which try of that level, 0 the first.
    """

    level_seed: int
    number: int = 0


class PlayedEpisode(NamedTuple):
    """An episode that has ended.

    Attributes:
      attempt: which one.
      actions: what the agent did, ints or tuples of type and arguments; the episode is as long.
      episode_return: undiscounted sum of rewards.
      is_success: what the environment's info says; None if it says nothing.
      info: the environment's info at the end.
    """

    attempt: Attempt
    actions: tuple[Any, ...]
    episode_return: float
    is_success: bool | None
    info: dict[str, Any]


def check_policy(policy: str) -> None:
    """Raises UsageError if there is no such policy."""
    if policy not in POLICIES:
        raise UsageError(f"policy must be one of {', '.join(POLICIES)}, got {policy!r}")


def num_slots(game: Game, num_episodes: int) -> int:
    """Returns how many episodes to play at a time: few where each is a program of its own."""
    return min(_NUM_PROGRAMS if game.mini_game else NUM_SLOTS, num_episodes)


def attempts_of(levels: Iterable[int], tries: int = 1) -> list[Attempt]:
    """Returns the attempts that try each level `tries` times, level by level."""
    return [Attempt(level, number) for level in levels for number in range(tries)]


def action_stream(seed: int, attempt: Attempt) -> np.random.Generator:
    """Returns the random numbers that choose the actions of an episode, one a step."""
    return np.random.default_rng((seed, attempt.level_seed, attempt.number))


def sample_actions(policy_logits: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Draws an action for each row by inverting its cumulative distribution.

    Args:
      policy_logits: float [B, A].
      uniforms: float64 [B] in [0, 1).

    Returns:
      int64 [B].
    """
    logits = policy_logits.astype(np.float64)
    probabilities = np.exp(logits - logits.max(axis=-1, keepdims=True))
    cumulative = np.cumsum(probabilities, axis=-1)
    threshold = uniforms[:, np.newaxis] * cumulative[:, -1:]
    return np.sum(cumulative[:, :-1] <= threshold, axis=-1)


class Player:
    """An agent that plays B episodes at a time, its step compiled once."""

    def __init__(
        self, agent: Agent | RandomAgent, spec: EnvironmentSpec, num_slots: int = NUM_SLOTS
    ):
        """Makes a player.

        Args:
          agent: acts; its variables are read at every step.
          spec: of the environments to play in.
          num_slots: B, episodes that are played at a time.

        Raises:
          ValueError: `num_slots` is not positive.
        """
        if num_slots < 1:
            raise ValueError(f"num_slots must be at least 1, got {num_slots}")
        self._agent = agent
        self._spec = spec
        self._num_slots = num_slots
        self._step = tf.function(
            self._outputs_and_state, jit_compile=agent.can_compile, autograph=False
        )

    def play(
        self,
        game: Game,
        attempts: Sequence[Attempt],
        policy: str = "sampled",
        seed: int = 0,
        on_episode: Callable[[PlayedEpisode], object] | None = None,
    ) -> list[PlayedEpisode]:
        """Plays each attempt exactly once.

        Args:
          game: what to play; its spaces must be those of the spec (`Game.check`).
          attempts: which episodes.
          policy: "sampled", or "greedy" for the most probable action; the random agent always
            samples.
          seed: of the sampled actions.
          on_episode: called with each episode as it ends.

        Returns:
          The episodes in the order of `attempts`.

        Raises:
          UsageError: the policy or the game is unknown.
        """
        check_policy(policy)
        greedy = policy == "greedy" and not isinstance(self._agent, RandomAgent)
        num_slots, spec = self._num_slots, self._spec
        waiting = iter(enumerate(attempts))
        episodes: list[PlayedEpisode | None] = [None] * len(attempts)
        slots = [_Slot(game.make()) for _ in range(min(num_slots, len(attempts)))]
        observations = spec.zeros((num_slots,))
        uniforms = np.zeros(num_slots)
        state = first_state = self._agent.initial_state(num_slots)

        def begin(index: int) -> bool:
            """Starts the next attempt in a slot, if there is one."""
            task = next(waiting, None)
            if task is not None:
                _show(observations, index, spec, slots[index].begin(*task, seed))
            return task is not None

        try:
            playing = [index for index in range(len(slots)) if begin(index)]
            num_steps = 0
            while playing:
                stream = tf.constant([seed % 2**31, num_steps], tf.int32)
                logits, chosen, state = self._step(observations, state, stream, greedy)
                num_steps += 1
                if spec.arguments is not None:
                    actions = chosen.numpy()
                elif greedy:
                    actions = np.argmax(logits, axis=-1)
                else:
                    for index in playing:
                        uniforms[index] = slots[index].stream.random()
                    actions = sample_actions(logits.numpy(), uniforms)
                ended = []
                for index in playing:
                    slot = slots[index]
                    observation, info = slot.step(actions[index].tolist())
                    if info is None:
                        _show(observations, index, spec, observation)
                        continue
                    ended.append(index)
                    episodes[slot.position] = episode = slot.episode(info)
                    if on_episode is not None:
                        on_episode(episode)
                if ended:
                    state = _restart(state, first_state, ended, num_slots)
                    over = {index for index in ended if not begin(index)}
                    playing = [index for index in playing if index not in over]
        finally:
            for slot in slots:
                slot.environment.close()
        return [episode for episode in episodes if episode is not None]

    def _outputs_and_state(
        self, observations: Any, state: Any, seed: tf.Tensor, greedy: bool
    ) -> tuple[tf.Tensor, tf.Tensor, Any]:
        output, state = self._agent.step(observations, state, seed, greedy)
        return output.policy_logits, output.actions, state


def play_by_rule(
    game: Game,
    attempts: Iterable[Attempt],
    rule: Callable[[Any], Callable[[Any], np.ndarray]],
    on_episode: Callable[[PlayedEpisode], object] | None = None,
) -> list[PlayedEpisode]:
    """Plays attempts one after the other by a rule, without a network.

    Args:
      game: what to play.
      attempts: which episodes.
      rule: called with the unwrapped environment where an episode starts; returns a function from
        an observation to an action.
      on_episode: called with each episode as it ends.

    Returns:
      The episodes in the order of `attempts`.
    """
    slot = _Slot(game.make())
    episodes = []
    try:
        for position, attempt in enumerate(attempts):
            act = rule(slot.environment.unwrapped)
            observation, info = slot.begin(position, attempt, seed=0), None
            while info is None:
                observation, info = slot.step(act(observation).tolist())
            episodes.append(slot.episode(info))
            if on_episode is not None:
                on_episode(episodes[-1])
    finally:
        slot.environment.close()
    return episodes


def replay(game: Game, episode: PlayedEpisode) -> list[np.ndarray]:
    """Plays an episode again and returns its pictures, uint8 [height, width, 3] each.

    Raises:
      UsageError: the environment cannot draw itself.
    """
    environment = game.make(render_mode="rgb_array")
    try:
        start_level(environment, episode.attempt.level_seed)
        frames: list[Any] = [environment.render()]
        for action in episode.actions:
            environment.step(action)
            frames.append(environment.render())
    finally:
        environment.close()
    if not isinstance(frames[0], np.ndarray):
        raise UsageError(f"env_id={game.env_id!r} draws no pictures in render_mode 'rgb_array'")
    return frames


class _Slot:
    """One environment and the episode that it is in."""

    def __init__(self, environment: gymnasium.Env):
        self.environment = environment

    def begin(self, position: int, attempt: Attempt, seed: int) -> Any:
        """Starts an attempt, the `position`-th that was asked for; returns its observation."""
        self.position = position
        self.stream = action_stream(seed, attempt)
        self._attempt = attempt
        self._actions: list[Any] = []
        self._return = 0.0
        return start_level(self.environment, attempt.level_seed)

    def step(self, action: Any) -> tuple[Any, dict[str, Any] | None]:
        """Plays an action; returns the observation, and the info if the episode has ended."""
        observation, reward, terminated, truncated, info = self.environment.step(action)
        self._actions.append(tuple(action) if isinstance(action, list) else action)
        self._return += float(reward)
        return observation, info if terminated or truncated else None

    def episode(self, info: dict[str, Any]) -> PlayedEpisode:
        """Returns the episode that has just ended with `info`."""
        success = bool(info["is_success"]) if "is_success" in info else None
        return PlayedEpisode(self._attempt, tuple(self._actions), self._return, success, info)


def _show(
    observations: dict[str, np.ndarray], index: int, spec: EnvironmentSpec, observation: Any
) -> None:
    """Writes one environment's observation into row `index` of the batch."""
    for name, value in spec.select(_batch_of_one(observation)).items():
        observations[name][index] = value[0]


def _batch_of_one(observation: Any) -> Any:
    if isinstance(observation, dict):
        return {name: np.asarray(value)[np.newaxis] for name, value in observation.items()}
    return observation[np.newaxis]


def _restart(state: Any, first_state: Any, ended: Sequence[int], num_slots: int) -> Any:
    """Puts the rows of an agent's state whose episode has ended back to the first state."""
    fresh = np.isin(np.arange(num_slots), ended)

    def row_wise(now: Any, first: Any) -> Any:
        mask = fresh.reshape(-1, *[1] * (len(now.shape) - 1))
        return tf.where(mask, first, now)

    return tf.nest.map_structure(row_wise, state, first_state)
