"""Where the time of a training loop goes: `relational-rl benchmark profile`.

A short run of the ordinary loop. Two hooks, one before and one after those of every run, tell what
the learner did between them; actors are made with a stopwatch. Normal training has neither.
"""

import dataclasses
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments import configs
from experiments.benchmark.table import Table
from experiments.benchmark.training import loop_only, quiet_hooks
from relational_rl.acting.actor import Actor, ActorDescription
from relational_rl.acting.backends import LocalBackend
from relational_rl.acting.unroll import Unroll
from relational_rl.agents import Agent
from relational_rl.config import Experiment
from relational_rl.data.source import Batch
from relational_rl.run.directory import METRICS
from relational_rl.run.hooks import Hook
from relational_rl.run.table import read_metrics
from relational_rl.run.trainer import Summary, Trainer
from relational_rl.stopwatch import Stopwatch


class LearnerTimes:
    """What the learner's thread did, as two hooks see it around all others.

    Attributes:
      stopwatch: the parts "wait" (for unrolls), "update" and "hooks", and of the packed network
        "forward" and "backward".
      before: the hook to call before the others.
      after: the hook to call after them.
    """

    def __init__(self) -> None:
        """Makes both hooks."""
        self.stopwatch = Stopwatch()
        self.before: Hook = _Before(self)
        self.after: Hook = _After(self)
        self._since = 0.0
        self._waited = 0.0

    def start(self, run: Trainer) -> None:
        """The loop begins."""
        if (watch := getattr(run.agent, "watch", None)) is not None:
            watch(self.stopwatch)
        self._since, self._waited = time.perf_counter(), run.waited

    def updated(self, run: Trainer) -> None:
        """The learner has waited for a batch and learned from it."""
        waited, passed = run.waited - self._waited, self._lap()
        self.stopwatch.add("wait", waited)
        self.stopwatch.add("update", passed - waited)
        self._waited = run.waited
        if self.stopwatch.calls["update"] == 1:
            for part in ("forward", "backward"):  # all of them are parts of the first update
                self.stopwatch.first[part] = self.stopwatch.seconds[part]

    def told(self) -> None:
        """All other hooks have been called."""
        self.stopwatch.add("hooks", self._lap())

    def _lap(self) -> float:
        before, self._since = self._since, time.perf_counter()
        return self._since - before


class _Before(Hook):
    def __init__(self, times: LearnerTimes):
        self._times = times

    def on_update(self, run: Trainer, batch: Batch, metrics: Mapping[str, float]) -> None:
        """Ends the update."""
        del batch, metrics
        self._times.updated(run)


class _After(Hook):
    def __init__(self, times: LearnerTimes):
        self._times = times

    def on_run_start(self, run: Trainer) -> None:
        """Starts the clock."""
        self._times.start(run)

    def on_update(self, run: Trainer, batch: Batch, metrics: Mapping[str, float]) -> None:
        """Ends what the hooks did."""
        del run, batch, metrics
        self._times.told()

    def on_run_end(self, run: Trainer, reason: str) -> None:
        """Ends what they did at the end of the run."""
        del run, reason
        self._times.told()


class TimedActor(Actor):
    """An actor that times its unrolls, and how long it waits for room for the next one."""

    def __init__(self, description: ActorDescription, agent: Agent, stopwatch: Stopwatch):
        """Makes an actor; see `Actor`."""
        super().__init__(description, agent, stopwatch)
        self._times = stopwatch
        self._idle_since = time.perf_counter()

    def set_stage(self, stage: int, env_kwargs: Mapping[str, Any]) -> None:
        """Goes to a stage: what a backend does first when there is room."""
        self._times.add("wait", time.perf_counter() - self._idle_since)
        super().set_stage(stage, env_kwargs)

    def unroll(self) -> Unroll:
        """Acts for T steps."""
        with self._times.time("unroll"):
            result = super().unroll()
        self._idle_since = time.perf_counter()
        return result


@dataclasses.dataclass(frozen=True)
class TimedDescription(ActorDescription):
    """Describes a `TimedActor`.

    Attributes:
      stopwatch: of this actor.
    """

    stopwatch: Stopwatch

    def build(self) -> TimedActor:
        """Makes the actor."""
        agent = self.agent.build(self.spec)
        if (watch := getattr(agent, "watch", None)) is not None:
            watch(self.stopwatch)
        return TimedActor(self, agent, self.stopwatch)


class TimedBackend(LocalBackend):
    """Threads with timed actors.

    Attributes:
      stopwatches: the actors'.
      acted: unrolls that actors have put into the queue.
      learned: unrolls that the learner has taken.
    """

    def __init__(self, actors: Sequence[ActorDescription], room: int):
        """Makes a backend; see `LocalBackend`."""
        self.stopwatches = [Stopwatch() for _ in actors]
        timed = [
            TimedDescription(**vars(actor), stopwatch=stopwatch)
            for actor, stopwatch in zip(actors, self.stopwatches, strict=True)
        ]
        super().__init__(timed, room)
        self.learned = 0

    @property
    def acted(self) -> int:
        """How many unrolls actors have finished."""
        return sum(stopwatch.calls["unroll"] for stopwatch in self.stopwatches)

    def get(self, timeout: float) -> Unroll | None:
        """Returns the next unroll; see `LocalBackend`."""
        unroll = super().get(timeout)
        self.learned += unroll is not None
        return unroll


@dataclasses.dataclass(frozen=True)
class Profile:
    """A run that was measured.

    Attributes:
      summary: of the run.
      seconds: that passed.
      cpu: seconds that all threads computed for.
      learner: parts of the learner's thread.
      backend: with the parts of the actors'.
      policy_lag: mean number of updates between acting and learning.
    """

    summary: Summary
    seconds: float
    cpu: float
    learner: Stopwatch
    backend: TimedBackend
    policy_lag: float


def profile(experiment: Experiment | None = None, frames: int = 400_000) -> Table:
    """Trains for some frames and says what each thread did.

    The parts of a thread add up to the time that passed; a part's time is the time that passed in
    it, with what it had to wait for a core. The first calls, which compile, stand apart.

    Args:
      experiment: default: that of boxworld, on its last stage.
      frames: to learn from.
    """
    experiment = loop_only(experiment or configs.load("boxworld"), frames)
    run = measure(experiment)
    actors = len(run.backend.stopwatches)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    rows = _shares("learner", learner_parts(run.learner), run.seconds)
    rows += _shares("actors", actor_parts(run.backend.stopwatches), run.seconds * actors)
    acted, learned = run.backend.acted, run.backend.learned
    rows += [
        ("loop", "frames a second", f"{run.summary.frames / run.seconds:,.0f}"),
        ("loop", f"busy cores of {cores}", f"{run.cpu / run.seconds:.2f}"),
        ("queue", "unrolls acted, learned", f"{acted}, {learned}"),
        ("queue", "left over at the end, not dropped", f"{acted - learned}"),
        ("queue", "policy lag, updates", f"{run.policy_lag:.2f}"),
    ]
    return Table(
        f"Where the time of {run.seconds:.0f} s of training went, {experiment.env.name}; "
        "shares of the time that passed",
        ("thread", "part", "share"),
        rows,
    )


def measure(experiment: Experiment) -> Profile:
    """Trains in a directory that is thrown away, with all stopwatches on."""
    backends: list[TimedBackend] = []

    def make_backend(actors: Sequence[ActorDescription], room: int) -> TimedBackend:
        backends.append(TimedBackend(actors, room))
        return backends[-1]

    times = LearnerTimes()
    with tempfile.TemporaryDirectory() as directory:
        hooks = [times.before, *quiet_hooks(), times.after]
        trainer = Trainer(experiment, Path(directory), make_backend, hooks)
        start, cpu = time.perf_counter(), time.process_time()
        summary = trainer.run()
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        lags = read_metrics(Path(directory) / METRICS)["policy_lag"]
    return Profile(summary, seconds, cpu, times.stopwatch, backends[0], float(np.nanmean(lags)))


def learner_parts(times: Stopwatch) -> dict[str, float]:
    """Returns seconds by part of the learner's thread."""
    forward, backward = times.later("forward"), times.later("backward")
    return {
        "waiting for unrolls": times.seconds["wait"],
        "packed features, forward": forward,
        "packed features, backward": backward,
        "heads, losses, optimiser, batches": times.later("update") - forward - backward,
        "first update, which compiles": times.first.get("update", 0.0),
        "metrics, checkpoints": times.seconds["hooks"],
    }


def actor_parts(stopwatches: Sequence[Stopwatch]) -> dict[str, float]:
    """Returns seconds by part of the actors' threads, all actors added up."""
    parts: dict[str, float] = {}
    for times in stopwatches:
        forward, act = times.later("forward"), times.seconds["act"]
        unrolls, environment = times.seconds["unroll"], times.seconds["environment"]
        mine = {
            "waiting for room": times.seconds["wait"],
            "packed features, forward": forward,
            "heads, sampling": times.later("act") - forward,
            "first step, which compiles": times.first.get("act", 0.0),
            "environment": environment,
            "storing": unrolls - act - environment,
        }
        parts = {name: parts.get(name, 0.0) + seconds for name, seconds in mine.items()}
    return parts


def _shares(thread: str, parts: dict[str, float], seconds: float) -> list[tuple[str, str, str]]:
    """Returns the rows of a thread, the last one for what no part accounts for."""
    parts = {**parts, "the rest (starting, ending)": seconds - sum(parts.values())}
    return [(thread, name, f"{100 * value / seconds:.1f} %") for name, value in parts.items()]
