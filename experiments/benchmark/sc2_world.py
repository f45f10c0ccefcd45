"""Benchmark of the compiled stand-in: agent steps a second, beside the stand-in for PySC2."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.benchmark.standin import standin
from experiments.benchmark.table import Table


def sc2_world(
    map_names: Sequence[str] | None = None,
    num_envs: int = 256,
    steps: int = 100,
    repeats: int = 3,
    reference_steps: int = 240,
    clock: Callable[[], float] = time.perf_counter,
) -> Table:
    """Measures agent steps per second of the mini-games in compiled batches.

    Random actions of those available, 8 game loops a step, ends of episodes included; drawing the
    actions is not timed. Beside it the stand-in as PySC2 plays it, one game, in the same run.

    Args:
        map_names: which mini-games; None for all.
        num_envs: games in a batch.
        steps: of the batch in one timing.
        repeats: timings of each, of which the best counts.
        reference_steps: of the stand-in for PySC2; 0 leaves it out.
        clock: tells the seconds, see `table.best_rate`.
    """
    title = f"The compiled stand-in, {num_envs} games on one core, best of {repeats}"
    columns = ("mini-game", "with units", "with units and 32x32 layers", "for PySC2", "ratio")
    try:
        from sc2_minigames.maps import MINI_GAMES
        from sc2_minigames.world import StandInVectorEnv
    except ImportError as error:
        return Table(title, columns, [(f"not measured: {error}", "-", "-", "-", "-")])
    rows = []
    for name in MINI_GAMES if map_names is None else map_names:
        rates = []
        for layers in (False, True):
            environment = StandInVectorEnv(name, num_envs, layers=layers, copy=False)
            rates.append(_rate(environment, steps, repeats, clock))
        cells = [name, *(f"{rate:,.0f}" for rate in rates), "-", "-"]
        if reference_steps:
            slow = standin([name], 32, reference_steps, 1).rows[0][1]
            cells[3:] = [slow, f"{rates[1] / float(slow.replace(',', '')):,.0f}"]
        rows.append(cells)
    return Table(title, columns, rows)


def _rate(environment: Any, steps: int, repeats: int, clock: Callable[[], float]) -> float:
    """Returns the best number of agent steps a second, after some that do not count."""
    random = np.random.default_rng(0)
    observation, _ = environment.reset(seed=0)
    best = np.inf
    for repeat in range(repeats + 1):
        seconds = 0.0
        for _ in range(steps):
            actions = draw_actions(environment, observation["available_actions"], random)
            start = clock()
            observation, *_ = environment.step(actions)
            seconds += clock() - start
        if repeat:  # The first time round, functions are compiled.
            best = min(best, seconds)
    return steps * environment.num_envs / best


def draw_actions(
    environment: Any, available: npt.NDArray[np.int8], random: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Returns an available action for each game, int64 [N, 14], uniform over the functions.

    Args:
        environment: of N games.
        available: int8 [N, functions].
        random: the generator.
    """
    nvec = environment.single_action_space.nvec
    actions = random.integers(nvec, size=(len(available), len(nvec)))
    so_far = np.cumsum(available, axis=1, dtype=np.int64)
    wanted = (random.random(len(available)) * so_far[:, -1]).astype(np.int64)
    actions[:, 0] = (so_far > wanted[:, None]).argmax(axis=1)
    return actions
