"""From attention weights to arrows between the objects of a scene."""

from typing import NamedTuple

import numpy as np

from experiments.attention.episode import Step
from experiments.attention.scene import Thing


class Arrow(NamedTuple):
    """How much one object attends to one cell.

    Attributes:
      source: the object that attends.
      cell: the cell it attends to, that of the source itself included.
      weight: in [0, 1]; the weights of one source over all cells sum to 1.
    """

    source: Thing
    cell: int
    weight: float


def sources(step: Step, all_objects: bool = False) -> list[Thing]:
    """Returns the objects of a step that are entities: who can attend.

    Args:
      step: of an episode.
      all_objects: whether distractors count; without, the agent, the held key and the objects of
        the solution path, which are those that the paper shows.
    """
    cells = set(step.cells.tolist())
    return [
        thing
        for thing in step.scene.things
        if thing.cell in cells and (all_objects or thing.on_path or thing.held)
    ]


def attention_of(step: Step, block: int, head: int, source: Thing) -> np.ndarray:
    """Returns the weights of one object over all entities, float32 [N], in the order of cells."""
    (row,) = np.flatnonzero(step.cells == source.cell)
    return step.weights[block][head, row]


def arrows(
    step: Step, block: int, head: int, all_objects: bool = False, min_weight: float = 0.0
) -> list[Arrow]:
    """Returns the arrows of one head, the weakest first.

    Args:
      step: of an episode.
      block: 0 the first.
      head: 0 the first.
      all_objects: see `sources`.
      min_weight: weaker ones are left out.
    """
    found = [
        Arrow(source, int(cell), float(weight))
        for source in sources(step, all_objects)
        for cell, weight in zip(step.cells, attention_of(step, block, head, source), strict=True)
        if weight >= min_weight
    ]
    return sorted(found, key=lambda arrow: arrow.weight)
