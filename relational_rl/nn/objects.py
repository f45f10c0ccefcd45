"""From sets of objects, and from numbers, to entities.

B batch, N objects, F features of an object, V numbers of a vector, E features of an entity.
"""

from collections.abc import Mapping

import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.nn.entities import Entities, all_cells
from relational_rl.nn.initializers import STANDARD, Initializer


class ObjectEncoder(snt.Module):
    """Each row of a set of objects becomes an entity: a linear layer and a ReLU."""

    map_shape: tuple[int, int] | None = None
    needs_background = False

    def __init__(
        self,
        size: int,
        source: str = "objects",
        initializer: Initializer = STANDARD,
        name: str | None = None,
    ):
        """Makes the encoder.

        Args:
          size: E.
          source: the name of the set among the observations.
          initializer: of the weights.
          name: name of the module.
        """
        super().__init__(name=name)
        self._source = source
        self._embed = snt.Linear(size, w_init=initializer.input(), name="embed")

    def __call__(self, observations: Mapping[str, tf.Tensor]) -> Entities:
        """Makes entities [B, N, E] of {"objects": [B, N, F], "objects_mask": [B, N]}."""
        objects = tf.convert_to_tensor(observations[self._source])
        mask = tf.convert_to_tensor(observations[f"{self._source}_mask"])
        batch, count = tf.shape(objects)[0], objects.shape[1]
        embedded = tf.nn.relu(self._embed(tf.reshape(objects, [-1, objects.shape[2]])))
        features = tf.reshape(embedded, [batch, count, embedded.shape[-1]])
        return Entities(features, mask, all_cells(batch, count))


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
        which = tf.tile(tf.eye(count)[tf.newaxis], [batch, 1, 1])
        numbered = tf.concat([vector[:, :, tf.newaxis], which], axis=-1)
        embedded = tf.nn.relu(self._embed(tf.reshape(numbered, [-1, count + 1])))
        features = tf.reshape(embedded, [batch, count, embedded.shape[-1]])
        return Entities(features, None, all_cells(batch, count))
