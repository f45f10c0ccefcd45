"""The training loop: batches from a source to the learner, parameters back, hooks at the events."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from relational_rl._quiet import tf
from relational_rl.acting.backends import MakeBackend
from relational_rl.acting.background import estimate_background
from relational_rl.acting.vectorization import make_vector_environment
from relational_rl.agents.protocol import Agent
from relational_rl.config import Experiment
from relational_rl.config.base import import_path
from relational_rl.data.source import Batch
from relational_rl.errors import NonFiniteError
from relational_rl.run.checkpoint import CheckpointStore
from relational_rl.run.directory import CHECKPOINTS
from relational_rl.run.hooks import Hook, standard_hooks
from relational_rl.run.spec import environment_spec

_POLL = 0.5  # seconds; how often a waiting learner looks whether the run is over
_BACKGROUND_ENVS = 32


class Summary(NamedTuple):
    """How a run ended.

    Attributes:
      frames: transitions learned from, over all sessions of the run.
      minutes: time spent, likewise.
      reason: "frames", "minutes", "solved", "interrupted", or what a hook gave.
    """

    frames: int
    minutes: float
    reason: str


class Trainer:
    """One run: the state of the loop, and the events that hooks hear of.

    Attributes:
      experiment: all of it.
      config: its part on the run.
      run_dir: where the run's files are.
      spec: of the environment.
      agent: that is trained.
      learner: that trains it.
      source: of the batches.
      frames: transitions learned from so far.
      minutes: spent so far.
      waited: seconds that this session's learner has waited for batches.
      resumed: whether the run goes on from a checkpoint.
    """

    def __init__(
        self,
        experiment: Experiment,
        run_dir: Path,
        make_backend: MakeBackend | None = None,
        hooks: Sequence[Hook] | None = None,
    ):
        """Makes a run, resumed from its newest intact checkpoint if there is one.

        Args:
          experiment: all of it.
          run_dir: made if it does not exist.
          make_backend: where the actors run, in place of what the experiment says.
          hooks: called at the events, after those that the experiment names; the standard ones if
            None.

        Raises:
          ConfigError: the environment or the agent cannot be made of the configuration.
          CheckpointError: a checkpoint does not fit or none is intact.
        """
        self.experiment = experiment
        self.config = experiment.run
        self.run_dir = run_dir
        self.spec = environment_spec(experiment)
        self._hooks = [
            *(import_path(path, "config.hooks")() for path in experiment.hooks),
            *(standard_hooks() if hooks is None else hooks),
        ]
        tf.random.set_seed(self.config.seed)  # of the initial parameters
        self.agent: Agent = experiment.agent.build(self.spec)
        self.learner = experiment.learner.build(self.agent, self.config.seed)
        self.source = experiment.source.build(experiment, self.spec, make_backend)
        self.frames = 0
        self.minutes = 0.0
        self.waited = 0.0
        self._sessions = 0  # how often the run was started: no stream of random numbers repeats
        self._store = CheckpointStore(
            run_dir / CHECKPOINTS,
            self.config.checkpoints_kept,
            agent=self.agent,
            **self.learner.trackables,
            **self.source.trackables,
        )
        self._interrupted = threading.Event()
        self._stop_reason = ""
        self._logged: dict[str, list[float]] = {}
        restored = self._store.restore_latest()
        self.resumed = restored is not None
        if restored is not None:
            self._restore(restored.state)
        else:
            self._set_background()

    @property
    def progress(self) -> float:
        """The share of the run that is done, by frames or by minutes, in [0, 1]."""
        config = self.config
        by_minutes = self.minutes / config.max_minutes if config.max_minutes else 0.0
        return min(max(self.frames / config.total_frames, by_minutes), 1.0)

    def run(self) -> Summary:
        """Trains until the frames or minutes are used up, the task is solved, or a signal comes.

        Raises:
          ActorError: an actor has failed.
          NonFiniteError: a loss or a parameter is NaN or infinite; the last checkpoint stays.
          CheckpointError: a checkpoint cannot be written.
        """
        session, self._sessions = self._sessions, self._sessions + 1
        try:
            with _signals(self._interrupted):
                for hook in self._hooks:
                    hook.on_run_start(self)
                self.source.start(self.learner.parameters(), self.learner.num_updates, session)
                reason = self._loop()
                for hook in self._hooks:
                    hook.on_run_end(self, reason)
        finally:
            try:
                self.source.stop()
            finally:
                for hook in self._hooks:
                    hook.close()
        return Summary(self.frames, self.minutes, reason)

    def save(self) -> Path:
        """Writes a checkpoint, and tells the hooks.

        Raises:
          NonFiniteError: a parameter is NaN or infinite; the last checkpoint stays.
          CheckpointError: a checkpoint cannot be written.
        """
        for variable in self.agent.trainable_variables:
            if not np.isfinite(variable.numpy()).all():
                raise NonFiniteError(
                    f"{variable.name} is not finite after update {self.learner.num_updates}"
                )
        path = self._store.save(self.learner.num_updates, self._state())
        for hook in self._hooks:
            hook.on_checkpoint(self, path)
        return path

    def stop(self, reason: str) -> None:
        """Ends the run in order after this update; `reason` goes into its summary."""
        self._stop_reason = reason

    def log(self, name: str, value: float) -> None:
        """Adds a number to the next row of metrics, the mean of it if it is logged more often."""
        self._logged.setdefault(name, []).append(float(value))

    def emit_metrics(self, row: Mapping[str, float]) -> None:
        """Gives a row of metrics, and what was logged since the last one, to the hooks."""
        logged = {name: float(np.mean(values)) for name, values in self._logged.items()}
        self._logged = {}
        for hook in self._hooks:
            hook.on_metrics(self, {**row, **logged})

    def _loop(self) -> str:
        started, minutes_before = time.monotonic(), self.minutes
        while not (reason := self._why_over()):
            asked = time.monotonic()
            batch = self.source.next(_POLL)
            now = time.monotonic()
            self.waited += now - asked
            if batch is not None:
                self._learn(batch)
                now = time.monotonic()
            self.minutes = minutes_before + (now - started) / 60
            if batch is not None:
                self._tell(batch)
        return reason

    def _learn(self, batch: Batch) -> None:
        self._metrics = self.learner.update(batch.data, self.progress)
        self.frames += batch.num_frames
        self.source.publish(self.learner.parameters(), self.learner.num_updates)

    def _tell(self, batch: Batch) -> None:
        """Tells the hooks of an update and of what came with it."""
        for hook in self._hooks:
            if batch.episodes:
                hook.on_episodes(self, batch.episodes)
            hook.on_update(self, batch, self._metrics)
        if batch.stage_began:
            for hook in self._hooks:
                hook.on_stage(self, self.source.stages.stage)

    def _why_over(self) -> str:
        """Returns why the run is over, "" if it is not."""
        if self._interrupted.is_set():
            return "interrupted"
        return (
            self._stop_reason
            or why_ended(self.experiment, self.frames, self.minutes)
            or ("solved" if self.source.stages.is_solved else "")
        )

    def _set_background(self) -> None:
        """Sets what an observation looks like without objects, where the agent wants to know."""
        encoder = getattr(self.agent, "encoder", None)
        if not getattr(encoder, "needs_background", False):
            return
        environment = make_vector_environment(
            self.experiment.env, _BACKGROUND_ENVS, self.experiment.stage_kwargs(0)
        )
        try:
            encoder.background.assign(  # type: ignore[union-attr]
                estimate_background(environment, self.spec, self.config.seed)
            )
        finally:
            environment.close()

    def _state(self) -> dict[str, Any]:
        return {
            "frames": self.frames,
            "minutes": self.minutes,
            "starts": self._sessions,
            **self.learner.state(),
            **self.source.state(),
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.frames = state["frames"]
        self.minutes = state["minutes"]
        self._sessions = state["starts"]
        self.learner.restore(state)
        self.source.restore(state)


def why_ended(experiment: Experiment, frames: int, minutes: float) -> str:
    """Returns why a run that has come so far is over, "" if it is not by frames or minutes."""
    if frames >= experiment.run.total_frames:
        return "frames"
    if experiment.run.max_minutes and minutes >= experiment.run.max_minutes:
        return "minutes"
    return ""


@contextlib.contextmanager
def _signals(interrupted: threading.Event) -> Iterator[None]:
    """Turns the first SIGINT, SIGTERM or SIGHUP into a request to save and stop.

    A second one acts as always. Only the main thread of a process can handle signals; elsewhere
    they are left alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    previous = {name: signal.getsignal(name) for name in names}

    def handle(number: int, frame: Any) -> None:
        del number, frame
        interrupted.set()
        for name in names:
            signal.signal(name, previous[name])

    for name in names:
        if previous[name] != signal.SIG_IGN:  # started with nohup, for example
            signal.signal(name, handle)
    try:
        yield
    finally:
        for name in names:
            signal.signal(name, previous[name])
