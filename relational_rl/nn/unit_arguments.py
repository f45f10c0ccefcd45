"""Arguments of actions by pointing: at a unit, or at a point of a coarse grid.

An argument that is a place is a pixel of a picture. It is chosen by pointing at one of the
candidates, the units that are on the picture and G x G points spread evenly over it, and is the
candidate's pixel. So the probability of a pixel is the sum over the candidates in it, and actions
are pixels, whoever chose them. Other arguments have a logit for each of their values.

N steps, A action types, U units, S candidates, D features of a unit.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.nn.initializers import STANDARD, Initializer

NOWHERE = -1
"""The pixel of a unit that is not there, or not on the picture."""
_MASKED = -1e9  # The logit of what cannot be chosen: its probability is exactly 0.


def unit_pixels(units: tf.Tensor, mask: tf.Tensor, picture: Sequence[int]) -> tf.Tensor:
    """Returns the pixel of each unit on a picture, int32 [N, U]; NOWHERE where it has none.

    Args:
      units: float32 [N, U, C].
      mask: bool [N, U], which are there.
      picture: (side, x, y, shown), see `observations.units`.
    """
    side, x, y, shown = picture
    column, row = (
        tf.clip_by_value(tf.cast(tf.floor(units[..., i]), tf.int32), 0, side - 1) for i in (x, y)
    )
    is_there = tf.logical_and(mask, units[..., shown] > 0)
    return tf.where(is_there, row * side + column, NOWHERE)


def grid_pixels(side: int, count: int) -> np.ndarray:
    """Returns the pixels of count x count points spread evenly over a picture, int32."""
    ticks = ((np.arange(count) + 0.5) * side / count).astype(np.int32)
    return (ticks[:, np.newaxis] * side + ticks).reshape(-1)


class UnitArguments(snt.Module):
    """Logits of the arguments, given the action type.

    The shared features and the embedded type make a query for every place, and the logits of every
    other argument; the units' features make keys, and each point of the grid has a learned one.
    """

    def __init__(
        self,
        num_types: int,
        sizes: Sequence[int],
        places: Sequence[Sequence[int]],
        grid: int,
        key_size: int,
        embedding_size: int,
        scale: float,
        initializer: Initializer = STANDARD,
    ):
        """Makes the heads.

        Args:
          num_types: A.
          sizes: how many values each argument has.
          places: for each argument (), (side,) or (side, x, y, shown); see `observations.units`.
          grid: G.
          key_size: of queries and keys.
          embedding_size: numbers that an action type becomes.
          scale: factor on the initial weights that lead to logits.
          initializer: of the weights.
        """
        super().__init__()
        self._sizes, self._places = tuple(sizes), tuple(tuple(each) for each in places)
        self._points = [k for k, each in enumerate(places) if each]
        self._at_units = [k for k in self._points if len(places[k]) > 1]
        self._plain = [k for k, each in enumerate(places) if not each]
        self.pictures = tuple(dict.fromkeys(self._places[k] for k in self._at_units))
        self._grids = {k: grid_pixels(places[k][0], grid) for k in self._points}
        self._key_size = key_size
        last, table = initializer.output(scale), initializer.embedding(stddev=1.0)
        self._types = tf.Variable(
            table([num_types, embedding_size], tf.float32), name="type_embeddings"
        )
        self._query = snt.Linear(len(self._points) * key_size, w_init=last, name="query")
        self._key = snt.Linear(
            len(self._at_units) * key_size, w_init=initializer.hidden(), name="key"
        )
        self._grid_keys = tf.Variable(
            table([len(self._points), grid * grid, key_size], tf.float32), name="grid_keys"
        )
        total = sum(sizes[k] for k in self._plain)
        self._linear = snt.Linear(total, w_init=last, name="plain_arguments") if total else None

    def keys(self, features: tf.Tensor) -> tf.Tensor | None:
        """Returns the keys of units [N, U, D], float32 [N, U, keys]; None if none is pointed at."""
        if not self._at_units:
            return None
        count, size = features.shape[1:]
        flat = self._key(tf.reshape(features, [-1, size]))
        return tf.reshape(flat, [-1, count, self._key.output_size])

    def pixels(self, observations: Mapping[str, tf.Tensor], name: str) -> tuple[tf.Tensor, ...]:
        """Returns the pixels of the units on each of `pictures`, int32 [N, U]."""
        units, mask = observations[name], observations[f"{name}_mask"]
        return tuple(unit_pixels(units, mask, picture) for picture in self.pictures)

    def __call__(
        self,
        shared: tf.Tensor,
        keys: tf.Tensor | None,
        pixels: Sequence[tf.Tensor],
        types: tf.Tensor,
    ) -> list[tf.Tensor]:
        """Returns the logits of every argument, whether or not the type takes it.

        Args:
          shared: float32 [N, F].
          keys: what `keys` returned.
          pixels: what `pixels` returned.
          types: int32 [N].

        Returns:
          For each argument float32 [N, S] over its candidates or [N, values].
        """
        key_parts = () if keys is None else tf.split(keys, len(self._at_units), axis=-1)
        hidden = tf.concat([shared, tf.gather(self._types, types)], axis=-1)
        logits: dict[int, tf.Tensor] = {}
        if self._linear is not None:
            parts = tf.split(self._linear(hidden), [self._sizes[k] for k in self._plain], axis=-1)
            logits.update(zip(self._plain, parts, strict=True))
        if self._points:
            queries = tf.split(self._query(hidden), len(self._points), axis=-1)
            for place, k in enumerate(self._points):
                logits[k] = self._point(k, place, queries[place], key_parts, pixels)
        return [logits[k] for k in range(len(self._sizes))]

    def _point(
        self,
        argument: int,
        place: int,
        query: tf.Tensor,
        keys: Sequence[tf.Tensor],
        pixels: Sequence[tf.Tensor],
    ) -> tf.Tensor:
        """Returns the logits [N, S] of an argument's candidates, units first."""
        query *= self._key_size**-0.5
        logits = tf.matmul(query, self._grid_keys[place], transpose_b=True)
        if argument not in self._at_units:
            return logits
        mine = keys[self._at_units.index(argument)]
        at_units = tf.matmul(mine, query[:, :, tf.newaxis])[:, :, 0]
        is_there = pixels[self.pictures.index(self._places[argument])] != NOWHERE
        return tf.concat([tf.where(is_there, at_units, _MASKED), logits], axis=-1)

    def values(self, argument: int, choices: tf.Tensor, pixels: Sequence[tf.Tensor]) -> tf.Tensor:
        """Returns the values int32 [N] of an argument whose candidates were chosen.

        Args:
          argument: which one.
          choices: int32 [N], places among the logits.
          pixels: what `pixels` returned.
        """
        if argument not in self._points:
            return choices
        candidates = self._candidates(argument, tf.shape(choices)[0], pixels)
        is_chosen = tf.range(candidates.shape[1]) == choices[:, tf.newaxis]
        return tf.reduce_sum(tf.where(is_chosen, candidates, 0), axis=-1)

    def log_prob(
        self, argument: int, logits: tf.Tensor, values: tf.Tensor, pixels: Sequence[tf.Tensor]
    ) -> tf.Tensor:
        """Returns the log probability float32 [N] of an argument's values, int32 [N].

        That of a pixel in which no candidate is has the floor of masked logits.
        """
        if argument in self._points:
            candidates = self._candidates(argument, tf.shape(values)[0], pixels)
        else:
            candidates = tf.range(self._sizes[argument])[tf.newaxis]
        is_there = candidates == values[:, tf.newaxis]
        log_probs = tf.nn.log_softmax(logits)
        return tf.reduce_logsumexp(tf.where(is_there, log_probs, _MASKED), axis=-1)

    def _candidates(
        self, argument: int, count: tf.Tensor, pixels: Sequence[tf.Tensor]
    ) -> tf.Tensor:
        """Returns the pixels int32 [N, S] of an argument's candidates."""
        grid = self._grids[argument]
        tiled = tf.tile(tf.constant(grid)[tf.newaxis], [count, 1])
        if argument not in self._at_units:
            return tiled
        mine = pixels[self.pictures.index(self._places[argument])]
        return tf.concat([mine, tiled], axis=-1)
