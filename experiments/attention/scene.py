"""The objects of a Box-World scene: what stands on which cell of an observation.

Keys are numbered as they are needed: key 1 lies loose, key k opens lock k, and the box of lock k
holds key k + 1 or the gem. Everything off the solution path is a distractor.

A cell is numbered row * S + column in the S x S observation, S = room_size + 2; cell 0, the top
left corner of the border, shows the held key.
"""

import dataclasses
from typing import NamedTuple

import numpy as np

from boxworld import Level
from boxworld.cells import AGENT, BORDER, GEM, KEY, KEY_CHARACTERS, MAX_COLORS
from boxworld.rendering import pixel_table

HELD_CELL = 0


class Thing(NamedTuple):
    """An object of a level.

    Attributes:
      kind: "key", "lock", "gem" or "agent".
      label: what to call it, for example "lock 2".
      cell: where it is.
      color: 0..19 of a key or lock, None of the gem and the agent.
      box: which box it belongs to, numbered from the start of the solution path; None of the
        loose key, a held key and the agent.
      on_path: whether the solution needs it (the agent counts).
      held: whether it is the key that the agent holds.
    """

    kind: str
    label: str
    cell: int
    color: int | None
    box: int | None
    on_path: bool
    held: bool = False


@dataclasses.dataclass(frozen=True)
class Scene:
    """What one observation shows.

    Attributes:
      size: S.
      codes: uint8 [S, S], of `boxworld.cells`; every lock and key as a key of its colour.
      things: the agent first, then the held key if there is one, then the solution path in
        order, then the distractors.
    """

    size: int
    codes: np.ndarray
    things: tuple[Thing, ...]

    @property
    def agent(self) -> Thing:
        """The agent."""
        return self.things[0]

    @property
    def held(self) -> Thing | None:
        """The key that the agent holds."""
        return next((thing for thing in self.things if thing.held), None)


class SceneReader:
    """Reads scenes of one level from observations alone, whatever their encoding."""

    def __init__(self, level: Level, num_colors: int, num_channels: int):
        """Makes a reader.

        Args:
          level: as it was dealt.
          num_colors: of the environment's spec.
          num_channels: of the observation: 3 is RGB, more is one-hot.
        """
        self._size = level.room_size + 2
        self._table = pixel_table("rgb" if num_channels == 3 else "onehot", num_colors)
        self._dealt = _things(level)
        self._keys = {thing.color: thing for thing in self._dealt if thing.kind == "key"}

    def read(self, observation: np.ndarray) -> Scene:
        """Reads an observation, uint8 [S, S, C]."""
        codes = self._codes(observation)
        flat = codes.ravel()
        (agent,) = np.flatnonzero(flat == AGENT)
        things = [Thing("agent", "agent", int(agent), None, None, True)]
        if flat[HELD_CELL] != BORDER:
            key = self._keys[int(flat[HELD_CELL]) - KEY]
            things.append(
                key._replace(label=f"held {key.label}", cell=HELD_CELL, box=None, held=True)
            )
        things += [thing for thing in self._dealt if flat[thing.cell] == _code(thing)]
        return Scene(self._size, codes, tuple(things))

    def _codes(self, observation: np.ndarray) -> np.ndarray:
        # Several codes look the same; the first of them is the key of that colour.
        alike = np.all(observation[:, :, np.newaxis] == self._table, axis=-1)  # [S, S, codes]
        codes = np.argmax(alike, axis=-1).astype(np.uint8)
        return np.where(codes >= KEY, KEY + (codes - KEY) % MAX_COLORS, codes).astype(np.uint8)


def _code(thing: Thing) -> int:
    return GEM if thing.color is None else KEY + thing.color


def _things(level: Level) -> list[Thing]:
    """Returns the objects of a level as it was dealt: the solution path, then distractors."""
    size = level.room_size + 2
    rows = level.to_text().split("\n")
    numbers = {box.lock: number for number, box in enumerate(level.solution, start=1)}
    things = []
    boxes = (*level.solution, *level.distractors)
    contents = {(box.row, box.column - 1) for box in boxes}
    for row, line in enumerate(rows):
        for column, character in enumerate(line):
            if character in KEY_CHARACTERS and (row, column) not in contents:
                color = KEY_CHARACTERS.index(character)
                on_path = color in numbers
                label = f"key {numbers[color]}" if on_path else "other key"
                cell = (row + 1) * size + column + 1
                things.append(Thing("key", label, cell, color, None, on_path))
    for box_number, box in enumerate(boxes, start=1):
        on_path = box_number <= len(level.solution)
        branch = f"D{box_number - len(level.solution)}"
        cell = (box.row + 1) * size + box.column + 1
        lock = f"lock {box_number if on_path else branch}"
        things.append(Thing("lock", lock, cell, box.lock, box_number, on_path))
        if box.key is None:
            things.append(Thing("gem", "gem", cell - 1, None, box_number, on_path))
        else:
            key = f"key {box_number + 1 if on_path else branch}"
            things.append(Thing("key", key, cell - 1, box.key, box_number, on_path))
    return sorted(things, key=lambda thing: not thing.on_path)
