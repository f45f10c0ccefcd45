"""Actors on Ray: frames a second beside those of threads, and with more and more slow games.

What a game's step costs is slept here, so that the machine's cores do not bound how many can be
played at once; the network acts as it does on any game.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil

from experiments import configs
from experiments.benchmark.table import Table
from experiments.benchmark.training import loop_only, quiet_hooks
from relational_rl.acting.actor import ActorDescription
from relational_rl.acting.backends.ray import RayBackend
from relational_rl.config import EnvSpec, Experiment, Ray, replace
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.run.directory import METRICS
from relational_rl.run.table import read_metrics
from relational_rl.run.trainer import Trainer

Row = tuple[str, str, str, str]


def ray_actors(
    frames: int = 250_000,
    milliseconds: Sequence[float] = (50, 5),
    actors: Sequence[int] = (1, 2, 4, 8, 16, 32, 64),
    seconds: float = 5.0,
) -> Table:
    """Trains on Box-World over threads and over Ray, and then only acts, in slow games.

    Args:
      frames: of each training; its first third, in which everything is compiled, is left out.
      milliseconds: that a step of the slow games takes.
      actors: how many play them at once.
      seconds: that each number is measured for.
    """
    rows = [*_trainings(frames), *_slow_games(milliseconds, actors, seconds)]
    return Table(
        "Frames a second with actors on Ray. Box-World: the whole loop, beside threads. Slow "
        "games: acting alone, one game an actor",
        ("what", "frames/s", "of threads, of linear", ""),
        rows,
    )


def _trainings(frames: int) -> list[Row]:
    """Measures the whole loop on threads and on Ray."""
    experiment = loop_only(configs.load("boxworld_easy"), frames)
    local, _ = _loop(experiment)
    ray, told = _loop(replace(experiment, {"source.backend": Ray()}))
    name = "Box-World easy, 1 actor"
    return [
        (f"{name}, threads", f"{local:,.0f}", "1.00", ""),
        (f"{name}, Ray", f"{ray:,.0f}", f"{ray / local:.2f}", told),
    ]


def _loop(experiment: Experiment) -> tuple[float, str]:
    """Trains; returns frames a second, and what the actor's time was spent on."""
    with tempfile.TemporaryDirectory() as directory:
        trainer = Trainer(experiment, Path(directory), hooks=quiet_hooks())
        trainer.run()
        metrics = read_metrics(Path(directory) / METRICS)
    late = metrics["frames"] > metrics["frames"][-1] / 3
    parts = ("environment", "inference", "transfer", "waiting")
    shares = [f"{part} {np.nanmean(metrics[f'acting_{part}'][late]):.0%}" for part in parts]
    first = int(np.argmax(late)) - 1
    passed = (metrics["minutes"][-1] - metrics["minutes"][first]) * 60
    return float(metrics["frames"][-1] - metrics["frames"][first]) / passed, ", ".join(shares)


def _slow_games(milliseconds: Sequence[float], actors: Sequence[int], seconds: float) -> list[Row]:
    """Measures acting in games whose steps take so long, with so many actors at once."""
    descriptions = _descriptions(max(actors))
    backend = RayBackend(descriptions, max(actors), Ray())
    agent = descriptions[0].agent.build(descriptions[0].spec)
    backend.publish([variable.numpy() for variable in agent.variables], 0)
    backend.set_stage(0, {"milliseconds": 0.0})
    rows: list[Row] = []
    started = time.monotonic()
    backend.start()
    try:
        _until_all_act(backend, max(actors))
        passed = time.monotonic() - started
        rows.append((f"{max(actors)} actors start", f"{passed:.0f} s", "", _costs()))
        for stage, pause in enumerate(milliseconds, 1):
            backend.set_stage(stage, {"milliseconds": pause})
            one = 0.0
            for count in actors:
                backend.room = count
                speed = _speed(backend, stage, seconds)
                one = one or speed / count
                name = f"{pause:g} ms a step, {count} actors"
                rows.append((name, f"{speed:,.0f}", f"{speed / count / one:.2f}", ""))
    finally:
        backend.stop()
    return rows


def _descriptions(count: int) -> list[ActorDescription]:
    env = EnvSpec(id="", make="experiments.benchmark.throttled:make")
    from experiments.benchmark.throttled import Throttled

    spec = EnvironmentSpec.from_spaces(Throttled.observation_space, Throttled.action_space)
    agent = configs.load("boxworld_easy").agent
    return [
        ActorDescription(env, agent, spec, num_envs=1, unroll_length=20, index=i, seed=i)
        for i in range(count)
    ]


def _until_all_act(backend: RayBackend, count: int) -> None:
    """Waits until every actor has made an unroll, each of them asked once at a time."""
    for _ in range(count):
        while backend.get(1.0) is None:
            pass


def _speed(backend: RayBackend, stage: int, seconds: float) -> float:
    """Returns frames a second in a stage."""
    fresh = 0
    while fresh < 2 * backend.room:  # those of before, and the first ones, are not measured
        unroll = backend.get(1.0)
        fresh += unroll is not None and unroll.stage == stage
    frames, started = 0, time.monotonic()
    while time.monotonic() - started < seconds:
        unroll = backend.get(1.0)
        frames += 0 if unroll is None else unroll.num_frames
    return frames / (time.monotonic() - started)


def _costs() -> str:
    """Returns the memory of the actors of this process, and what they have computed, on average."""
    found = [
        process
        for process in psutil.Process().children(recursive=True)
        if "ray::RemoteActor" in " ".join(process.cmdline())
    ]
    memory = [process.memory_full_info() for process in found]
    own = np.mean([each.uss for each in memory]) / 2**20
    resident = np.mean([each.rss for each in memory]) / 2**20
    seconds = np.mean([sum(process.cpu_times()[:2]) for process in found])
    return f"an actor: {own:.0f} MB of its own, {resident:.0f} MB in all, {seconds:.1f} s computed"
