"""How well a head tells what belongs together from what does not.

AUC: how often a head attends more to a target than to another object, ties counted half; .5 is
chance. Top-1: how often it attends to a target most of all. Both are means over the levels of the
means over each level's states, so that their intervals are over levels.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.attention.measuring.relations import RELATIONS, pairs
from experiments.attention.measuring.states import State, entities_of
from experiments.statistics import Mean, mean_of
from relational_rl.trained import TrainedAgent


class Selectivity(NamedTuple):
    """Of one head for one relation.

    Attributes:
      relation: one of `relations.RELATIONS`.
      block: 1 the first.
      head: 1 the first.
      auc: with its interval over levels.
      top_1: likewise.
    """

    relation: str
    block: int
    head: int
    auc: Mean
    top_1: Mean


def measure(trained: TrainedAgent, states: Sequence[State]) -> list[Selectivity]:
    """Measures every head for every relation.

    Args:
      trained: attends; it need not be the agent that played.
      states: of `play_states`, at least one.
    """
    sums: dict[str, dict[int, list[np.ndarray]]] = defaultdict(lambda: defaultdict(list))
    shape = (0, 0)
    for state, look, index, entity in entities_of(trained, states):
        names = sorted((n for n in look.values if n.endswith("/weights")), key=_block)
        weights = np.stack([look.values[name][index] for name in names])  # [blocks, H, N, N]
        shape = weights.shape[:2]
        flat = weights.reshape(-1, *weights.shape[2:])
        for pair in pairs(state.scene):
            targets = [entity[t.cell] for t in pair.targets if t.cell in entity]
            others = [entity[t.cell] for t in pair.others if t.cell in entity]
            if pair.source.cell in entity and targets and others:
                row = flat[:, entity[pair.source.cell]]
                found = _scores(row[:, targets], row[:, others])
                sums[pair.relation][state.level_seed].append(found)
    result = []
    for relation in RELATIONS:
        if relation not in sums:
            continue
        levels = np.stack([np.mean(found, axis=0) for found in sums[relation].values()])
        for place in range(shape[0] * shape[1]):
            block, head = divmod(place, shape[1])
            auc, top_1 = mean_of(levels[:, 0, place]), mean_of(levels[:, 1, place])
            result.append(Selectivity(relation, block + 1, head + 1, auc, top_1))
    return result


def _scores(targets: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns AUC and top-1 of every head, float64 [2, heads], of weights [heads, ...]."""
    more = targets[:, :, np.newaxis] > others[:, np.newaxis]
    same = targets[:, :, np.newaxis] == others[:, np.newaxis]
    auc = (more + 0.5 * same).mean(axis=(1, 2))
    return np.stack([auc, targets.max(axis=1) > others.max(axis=1)])


def best(found: Sequence[Selectivity], relation: str) -> Selectivity:
    """Returns the head with the highest AUC for a relation."""
    return max((s for s in found if s.relation == relation), key=lambda s: s.auc.value)


def _block(name: str) -> int:
    return int(name.removeprefix("block").partition("/")[0])
