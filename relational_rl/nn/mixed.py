"""Entities of everything that is seen: cells of images, objects, nodes of graphs, words.

B batch, N entities, L words or characters, E features of an entity, C features of an edge.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.nn.encoders import EntityEncoder
from relational_rl.nn.entities import Entities, all_cells
from relational_rl.nn.initializers import STANDARD, Initializer
from relational_rl.nn.objects import embed_rows, ranges_of


class Part(Protocol):
    """Makes entities [B, N, E] of what is seen under a name."""

    def __call__(self, observations: Mapping[str, tf.Tensor], name: str) -> Entities:
        """Makes the entities."""


class Cells(snt.Module):
    """Every cell of the map that a convolutional stem makes of an image, through a linear layer."""

    def __init__(
        self, encoder: EntityEncoder, size: int, initializer: Initializer = STANDARD, name=None
    ):
        """Makes the part of an encoder of all cells; entities have E = `size` features."""
        super().__init__()
        self._encoder = encoder
        self._embed = snt.Linear(size, w_init=initializer.hidden(), name="embed")

    def __call__(self, observations: Mapping[str, tf.Tensor], name: str) -> Entities:
        """Makes entities of images [B, H, W, C]."""
        entities = self._encoder({"image": observations[name]})
        return entities._replace(features=embed_rows(self._embed, entities.features))


class Rows(snt.Module):
    """Rows of features: objects, the values of a sequence, nodes with their edges."""

    def __init__(self, size: int, initializer: Initializer = STANDARD, name=None):
        """Makes the part; entities have E = `size` features."""
        super().__init__()
        self._embed = snt.Linear(size, w_init=initializer.input(), name="embed")

    def __call__(self, observations: Mapping[str, tf.Tensor], name: str) -> Entities:
        """Makes entities of rows [B, N, F], their mask [B, N] and edges [B, N, N, C], if any."""
        rows = tf.convert_to_tensor(observations[name])
        return Entities(
            embed_rows(self._embed, rows),
            tf.convert_to_tensor(observations[f"{name}_mask"]),
            all_cells(tf.shape(rows)[0], rows.shape[1]),
            edges=observations.get(f"{name}_edges"),
        )


class Words(snt.Module):
    """Words or characters: a learned vector for each, and one for each place in the text.

    Where any word may come, a word's number is a hash, and its vector is the sum of a row of each
    of two tables, which two digits of the number choose: two words are told apart unless both agree
    (Serra and Karatzoglou 2017).
    """

    def __init__(
        self,
        size: int,
        length: int,
        count: int | None,
        initializer: Initializer = STANDARD,
        rows: int = 1024,
    ):
        """Makes the part.

        Args:
          size: E.
          length: L.
          count: how many words there are; None if any may come.
          initializer: of the weights.
          rows: of each table where any word may come.
        """
        super().__init__()
        embedding = initializer.embedding(stddev=1.0)
        sizes = [rows, rows] if count is None else [count]
        self._rows = rows
        self._tables = [
            tf.Variable(embedding([each, size], tf.float32), name=f"words_{place}")
            for place, each in enumerate(sizes)
        ]
        self._places = tf.Variable(embedding([length, size], tf.float32), name="places")

    def __call__(self, observations: Mapping[str, tf.Tensor], name: str) -> Entities:
        """Makes entities of words int32 [B, L] and their mask [B, L]."""
        words = tf.convert_to_tensor(observations[name])
        digits = [words]
        if len(self._tables) > 1:
            digits = [words % self._rows, words // self._rows % self._rows]
        features = tf.add_n(
            [tf.gather(table, digit) for table, digit in zip(self._tables, digits, strict=True)]
        )
        return Entities(
            tf.nn.relu(features + self._places),
            tf.convert_to_tensor(observations[f"{name}_mask"]),
            all_cells(tf.shape(words)[0], words.shape[1]),
        )


class MixedEncoder(snt.Module):
    """All entities side by side, of every part with an embedding of its own.

    Attributes:
      ranges: for each name its first entity and the one after its last.
    """

    map_shape: tuple[int, int] | None = None
    needs_background = False

    def __init__(self, parts: Sequence[tuple[str, Part]]):
        """Makes the encoder of parts by their names in the observations; at least one."""
        super().__init__()
        self._names = tuple(source for source, _ in parts)
        self._parts = [part for _, part in parts]
        self.ranges: dict[str, tuple[int, int]] = {}

    def __call__(self, observations: Mapping[str, tf.Tensor]) -> Entities:
        """Makes the entities of all parts."""
        made = [
            part(observations, name) for part, name in zip(self._parts, self._names, strict=True)
        ]
        self.ranges = ranges_of(
            {name: e.features.shape[1] for name, e in zip(self._names, made, strict=True)}
        )
        features = tf.concat([entities.features for entities in made], axis=1)
        masks = [
            tf.ones_like(each.cells, tf.bool) if each.mask is None else each.mask for each in made
        ]
        cells = all_cells(tf.shape(features)[0], features.shape[1])
        return Entities(features, tf.concat(masks, axis=1), cells, edges=self._edges(made))

    def _edges(self, made: Sequence[Entities]) -> tf.Tensor | None:
        """Returns the edges [B, N, N, C] of all parts, whose features lie side by side."""
        total = max(last for _, last in self.ranges.values())
        padded = []
        for entities, (first, last) in zip(made, self.ranges.values(), strict=True):
            if entities.edges is not None:
                sides = [first, total - last]
                padded.append(tf.pad(entities.edges, [[0, 0], sides, sides, [0, 0]]))
        return tf.concat(padded, axis=-1) if padded else None
