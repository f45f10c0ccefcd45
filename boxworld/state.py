"""A snapshot of running games: what `get_state()` returns and `set_state(state)` restores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from boxworld.core import Core
from boxworld.level import Level
from boxworld.spec import LevelSpec


@dataclass(frozen=True, eq=False)
class BoxWorldState:
    """The complete state of N games; N = 1 for a single environment.

    Picklable. It can be restored any number of times, also into another environment with the same
    level spec, kind of observation and number of slots. Later steps do not modify it. The counters
    of wrappers (`TimeLimit`) and the generators of the spaces are not included.

    Attributes:
        level_spec: the distribution of levels.
        boards: uint8 [N, S, S], S = room_size + 2, see `boxworld.dynamics`.
        slots: int64 [N, 8], the agent's cell, held key, step count, and properties of the level.
        observations: uint8 [N, S, S, C].
        streams: uint64 [N, 1], position in each slot's sequence of level seeds.
        drawn: the levels that were given as text, by slot.
        generators: type and state of each slot's `np_random`.
        seeds: the seed of each `np_random`.
        is_source: whether each sequence of level seeds was started from its `np_random`.
        ended: bool [N], whether the episode has ended.
    """

    level_spec: LevelSpec
    boards: npt.NDArray[np.uint8]
    slots: npt.NDArray[np.int64]
    observations: npt.NDArray[np.uint8]
    streams: npt.NDArray[np.uint64]
    drawn: dict[int, Level]
    generators: tuple[tuple[type, Any], ...]
    seeds: tuple[int, ...]
    is_source: tuple[bool, ...]
    ended: npt.NDArray[np.bool_]


def save(
    core: Core,
    generators: Sequence[np.random.Generator],
    seeds: Sequence[int],
    ended: npt.NDArray[np.bool_],
) -> BoxWorldState:
    """Returns a snapshot.

    Args:
        core: the games.
        generators: `np_random` of each slot.
        seeds: their seeds.
        ended: bool [N].
    """
    return BoxWorldState(
        level_spec=core.spec,
        boards=core.boards.copy(),
        slots=core.slots.copy(),
        observations=core.observations.copy(),
        streams=core.streams.copy(),
        drawn=dict(core.drawn),
        generators=tuple((type(g.bit_generator), g.bit_generator.state) for g in generators),
        seeds=tuple(seeds),
        is_source=tuple(
            source is generator for source, generator in zip(core.sources, generators, strict=True)
        ),
        ended=ended.copy(),
    )


def restore(
    core: Core, state: BoxWorldState, generators: Sequence[np.random.Generator | None]
) -> list[np.random.Generator]:
    """Restores a snapshot.

    Args:
        core: modified.
        state: the snapshot.
        generators: `np_random` of each slot, None where there is none yet; modified.

    Returns:
        The generators; new ones where there was none, or one of another type.

    Raises:
        TypeError: if `state` is not a snapshot.
        ValueError: if its level spec, observation shape or number of slots differs.
    """
    _check(core, state)
    core.boards[:] = state.boards
    core.slots[:] = state.slots
    core.observations[:] = state.observations
    core.streams[:] = state.streams
    core.drawn = dict(state.drawn)
    restored = [
        _restored(generator, *saved)
        for generator, saved in zip(generators, state.generators, strict=True)
    ]
    core.sources = [
        generator if is_source else None
        for generator, is_source in zip(restored, state.is_source, strict=True)
    ]
    return restored


def _check(core: Core, state: Any) -> None:
    if not isinstance(state, BoxWorldState):
        raise TypeError(f"state must be what get_state() returned, got {type(state).__name__}")
    for name, own, given in (
        ("num_envs", len(core.slots), len(state.slots)),
        ("level_spec", core.spec, state.level_spec),
        ("observation shape", core.observations.shape[1:], state.observations.shape[1:]),
    ):
        if own != given:
            raise ValueError(
                f"state must be of an environment with the same {name}, {own}, got {given}"
            )


def _restored(
    generator: np.random.Generator | None, kind: type, position: Any
) -> np.random.Generator:
    if generator is None or type(generator.bit_generator) is not kind:
        generator = np.random.Generator(kind())
    generator.bit_generator.state = position
    return generator
