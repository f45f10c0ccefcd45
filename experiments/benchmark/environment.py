"""Benchmarks of Box-World: how fast it plays and deals, and whether all levels can be solved."""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from boxworld import ENVIRONMENTS, BoxWorldEnv, BoxWorldVectorEnv, LevelSpec, generate_level
from boxworld.dynamics import LEVEL_SEED, NUM_COLUMNS
from boxworld.generator import deal, spec_array
from boxworld.solver import UNSOLVABLE, solution_steps
from boxworld.withheld import withheld_table
from experiments.benchmark.table import Table, best_rate

_BATCH = 256
_OTHER = "MiniGrid-DoorKey-8x8-v0"
_BASELINE = f"{_OTHER}, gymnasium.make"


def _rate(count: int, work: Callable[[], object], repeats: int) -> float:
    """As `best_rate`, per second of computing."""
    return best_rate(count, work, repeats, time.process_time)


def _step_batch(envs: Any, num_actions: int, steps: int) -> Callable[[], None]:
    """Returns work that plays `steps` random steps in each slot of `envs`, which has been reset."""
    actions = np.random.default_rng(0).integers(num_actions, size=(steps, _BATCH))

    def work() -> None:
        for action in actions:
            envs.step(action)

    return work


def _step_native_batch(steps: int, copy: bool) -> Callable[[], None]:
    """Returns work that plays `steps` random steps in each slot of Box-World's own batch."""
    envs = BoxWorldVectorEnv(_BATCH, copy=copy)
    envs.reset(seed=0)
    return _step_batch(envs, 4, steps)


def _step_one(env: gymnasium.Env[Any, Any], steps: int) -> Callable[[], None]:
    """Returns work that plays `steps` random steps, over as many episodes as that takes."""
    space = env.action_space
    if not isinstance(space, gymnasium.spaces.Discrete):
        raise ValueError(f"the action space must be Discrete, got {space}")
    actions = np.random.default_rng(0).integers(space.n, size=steps).tolist()
    env.reset(seed=0)

    def work() -> None:
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()

    return work


def _deal_batch(spec: LevelSpec, count: int) -> Callable[[], None]:
    """Returns work that deals `count` levels as boards, as the environments do."""
    size = spec.room_size + 2
    boards = np.empty((count, size, size), np.uint8)
    slots = np.zeros((count, NUM_COLUMNS), np.int64)
    slots[:, LEVEL_SEED] = np.arange(count)
    indices, knobs, withheld = np.arange(count), spec_array(spec), withheld_table(spec.num_colors)
    return lambda: deal(indices, knobs, withheld, boards, slots)


def _deal_levels(spec: LevelSpec, count: int) -> Callable[[], None]:
    """Returns work that makes `count` `Level` objects."""

    def work() -> None:
        for level_seed in range(count):
            generate_level(spec, level_seed)

    return work


def _other_games(batch_steps: int, steps: int, repeats: int) -> dict[str, float]:
    """Returns the steps per second of other projects' environments, those that are installed."""
    rates = {}
    with contextlib.suppress(ImportError):
        envpool = importlib.import_module("envpool")
        envs = envpool.make_gymnasium(_OTHER, num_envs=_BATCH, num_threads=1, seed=0)
        envs.reset()
        work = _step_batch(envs, envs.action_space.n, batch_steps)
        rates[f"{_OTHER}, envpool, {_BATCH} in a batch"] = _rate(
            _BATCH * batch_steps, work, repeats
        )
    with contextlib.suppress(ImportError):
        importlib.import_module("minigrid")
        env = gymnasium.make(_OTHER)
        rates[f"{_OTHER}, unwrapped"] = _rate(steps, _step_one(env.unwrapped, steps), repeats)
        rates[_BASELINE] = _rate(steps, _step_one(env, steps), repeats)
    return rates


def environment(
    batch_steps: int = 1000, steps: int = 5000, levels: int = 100_000, repeats: int = 5
) -> Table:
    """Measures steps and levels per second of Box-World and, beside it, of other games.

    All run in one thread, on random actions, episodes' ends and new levels included. Box-World's
    observations are complete 14x14x3 RGB images; MiniGrid's are 7x7x3 codes of what the agent sees.
    envpool's MiniGrid is another implementation, in C++, and runs in one thread of its own.

    Args:
        batch_steps: steps of the batch of 256 in one timing.
        steps: of a single environment.
        levels: to deal as boards; a hundredth of them as `Level` objects.
        repeats: timings of each, of which the best counts.
    """
    spec = LevelSpec()
    count = max(1, levels // 100)
    batch = _BATCH * batch_steps
    rates = {
        f"BoxWorldVectorEnv, {_BATCH} in a batch, copy=False": _rate(
            batch, _step_native_batch(batch_steps, copy=False), repeats
        ),
        f"BoxWorldVectorEnv, {_BATCH} in a batch": _rate(
            batch, _step_native_batch(batch_steps, copy=True), repeats
        ),
        "BoxWorldEnv": _rate(steps, _step_one(BoxWorldEnv(), steps), repeats),
        "BoxWorld-v0, gymnasium.make": _rate(
            steps, _step_one(gymnasium.make("BoxWorld-v0"), steps), repeats
        ),
        **_other_games(batch_steps, steps, repeats),
    }
    dealing = {
        "levels dealt as boards": _rate(levels, _deal_batch(spec, levels), repeats),
        "levels dealt as Level objects": _rate(count, _deal_levels(spec, count), repeats),
    }
    return Table(
        f"Box-World, one thread, a second of computing, best of {repeats}; ratio: to {_BASELINE}",
        ("what", "a second", "unit", "ratio"),
        [
            *((name, f"{rate:,.0f}", "steps", _ratio(rate, rates)) for name, rate in rates.items()),
            *((name, f"{rate:,.0f}", "levels", "") for name, rate in dealing.items()),
        ],
    )


def _ratio(rate: float, rates: dict[str, float]) -> str:
    return f"{rate / rates[_BASELINE]:,.1f}" if _BASELINE in rates else "-"


def solvable(levels: int = 100_000) -> Table:
    """Solves levels of every id exactly, and counts those without a solution.

    Args:
        levels: how many of each id, at least 1; level seeds from 0.

    Raises:
        ValueError: if `levels` is less than 1.
    """
    if levels < 1:
        raise ValueError(f"levels must be at least 1, got {levels}")
    solution_steps(LevelSpec(), [0])  # compiles
    rows = []
    for name, keywords in ENVIRONMENTS.items():
        env = BoxWorldEnv(**keywords)
        print(f"solving {levels:,} levels of {name} ...", file=sys.stderr, flush=True)
        start = time.process_time()
        steps = solution_steps(env.level_spec, np.arange(levels))
        seconds = time.process_time() - start
        solved = steps[steps != UNSOLVABLE]
        numbers = (
            f"{levels - solved.size:,}",
            f"{solved.sum() / max(1, solved.size):.1f}",
            f"{solved.max(initial=0)}",
            f"{env.max_steps}",
            f"{(solved > env.max_steps).sum():,}",
            f"{seconds:.1f}",
        )
        rows.append((name, f"{levels:,}", *numbers))
    return Table(
        "Shortest solutions of dealt levels, by exhaustive search, one thread",
        (
            "id",
            "levels",
            "unsolvable",
            "mean steps",
            "longest",
            "cap",
            "over the cap",
            "CPU seconds",
        ),
        rows,
    )
