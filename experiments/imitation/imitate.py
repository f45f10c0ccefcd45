"""Teaching a network the solver's moves: a run with the cloning learner and a lesson source."""

import math
from pathlib import Path

from experiments.games import num_slots
from experiments.imitation.lessons import SolverLessons
from experiments.statistics import Share, share_of
from experiments.training import train
from relational_rl.config import Cloning, Experiment, replace
from relational_rl.errors import UsageError
from relational_rl.playing.player import Player, attempts_of
from relational_rl.run.hooks import Hook
from relational_rl.run.trainer import Trainer
from relational_rl.trained import TrainedAgent

BATCH_SIZE = 1024


def imitation_of(experiment: Experiment, minutes: float) -> Experiment:
    """Returns an experiment that teaches the network of another the solver's moves.

    Optimiser, learning rate and gradient clipping are those of the other's learner.

    Args:
      experiment: whose network and environment.
      minutes: of training.

    Raises:
      UsageError: the agent does not learn.
    """
    if not experiment.agent.learns:
        raise UsageError(f"agent must be one that learns, got {experiment.agent.kind!r}")
    learner = replace(experiment, {"learner": "cloning"}).learner
    assert isinstance(learner, Cloning)
    learner = replace(
        learner, {"batch_size": BATCH_SIZE, "learning_rate_schedule": "constant"}, "learner"
    )
    changes = {
        "learner": learner,
        "source": SolverLessons(),
        "run.max_minutes": minutes,
        "run.total_frames": 2**60,
        "run.stop_at": None,
    }
    return replace(experiment, changes)


class HeldOut(Hook):
    """Plays held-out levels now and then, once each with the sampled policy; logs `solved`."""

    def __init__(self, num_levels: int, evaluations: int):
        """Makes the hook; it evaluates `evaluations` times, evenly over the run."""
        self._num_levels = num_levels
        self._evaluations = evaluations
        self._due = 1 / evaluations
        self._player: Player | None = None
        self.share: Share | None = None

    def on_update(self, run: Trainer, batch: object, metrics: object) -> None:
        """Plays if it is time."""
        del batch, metrics
        if run.progress >= self._due and run.progress < 1:
            self._due = (math.floor(run.progress * self._evaluations) + 1) / self._evaluations
            self._play(run)

    def on_run_end(self, run: Trainer, reason: str) -> None:
        """Plays with what was learned in the end."""
        del reason
        self._play(run)

    def _play(self, run: Trainer) -> None:
        trained = TrainedAgent(run.agent, run.experiment, run.spec, run.frames, run.minutes, 0)
        if self._player is None:
            slots = num_slots(trained.env, self._num_levels)
            self._player = Player(run.agent, run.spec, slots)
        episodes = self._player.play(trained.env, attempts_of(range(self._num_levels)))
        self.share = share_of(bool(episode.is_success) for episode in episodes)
        run.log("solved", self.share.value)
        print(
            f"{run.frames:>11,} frames, {run.minutes:5.1f} minutes: "
            f"solved {self.share.value:6.1%} of {self._num_levels} held-out levels",
            flush=True,
        )


def imitate(
    experiment: Experiment,
    run_dir: Path,
    minutes: float = 5.0,
    num_levels: int = 500,
    evaluations: int = 10,
) -> Share:
    """Trains an experiment's network on lessons for some minutes, or resumes that.

    Args:
      experiment: the network, the environment (its last stage), the optimiser.
      run_dir: where the run's files go.
      minutes: of training, evaluations included.
      num_levels: held-out levels, 0 to num_levels - 1, played at each evaluation.
      evaluations: how many, evenly over the time; the last one at the end.

    Returns:
      The share of held-out levels that the sampled policy solves at the end.

    Raises:
      UsageError: the environment has no solver, or the agent does not learn.
    """
    if minutes <= 0 or num_levels < 1 or evaluations < 1:
        raise UsageError(
            "minutes must be positive, levels and evaluations at least 1, "
            f"got {minutes}, {num_levels} and {evaluations}"
        )
    held_out = HeldOut(num_levels, evaluations)
    train(run_dir, imitation_of(experiment, minutes), hooks=[held_out])
    assert held_out.share is not None
    return held_out.share
