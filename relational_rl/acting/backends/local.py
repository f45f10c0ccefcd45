"""Actors as threads of this process.

The compiled environment and the compiled network both run outside Python's interpreter lock, so
acting and learning share the cores. An actor begins an unroll only when there is room for it, so
one that is ahead waits, and then acts with the newest parameters instead of holding a stale unroll.
"""

import contextlib
import queue
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from relational_rl.acting.actor import Actor, ActorDescription
from relational_rl.acting.backends.restarts import Restarts
from relational_rl.acting.backends.shares import Shares
from relational_rl.acting.guard import EnvironmentFailure
from relational_rl.acting.unroll import Unroll
from relational_rl.errors import ActorError, ConfigError

# How often a waiting thread looks whether it should stop, in seconds.
_POLL = 0.1
_STOP_TIMEOUT = 60.0


class _Worker:
    """An actor and its thread.

    Attributes:
      description: of the actor.
      thread: that runs it.
      actor: once it is made.
      has_room: whether room for an unroll is set aside for it.
      environment_failed: what its environment has done wrong, "" if nothing.
      is_abandoned: whether nobody waits for it any more: its environment does not answer.
    """

    def __init__(self, description: ActorDescription):
        self.description = description
        self.thread: threading.Thread | None = None
        self.actor: Actor | None = None
        self.has_room = False
        self.environment_failed = ""
        self.is_abandoned = False


class LocalBackend:
    """One thread an actor, one bounded queue for all."""

    def __init__(
        self,
        actors: Sequence[ActorDescription],
        queue_size: int,
        step_timeout: float | None = None,
        max_restarts: int = 0,
    ):
        """Makes a backend.

        Args:
          actors: the actors, one a thread.
          queue_size: how many unrolls may be under way or wait for the learner.
          step_timeout: seconds in which the environments must answer; None for any time.
          max_restarts: how often in an hour an actor is replaced whose environment failed.
        """
        self._unrolls: queue.Queue[Unroll] = queue.Queue()
        self._room = threading.Semaphore(queue_size)
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._parameters: tuple[Sequence[np.ndarray], int] = ((), -1)
        self._stage: tuple[int, Mapping[str, Any]] = (0, {})
        self._failure: str | None = None
        self._step_timeout = step_timeout
        self._restarts = Restarts(max_restarts)
        self._shares = Shares()
        self._workers = [_Worker(actor) for actor in actors]
        self._replaced: list[_Worker] = []

    def publish(self, parameters: Sequence[np.ndarray], version: int) -> None:
        """Gives the actors new parameters, which they take before their next unroll."""
        with self._lock:
            self._parameters = (parameters, version)

    def set_stage(self, stage: int, env_kwargs: Mapping[str, Any]) -> None:
        """Sends the actors to a stage of the curriculum before their next unroll."""
        with self._lock:
            self._stage = (stage, env_kwargs)

    def start(self) -> None:
        """Starts the threads."""
        for worker in self._workers:
            self._start(worker)

    def get(self, timeout: float) -> Unroll | None:
        """Returns the next unroll, or None if none came within `timeout` seconds.

        Raises:
          ActorError: an actor has failed; the message holds its traceback.
        """
        self._check()
        unroll = None
        with contextlib.suppress(queue.Empty):
            unroll = self._unrolls.get(timeout=timeout)
        # Looked at every time: actors that go on would hide one that has failed.
        self._check()
        if unroll is not None:
            self._room.release()
        return unroll

    def stop(self) -> None:
        """Stops the threads and waits for them.

        Raises:
          ActorError: a thread has not stopped within a minute.
        """
        self._stopped.set()
        for worker in (*self._workers, *self._replaced):
            if worker.thread is None or worker.is_abandoned:
                continue
            worker.thread.join(_STOP_TIMEOUT)
            if worker.thread.is_alive():
                raise ActorError(
                    f"{worker.thread.name} has not stopped within {_STOP_TIMEOUT:.0f} s"
                )

    def metrics(self) -> dict[str, float]:
        """Returns the shares of the actors' time since the last call, and how many were lost."""
        return {**self._shares.take(), "actors_replaced": float(self._restarts.count)}

    def _start(self, worker: _Worker) -> None:
        name = f"actor-{worker.description.index}"
        worker.thread = threading.Thread(target=self._run, args=(worker,), name=name, daemon=True)
        worker.thread.start()

    def _check(self) -> None:
        """Replaces actors whose environments have failed or do not answer.

        Raises:
          ActorError: an actor has failed and is not replaced.
        """
        for i, worker in enumerate(self._workers):
            if worker.actor is not None and not worker.environment_failed:
                late = worker.actor.watch.overdue(self._step_timeout)
                if late is not None:
                    worker.is_abandoned = True
                    worker.environment_failed = late
            if worker.environment_failed and self._failure is None:
                self._replace(i, worker)
        if self._failure is not None:
            raise ActorError(self._failure)

    def _replace(self, i: int, worker: _Worker) -> None:
        try:
            description = self._restarts.replace(worker.description, worker.environment_failed)
        except ActorError as error:
            self._failure = str(error)
            return
        self._replaced.append(worker)
        if worker.has_room:
            self._room.release()
        self._workers[i] = _Worker(description)
        self._start(self._workers[i])

    def _run(self, worker: _Worker) -> None:
        """Acts until told to stop; an exception is kept for the learner."""
        index = worker.description.index
        try:
            worker.actor = worker.description.build()
            self._act(worker, worker.actor)
        except EnvironmentFailure as error:
            worker.environment_failed = str(error)
        except ConfigError as error:  # one line that says everything
            self._failure = f"actor {index} failed: {error}"
        except BaseException:
            self._failure = f"actor {index} failed:\n{traceback.format_exc()}"
        finally:
            if worker.actor is not None:
                # An environment that has failed may fail again, which would say nothing new.
                failed = [Exception] if worker.environment_failed else []
                with contextlib.suppress(*failed):
                    worker.actor.close()

    def _act(self, worker: _Worker, actor: Actor) -> None:
        """Makes unrolls until told to stop."""
        began = time.perf_counter()
        while not self._stopped.is_set():
            worker.has_room = self._room.acquire(timeout=_POLL)
            if not worker.has_room:
                continue
            waited = time.perf_counter() - began
            with self._lock:
                parameters, stage = self._parameters, self._stage
            actor.set_stage(*stage)
            actor.set_parameters(*parameters)
            unroll = actor.unroll()
            if worker.is_abandoned:
                return  # it has answered after all, but another actor is in its place
            worker.has_room = False  # the unroll has it
            self._unrolls.put(unroll)
            now = time.perf_counter()
            self._shares.add({**actor.take_seconds(), "waiting": waited}, now - began)
            began = now
