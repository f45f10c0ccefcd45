"""Learned points of reference, told to every entity before entities attend to one another.

A generic addition to the published network: nothing here knows a game. B batch, N entities,
F features, R references.
"""

import sonnet as snt
import tensorflow as tf

from relational_rl.modules.entities import Entities


class References(snt.Module):
    """Learned points of reference, each told to every entity as seen from where it stands.

    A reference is a learned soft choice of one entity (a softmax over a linear score): on
    Box-World the agent and the held key are natural ones, but which they become is learned. Every
    entity is told, for each reference, where it lies relative to itself and how alike the two are
    (the product of two projections), so that "is the held key mine?" is a linear question.
    """

    def __init__(self, num_references: int, match_size: int, name: str | None = None):
        """Makes the module for R references and products of `match_size` features."""
        super().__init__(name=name)
        self.num_references = num_references
        self.match_size = match_size
        self._score = snt.Linear(num_references, name="score")
        self._own = snt.Linear(match_size, name="own_match")
        self._other = snt.Linear(match_size, name="reference_match")

    def __call__(self, entities: Entities, map_shape: tuple[int, int]) -> Entities:
        """Maps features [B, N, F] to [B, N, F + R * (4 + match_size)]."""
        features, mask, cells = entities
        height, width = map_shape
        num_entities = features.shape[1]
        scores = self._score(features)  # [B, N, R]
        if mask is not None:
            scores += tf.where(mask, 0.0, -1e9)[..., tf.newaxis]
        weights = tf.nn.softmax(scores, axis=1)
        position = tf.stack([cells % width, cells // width], axis=-1)
        position = tf.cast(position, tf.float32)  # [B, N, 2], in cells
        chosen_position = tf.einsum("bnr,bnp->brp", weights, position)
        chosen = tf.einsum("bnr,bnf->brf", weights, features)
        offset = chosen_position[:, tf.newaxis] - position[:, :, tf.newaxis]  # [B, N, R, 2]
        distance = offset / tf.constant([width, height], tf.float32)
        direction = tf.clip_by_value(offset, -1.0, 1.0)
        match = self._own(features)[:, :, tf.newaxis] * self._other(chosen)[:, tf.newaxis]
        told = tf.concat([distance, direction, match], axis=-1)  # [B, N, R, 4 + match_size]
        told = tf.reshape(told, [-1, num_entities, self.num_references * (4 + self.match_size)])
        return entities._replace(features=tf.concat([features, told], axis=-1))

    def parameters(self) -> list[tf.Variable]:
        """Returns the learned variables."""
        return [
            self._score.w,
            self._score.b,
            self._own.w,
            self._own.b,
            self._other.w,
            self._other.b,
        ]
