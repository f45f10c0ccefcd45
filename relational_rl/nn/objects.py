"""From sets of objects, and from numbers, to entities.

B batch, N objects, F features of an object, V numbers of a vector, E features of an entity.
"""

from collections.abc import Iterable, Mapping, Sequence

import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.nn.entities import Entities, all_cells
from relational_rl.nn.initializers import STANDARD, Initializer


def sets_of_objects(names: Iterable[str]) -> list[str]:
    """Returns which of the observations' names are sets of objects, those with a mask, sorted."""
    known = set(names)
    return sorted(name for name in known if f"{name}_mask" in known)


class ObjectEncoder(snt.Module):
    """Each row of a set of objects becomes an entity: a linear layer and a ReLU.

    Several sets become one set of entities, each through a layer of its own.

    Attributes:
      ranges: for each set its first entity and the one after its last.
    """

    map_shape: tuple[int, int] | None = None
    needs_background = False

    def __init__(self, size: int, sources: Sequence[str] = (), initializer: Initializer = STANDARD):
        """Makes the encoder.

        Args:
          size: E.
          sources: names of sets among the observations; () for all that are there.
          initializer: of the weights.
        """
        super().__init__()
        self._size = size
        self._sources = tuple(sources)
        self._initializer = initializer
        self.ranges: dict[str, tuple[int, int]] = {}

    @snt.once
    def _make_layers(self, sources: Sequence[str]) -> None:
        """Makes a layer for each set."""
        self._embed = [
            snt.Linear(self._size, w_init=self._initializer.input(), name=f"embed_{source}")
            for source in sources
        ]

    def __call__(self, observations: Mapping[str, tf.Tensor]) -> Entities:
        """Makes entities of {"objects": [B, N, F], "objects_mask": [B, N], "objects_1": ...}.

        Returns:
          Features [B, N, E], N of all sets together, and which of them are there.

        Raises:
          ValueError: a set is not among the observations.
        """
        known = sets_of_objects(observations)
        sources = self._sources or known
        if not sources or not set(sources) <= set(known):
            raise ValueError(
                "sources must be names of sets of objects with a mask, among "
                f"{sorted(observations)}, got {list(sources)}"
            )
        self._make_layers(sources)
        sets = [tf.convert_to_tensor(observations[source]) for source in sources]
        masks = [tf.convert_to_tensor(observations[f"{source}_mask"]) for source in sources]
        embedded = [embed_rows(layer, rows) for layer, rows in zip(self._embed, sets, strict=True)]
        self.ranges = ranges_of({s: e.shape[1] for s, e in zip(sources, embedded, strict=True)})
        features = tf.concat(embedded, axis=1)
        cells = all_cells(tf.shape(features)[0], features.shape[1])
        return Entities(features, tf.concat(masks, axis=1), cells)


def ranges_of(counts: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Returns where entities begin and end that lie side by side, so many of each name."""
    ranges, first = {}, 0
    for name, count in counts.items():
        ranges[name] = (first, first + count)
        first += count
    return ranges


class VectorEncoder(snt.Module):
    """The numbers of the vector become entities.

    A number that stands alone: a linear layer of its value and of which of the numbers it is. A
    group of several, such as a one-hot category: one entity, through a layer of its own.
    """

    map_shape: tuple[int, int] | None = None
    needs_background = False

    def __init__(self, size: int, initializer: Initializer = STANDARD, groups: Sequence[int] = ()):
        """Makes the encoder.

        Args:
          size: E.
          initializer: of the weights.
          groups: how many numbers each entity is made of, in their order; () for one each.
        """
        super().__init__()
        self._groups = tuple(groups)
        if not groups or 1 in groups:
            self._embed = snt.Linear(size, w_init=initializer.input(), name="embed")
        self._embed_groups = [
            snt.Linear(size, w_init=initializer.input(), name=f"embed_group_{place}")
            for place, count in enumerate(groups)
            if count > 1
        ]

    def __call__(self, observations: Mapping[str, tf.Tensor]) -> Entities:
        """Makes entities [B, N, E] of {"vector": [B, V]}, N the number of groups."""
        vector = tf.convert_to_tensor(observations["vector"])
        groups = self._groups or (1,) * vector.shape[1]
        alone = [place for place, count in enumerate(groups) if count == 1]
        parts = tf.split(vector, groups, axis=1)
        embedded: dict[int, tf.Tensor] = {}
        if alone:
            together = tf.stack([parts[place] for place in alone], axis=1)  # [B, alone, 1]
            # Weights of the one-hot index are a learned vector for each of the numbers.
            index = tf.tile(tf.eye(len(alone))[tf.newaxis], [tf.shape(vector)[0], 1, 1])
            rows = embed_rows(self._embed, tf.concat([together, index], axis=-1))
            embedded |= zip(alone, tf.unstack(rows, axis=1), strict=True)
        others = [place for place, count in enumerate(groups) if count > 1]
        for place, layer in zip(others, self._embed_groups, strict=True):
            embedded[place] = tf.nn.relu(layer(parts[place]))
        features = tf.stack([embedded[place] for place in range(len(groups))], axis=1)
        return Entities(features, None, all_cells(tf.shape(vector)[0], len(groups)))


def embed_rows(layer: snt.Linear, rows: tf.Tensor) -> tf.Tensor:
    """Applies a layer and a ReLU to each row of [B, N, F], giving [B, N, E]."""
    count, size = rows.shape[1:]
    embedded = tf.nn.relu(layer(tf.reshape(rows, [-1, size])))
    return tf.reshape(embedded, [-1, count, embedded.shape[-1]])
