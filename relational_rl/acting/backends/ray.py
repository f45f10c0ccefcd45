"""Actors as processes of Ray, on this machine or on many.

Unrolls come back through Ray's object store, and parameters are put there once a version, from
where every machine fetches them once. An actor is asked for one unroll at a time, and only when
there is room for it: what is under way or waits for the learner is bounded as with threads.

An actor whose process, machine or environment is lost is replaced by one with a fresh seed; what it
was playing is lost, and was never counted.
"""

import contextlib
import logging
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from relational_rl.acting.actor import ActorDescription
from relational_rl.acting.backends import ray_cluster
from relational_rl.acting.backends.ray_actor import Failed, Made, RemoteActor, Setup
from relational_rl.acting.backends.restarts import Restarts
from relational_rl.acting.backends.shares import Shares
from relational_rl.acting.unroll import Unroll
from relational_rl.config.backends import Ray
from relational_rl.errors import ActorError
from relational_rl.kernels.policy import PolicyForm

_logger = logging.getLogger(__name__)
# How long actors that are ended are waited for, in seconds.
_STOP_TIMEOUT = 10.0


class RayBackend:
    """One process of Ray an actor.

    Attributes:
      room: how many unrolls may be under way or wait for the learner.
    """

    def __init__(self, actors: Sequence[ActorDescription], room: int, config: Ray):
        """Makes a backend.

        Args:
          actors: the actors, one a process.
          room: how many unrolls may be under way or wait for the learner.
          config: where Ray runs, and what an actor needs.

        Raises:
          UsageError: Ray is not installed.
        """
        self._ray = ray_cluster.import_ray()
        self._config = config
        self.room = room
        self._actors = list(actors)
        self._handles: list[Any] = []
        self._idle = deque(range(len(actors)))
        self._running: dict[Any, int] = {}  # reference to an unroll -> actor
        self._ready: deque[Unroll] = deque()
        self._parameters: Sequence[np.ndarray] = ()
        self._version = -1
        self._stored: Any = None  # reference to the parameters, once an actor needs them
        self._stage: tuple[int, Mapping[str, Any]] = (0, {})
        self._form: PolicyForm | None = None
        self._restarts = Restarts(config.max_restarts)
        self._shares = Shares()
        self._leave = contextlib.ExitStack()

    def publish(self, parameters: Sequence[np.ndarray], version: int) -> None:
        """Gives the actors new parameters, which they take before their next unroll."""
        self._parameters, self._version, self._stored = parameters, version, None

    def set_stage(self, stage: int, env_kwargs: Mapping[str, Any]) -> None:
        """Sends the actors to a stage of the curriculum before their next unroll."""
        self._stage = (stage, dict(env_kwargs))

    def start(self) -> None:
        """Connects to Ray, and starts the actors.

        Raises:
          UsageError: there is no cluster at the address.
          ConfigError: an actor needs more than the whole cluster has.
        """
        self._leave.enter_context(ray_cluster.connected(self._config.address))
        self._form = _form(self._actors[0])
        self._options = ray_cluster.actor_options(self._config, len(self._actors))
        self._handles = [self._make(actor) for actor in self._actors]
        self._feed()

    def get(self, timeout: float) -> Unroll | None:
        """Returns the next unroll, or None if none came within `timeout` seconds.

        Raises:
          ActorError: an actor has failed more often than it may.
        """
        deadline = time.monotonic() + timeout
        self._collect(0.0)
        while not self._ready:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._collect(left)
        unroll = self._ready.popleft()
        self._feed()
        return unroll

    def stop(self) -> None:
        """Ends the actors' processes, and Ray where it was started here."""
        for handle in self._handles:
            with contextlib.suppress(Exception):  # it may be gone already
                self._ray.kill(handle)
        if self._running:  # what they were asked for fails once they are gone
            references = list(self._running)
            self._ray.wait(references, num_returns=len(references), timeout=_STOP_TIMEOUT)
        self._handles, self._running, self._stored = [], {}, None
        self._ready.clear()
        self._leave.close()

    def metrics(self) -> dict[str, float]:
        """Returns the shares of the actors' time since the last call, and how many were lost."""
        return {**self._shares.take(), "actors_replaced": float(self._restarts.count)}

    def _make(self, description: ActorDescription) -> Any:
        """Starts the process of an actor; returns its handle."""
        remote = self._ray.remote(**self._options)(RemoteActor)
        setup = Setup(description, self._form, self._config.step_timeout)
        return remote.remote(description.index, self._ray.cloudpickle.dumps(setup), sys.path)

    def _feed(self) -> None:
        """Asks idle actors for unrolls, as long as there is room."""
        while self._idle and len(self._running) + len(self._ready) < self.room:
            if self._stored is None:
                self._stored = self._ray.put(list(self._parameters))
            index = self._idle.popleft()
            reference = self._handles[index].unroll.remote(
                self._stored, self._version, *self._stage
            )
            self._running[reference] = index

    def _collect(self, timeout: float) -> None:
        """Takes over what the actors have made; waits up to `timeout` seconds for the first."""
        if not self._running:
            time.sleep(timeout)
            return
        count = 1 if timeout else len(self._running)
        done, _ = self._ray.wait(list(self._running), num_returns=count, timeout=timeout)
        for reference in done:
            index = self._running.pop(reference)
            started = time.perf_counter()
            try:
                result = self._ray.get(reference)
            except self._ray.exceptions.RayError as error:
                self._replace(index, _reason(error))
                continue
            if isinstance(result, Failed):
                if not result.by_environment:
                    raise ActorError(result.message)
                self._replace(index, result.message)
                continue
            self._take(result, started)
            self._idle.append(index)
        self._feed()

    def _take(self, result: Made, started: float) -> None:
        """Keeps an unroll, copied: what lies in the object store can be freed, and is read-only."""
        self._ready.append(_copied(result.unroll))
        seconds = dict(result.seconds)
        fetched = time.perf_counter() - started
        seconds["transfer"] = seconds.get("transfer", 0.0) + fetched
        # The actor waits while its unroll is fetched.
        seconds["waiting"] = max(seconds["waiting"] - fetched, 0.0)
        self._shares.add(seconds, result.total)

    def _replace(self, index: int, reason: str) -> None:
        """Starts another actor in the place of a lost one.

        Raises:
          ActorError: it has been replaced as often as it may be.
        """
        description = self._restarts.replace(self._actors[index], reason)
        with contextlib.suppress(Exception):
            self._ray.kill(self._handles[index])
        self._actors[index] = description
        self._handles[index] = self._make(description)
        self._idle.append(index)


def _form(description: ActorDescription) -> PolicyForm | None:
    """Returns what actors act by without TensorFlow; None, and says why, if they need it."""
    from relational_rl.agents.packing import policy_form  # with TensorFlow

    agent = description.agent.build(description.spec)
    try:
        return policy_form(agent)
    except ValueError as error:
        _logger.warning(
            "each actor of the %s agent loads TensorFlow, about 750 MB: %s",
            description.agent.label,
            error,
        )
        return None


def _reason(error: BaseException) -> str:
    """Returns in one line why Ray lost an actor."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line for line in lines if "because" in line] or lines or [""]
    return f"{type(error).__name__}: {told[0].partition(' Some common causes')[0]}"


def _copied(unroll: Unroll) -> Unroll:
    """Copies the arrays of an unroll, and those of its observations."""
    arrays: dict[str, Any] = {
        name: value.copy()
        for name, value in unroll._asdict().items()
        if isinstance(value, np.ndarray)
    }
    observations = {key: value.copy() for key, value in unroll.observations.items()}
    return unroll._replace(observations=observations, **arrays)
