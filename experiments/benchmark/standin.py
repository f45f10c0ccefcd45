"""Benchmark of the stand-in for StarCraft II: agent steps a second, PySC2's client included."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from experiments.benchmark.table import Table, best_rate


@contextlib.contextmanager
def _on_one_core() -> Iterator[None]:
    """Keeps this process, and those that it starts, on one core where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def standin(
    map_names: Sequence[str] | None = None, size: int = 32, steps: int = 480, repeats: int = 3
) -> Table:
    """Measures agent steps per second of mini-games on the stand-in.

    One environment, client and game together on one core, 8 game loops a step, the full
    observation, random actions of those available; ends of episodes included.

    Args:
        map_names: which mini-games; None for all.
        size: side of screen and minimap in pixels.
        steps: in one timing.
        repeats: timings of each, of which the best counts.
    """
    title = f"The stand-in, {size}x{size}, client and game on one core, best of {repeats}"
    columns = ("mini-game", "agent steps a second")
    try:
        from sc2_minigames.env import SC2MiniGameEnv
        from sc2_minigames.maps import MINI_GAMES
    except ImportError as error:
        return Table(title, columns, [(f"not measured: {error}", "-")])
    rows = []
    for name in MINI_GAMES if map_names is None else map_names:
        with _on_one_core():
            environment = SC2MiniGameEnv(name, "standin", size, size)
            try:
                rate = best_rate(steps, _play(environment, steps), repeats)
            finally:
                environment.close()
        rows.append((name, f"{rate:,.0f}"))
    return Table(title, columns, rows)


def _play(environment: Any, steps: int) -> Callable[[], None]:
    """Returns work that plays `steps` random steps, over as many episodes as that takes."""
    random = np.random.default_rng(0)
    sizes = environment.action_space.nvec
    observation, _ = environment.reset(seed=0)

    def work() -> None:
        nonlocal observation
        for _ in range(steps):
            action = random.integers(sizes)
            action[0] = random.choice(np.flatnonzero(observation["available_actions"]))
            observation, _, terminated, truncated, _ = environment.step(action)
            if terminated or truncated:
                observation, _ = environment.reset()

    return work
