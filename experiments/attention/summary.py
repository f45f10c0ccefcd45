"""Mean attention by kinds of objects, beside the share that attending to all alike would give.

The relations are those of the paper's attention analysis (Zambaldi et al. 2018), which describes
one head in which each key attends mostly to the locks it opens, and another in which every object
attends to the agent. The numbers say where heads look, and no more, see `NOTE`.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from experiments.attention.arrows import attention_of, sources
from experiments.attention.episode import Episode, Step
from experiments.attention.scene import Thing
from experiments.tables import in_columns

EVERY_OBJECT = "every object"
ITSELF = "itself"
AGENT = "agent"
HELD_KEY = "held key"
OPENS = "locks it opens"
OPENED_BY = "keys that open it"
SAME_BOX = "rest of its box"
EMPTY = "empty cells"

# (source, target): the rows of a digest, each a relation that the paper describes or its converse.
RELATIONS = (
    ("key", OPENS),
    (HELD_KEY, OPENS),
    ("lock", OPENED_BY),
    (EVERY_OBJECT, AGENT),
    (AGENT, HELD_KEY),
    (AGENT, "gem"),
    ("gem", AGENT),
)

LOOKING = (
    "Attention shows where a head looks, not what the agent needs in order to act: to learn that, "
    "take the head away and evaluate again."
)
"""What weights do not say of any agent."""

NOTE = (
    f"{LOOKING} Nor does it show what was learned: heads that start with a bias towards equal "
    "colours, like those of the shipped agents, attend from keys to their locks before any "
    "training. Compare with an untrained agent."
)
"""Likewise, of an agent for Box-World."""


class Row(NamedTuple):
    """Mean attention from one kind of object to another.

    Attributes:
      block: 1 the first.
      head: 1 the first.
      source: kind of the object that attends; "every object" is all of them.
      target: in what relation what it attends to stands to it.
      mean_attention: summed over the targets, averaged over sources and steps that have one.
      uniform_share: what that would be if every entity got the same weight.
      ratio: the one over the other.
      num_sources: over how many sources and steps the mean is taken.
    """

    block: int
    head: int
    source: str
    target: str
    mean_attention: float
    uniform_share: float
    ratio: float
    num_sources: int


def source_kind(thing: Thing) -> str:
    """Returns the kind of an object that attends: "key" on the board, "held key", "lock", ..."""
    return HELD_KEY if thing.held else thing.kind


def relation(source: Thing, target: Thing | None) -> str:
    """Returns in what relation a target stands to a source; None is a cell without an object.

    Colours decide what opens what, as they do for the agent's eyes: the locks that a key opens
    include those of distractor boxes.
    """
    if target is None:
        return EMPTY
    if target == source:
        return ITSELF
    if target.kind == "agent":
        return AGENT
    if (source.kind, target.kind) == ("key", "lock") and source.color == target.color:
        return OPENS
    if (source.kind, target.kind) == ("lock", "key") and source.color == target.color:
        return OPENED_BY
    if source.box is not None and source.box == target.box:
        return SAME_BOX
    if target.held:
        return HELD_KEY
    return target.kind if target.kind == "gem" else f"other {target.kind}s"


def summarise(episodes: Iterable[Episode], all_objects: bool = False) -> list[Row]:
    """Returns mean attention by block, head, source kind and relation.

    Args:
      episodes: of one agent.
      all_objects: whether distractors attend too, or only the objects of the solution path.
    """
    attention: dict[tuple[int, int, str, str], list[float]] = defaultdict(list)
    uniform: dict[tuple[int, int, str, str], list[float]] = defaultdict(list)
    for episode in episodes:
        for step in episode.steps:
            for source in sources(step, all_objects):
                members = _members(step, source)
                for block, weights in enumerate(step.weights, start=1):
                    for head in range(weights.shape[0]):
                        row = attention_of(step, block - 1, head, source)
                        for target, mine in members.items():
                            for kind in (source_kind(source), EVERY_OBJECT):
                                key = (block, head + 1, kind, target)
                                attention[key].append(float(row[mine].sum()))
                                uniform[key].append(mine.mean())
    rows = []
    for key, values in attention.items():
        mean, share = float(np.mean(values)), float(np.mean(uniform[key]))
        rows.append(Row(*key, mean, share, mean / share, len(values)))
    return sorted(rows, key=lambda row: (row.block, row.head, row.source, -row.mean_attention))


def to_csv(rows: Iterable[Row]) -> str:
    """Returns the rows as a table with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Row._fields)
    for row in rows:
        numbers = (f"{number:.6f}" for number in row[4:7])
        writer.writerow([*row[:4], *numbers, row.num_sources])
    return text.getvalue()


def digest(rows: Iterable[Row]) -> str:
    """Returns `RELATIONS` as a table for a terminal, a column for every head."""
    by_key = {(row.block, row.head, row.source, row.target): row for row in rows}
    heads = sorted({key[:2] for key in by_key})
    names = [f"block {block} head {head}" for block, head in heads]
    table = [("mean attention (times the uniform share)", *names)]
    for source, target in RELATIONS:
        found = [by_key.get((*head, source, target)) for head in heads]
        if any(found):
            cells = [
                f"{percent(row.mean_attention)} ({row.ratio:.1f}x)" if row else "" for row in found
            ]
            table.append((f"{source} -> {target}", *cells))
    return "\n".join(in_columns(table, "l" + "r" * len(heads)))


def percent(share: float) -> str:
    """Returns a share as a percentage in two or three digits."""
    return f"{share:.1%}" if share < 0.0995 else f"{share:.0%}"


def _members(step: Step, source: Thing) -> dict[str, np.ndarray]:
    """Returns, for each relation that has a target in a step, which entities: bool [N]."""
    things = {thing.cell: thing for thing in step.scene.things}
    names = np.array([relation(source, things.get(cell)) for cell in step.cells.tolist()])
    return {str(name): names == name for name in np.unique(names)}
