"""Which head brings the news that a colour has changed.

In a scene whose held key opens a lock of the path, the colours of that lock and of another one are
exchanged: one pixel each. The policy changes. Then what one head brings in the changed scene is put
into the pass of the original one: how much of the change comes with it?
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.attention.measuring.relations import next_target
from experiments.attention.measuring.states import State, looks
from experiments.statistics import Mean, mean_of
from relational_rl.interventions import Patch
from relational_rl.trained import TrainedAgent

_LEAST = 0.1  # nats that the policy has to change by; less is no news


class Patched(NamedTuple):
    """What comes with a head.

    Attributes:
      block: 1 the first.
      head: 1 the first.
      share: of the change of the policy (Kullback-Leibler divergence), with its interval over
        scenes: 0 nothing, 1 all of it; below 0 it leads elsewhere.
    """

    block: int
    head: int
    share: Mean


def changed(state: State) -> np.ndarray | None:
    """Returns the image with the two colours exchanged; None where that cannot be."""
    target, scene = next_target(state.scene), state.scene
    if scene.held is None or target is None:
        return None
    others = [t for t in scene.things if t.kind == "lock" and t.color != target.color]
    if not others:
        return None
    image = state.image.copy()
    one, other = divmod(target.cell, scene.size), divmod(others[0].cell, scene.size)
    image[one], image[other] = state.image[other], state.image[one]
    return image


def measure(trained: TrainedAgent, states: Sequence[State]) -> list[Patched]:
    """Measures every head on the scenes whose policy changes by at least a tenth of a nat."""
    both = [(state.image, image) for state in states if (image := changed(state)) is not None]
    if not both:
        return []
    images, others = (np.stack(each) for each in zip(*both, strict=True))
    shares: dict[tuple[int, int], list[float]] = {}
    first = 0
    for before, after in zip(looks(trained, images), looks(trained, others), strict=True):
        batch = images[first : first + len(before.value)]
        first += len(before.value)
        whole = _divergence(after.policy_logits, before.policy_logits)
        is_news = whole >= _LEAST
        for name in sorted(name for name in after.values if name.endswith("/values")):
            block = int(name.removeprefix("block").removesuffix("/values"))
            for head in range(1, after.values[name].shape[2] + 1):
                (patched,) = looks(trained, batch, Patch(name, after.values[name], head=head))
                left = _divergence(after.policy_logits, patched.policy_logits)
                found = 1 - left[is_news] / whole[is_news]
                shares.setdefault((block, head), []).extend(found.tolist())
    return [Patched(*place, mean_of(found)) for place, found in shares.items() if found]


def _divergence(logits: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns KL(softmax(logits) || softmax(others)), float64 [B]."""
    p, q = (_log_softmax(each.astype(np.float64)) for each in (logits, others))
    return (np.exp(p) * (p - q)).sum(axis=-1)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
