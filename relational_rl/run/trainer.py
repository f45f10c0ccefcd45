"""The training loop: unrolls from a backend to the learner, parameters back, a record kept.

A run directory holds

    config.json          the whole configuration
    machine.json         versions and machine, one entry each time the run was started
    checkpoints/         see checkpoint.py
    metrics.csv          one row every few seconds; tensorboard/ holds the same
    learning_curve.png
"""

import contextlib
import dataclasses
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np

from relational_rl._quiet import tf
from relational_rl.acting.actor import (
    Actor,
    Episode,
    Unroll,
    estimate_background,
    make_vector_environment,
)
from relational_rl.acting.backends import Backend, LocalBackend
from relational_rl.agents import Agent, make_agent
from relational_rl.config import Config
from relational_rl.data.curriculum import Curriculum
from relational_rl.learners.vtrace import Learner, NonFiniteError
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.run.checkpoint import CheckpointStore
from relational_rl.run.metrics import MetricsWriter, ProgressLine, draw_learning_curve

MakeActor = Callable[[int], Actor]
MakeBackend = Callable[[Config, MakeActor], Backend]

CHECKPOINTS = "checkpoints"
METRICS = "metrics.csv"
CURVE = "learning_curve.png"


class Summary(NamedTuple):
    """How a run ended.

    Attributes:
      frames: transitions learned from, over all sessions of the run.
      minutes: time spent, likewise.
      reason: "frames", "minutes", "solved" or "interrupted".
    """

    frames: int
    minutes: float
    reason: str


def local_backend(config: Config, make_actor: MakeActor) -> Backend:
    """Runs the actors as threads of this process."""
    return LocalBackend(make_actor, config.num_actors, config.queue_size)


def environment_spec(config: Config) -> EnvironmentSpec:
    """Reads the spec of a config's environment by making one for every stage of the curriculum.

    Stages look alike to an agent, except that the images of a relational agent all of whose cells
    are entities may grow from stage to stage: the spec is that of the last stage.

    Raises:
      ValueError: an environment cannot be made, or not all stages look alike to an agent.
    """
    *earlier, last = [_stage_spec(config, stage) for stage in config.curriculum or ({},)]
    for stage, spec in enumerate(earlier):
        if _takes_any_size(config):
            sides, channels = last.image_shape[:2], spec.image_shape[2]
            spec = dataclasses.replace(spec, image_shape=(*sides, channels))
        if spec != last:
            raise ValueError(
                f"stage {stage} of the curriculum must have the observations and actions of the "
                f"last, {last}, got {spec}"
            )
    return last


def _takes_any_size(config: Config) -> bool:
    """Whether no variable of the agent depends on the size of the image."""
    relational = config.network == "entities" and config.agent == "relational"
    return relational and config.entities == "all"


def _stage_spec(config: Config, stage: Mapping[str, Any]) -> EnvironmentSpec:
    environment = make_vector_environment(config.env_id, 1, {**config.env_kwargs, **stage})
    try:
        return EnvironmentSpec.from_spaces(
            environment.single_observation_space,
            environment.single_action_space,
            config.observation_keys,
        )
    finally:
        environment.close()


def why_ended(config: Config, frames: int, minutes: float, curriculum: Curriculum) -> str:
    """Returns why a run that has come so far is over, "" if it is not."""
    if frames >= config.total_frames:
        return "frames"
    if config.max_minutes and minutes >= config.max_minutes:
        return "minutes"
    solved = config.stop_at_solved and curriculum.is_last
    if solved and curriculum.solved >= config.stop_at_solved:
        return "solved"
    return ""


class Trainer:
    """One run: the state of the loop and what it writes."""

    def __init__(self, config: Config, run_dir: Path, make_backend: MakeBackend = local_backend):
        """Makes a run, resumed from its newest intact checkpoint if there is one.

        Args:
          config: the whole experiment.
          run_dir: made if it does not exist.
          make_backend: where the actors run.

        Raises:
          ValueError: the environment or the agent cannot be made of the config.
          CheckpointError: a checkpoint does not fit or none is intact.
        """
        self.config = config
        self.run_dir = run_dir
        self.spec = environment_spec(config)
        tf.random.set_seed(config.seed)  # of the initial parameters
        self.agent = make_agent(config, self.spec)
        self.learner = Learner(self.agent, config, config.seed)
        self.curriculum = Curriculum(
            config.curriculum, config.curriculum_threshold, config.curriculum_window
        )
        self.frames = 0
        self.minutes = 0.0
        self.starts = 0  # how often actors were started: no stream of random numbers repeats
        self._store = CheckpointStore(
            run_dir / CHECKPOINTS,
            config.checkpoints_kept,
            agent=self.agent,
            optimizer=self.learner.optimizer,
        )
        self._make_backend = make_backend
        self._interrupted = threading.Event()
        restored = self._store.restore_latest()
        self.resumed = restored is not None
        if restored is not None:
            self._set_state(restored.state)
        elif isinstance(self.agent, Agent) and self.agent.encoder.needs_background:
            self.agent.encoder.background.assign(self._estimate_background())

    def run(self, stream: TextIO = sys.stderr) -> Summary:
        """Trains until the frames or minutes are used up, the task is solved, or a signal comes.

        Args:
          stream: where the live line goes.

        Raises:
          ActorError: an actor has failed.
          NonFiniteError: a loss or a parameter is NaN or infinite; the last checkpoint stays.
          CheckpointError: a checkpoint cannot be written.
        """
        writer = MetricsWriter(self.run_dir, resume_step=self.frames if self.resumed else None)
        progress = ProgressLine(self.config.total_frames, self.frames, stream)
        backend = self._make_backend(self.config, self._actor_maker())
        self.starts += 1
        backend.publish(self.learner.parameters(), self.learner.num_updates)
        backend.set_stage(self.curriculum.stage, self._stage_kwargs())
        try:
            with _signals(self._interrupted):
                backend.start()
                reason = self._loop(backend, writer, progress)
                self.save()
        finally:
            backend.stop()
            progress.close()
            writer.close()
        return Summary(self.frames, self.minutes, reason)

    def save(self) -> None:
        """Writes a checkpoint and the learning curve.

        Raises:
          NonFiniteError: a parameter is NaN or infinite; the last checkpoint stays.
          CheckpointError: a checkpoint cannot be written.
        """
        for variable in self.agent.trainable_variables:
            if not np.isfinite(variable.numpy()).all():
                raise NonFiniteError(
                    f"{variable.name} is not finite after update {self.learner.num_updates}"
                )
        self._store.save(self.learner.num_updates, self._state())
        if (self.run_dir / METRICS).exists():
            draw_learning_curve(self.run_dir / METRICS, self.run_dir / CURVE)

    def _loop(self, backend: Backend, writer: MetricsWriter, progress: ProgressLine) -> str:
        window = _Window()
        started = saved = time.monotonic()
        minutes_before = self.minutes
        while True:
            interrupted = "interrupted" if self._interrupted.is_set() else ""
            reason = interrupted or why_ended(
                self.config, self.frames, self.minutes, self.curriculum
            )
            stage_ends = False
            asked = time.monotonic()
            unroll = None if reason else backend.get(timeout=0.5)
            window.waited += time.monotonic() - asked
            if unroll is not None:
                lag = self.learner.num_updates - unroll.version
                window.add(unroll, lag, self.learner.update(unroll, self._progress()))
                self.frames += int(unroll.weights.sum())
                stage_ends = self.curriculum.add(unroll.episodes, unroll.stage)
                if stage_ends:
                    progress.message(
                        f"stage {self.curriculum.stage} of the curriculum: "
                        f"{dict(self.curriculum.env_kwargs)} after {self.frames:,} frames"
                    )
                    backend.set_stage(self.curriculum.stage, self._stage_kwargs())
                backend.publish(self.learner.parameters(), self.learner.num_updates)
            now = time.monotonic()
            self.minutes = minutes_before + (now - started) / 60
            due = stage_ends or now - window.started >= self.config.metrics_seconds
            if window.updates and (reason or due):
                row = window.row(self, now)
                writer.write(row)
                progress.update(self.frames, row)
                window = _Window()
            elif unroll is not None:
                progress.update(self.frames, {})
            if reason:
                return reason
            if now - saved >= self.config.checkpoint_seconds and self.learner.num_updates:
                self.save()
                saved = time.monotonic()

    def _progress(self) -> float:
        """Returns the share of the run that is done, by frames or by minutes."""
        config = self.config
        by_minutes = self.minutes / config.max_minutes if config.max_minutes else 0.0
        return max(self.frames / config.total_frames, by_minutes)

    def _stage_kwargs(self) -> dict[str, Any]:
        return {**self.config.env_kwargs, **self.curriculum.env_kwargs}

    def _actor_maker(self) -> MakeActor:
        config, spec, starts = self.config, self.spec, self.starts

        def make_environment(env_kwargs: Mapping[str, Any]):
            return make_vector_environment(
                config.env_id, config.envs_per_actor, env_kwargs, config.vectorization
            )

        def make_actor(index: int) -> Actor:
            seed = np.random.SeedSequence((config.seed, starts, index)).generate_state(1)[0]
            agent = make_agent(config, spec)
            return Actor(make_environment, agent, spec, config.unroll_length, int(seed))

        return make_actor

    def _estimate_background(self) -> np.ndarray:
        config = self.config
        environment = make_vector_environment(config.env_id, 32, self._stage_kwargs())
        try:
            return estimate_background(environment, self.spec, config.seed)
        finally:
            environment.close()

    def _state(self) -> dict[str, Any]:
        return {
            "frames": self.frames,
            "minutes": self.minutes,
            "updates": self.learner.num_updates,
            "starts": self.starts,
            "curriculum": self.curriculum.state(),
            "learner_random": self.learner.random.bit_generator.state,
        }

    def _set_state(self, state: Mapping[str, Any]) -> None:
        self.frames = state["frames"]
        self.minutes = state["minutes"]
        self.learner.num_updates = state["updates"]
        self.starts = state["starts"]
        self.curriculum.restore(state["curriculum"])
        self.learner.random.bit_generator.state = state["learner_random"]


class _Window:
    """What happened since the last row of metrics."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.waited = 0.0
        self.updates = 0
        self._frames = 0
        self._stage = 0
        self._lag = 0
        self._episodes: list[Episode] = []
        self._learner: list[dict[str, float]] = []

    def add(self, unroll: Unroll, lag: int, learner_metrics: dict[str, float]) -> None:
        self.updates += 1
        self._frames += int(unroll.weights.sum())
        self._stage = unroll.stage
        self._lag += lag
        self._episodes += unroll.episodes
        self._learner.append(learner_metrics)

    def row(self, trainer: Trainer, now: float) -> dict[str, float]:
        seconds = max(now - self.started, 1e-9)
        names = self._learner[0]
        return {
            "frames": trainer.frames,
            "minutes": trainer.minutes,
            "updates": trainer.learner.num_updates,
            "frames_per_second": self._frames / seconds,
            "episodes": len(self._episodes),
            "episode_return": _mean(episode.episode_return for episode in self._episodes),
            "episode_length": _mean(episode.length for episode in self._episodes),
            "solved": _mean(episode.is_success for episode in self._episodes),
            "curriculum_stage": self._stage,
            "policy_lag": self._lag / self.updates,
            "learner_waiting": self.waited / seconds,
            **{name: _mean(row[name] for row in self._learner) for name in names},
        }


def _mean(values: Any) -> float:
    values = list(values)
    return float(np.mean(values)) if values else math.nan


@contextlib.contextmanager
def _signals(interrupted: threading.Event) -> Iterator[None]:
    """Turns the first SIGINT or SIGTERM into a request to save and stop.

    A second one acts as always. Only the main thread of a process can handle signals; elsewhere
    they are left alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = (signal.SIGINT, signal.SIGTERM)
    previous = {name: signal.getsignal(name) for name in names}

    def handle(number: int, frame: Any) -> None:
        del number, frame
        interrupted.set()
        for name in names:
            signal.signal(name, previous[name])

    for name in names:
        signal.signal(name, handle)
    try:
        yield
    finally:
        for name in names:
            signal.signal(name, previous[name])
