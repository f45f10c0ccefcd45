"""Pointing: choices among the entities of a scene.

N steps, M entities that may be pointed at, E features of an entity, F features of a step, P
parameters of the policy.
"""

from collections.abc import Mapping, Sequence

import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.nn.initializers import STANDARD, Initializer

# The logit of an absent entity; exp() of it is exactly 0 in float32.
_MASKED = -1e9


class PointerHeads(snt.Module):
    """The logit of an entity is the scaled dot product of its key and the step's query.

    After pointer networks (Vinyals et al. 2015) with the dot product of Vaswani et al. 2017. The
    query is a linear layer of what the policy sees, the key one of the entity after the last
    relational block. An absent entity has the probability 0; where all are absent they are equally
    likely.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        targets: Mapping[int, str],
        key_size: int = 32,
        scale: float = 1.0,
        initializer: Initializer = STANDARD,
    ):
        """Makes the heads.

        Args:
          sizes: how many values each of the K choices has.
          targets: for each choice that points, by its place, the name of the set it points at.
          key_size: features of queries and keys.
          scale: factor on the initial weights of the queries.
          initializer: of the weights.
        """
        super().__init__()
        self._sizes = tuple(sizes)
        self._targets = tuple(sorted(targets.items()))
        self.names = tuple(dict.fromkeys(target for _, target in self._targets))
        self._queries = [
            snt.Linear(key_size, w_init=initializer.output(scale), name=f"query_{place}")
            for place, _ in self._targets
        ]
        self._keys = [
            snt.Linear(key_size, False, w_init=initializer.hidden(), name=f"key_{place}")
            for place, _ in self._targets
        ]

    @property
    def num_logits(self) -> int:
        """How many parameters of the policy come from pointing."""
        return sum(self._sizes[place] for place, _ in self._targets)

    def __call__(
        self,
        hidden: tf.Tensor,
        others: tf.Tensor,
        entities: Mapping[str, tf.Tensor],
        present: Mapping[str, tf.Tensor],
    ) -> tf.Tensor:
        """Puts the logits of pointing among the other parameters.

        Args:
          hidden: float32 [N, F].
          others: float32 [N, P - num_logits], the parameters that do not come from pointing.
          entities: float32 [N, M, E] by the name of the set.
          present: bool [N, M] likewise.

        Returns:
          float32 [N, P].
        """
        parts, first, heads = [], 0, iter(zip(self._queries, self._keys, strict=True))
        targets = dict(self._targets)
        for place, size in enumerate(self._sizes):
            if place in targets:
                target = targets[place]
                logits = _point(*next(heads), hidden, entities[target])
                parts.append(tf.where(present[target], logits, _MASKED))
            else:
                parts.append(others[:, first : first + size])
                first += size
        return tf.concat([*parts, others[:, first:]], axis=-1)


def _point(
    to_query: snt.Linear, to_key: snt.Linear, hidden: tf.Tensor, entities: tf.Tensor
) -> tf.Tensor:
    """Returns the logits [N, M] of entities [N, M, E] for steps [N, F]."""
    count, size = entities.shape[1:]
    keys = to_key(tf.reshape(entities, [-1, size]))
    keys = tf.reshape(keys, [-1, count, keys.shape[-1]])
    return tf.einsum("nd,nmd->nm", to_query(hidden), keys) * keys.shape[-1] ** -0.5
