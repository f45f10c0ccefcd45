"""Teach a network by perfect labels: python -m experiments.imitation --config=NAME [--minutes=5].

States of dealt Box-World levels are drawn at random, the exact solver says which moves begin a
shortest solution, and the network of the config learns to make one of them. It answers within
minutes what an architecture can represent and learn, before hours of reinforcement, and is a
baseline that sees the solver: a number it reaches is never a result of reinforcement learning.

The run directory is that of a launcher's run, so `evaluate` and `attention` read it; its
imitation.json says what it is, and keeps it from being trained on, exported or added to the results
as a run of `experiments.launch`. The baseline (value) is not trained.
"""

import argparse
import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sonnet as snt
import tensorflow as tf

from boxworld import BoxWorldEnv
from boxworld.generator import FIRST_ENDLESS_SEED, LEVEL_SEED_LIMIT
from boxworld.lessons import Lessons, draw_lessons
from experiments.games import is_boxworld, training_game
from experiments.launch import (
    CONFIG_FILE,
    IMITATION_FILE,
    UsageError,
    describe_parameters,
    parse,
    record,
)
from experiments.playing import Player, attempts_of
from experiments.statistics import Share, share_of
from experiments.trained import COMMAND_ERRORS
from relational_rl.agents import Agent
from relational_rl.config import Config
from relational_rl.run.files import write_atomically
from relational_rl.run.metrics import MetricsWriter
from relational_rl.run.trainer import Trainer

BATCH_SIZE = 1024
LESSONS_PER_LEVEL = 16
_BATCHES_WAITING = 4
_POLL = 0.2


def imitation_loss(policy_logits: tf.Tensor, best_actions: tf.Tensor) -> tf.Tensor:
    """Returns -log of the probability that one of the best actions is taken, mean over B.

    Args:
      policy_logits: float32 [B, A].
      best_actions: bool [B, A]; at least one a row.
    """
    log_probs = tf.nn.log_softmax(policy_logits)
    best = tf.where(best_actions, log_probs, log_probs.dtype.min)
    return -tf.reduce_mean(tf.reduce_logsumexp(best, axis=-1))


class Teacher:
    """Draws batches of lessons in a thread of its own, a few ahead."""

    def __init__(self, draw: Callable[[int], Lessons]):
        """Starts the thread; `draw` makes the batch of a number, 0 the first."""
        self._draw = draw
        self._batches: queue.Queue[Lessons | BaseException] = queue.Queue(_BATCHES_WAITING)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="teacher", daemon=True)
        self._thread.start()

    def next(self) -> Lessons:
        """Returns the next batch; raises what went wrong in the thread."""
        batch = self._batches.get()
        if isinstance(batch, BaseException):
            raise batch
        return batch

    def stop(self) -> None:
        """Stops the thread and waits for it."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._stopped.is_set():
            try:
                item: Lessons | BaseException = self._draw(number)
            except BaseException as error:
                item = error
            while not self._stopped.is_set():
                try:
                    self._batches.put(item, timeout=_POLL)
                    break
                except queue.Full:
                    continue
            if isinstance(item, BaseException):
                return
            number += 1


def lessons_of(config: Config) -> Callable[[int], Lessons]:
    """Returns what draws the lessons of a config's game: batch number -> lessons.

    Levels are those of the last stage of the curriculum, drawn as training draws them; no range of
    levels that `evaluate` plays is among them.

    Raises:
      UsageError: the game is not Box-World.
    """
    game = training_game(config)
    environment = game.make()
    try:
        if not is_boxworld(environment):
            raise UsageError(f"only Box-World has a solver to imitate, got {game.env_id!r}")
        box_world = environment.unwrapped
        assert isinstance(box_world, BoxWorldEnv)
        spec = box_world.level_spec
    finally:
        environment.close()
    observation = str(game.env_kwargs.get("observation", "rgb"))
    num_levels = BATCH_SIZE // LESSONS_PER_LEVEL

    def draw(number: int) -> Lessons:
        random = np.random.default_rng((config.seed, number))
        seeds = random.integers(FIRST_ENDLESS_SEED, LEVEL_SEED_LIMIT, num_levels)
        return draw_lessons(
            spec, seeds, LESSONS_PER_LEVEL, int(random.integers(1 << 62)), observation
        )

    return draw


class Student:
    """Learns from lessons."""

    def __init__(self, agent: Agent, config: Config, optimizer: snt.Optimizer):
        """Makes a student of an agent."""
        self._agent = agent
        self._variables = agent.trainable_variables
        self._max_norm = config.max_gradient_norm
        # As in the learner: XLA compiles what follows packed features, or all of it.
        self._loss = tf.function(self._head_loss, jit_compile=True, autograph=False)
        self._apply = tf.function(
            lambda gradients: optimizer.apply(gradients, self._variables),
            jit_compile=True,
            autograph=False,
        )
        self.learn = tf.function(self._learn, jit_compile=agent.can_compile, autograph=False)

    def _head_loss(
        self, features: tf.Tensor, best_actions: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        logits, _ = self._agent.heads(features)
        chosen = tf.one_hot(tf.argmax(logits, axis=-1), logits.shape[-1]) > 0.0
        right = tf.reduce_any(chosen & best_actions, axis=-1)
        return imitation_loss(logits, best_actions), tf.reduce_mean(tf.cast(right, tf.float32))

    def _learn(self, images: tf.Tensor, best_actions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Takes a gradient step; returns the loss and the share of right moves before it."""
        with tf.GradientTape() as tape:
            features, _ = self._agent.features({"image": images})
            loss, right = self._loss(features, best_actions)
        # The baseline has no part in the loss: gradients of zero leave it as it is.
        gradients = tape.gradient(
            loss, self._variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        gradients, _ = tf.clip_by_global_norm(gradients, self._max_norm)
        self._apply(gradients)
        return loss, right


def solved_share(player: Player, config: Config, first_level: int, num_levels: int) -> Share:
    """Plays held-out levels once each with the sampled policy."""
    levels = range(first_level, first_level + num_levels)
    episodes = player.play(training_game(config), attempts_of(levels), policy="sampled")
    return share_of(bool(episode.is_success) for episode in episodes)


def imitate(
    config: Config,
    run_dir: Path,
    minutes: float = 5.0,
    num_levels: int = 500,
    evaluations: int = 10,
    clock: Callable[[], float] = time.monotonic,
) -> Share:
    """Trains a config's network on lessons for some minutes.

    Args:
      config: the network, the game (its last stage), the learning rate.
      run_dir: must not hold a run yet.
      minutes: of training, without the evaluations.
      num_levels: held-out levels, 0 to num_levels - 1, played at each evaluation.
      evaluations: how many, evenly over the time; the last one at the end.
      clock: tells the seconds.

    Returns:
      The share of held-out levels that the sampled policy solves at the end.

    Raises:
      UsageError: the game has no solver, the agent does not learn, or there is a run already.
    """
    if minutes <= 0 or num_levels < 1 or evaluations < 1:
        raise UsageError(
            "minutes must be positive, levels and evaluations at least 1, "
            f"got {minutes}, {num_levels} and {evaluations}"
        )
    if (run_dir / CONFIG_FILE).exists():
        raise UsageError(f"{run_dir} holds a run already; choose another --run_dir")
    draw = lessons_of(config)
    try:
        trainer = Trainer(config, run_dir)
    except ValueError as error:
        raise UsageError(str(error)) from error
    agent = trainer.agent
    if not isinstance(agent, Agent):
        raise UsageError(f"agent must be one that learns, got {config.agent!r}")
    record(run_dir, config)
    about = {"taught_by": "the solver, by boxworld.lessons", "minutes": minutes}
    write_atomically(run_dir / IMITATION_FILE, json.dumps(about, indent=1))
    print(f"{config.agent} agent taught on {config.env_id}; run in {run_dir}", flush=True)
    print(f"parameters: {describe_parameters(config, trainer.spec)}", flush=True)
    while not trainer.curriculum.is_last:  # what is taught is the last stage
        trainer.curriculum.stage += 1
    student = Student(agent, config, trainer.learner.optimizer)
    player = Player(agent, trainer.spec, min(256, num_levels))
    writer = MetricsWriter(run_dir)
    teacher = Teacher(draw)
    try:
        for number in range(1, evaluations + 1):
            row = _teach(trainer, student, teacher, 60 * minutes / evaluations, clock)
            share = solved_share(player, config, 0, num_levels)
            row["solved"] = share.value
            writer.write(row)
            print(
                f"{trainer.frames:>11,} frames, {trainer.minutes:5.1f} minutes: "
                f"solved {share.value:6.1%}, loss {row['loss']:.4f}, "
                f"right moves {row['right_moves']:.1%}, {row['frames_per_second']:,.0f} frames/s",
                flush=True,
            )
            if number == evaluations:
                trainer.save()
    finally:
        teacher.stop()
        writer.close()
    return share


def _teach(
    trainer: Trainer,
    student: Student,
    teacher: Teacher,
    seconds: float,
    clock: Callable[[], float],
) -> dict[str, float]:
    """Learns for some seconds, at least one step; returns a row of metrics."""
    start, frames, waited = clock(), trainer.frames, 0.0
    results: list[Any] = []
    while not results or clock() - start < seconds:
        asked = clock()
        lessons = teacher.next()
        waited += clock() - asked
        step = student.learn(tf.constant(lessons.observations), tf.constant(lessons.best_actions))
        results.append([float(value) for value in step])
        trainer.frames += len(lessons.steps_left)
        trainer.learner.num_updates += 1
    taken = max(clock() - start, 1e-9)
    trainer.minutes += taken / 60
    loss, right = np.mean(results, axis=0)
    if not np.isfinite(loss):
        raise UsageError(f"the loss is {loss}; a smaller learning rate may help")
    return {
        "frames": trainer.frames,
        "minutes": trainer.minutes,
        "updates": trainer.learner.num_updates,
        "frames_per_second": (trainer.frames - frames) / taken,
        "learner_waiting": waited / taken,
        "loss": float(loss),
        "right_moves": float(right),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.imitation",
        description="Teach a network the solver's moves; --config=NAME and --config.X=VALUE as in "
        "experiments.launch.",
        allow_abbrev=False,
    )
    parser.add_argument("--run_dir", type=Path, help="default: runs/imitation_NAME_seedSEED")
    parser.add_argument("--minutes", type=float, default=5.0, help="of training (default: 5)")
    parser.add_argument("--levels", type=int, default=500, help="held-out levels (default: 500)")
    parser.add_argument("--evaluations", type=int, default=10, help="how often (default: 10)")
    known, rest = parser.parse_known_args(sys.argv[1:] if arguments is None else arguments)
    try:
        launched, config = parse(rest)
        name = f"imitation_{launched.config}_seed{config.seed}"
        run_dir = known.run_dir or Path("runs") / name
        imitate(config, run_dir, known.minutes, known.levels, known.evaluations)
    except COMMAND_ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
