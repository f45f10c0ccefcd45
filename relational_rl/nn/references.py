"""Learned points of reference, told to every entity before entities attend to one another.

A generic addition to the published network: nothing here knows a game. B batch, N entities,
F features, R references.
"""

import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.nn.entities import Entities
from relational_rl.nn.initializers import STANDARD, Initializer
from relational_rl.nn.points import point


class References(snt.Module):
    """Learned points of reference, each told to every entity as seen from where it stands.

    A reference is a learned soft choice of one entity or of none: a softmax over a linear score
    of each entity and a zero. On Box-World the agent and the held key are natural ones, but which
    they become is learned. Every entity is told, for each reference,

      where it lies: 2 offsets in units of the map, the same clipped to [-1, 1] in cells,
      whether it is there: the weight that is not on "none",
      how alike the colours are: the cosine of the random Fourier features of each pixel around
        the entity with those of the reference's own pixel (1 for equal colours),
      how alike the features are: the product of two learned projections.
    """

    def __init__(self, num_references: int, match_size: int, initializer: Initializer = STANDARD):
        """Makes the module.

        Args:
          num_references: R.
          match_size: features of the product of two projections.
          initializer: of the weights.
        """
        super().__init__()
        self.num_references = num_references
        self.match_size = match_size
        hidden = initializer.hidden()
        self._score = snt.Linear(num_references, w_init=hidden, name="score")
        self._own = snt.Linear(match_size, w_init=hidden, name="own_match")
        self._other = snt.Linear(match_size, w_init=hidden, name="reference_match")

    def __call__(
        self, entities: Entities, waves: tf.Tensor, map_shape: tuple[int, int]
    ) -> Entities:
        """Appends what every entity is told.

        Args:
          entities: features float32 [B, N, F].
          waves: float32 [B, N, P, W], random Fourier features (each of squared length W / 2) of
            the P pixels around every entity, its own in the middle; W may be 0.
          map_shape: (height, width) of the map of cells.

        Returns:
          Entities of F + R * (5 + P + match_size) features; without P if W is 0.
        """
        features, mask, cells = entities[:3]
        height, width = map_shape
        num_entities, num_waves = features.shape[1], waves.shape[3]
        scores = self._score(features)  # [B, N, R]
        if mask is not None:
            scores += tf.where(mask, 0.0, -1e9)[..., tf.newaxis]
        none = tf.zeros_like(scores[:, :1])
        weights = tf.nn.softmax(tf.concat([scores, none], axis=1), axis=1)[:, :-1]
        weights = point("references", weights)
        presence = tf.reduce_sum(weights, axis=1)[:, tf.newaxis, :, tf.newaxis]  # [B, 1, R, 1]
        position = tf.stack([cells % width, cells // width], axis=-1)
        position = tf.cast(position, tf.float32)  # [B, N, 2], in cells
        chosen_position = tf.einsum("bnr,bnp->brp", weights, position)[:, tf.newaxis]
        offset = chosen_position - presence * position[:, :, tf.newaxis]  # [B, N, R, 2]
        chosen = tf.einsum("bnr,bnf->brf", weights, features)
        told = [
            offset / tf.constant([width, height], tf.float32),
            tf.clip_by_value(offset, -1.0, 1.0),
            tf.repeat(presence, num_entities, axis=1),
        ]
        if num_waves:
            own_pixel = waves[:, :, waves.shape[2] // 2]
            chosen_waves = tf.einsum("bnr,bnw->brw", weights, own_pixel)
            told.append(tf.einsum("bnpw,brw->bnrp", waves, chosen_waves) * (2.0 / num_waves))
        told.append(self._own(features)[:, :, tf.newaxis] * self._other(chosen)[:, tf.newaxis])
        all_told = tf.concat(told, axis=-1)  # [B, N, R, 5 + P + match_size]
        size = self.num_references * all_told.shape[-1]
        all_told = tf.reshape(all_told, [-1, num_entities, size])
        return entities._replace(features=tf.concat([features, all_told], axis=-1))

    def parameters(self) -> list[tf.Variable]:
        """Returns the learned variables."""
        layers = (self._score, self._own, self._other)
        return [variable for layer in layers for variable in (layer.w, layer.b)]
