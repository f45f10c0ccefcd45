"""An actor in a process of Ray: what runs there. Nothing here imports Ray or TensorFlow."""

import pickle
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from typing import Any, NamedTuple

import numpy as np

from relational_rl.acting.actor import Actor, ActorDescription
from relational_rl.acting.guard import EnvironmentFailure
from relational_rl.acting.unroll import Unroll
from relational_rl.errors import ConfigError
from relational_rl.kernels.policy import PackedPolicy, PolicyForm

# How often a running unroll is looked at, in seconds.
_POLL = 0.5


class Made(NamedTuple):
    """An unroll, and what the actor's time was spent on.

    Attributes:
      unroll: as the learner gets it.
      seconds: by part.
      total: seconds since the actor's last unroll.
    """

    unroll: Unroll
    seconds: Mapping[str, float]
    total: float


class Failed(NamedTuple):
    """What went wrong instead of an unroll.

    Attributes:
      message: in words.
      by_environment: whether the environment is to blame, so that another actor may do better.
    """

    message: str
    by_environment: bool


class Setup(NamedTuple):
    """What an actor is made of.

    Attributes:
      description: of the actor.
      form: of its network, to act without TensorFlow; None to build the agent.
      step_timeout: seconds in which the environments must answer; None for any time.
    """

    description: ActorDescription
    form: PolicyForm | None
    step_timeout: float | None


class RemoteActor:
    """Makes unrolls when asked for them.

    Errors are returned, not raised: an exception of a user's own might not survive the way to
    another process.
    """

    def __init__(self, index: int, pickled: bytes, path: Sequence[str]):
        """Makes the actor at its first unroll.

        Args:
          index: of the actor.
          pickled: a `Setup`; it is read later, as what it names may not be importable.
          path: of the learner's modules; entries that are missing here are added.
        """
        self._index = index
        self._pickled = pickled
        self._actor: Actor | None = None
        self._step_timeout: float | None = None
        sys.path += [entry for entry in path if entry not in sys.path]
        # Acts in a thread of its own, so that an environment that hangs can be told of.
        self._thread = ThreadPoolExecutor(1, "actor")
        self._free_since = time.perf_counter()

    def unroll(
        self,
        parameters: Sequence[np.ndarray],
        version: int,
        stage: int,
        env_kwargs: Mapping[str, Any],
    ) -> Made | Failed:
        """Acts for T steps with given parameters, in a stage of the curriculum."""
        waited = time.perf_counter() - self._free_since
        try:
            unroll = self._watched(parameters, version, stage, env_kwargs)
        except EnvironmentFailure as error:
            return Failed(str(error), True)
        except ConfigError as error:  # one line that says everything
            return Failed(f"actor {self._index} failed: {error}", False)
        except Exception:
            return Failed(f"actor {self._index} failed:\n{traceback.format_exc()}", False)
        assert self._actor is not None
        now = time.perf_counter()
        total, self._free_since = now - self._free_since, now
        return Made(unroll, {**self._actor.take_seconds(), "waiting": waited}, total)

    def _watched(self, *given: Any) -> Unroll:
        """Acts, and looks now and then whether the environments still answer."""
        future = self._thread.submit(self._act, *given)
        while True:
            try:
                return future.result(_POLL)
            except TimeoutError:
                if future.done():
                    raise  # of the environment's own
                late = self._actor and self._actor.watch.overdue(self._step_timeout)
                if late:
                    raise EnvironmentFailure(late) from None

    def _act(
        self,
        parameters: Sequence[np.ndarray],
        version: int,
        stage: int,
        env_kwargs: Mapping[str, Any],
    ) -> Unroll:
        if self._actor is None:
            description, form, self._step_timeout = pickle.loads(self._pickled)
            if form is None:
                self._actor = description.build()
            else:
                self._actor = Actor(description, PackedPolicy(form))
        self._actor.set_stage(stage, env_kwargs)
        self._actor.set_parameters(parameters, version)
        return self._actor.unroll()
