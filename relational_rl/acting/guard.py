"""What an environment of a user's own may do wrong, named as the environment's.

An environment that raises, or returns numbers that are not finite or arrays of another shape, fails
here with its name and the step, and not in the network or in the loss, where nobody would look for
it. How long it takes for a step is watched from outside, because what hangs cannot say so.

B environments.
"""

import contextlib
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv, VectorWrapper

from relational_rl.errors import ActorError

# What the end of a process at the other side of a pipe looks like.
_GONE = (EOFError, BrokenPipeError, ConnectionResetError)


class EnvironmentFailure(ActorError):
    """An environment has failed; the message names it, what it did, and its traceback."""


class Watch:
    """Since when the environments of an actor have been asked for something."""

    def __init__(self) -> None:
        self._asked: tuple[str, float, int] | None = None

    @contextlib.contextmanager
    def during(self, what: str) -> Iterator[None]:
        """Watches what the present thread does."""
        self._asked = (what, time.monotonic(), threading.get_ident())
        try:
            yield
        finally:
            self._asked = None

    def overdue(self, timeout: float | None) -> str | None:
        """Returns what has taken longer than `timeout` seconds and where it is; None if nothing."""
        asked = self._asked
        if timeout is None or asked is None or time.monotonic() - asked[1] <= timeout:
            return None
        what, _, thread = asked
        frame = sys._current_frames().get(thread)
        where = "" if frame is None else "".join(traceback.format_stack(frame))
        return f"{what} has taken more than {timeout:g} s; it is here:\n{where}".rstrip()


class GuardedEnvironment(VectorWrapper):
    """Names what a vector environment does wrong."""

    def __init__(self, env: VectorEnv, name: str, watch: Watch):
        """Guards an environment.

        Args:
          env: to be guarded.
          name: what it is called in errors.
          watch: is told when it works.
        """
        super().__init__(env)
        self._name = name
        self._watch = watch
        self._steps = 0
        self._space = env.single_observation_space

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> Any:
        """Starts episodes; see `VectorEnv.reset`.

        Raises:
          EnvironmentFailure: the environment has raised or returned something impossible.
        """
        with self._named("reset"):
            observations, infos = self.env.reset(seed=seed, options=options)
        self._check_observations(self._space, observations, "observation", "reset")
        return observations, infos

    def step(self, actions: Any) -> Any:
        """Steps; see `VectorEnv.step`.

        Raises:
          EnvironmentFailure: the environment has raised or returned something impossible.
        """
        self._steps += 1
        with self._named(f"step {self._steps}"):
            observations, rewards, terminated, truncated, infos = self.env.step(actions)
        where = f"step {self._steps}"
        self._check_numbers(rewards, (), "reward", where)
        for name, flags in (("terminated", terminated), ("truncated", truncated)):
            self._check_shape(flags, (), name, where)
        self._check_observations(self._space, observations, "observation", where)
        return observations, rewards, terminated, truncated, infos

    @contextlib.contextmanager
    def _named(self, call: str) -> Iterator[None]:
        """Watches a call, and names the environment in whatever it raises."""
        try:
            with self._watch.during(f"{call} of environment {self._name!r}"):
                yield
        except (Exception, SystemExit) as error:  # a game may call sys.exit
            what = f"raised {type(error).__name__} in {call}: {error}"
            if isinstance(error, _GONE):
                what = f"has lost a process of its own in {call} ({type(error).__name__})"
            where = "".join(traceback.format_exception(error)).rstrip()
            raise EnvironmentFailure(f"environment {self._name!r} {what}\n{where}") from error

    def _check_observations(self, space: Any, given: Any, name: str, where: str) -> None:
        """Checks the entries that are arrays of numbers."""
        if isinstance(space, spaces.Dict) and isinstance(given, Mapping):
            for key, entry in space.spaces.items():
                if key in given:
                    self._check_observations(entry, given[key], f"{name}[{key!r}]", where)
        elif isinstance(space, spaces.Box) and len(space.shape) == 2:
            self._check_shape(given, space.shape, name, where)  # absent objects are rows of NaN
        elif isinstance(space, spaces.Box):
            self._check_numbers(given, space.shape, name, where)

    def _check_numbers(self, given: Any, shape: tuple[int, ...], name: str, where: str) -> None:
        self._check_shape(given, shape, name, where)
        values = np.asarray(given)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            place = np.argwhere(~np.isfinite(values))[0]
            raise EnvironmentFailure(
                f"environment {self._name!r} returned {_a(name)} that is not finite in {where}: "
                f"{values[tuple(place)]} from environment {place[0]} of {self.num_envs}"
            )

    def _check_shape(self, given: Any, shape: tuple[int, ...], name: str, where: str) -> None:
        expected, got = (self.num_envs, *shape), np.shape(given)
        if got != expected:
            raise EnvironmentFailure(
                f"environment {self._name!r} must return {_a(name)} of the shape {expected} for "
                f"{self.num_envs} environments, got {got} in {where}"
            )


def _a(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
