"""Playing many episodes with an agent: every level exactly as often as asked.

An episode is a function of the agent, the level, the number of the try and a seed: it does not
depend on what is played beside it. So an episode that one command counted can be drawn by another.

B environments at a time.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium.vector import VectorEnv

from relational_rl.acting.loop import Loop, Transition
from relational_rl.acting.policy import Policy
from relational_rl.acting.vectorization import make_environment
from relational_rl.agents.protocol import Agent
from relational_rl.agents.random import RandomAgent
from relational_rl.checks import check_positive
from relational_rl.config import EnvSpec
from relational_rl.errors import UsageError
from relational_rl.observations.action_parts import single
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.playing.levels import info_of, level_option, make_for_levels, start_levels

POLICIES = ("sampled", "greedy")
NUM_SLOTS = 256


class Attempt(NamedTuple):
    """One episode to play.

    Attributes:
      level_seed: which level, see `levels.start_levels`.
      number: which try of that level, 0 the first.
    """

    level_seed: int
    number: int = 0


class PlayedEpisode(NamedTuple):
    """An episode that has ended.

    Attributes:
      attempt: which one.
      actions: what the agent did, as the environment was given it: ints, or tuples of them, where
        it chose; the episode is as long.
      episode_return: undiscounted sum of rewards.
      is_success: what the environment's info says; None if it says nothing.
      info: the environment's info at the start, and over it that at the end.
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


def attempts_of(levels: Iterable[int], tries: int = 1) -> list[Attempt]:
    """Returns the attempts that try each level `tries` times, level by level."""
    return [Attempt(level, number) for level in levels for number in range(tries)]


def action_stream(seed: int, attempt: Attempt) -> np.random.Generator:
    """Returns the random numbers that choose the actions of an episode."""
    return np.random.default_rng((seed, attempt.level_seed, attempt.number))


class Player:
    """An agent that plays B episodes at a time, its step compiled once."""

    def __init__(self, agent: Agent, spec: EnvironmentSpec, num_slots: int = NUM_SLOTS):
        """Makes a player.

        Args:
          agent: acts; its variables are read at every step.
          spec: of the environments to play in.
          num_slots: B, episodes that are played at a time.

        Raises:
          ValueError: `num_slots` is not positive.
        """
        check_positive(num_slots=num_slots)
        self._agent = agent
        self._spec = spec
        self._num_slots = num_slots
        self._policy = Policy(agent)

    def play(
        self,
        env: EnvSpec,
        attempts: Sequence[Attempt],
        policy: str = "sampled",
        seed: int = 0,
        on_episode: Callable[[PlayedEpisode], object] | None = None,
        environment: VectorEnv | None = None,
    ) -> list[PlayedEpisode]:
        """Plays each attempt exactly once.

        Args:
          env: what to play; its spaces must be those of the spec.
          attempts: which episodes.
          policy: "sampled", or "greedy" for the most probable action; the random agent always
            samples.
          seed: of the sampled actions.
          on_episode: called with each episode as it ends.
          environment: of `env`, made by `levels.make_for_levels`; it stays open. None makes one.

        Returns:
          The episodes in the order of `attempts`.

        Raises:
          UsageError: the policy is unknown, or an episode cannot be started.
          ConfigError: the environment cannot be made.
        """
        check_policy(policy)
        greedy = policy == "greedy" and not isinstance(self._agent, RandomAgent)
        if not attempts:
            return []
        if environment is None:
            with contextlib.closing(make_for_levels(env, self._num_slots)) as made:
                return self.play(env, attempts, policy, seed, on_episode, made)
        loop = Loop(self._policy, self._spec, environment, greedy)
        round_ = _Round(loop, environment, self._policy.num_draws, attempts, seed)
        for episode in round_.play():
            if on_episode is not None:
                on_episode(episode)
        return round_.episodes()


class _Slot(NamedTuple):
    """What is played in one of the environments; `position` is None where nothing is."""

    position: int | None
    attempt: Attempt
    stream: np.random.Generator
    info: dict[str, Any]
    actions: list[Any]
    rewards: list[float]


class _Round:
    """Attempts being played."""

    def __init__(
        self,
        loop: Loop,
        environment: VectorEnv,
        num_draws: int,
        attempts: Sequence[Attempt],
        seed: int,
    ):
        self._loop = loop
        self._environment = environment
        self._num_draws = num_draws
        self._waiting = iter(enumerate(attempts))
        self._seed = seed
        self._ended: list[PlayedEpisode | None] = [None] * len(attempts)
        self._slots: dict[int, _Slot] = {}

    def play(self) -> Iterator[PlayedEpisode]:
        """Plays everything; yields each episode as it ends."""
        num_envs = self._loop.num_envs
        self._start(range(num_envs), first=True)
        uniforms = np.zeros((num_envs, self._num_draws))
        while any(slot.position is not None for slot in self._slots.values()):
            for index, slot in self._slots.items():
                uniforms[index] = slot.stream.random(self._num_draws)
            step = self._loop.step(uniforms)
            ended = np.flatnonzero(step.ended)
            for index, slot in self._slots.items():
                slot.actions.append(kept(single(step.sent, index)))
                slot.rewards.append(float(step.rewards[index]))
            for slot_index in ended:
                yield from self._end(int(slot_index), step)
            self._start([int(index) for index in ended])

    def episodes(self) -> list[PlayedEpisode]:
        """Returns what was played, in order."""
        return _judged([episode for episode in self._ended if episode is not None])

    def _start(self, indices: Iterable[int], first: bool = False) -> None:
        """Starts the next attempts; where none is left, an environment idles over level 0."""
        levels: dict[int, int] = {}
        for index in indices:
            position, attempt = next(self._waiting, (None, Attempt(0)))
            stream = action_stream(self._seed, attempt)
            self._slots[index] = _Slot(position, attempt, stream, {}, [], [])
            levels[index] = attempt.level_seed
        infos = start_levels(self._loop, self._environment, levels, first)
        for index, info in infos.items():
            self._slots[index].info.update(info)

    def _end(self, index: int, step: Transition) -> Iterator[PlayedEpisode]:
        slot = self._slots[index]
        if slot.position is None:
            return
        info = {**slot.info, **info_of(step.infos, index)}
        success = bool(info["is_success"]) if "is_success" in info else None
        episode = PlayedEpisode(slot.attempt, tuple(slot.actions), sum(slot.rewards), success, info)
        self._ended[slot.position] = episode
        yield episode


def play_by_rule(
    env: EnvSpec,
    attempts: Iterable[Attempt],
    rule: Callable[[Any], Callable[[Any], np.ndarray]],
    on_episode: Callable[[PlayedEpisode], object] | None = None,
) -> list[PlayedEpisode]:
    """Plays attempts one after the other by a rule, without a network.

    Args:
      env: what to play.
      attempts: which episodes.
      rule: called with the unwrapped environment where an episode starts; returns a function from
        an observation to an action.
      on_episode: called with each episode as it ends.

    Returns:
      The episodes in the order of `attempts`.
    """
    environment = make_environment(env)
    episodes = []
    try:
        for attempt in attempts:
            act = rule(environment.unwrapped)
            observation, info = _start_single(environment, attempt.level_seed)
            actions, total, ended = [], 0.0, False
            while not ended:
                action = kept(act(observation))
                observation, reward, terminated, truncated, end = environment.step(action)
                actions.append(action)
                total, ended = total + float(reward), terminated or truncated
            info = {**info, **end}
            success = bool(info["is_success"]) if "is_success" in info else None
            episodes.append(PlayedEpisode(attempt, tuple(actions), total, success, info))
            if on_episode is not None:
                on_episode(episodes[-1])
    finally:
        environment.close()
    return _judged(episodes)


def kept(action: Any) -> Any:
    """Returns an action as it is kept: whole numbers as Python's, all else as it is."""
    if isinstance(action, dict | tuple) or np.asarray(action).dtype.kind not in "biu":
        return action
    kept = np.asarray(action).tolist()
    return tuple(kept) if isinstance(kept, list) else kept


def replay(env: EnvSpec, episode: PlayedEpisode) -> list[np.ndarray]:
    """Plays an episode again and returns its pictures, uint8 [height, width, 3] each.

    Raises:
      UsageError: the environment cannot draw itself.
    """
    environment = make_environment(env, render_mode="rgb_array")
    try:
        _start_single(environment, episode.attempt.level_seed)
        frames: list[Any] = [environment.render()]
        for action in episode.actions:
            environment.step(action)
            frames.append(environment.render())
    finally:
        environment.close()
    if not isinstance(frames[0], np.ndarray):
        raise UsageError(f"env={env.name!r} draws no pictures in render_mode 'rgb_array'")
    return frames


def _judged(episodes: list[PlayedEpisode]) -> list[PlayedEpisode]:
    """Returns episodes of which an end that does not tell is no success, if any other one tells.

    Environments often tell of successes alone, and a time limit tells nothing.
    """
    if all(episode.is_success is None for episode in episodes):
        return episodes
    return [episode._replace(is_success=bool(episode.is_success)) for episode in episodes]


def _start_single(environment: Any, level_seed: int) -> tuple[Any, dict[str, Any]]:
    option = level_option(environment.unwrapped)
    if option is None:
        return environment.reset(seed=level_seed)
    return environment.reset(options={option: level_seed})
