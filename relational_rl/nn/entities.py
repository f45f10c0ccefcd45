"""From an image to entities: which cells are entities, and where they are.

B batch, N entities, F features, H x W cells of the map.
"""

from typing import NamedTuple

import numpy as np

from relational_rl._quiet import tf
from relational_rl.nn.points import is_handled, point


class Entities(NamedTuple):
    """The entities of a scene.

    Attributes:
      features: float32 [B, N, F].
      mask: bool [B, N], False for padding; None if every entity is real.
      cells: int32 [B, N], the cell of each entity, row * W + column; 0 for padding.
      likeness: float32 [B, N, P, N], how alike each of the P pixels around an entity is to the
        own pixel of every entity, 1 for equal colours; None if that is not known.
      edges: float32 [B, N, N, C], what each entity is connected with; None if nothing is.
    """

    features: tf.Tensor
    mask: tf.Tensor | None
    cells: tf.Tensor
    likeness: tf.Tensor | None = None
    edges: tf.Tensor | None = None


def all_cells(batch_size: tf.Tensor | int, num_cells: int) -> tf.Tensor:
    """Returns the cells 0 .. num_cells - 1 for every frame, int32 [B, num_cells]."""
    return tf.tile(tf.range(num_cells)[tf.newaxis], [batch_size, 1])


def occupied_cells(
    images: tf.Tensor, background: tf.Tensor, max_entities: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Finds the cells that differ from the background.

    Args:
      images: [B, H, W, C], any dtype.
      background: [H, W, C], what an empty scene looks like, of the same dtype.
      max_entities: N, how many cells are kept; if more differ, the first ones in reading order.

    Returns:
      cells: int32 [B, N] in reading order, 0 for padding.
      mask: bool [B, N], True where there is an entity.
    """
    height, width = background.shape[:2]
    num_cells = height * width
    differs = tf.reduce_any(images != background, axis=-1)
    differs = tf.reshape(differs, [-1, num_cells])
    # The largest of "cells left from here" over the occupied cells are the first of them.
    remaining = tf.range(num_cells, 0, -1, dtype=tf.int32)
    ranked, _ = tf.math.top_k(tf.where(differs, remaining, 0), k=min(max_entities, num_cells))
    mask = ranked > 0
    return tf.where(mask, num_cells - ranked, 0), mask


def gather_cells(feature_map: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
    """Takes the features [B, N, F] of `cells` [B, N] from a map [B, H, W, F]."""
    height, width, size = feature_map.shape[1:]
    flat = tf.reshape(feature_map, [-1, height * width, size])
    return tf.gather(flat, cells, batch_dims=1)


def coordinates(cells: tf.Tensor, map_shape: tuple[int, int]) -> tf.Tensor:
    """Returns (x, y) of each cell, evenly spaced in [-1, 1], float32 [..., 2].

    Zambaldi et al. 2018, section 3: two channels that say where a cell is.
    """
    height, width = map_shape
    x = tf.cast(cells % width, tf.float32) * (2.0 / max(width - 1, 1)) - 1.0
    y = tf.cast(cells // width, tf.float32) * (2.0 / max(height - 1, 1)) - 1.0
    return tf.stack([x, y], axis=-1)


def shown(entities: Entities) -> Entities:
    """Passes an encoder's entities through the points "cells" and "present" (`points.py`)."""
    if not is_handled():
        return entities
    cells = point("cells", entities.cells)
    return entities._replace(cells=cells, mask=point("present", _real(entities)))


def pooling(entities: Entities) -> Entities:
    """Returns the entities that take part in the pooling: all, but for the point "pooled"."""
    return entities._replace(mask=point("pooled", _real(entities))) if is_handled() else entities


def _real(entities: Entities) -> tf.Tensor:
    return tf.ones_like(entities.cells, tf.bool) if entities.mask is None else entities.mask


def max_pool(entities: Entities) -> tf.Tensor:
    """Returns the largest value of every feature over the real entities, float32 [B, F].

    A scene without any entity gives zeros.
    """
    features = entities.features
    if entities.mask is None:
        return tf.reduce_max(features, axis=1)
    mask = entities.mask[..., tf.newaxis]
    pooled = tf.reduce_max(tf.where(mask, features, features.dtype.min), axis=1)
    return tf.where(tf.reduce_any(mask, axis=1), pooled, 0.0)


def most_common_image(images: np.ndarray) -> np.ndarray:
    """Returns the image whose every pixel is the most common of that pixel over many frames.

    With a camera that does not move and objects that do, this is the scene without its objects.

    Args:
      images: [num_frames, H, W, C], any dtype.

    Returns:
      [H, W, C] of the same dtype.
    """
    num_frames = images.shape[0]
    pixels = np.ascontiguousarray(images.reshape(num_frames, -1, images.shape[-1]))
    result = np.empty(pixels.shape[1:], images.dtype)
    for index in range(pixels.shape[1]):
        values, counts = np.unique(pixels[:, index], axis=0, return_counts=True)
        result[index] = values[np.argmax(counts)]
    return result.reshape(images.shape[1:])
