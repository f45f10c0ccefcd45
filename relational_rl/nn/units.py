"""Networks over units: objects with kinds, places and amounts.

B batch, N units, C columns of a unit, D features of an entity, H heads.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.nn.attention import normalize
from relational_rl.nn.entities import Entities, all_cells
from relational_rl.nn.initializers import STANDARD, Initializer
from relational_rl.nn.layers import signed_log
from relational_rl.nn.relational import RelationalOutput

# A head's first weight of nearness: at half a screen's side, e^-4 of what is at no distance.
_FIRST_NEARNESS = 4.0
_MASKED = -1e9  # Added to the logits of what is only padding.
_FREQUENCY_SCALE = 3.0
_FREQUENCY_SEED = 0


class Units(NamedTuple):
    """Encoded units.

    Attributes:
      entities: features float32 [B, N, D] and mask.
      places: float32 [B, N, 2], x and y of each in [-1, 1] on the first picture with places.
    """

    entities: Entities
    places: tf.Tensor


class UnitEncoder(snt.Module):
    """Every unit becomes an entity, by what its columns mean: one linear layer of all of them.

    Categories are embedded, amounts go through a logarithm, angles become sine and cosine, places
    numbers in [-1, 1]. The first place is told again as sines and cosines of fixed random
    frequencies, so that small differences of place can be told apart.
    """

    def __init__(
        self,
        columns: Sequence[tuple[str, float]],
        size: int,
        embedding_size: int = 8,
        num_frequencies: int = 8,
        initializer: Initializer = STANDARD,
    ):
        """Makes the encoder.

        Args:
          columns: what each column means and a number, see `observations.units`.
          size: D.
          embedding_size: numbers that a category becomes.
          num_frequencies: of the first place.
          initializer: of the weights.
        """
        super().__init__()
        by_meaning = {
            meaning: np.array([i for i, each in enumerate(columns) if each[0] == meaning], np.int32)
            for meaning in ("category", "share", "amount", "place", "angle")
        }
        self._columns = by_meaning
        self._most = np.array([columns[i][1] for i in by_meaning["share"]], np.float32)
        self._sides = np.array([columns[i][1] for i in by_meaning["place"]], np.float32)
        self._counts = np.array([columns[i][1] for i in by_meaning["category"]], np.int32)
        self._offsets = (np.cumsum(self._counts) - self._counts).astype(np.int32)
        if len(self._counts):
            initialize = initializer.embedding(stddev=1.0)
            shape = [int(self._counts.sum()), embedding_size]
            self._table = tf.Variable(initialize(shape, tf.float32), name="embeddings")
        random = np.random.default_rng(_FREQUENCY_SEED)
        self._frequencies = (_FREQUENCY_SCALE * random.normal(size=(2, num_frequencies))).astype(
            np.float32
        )
        self._embed = snt.Linear(size, w_init=initializer.input(), name="embed")

    def __call__(self, observations: Mapping[str, tf.Tensor]) -> Units:
        """Encodes {"units": [B, N, C], "units_mask": [B, N]}."""
        rows = tf.convert_to_tensor(observations["units"])
        mask = tf.convert_to_tensor(observations["units_mask"])

        def values(meaning: str) -> tf.Tensor:
            return tf.gather(rows, self._columns[meaning], axis=-1)

        places = values("place") * (2.0 / self._sides) - 1.0
        parts = [values("share") / self._most, signed_log(values("amount")), places]
        angles = values("angle")
        waves = tf.einsum("bnp,pf->bnf", places[..., :2], self._frequencies)
        parts += [f(x) for x in (angles, waves) for f in (tf.sin, tf.cos)]
        if len(self._counts):
            categories = tf.cast(values("category"), tf.int32)
            categories = tf.clip_by_value(categories, 0, self._counts - 1) + self._offsets
            embedded = tf.gather(self._table, categories)  # [B, N, categories, E]
            shape = [-1, rows.shape[1], embedded.shape[2] * embedded.shape[3]]
            parts.append(tf.reshape(embedded, shape))
        features = _rows(self._embed, tf.concat(parts, axis=-1))
        cells = all_cells(tf.shape(rows)[0], rows.shape[1])
        return Units(Entities(features, mask, cells), places[..., :2])


class UnitBlock(snt.Module):
    """Attention that knows places, then a network of two layers; both are added to the entity.

    Scaled dot products, as in the paper, with two additions. Each head learns how much to attend to
    what is near. And besides its values it says where it attended: the mean place, as seen from the
    unit, and how far that is. Features are normalised before the sums, not after them, so that the
    entity itself is kept; queries, keys and values are not normalised again.
    """

    def __init__(
        self,
        num_heads: int,
        head_size: int,
        size: int,
        hidden: int,
        initializer: Initializer = STANDARD,
        name: str | None = None,
    ):
        """Makes a block of H = `num_heads` for D = `size`; `hidden` is the first layer's size."""
        super().__init__(name=name)
        self._heads, self._head_size = num_heads, head_size
        self._project = snt.Linear(
            3 * num_heads * head_size, w_init=initializer.hidden(parts=3), name="qkv"
        )
        self._nearness = tf.Variable(
            np.linspace(0.0, _FIRST_NEARNESS, num_heads, dtype=np.float32), name="nearness"
        )
        self._gather = snt.Linear(size, w_init=initializer.hidden(), name="gather")
        self._mlp = _ResidualRows(size, hidden, initializer)

    def __call__(
        self, features: tf.Tensor, masked: tf.Tensor, places: tf.Tensor, distances: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Maps features [B, N, D] to features [B, N, D] and weights [B, H, N, N].

        Args:
          features: of the entities.
          masked: float32 [B, 1, 1, N], added to the logits of attending to each.
          places: float32 [B, N, 2].
          distances: float32 [B, 1, N, N], between places.
        """
        count, heads, size = features.shape[1], self._heads, self._head_size
        projected = _rows(self._project, normalize(features))
        projected = tf.reshape(projected, [-1, count, 3, heads, size])
        query, key, value = tf.unstack(tf.transpose(projected, [2, 0, 3, 1, 4]))  # [B, H, N, .]
        logits = tf.matmul(query, key, transpose_b=True) * size**-0.5
        weights = tf.nn.softmax(
            logits + masked - self._nearness[:, tf.newaxis, tf.newaxis] * distances
        )
        everywhere = tf.tile(places[:, tf.newaxis], [1, heads, 1, 1])
        seen = tf.matmul(weights, tf.concat([value, everywhere], axis=-1))  # [B, H, N, size + 2]
        values, attended = tf.split(seen, [size, 2], axis=-1)
        offsets = attended - everywhere
        lengths = tf.sqrt(tf.reduce_sum(tf.square(offsets), axis=-1, keepdims=True) + 1e-6)
        seen = tf.concat([values, offsets, lengths], axis=-1)
        seen = tf.reshape(tf.transpose(seen, [0, 2, 1, 3]), [-1, count, heads * (size + 3)])
        return self._mlp(features + _rows(self._gather, seen)), weights


class UnitRelations(snt.Module):
    """The relational module for units: blocks of attention over them."""

    compiles_well = True

    def __init__(
        self,
        num_blocks: int,
        num_heads: int,
        head_size: int,
        share_weights: bool,
        hidden: int,
        initializer: Initializer = STANDARD,
    ):
        """Makes `num_blocks` blocks; see `UnitBlock`. `share_weights` makes them the same block."""
        super().__init__()
        self._num_blocks = num_blocks
        self._share_weights = share_weights
        self._make = lambda size, i: UnitBlock(
            num_heads, head_size, size, hidden, initializer, name=f"block_{i}"
        )
        self.blocks: list[UnitBlock] = []

    @snt.once
    def _build(self, size: int) -> None:
        self.blocks = [
            self._make(size, i) for i in range(1 if self._share_weights else self._num_blocks)
        ]

    def __call__(self, units: Units) -> RelationalOutput:
        """Relates the units to one another."""
        features, mask = units.entities.features, units.entities.mask
        self._build(features.shape[-1])
        places = units.places
        x, y = places[..., 0], places[..., 1]
        squares = tf.square(x[:, :, tf.newaxis] - x[:, tf.newaxis])
        squares += tf.square(y[:, :, tf.newaxis] - y[:, tf.newaxis])
        distances = tf.sqrt(squares)[:, tf.newaxis]
        masked = tf.where(mask, 0.0, _MASKED)[:, tf.newaxis, tf.newaxis]
        weights = []
        for i in range(self._num_blocks):
            block = self.blocks[i % len(self.blocks)]
            features, attended = block(features, masked, places, distances)
            weights.append(attended)
        return RelationalOutput(features, tuple(weights))


class UnitResiduals(snt.Module):
    """The control agent's module: each unit through residual layers of its own, none attends."""

    compiles_well = True

    def __init__(self, num_blocks: int, hidden: int, initializer: Initializer = STANDARD):
        """Makes `num_blocks` blocks of two layers, the first of size `hidden`."""
        super().__init__()
        self._num_blocks = num_blocks
        self._hidden = hidden
        self._initializer = initializer

    @snt.once
    def _build(self, size: int) -> None:
        self._blocks = [
            _ResidualRows(size, self._hidden, self._initializer, name=f"block_{i}")
            for i in range(self._num_blocks)
        ]

    def __call__(self, units: Units) -> RelationalOutput:
        """Maps the units' features [B, N, D] to [B, N, D]."""
        features = units.entities.features
        self._build(features.shape[-1])
        for block in self._blocks:
            features = block(features)
        return RelationalOutput(features, ())


class _ResidualRows(snt.Module):
    """Adds to each row two layers of it, normalised."""

    def __init__(
        self,
        size: int,
        hidden: int,
        initializer: Initializer = STANDARD,
        name: str | None = None,
    ):
        super().__init__(name=name)
        self._hidden = snt.Linear(hidden, w_init=initializer.hidden(), name="hidden")
        self._update = snt.Linear(size, w_init=initializer.hidden(), name="update")

    def __call__(self, features: tf.Tensor) -> tf.Tensor:
        count, size = features.shape[1:]
        flat = tf.reshape(features, [-1, size])
        flat += self._update(tf.nn.relu(self._hidden(normalize(flat))))
        return tf.reshape(flat, [-1, count, size])


def pool(features: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Returns the largest and the mean value of every feature over the units, [B, 2 D].

    Args:
      features: float32 [B, N, D].
      mask: bool [B, N]; without any unit the result is zeros.
    """
    there = tf.cast(mask, tf.float32)[..., tf.newaxis]
    largest = tf.reduce_max(tf.where(there > 0, features, features.dtype.min), axis=1)
    count = tf.reduce_sum(there, axis=1)
    mean = tf.reduce_sum(features * there, axis=1) / tf.maximum(count, 1.0)
    return tf.concat([tf.where(count > 0, largest, 0.0), mean], axis=-1)


def _rows(layer: snt.Linear, rows: tf.Tensor) -> tf.Tensor:
    """Applies a layer to each row of [B, N, F]: a product of matrices is fastest flat."""
    count, size = rows.shape[1:]
    return tf.reshape(layer(tf.reshape(rows, [-1, size])), [-1, count, layer.output_size])
