"""Where the time of a training loop goes: `relational-rl benchmark profile`.

A short run of the ordinary loop, with stopwatches put around its parts from outside; normal
training runs none of this.
"""

import dataclasses
import itertools
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from experiments import configs
from experiments.benchmark.table import Table
from relational_rl.acting.actor import Actor, Unroll
from relational_rl.acting.backends import Backend
from relational_rl.agents import Agent
from relational_rl.config import Config
from relational_rl.run.metrics import METRICS_FILE, read_metrics
from relational_rl.run.trainer import Trainer, local_backend


class Stopwatches:
    """Seconds that passed, and that the calling thread computed for, by name."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = defaultdict(float)
        self.cpu: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)

    def watch(self, owner: Any, attribute: str, name: str, first: str = "") -> None:
        """Replaces a function of one object by itself with a stopwatch.

        Args:
          owner: the object.
          attribute: the name of the function there.
          name: of the time.
          first: of the time of the first call, if that is to be kept apart.
        """
        function = getattr(owner, attribute)
        names = itertools.chain([first or name], itertools.repeat(name))

        def timed(*args: Any, **kwargs: Any) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.add(next(names), time.perf_counter() - wall, time.thread_time() - cpu)

        setattr(owner, attribute, timed)

    def add(self, name: str, wall: float, cpu: float = 0.0) -> None:
        """Adds to the times of a name."""
        self.wall[name] += wall
        self.cpu[name] += cpu
        self.calls[name] += 1


class _Probe:
    """A training run with stopwatches around its parts."""

    def __init__(self, config: Config, run_dir: Path):
        self.watches = Stopwatches()
        self.acted = 0  # unrolls that actors finished
        self.learned = 0
        self.trainer = Trainer(config, run_dir, self._make_backend)
        self.watches.watch(self.trainer.learner, "update", "update", "first update")
        self.watches.watch(self.trainer, "save", "checkpoint")
        self._watch_network(self.trainer.agent, "learner")

    def _make_backend(self, config: Config, make_actor: Callable[[int], Actor]) -> Backend:
        backend = local_backend(config, lambda index: self._watch_actor(make_actor(index)))
        get = backend.get

        def counted(timeout: float) -> Unroll | None:
            start = time.perf_counter()
            unroll = get(timeout)
            self.watches.add("wait for unroll", time.perf_counter() - start)
            self.learned += unroll is not None
            return unroll

        setattr(backend, "get", counted)  # noqa: B010 (a method replaced on purpose)
        return backend

    def _watch_actor(self, actor: Actor) -> Actor:
        """Called in the actor's thread."""
        watches, unroll = self.watches, actor.unroll
        self._watch_network(actor._agent, "actor")
        watches.watch(actor, "_act", "act", "first act")
        set_stage = actor.set_stage
        idle_since = [time.perf_counter()]

        def staged(stage: int, env_kwargs: Any) -> None:
            watches.add("wait for room", time.perf_counter() - idle_since[0])
            before = actor._environment
            set_stage(stage, env_kwargs)
            if actor._environment is not before:
                watches.watch(actor._environment, "step", "environment")

        def counted() -> Unroll:
            result = unroll()
            self.acted += 1
            idle_since[0] = time.perf_counter()
            return result

        setattr(actor, "set_stage", staged)  # noqa: B010
        setattr(actor, "unroll", counted)  # noqa: B010
        watches.watch(actor, "unroll", "unroll")
        return actor

    def _watch_network(self, agent: Any, who: str) -> None:
        """Only packed features can be told apart: anything else is one compiled call."""
        packed = agent._packed if isinstance(agent, Agent) else None
        if packed is not None:
            # The first calls are part of the first update and the first step.
            self.watches.watch(packed, "_forward", f"{who} forward", "first network")
            self.watches.watch(packed, "_backward", f"{who} backward", "first network")


def profile(config: Config | None = None, frames: int = 400_000) -> Table:
    """Trains for some frames and says what each thread did.

    The parts of a thread add up to the time that passed; a part's time is the time that passed in
    it, with what it had to wait for a core. The first calls, which compile, stand apart.

    Args:
      config: default: that of boxworld, on its last stage.
      frames: to learn from.
    """
    config = config or configs.load("boxworld")
    config = dataclasses.replace(
        config, total_frames=frames, curriculum=(), stop_at_solved=0.0, metrics_seconds=1.0
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with tempfile.TemporaryDirectory() as directory:
        probe = _Probe(config, Path(directory))
        start, cpu = time.perf_counter(), time.process_time()
        summary = probe.trainer.run(StringIO())
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        metrics = read_metrics(Path(directory) / METRICS_FILE)
    wall = probe.watches.wall
    network = wall["learner forward"] + wall["learner backward"]
    learner = {
        "waiting for unrolls": wall["wait for unroll"],
        "packed features, forward": wall["learner forward"],
        "packed features, backward": wall["learner backward"],
        "heads, losses, optimiser, batches": wall["update"] - network,
        "first update, which compiles": wall["first update"],
        "checkpoints": wall["checkpoint"],
    }
    actor = {
        "waiting for room": wall["wait for room"],
        "packed features, forward": wall["actor forward"],
        "heads, sampling": wall["act"] - wall["actor forward"],
        "first step, which compiles": wall["first act"],
        "environment": wall["environment"],
        "storing": wall["unroll"] - wall["first act"] - wall["act"] - wall["environment"],
    }
    learner["the rest"] = seconds - sum(learner.values())
    actor["the rest (starting, parameters)"] = seconds * config.num_actors - sum(actor.values())
    rows = [("learner", name, _share(value, seconds)) for name, value in learner.items()]
    rows += [
        ("actors", name, _share(value, seconds * config.num_actors))
        for name, value in actor.items()
    ]
    left = probe.acted - probe.learned
    rows += [
        ("loop", "frames a second", f"{summary.frames / seconds:,.0f}"),
        ("loop", f"busy cores of {cores}", f"{cpu / seconds:.2f}"),
        ("queue", "unrolls acted, learned", f"{probe.acted}, {probe.learned}"),
        ("queue", "left over at the end, not dropped", f"{left}"),
        ("queue", "policy lag, updates", f"{np.nanmean(metrics['policy_lag']):.2f}"),
    ]
    return Table(
        f"Where the time of {seconds:.0f} s of training went, {config.env_id}; "
        "shares of the time that passed",
        ("thread", "part", "share"),
        rows,
    )


def _share(value: float, seconds: float) -> str:
    return f"{100 * value / seconds:.1f} %"
