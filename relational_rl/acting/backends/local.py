"""Actors as threads of this process.

The compiled environment and the compiled network both run outside Python's interpreter lock, so
acting and learning share the cores. An actor begins an unroll only when there is room for it, so
one that is ahead waits, and then acts with the newest parameters instead of holding a stale unroll.
"""

import contextlib
import queue
import threading
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from relational_rl.acting.actor import ActorDescription
from relational_rl.acting.unroll import Unroll
from relational_rl.errors import ActorError, ConfigError

# How often a waiting thread looks whether it should stop, in seconds.
_POLL = 0.1
_STOP_TIMEOUT = 60.0


class LocalBackend:
    """One thread an actor, one bounded queue for all."""

    def __init__(self, actors: Sequence[ActorDescription], queue_size: int):
        """Makes a backend.

        Args:
          actors: the actors, one a thread.
          queue_size: how many unrolls may be under way or wait for the learner.
        """
        self._unrolls: queue.Queue[Unroll] = queue.Queue()
        self._room = threading.Semaphore(queue_size)
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._parameters: tuple[Sequence[np.ndarray], int] = ((), -1)
        self._stage: tuple[int, Mapping[str, Any]] = (0, {})
        self._failure: str | None = None
        self._threads = [
            threading.Thread(
                target=self._run, args=(actor,), name=f"actor-{actor.index}", daemon=True
            )
            for actor in actors
        ]

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
        for thread in self._threads:
            thread.start()

    def get(self, timeout: float) -> Unroll | None:
        """Returns the next unroll, or None if none came within `timeout` seconds.

        Raises:
          ActorError: an actor has failed; the message holds its traceback.
        """
        unroll = None
        if self._failure is None:
            with contextlib.suppress(queue.Empty):
                unroll = self._unrolls.get(timeout=timeout)
        # Looked at every time: actors that go on would hide one that has failed.
        if self._failure is not None:
            raise ActorError(self._failure)
        if unroll is not None:
            self._room.release()
        return unroll

    def stop(self) -> None:
        """Stops the threads and waits for them.

        Raises:
          ActorError: a thread has not stopped within a minute.
        """
        self._stopped.set()
        for thread in self._threads:
            if thread.ident is None:
                continue
            thread.join(_STOP_TIMEOUT)
            if thread.is_alive():
                raise ActorError(f"{thread.name} has not stopped within {_STOP_TIMEOUT:.0f} s")

    def _run(self, description: ActorDescription) -> None:
        """Acts until told to stop; an exception is kept for the learner."""
        actor = None
        try:
            actor = description.build()
            while not self._stopped.is_set():
                if not self._room.acquire(timeout=_POLL):
                    continue
                with self._lock:
                    parameters, stage = self._parameters, self._stage
                actor.set_stage(*stage)
                actor.set_parameters(*parameters)
                self._unrolls.put(actor.unroll())
        except ConfigError as error:  # one line that says everything
            self._failure = f"actor {description.index} failed: {error}"
        except BaseException:
            self._failure = f"actor {description.index} failed:\n{traceback.format_exc()}"
        finally:
            if actor is not None:
                actor.close()
