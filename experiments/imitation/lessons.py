"""Lessons from Box-World's solver, as a source of batches for the cloning learner.

States of dealt levels are drawn at random, and the exact solver says which moves begin a shortest
solution. It answers within minutes what an architecture can represent and learn, before hours of
reinforcement, and is a baseline that sees the solver: a number it reaches is never a result of
reinforcement learning.
"""

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from experiments.games import boxworld_of
from relational_rl.config import Experiment, SourceConfig, part, value
from relational_rl.config.base import Count
from relational_rl.data.source import Batch
from relational_rl.data.stages import Stages
from relational_rl.errors import UsageError
from relational_rl.learners.cloning import Lessons
from relational_rl.observations.spec import EnvironmentSpec

Item = TypeVar("Item")
_BATCHES_WAITING = 4
_POLL = 0.2


@part
class SolverLessons(SourceConfig):
    """States of Box-World levels with the moves that begin a shortest solution."""

    kind: ClassVar[str] = ""
    per_level: Count = value(default=16, meaning="states drawn of each level")

    def build(self, experiment: Experiment, spec: EnvironmentSpec, backend: Any) -> "LessonSource":
        """Makes the source; see `SourceConfig.build`."""
        del backend
        return LessonSource(experiment, self, spec)


class LessonSource:
    """Draws batches of lessons of a run's last stage, prefetched in a thread.

    Levels are drawn as training draws them; no range of levels that `evaluate` plays is among them.
    """

    def __init__(self, experiment: Experiment, config: SolverLessons, spec: EnvironmentSpec):
        """Makes the source.

        Raises:
          UsageError: the environment is not Box-World, or the batch is not of whole levels.
        """
        self.stages = Stages(experiment)
        while not self.stages.is_last:  # what is taught is the last stage
            self.stages.advance()
        self.trackables: Mapping[str, Any] = {}
        batch_size = experiment.learner.batch_size  # type: ignore[attr-defined]
        self._draw = _lessons_of(experiment, config.per_level, batch_size, spec)
        self._next = 0
        self._prefetcher: Prefetcher[Lessons] | None = None

    def start(self, parameters: Sequence[np.ndarray], version: int, session: int) -> None:
        """Starts drawing where the run was when it was saved."""
        del parameters, version, session
        self._prefetcher = Prefetcher(self._draw, self._next)

    def publish(self, parameters: Sequence[np.ndarray], version: int) -> None:
        """Does nothing: lessons do not depend on the agent."""

    def next(self, timeout: float) -> Batch | None:
        """Returns the next batch, None if there was none in time."""
        assert self._prefetcher is not None
        lessons = self._prefetcher.next(timeout)
        if lessons is None:
            return None
        self._next += 1
        return Batch(lessons, len(lessons.best_actions), stage=self.stages.stage)

    def stop(self) -> None:
        """Stops the thread."""
        if self._prefetcher is not None:
            self._prefetcher.stop()

    def state(self) -> dict[str, Any]:
        """Returns the number of the next batch."""
        return {"curriculum": self.stages.state(), "lessons": self._next}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to a state."""
        self.stages.restore(state["curriculum"])
        self._next = state["lessons"]


class Prefetcher(Generic[Item]):
    """Makes numbered items in a thread, a few ahead."""

    def __init__(self, make: Callable[[int], Item], first: int = 0):
        """Starts the thread; `make` makes the item of a number, `first` the first."""
        self._make = make
        self._items: queue.Queue[Item | BaseException] = queue.Queue(_BATCHES_WAITING)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(first,), daemon=True)
        self._thread.start()

    def next(self, timeout: float) -> Item | None:
        """Returns the next item, None if it did not come in time; raises what went wrong."""
        try:
            item = self._items.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(item, BaseException):
            raise item
        return item

    def stop(self) -> None:
        """Stops the thread and waits for it."""
        self._stopped.set()
        self._thread.join()

    def _run(self, number: int) -> None:
        while not self._stopped.is_set():
            try:
                item: Any = self._make(number)
            except BaseException as error:
                item = error
            while not self._stopped.is_set():
                try:
                    self._items.put(item, timeout=_POLL)
                    break
                except queue.Full:
                    continue
            if isinstance(item, BaseException):
                return
            number += 1


def _lessons_of(
    experiment: Experiment, per_level: int, batch_size: int, spec: EnvironmentSpec
) -> Callable[[int], Lessons]:
    """Returns what draws the lessons of an experiment: batch number -> lessons."""
    from boxworld.generator import FIRST_ENDLESS_SEED, LEVEL_SEED_LIMIT
    from boxworld.lessons import draw_lessons

    if batch_size % per_level:
        raise UsageError(
            f"learner.batch_size must be a multiple of source.per_level={per_level}, "
            f"got {batch_size}"
        )
    env = experiment.final_env
    boxworld = boxworld_of(env)
    if boxworld is None:
        raise UsageError(f"only Box-World has a solver to imitate, got env={env.name!r}")
    level_spec, observation = boxworld.level_spec, str(env.kwargs.get("observation", "rgb"))

    def draw(number: int) -> Lessons:
        random = np.random.default_rng((experiment.run.seed, number))
        seeds = random.integers(FIRST_ENDLESS_SEED, LEVEL_SEED_LIMIT, batch_size // per_level)
        drawn = draw_lessons(
            level_spec, seeds, per_level, int(random.integers(1 << 62)), observation
        )
        return Lessons(spec.select(drawn.observations), np.asarray(drawn.best_actions))

    return draw
