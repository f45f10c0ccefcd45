"""From feature layers to maps of a few cells (Zambaldi et al. 2018, section 4 and its appendix).

A feature layer is a channel of an image that holds amounts (hit points) or categories (kinds of
units). N images, H x W pixels, C channels, E numbers of a category.
"""

from collections.abc import Sequence

import numpy as np
import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.nn.initializers import STANDARD, Initializer


def signed_log(amounts: tf.Tensor) -> tf.Tensor:
    """Returns sign(x) * log(1 + |x|), float32: the paper's logarithm, for any sign."""
    amounts = tf.cast(amounts, tf.float32)
    return tf.sign(amounts) * tf.math.log1p(tf.abs(amounts))


@snt.allow_empty_variables
class LayerEmbedding(snt.Module):
    """Amounts go through a logarithm, every category becomes E learned numbers."""

    def __init__(
        self,
        categories: Sequence[int],
        num_channels: int,
        size: int = 10,
        initializer: Initializer = STANDARD,
        name: str | None = None,
    ):
        """Makes the module.

        Args:
          categories: for each channel the number of its categories, 0 for an amount; () if all
            channels are amounts.
          num_channels: C.
          size: E; the paper's is 10.
          initializer: of the embeddings.
          name: name of the module.
        """
        super().__init__(name=name)
        counts = np.asarray(categories or [0] * num_channels)
        self._amounts = np.flatnonzero(counts == 0)
        self._categorical = np.flatnonzero(counts)
        self._counts = counts[self._categorical].astype(np.int32)
        # One table for all: the categories of a channel follow those of the channel before.
        self._offsets = np.concatenate([[0], np.cumsum(self._counts)[:-1]]).astype(np.int32)
        self._size = size
        if len(self._categorical):
            initialize = initializer.embedding(stddev=1.0 / np.sqrt(size))
            shape = [int(self._counts.sum()), size]
            self._table = tf.Variable(initialize(shape, tf.float32), name="embeddings")

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Maps [N, H, W, C] of any dtype to float32 [N, H, W, amounts + E * categorical].

        Categories beyond the last one count as the last.
        """
        parts = [signed_log(tf.gather(images, self._amounts, axis=-1))]
        if len(self._categorical):
            values = tf.cast(tf.gather(images, self._categorical, axis=-1), tf.int32)
            values = tf.clip_by_value(values, 0, self._counts - 1) + self._offsets
            embedded = tf.gather(self._table, values)  # [N, H, W, categorical, E]
            shape = tf.shape(images)[:3]
            size = len(self._categorical) * self._size
            parts.append(tf.reshape(embedded, tf.concat([shape, [size]], axis=0)))
        embedded = tf.concat(parts, axis=-1)
        return tf.ensure_shape(embedded, [*images.shape[:3], embedded.shape[-1]])


def map_stages(image_side: int, map_size: int) -> int:
    """Returns how often a side is halved (rounded up) until it is at most `map_size`."""
    stages = 0
    while image_side > map_size:
        image_side, stages = -(-image_side // 2), stages + 1
    return stages


class MapEncoder(snt.Module):
    """Halves an image until its larger side is at most `map_size`.

    Each time a 4x4 convolution of stride 2 and a residual block of two 3x3 convolutions. The paper
    does not give their channels.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        map_size: int = 8,
        channels: int = 32,
        initializer: Initializer = STANDARD,
        name: str | None = None,
    ):
        """Makes the encoder.

        Args:
          image_shape: (height, width, ...) of the images.
          map_size: the larger side of a map is at most this.
          channels: of the convolutions.
          initializer: of the weights.
          name: name of the module.
        """
        super().__init__(name=name)
        height, width = image_shape[:2]
        stages = map_stages(max(height, width), map_size)
        for _ in range(stages):
            height, width = -(-height // 2), -(-width // 2)
        self.map_shape = (height, width)
        self._stages = []
        for i in range(max(stages, 1)):  # an image that is small enough is not halved
            stride, hidden = 2 if stages else 1, initializer.hidden()
            first = hidden if i else initializer.input()
            self._stages.append(
                (
                    snt.Conv2D(channels, 4, stride=stride, w_init=first, name=f"down_{i}"),
                    snt.Conv2D(channels, 3, w_init=hidden, name=f"residual_{i}_first"),
                    snt.Conv2D(channels, 3, w_init=hidden, name=f"residual_{i}_second"),
                )
            )

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Maps float32 [N, H, W, C] to float32 [N, map height, map width, channels]."""
        for down, first, second in self._stages:
            x = tf.nn.relu(down(x))
            x += second(tf.nn.relu(first(x)))
        return x
