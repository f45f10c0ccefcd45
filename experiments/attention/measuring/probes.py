"""What a linear reading finds in the entities, by depth.

A probe scores every candidate by a linear function of its features; the best score wins. It is
fitted by ridge regression on the levels with even seeds and judged on those with odd ones. Beside
it stands a probe of control labels, a candidate drawn at random in each scene: what the probe finds
by its own power.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from experiments.attention.measuring.relations import lock_after_next, next_target
from experiments.attention.measuring.states import State, entities_of
from experiments.attention.scene import Scene, Thing
from experiments.statistics import Share, share_of
from relational_rl.trained import TrainedAgent

_RIDGE = 1.0


class Probe(NamedTuple):
    """What a probe finds.

    Attributes:
      question: which thing it names.
      depth: of the features: "entities", or after a block.
      right: how often, on the levels that it was not fitted on.
      control: likewise with control labels.
      chance: of naming a candidate at random.
    """

    question: str
    depth: str
    right: Share
    control: Share
    chance: float


def _things(scene: Scene) -> list[Thing]:
    return [thing for thing in scene.things if thing.kind != "agent" and not thing.held]


def _locks(scene: Scene) -> list[Thing]:
    return [thing for thing in scene.things if thing.kind == "lock"]


QUESTIONS: dict[str, tuple[Callable[[Scene], list[Thing]], Callable[[Scene], Thing | None]]] = {
    "next target, of all things": (_things, next_target),
    "lock after the next, of all locks": (_locks, lock_after_next),
}


def measure(trained: TrainedAgent, states: Sequence[State], seed: int = 0) -> list[Probe]:
    """Fits and judges a probe for every question at every depth.

    Args:
      trained: whose entities they are.
      states: of `play_states`, from at least an even and an odd level.
      seed: of the control labels.
    """
    random = np.random.default_rng(seed)
    # By question and depth: (odd level?, features [candidates, F], label, control label).
    cases: dict[tuple[str, str], list[tuple[bool, np.ndarray, int, int]]] = defaultdict(list)
    for state, look, index, entity in entities_of(trained, states):
        depths = ["entities", *sorted(n for n in look.values if n.endswith("/output"))]
        for question, (candidates_of, answer_of) in QUESTIONS.items():
            answer = answer_of(state.scene)
            candidates = [c for c in candidates_of(state.scene) if c.cell in entity]
            labels = [place for place, c in enumerate(candidates) if c is answer]
            if len(candidates) < 2 or not labels:
                continue
            rows = [entity[candidate.cell] for candidate in candidates]
            control = int(random.integers(len(candidates)))
            for depth in depths:
                features = look.values[depth][index][rows]
                odd = bool(state.level_seed % 2)
                cases[question, depth].append((odd, features, labels[0], control))
    return [
        Probe(
            question,
            depth,
            _judge(found, 2),
            _judge(found, 3),
            float(np.mean([1 / len(case[1]) for case in found])),
        )
        for (question, depth), found in cases.items()
        if len({case[0] for case in found}) == 2
    ]


def _judge(cases: Sequence[tuple[bool, np.ndarray, int, int]], label: int) -> Share:
    fitted_on = [case for case in cases if not case[0]]
    x = np.concatenate([case[1] for case in fitted_on]).astype(np.float64)
    y = np.concatenate([np.arange(len(case[1])) == case[label] for case in fitted_on])
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-6
    x = (x - mean) / scale
    weights = np.linalg.solve(x.T @ x + _RIDGE * np.eye(x.shape[1]), x.T @ (y - y.mean()))
    return share_of(
        int(np.argmax(((case[1] - mean) / scale) @ weights)) == case[label]
        for case in cases
        if case[0]
    )
