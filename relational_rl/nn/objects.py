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
    """

    map_shape: tuple[int, int] | None = None
    needs_background = False

    def __init__(
        self,
        size: int,
        sources: Sequence[str] = (),
        initializer: Initializer = STANDARD,
        name: str | None = None,
    ):
        """Makes the encoder.

        Args:
          size: E.
          sources: names of sets among the observations; () for all that are there.
          initializer: of the weights.
          name: name of the module.
        """
        super().__init__(name=name)
        self._size = size
        self._sources = tuple(sources)
        self._initializer = initializer

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
        embedded = [_rows(layer, rows) for layer, rows in zip(self._embed, sets, strict=True)]
        features = tf.concat(embedded, axis=1)
        cells = all_cells(tf.shape(features)[0], features.shape[1])
        return Entities(features, tf.concat(masks, axis=1), cells)


class VectorEncoder(snt.Module):
    """Each number of the vector becomes an entity: its value, and which of the numbers it is."""

    map_shape: tuple[int, int] | None = None
    needs_background = False

    def __init__(self, size: int, initializer: Initializer = STANDARD, name: str | None = None):
        """Makes the encoder for entities of E = `size` features; see `ObjectEncoder`."""
        super().__init__(name=name)
        self._embed = snt.Linear(size, w_init=initializer.input(), name="embed")

    def __call__(self, observations: Mapping[str, tf.Tensor]) -> Entities:
        """Makes entities [B, V, E] of {"vector": [B, V]}."""
        vector = tf.convert_to_tensor(observations["vector"])
        batch, count = tf.shape(vector)[0], vector.shape[1]
        # Weights of the one-hot index are a learned vector for each of the numbers.
        index = tf.tile(tf.eye(count)[tf.newaxis], [batch, 1, 1])
        features = _rows(self._embed, tf.concat([vector[:, :, tf.newaxis], index], axis=-1))
        return Entities(features, None, all_cells(batch, count))


def _rows(layer: snt.Linear, rows: tf.Tensor) -> tf.Tensor:
    """Applies a layer and a ReLU to each row of [B, N, F], giving [B, N, E]."""
    count, size = rows.shape[1:]
    embedded = tf.nn.relu(layer(tf.reshape(rows, [-1, size])))
    return tf.reshape(embedded, [-1, count, embedded.shape[-1]])
