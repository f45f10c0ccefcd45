"""Logits of an action's arguments, given its type (Zambaldi et al. 2018, section 4).

N steps, A action types, K arguments, S_k values of argument k, F features.
"""

from collections.abc import Mapping, Sequence

import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.nn.initializers import STANDARD, Initializer


class ArgumentHeads(snt.Module):
    """The type is embedded and conditions a linear layer or a map for every argument.

    Arguments without a place: a linear layer of the shared features and the embedding, each.
    Spatial arguments: transposed convolutions (4x4, stride 2) bring the map of cells to the
    image's size, the embedding is tiled onto it, and 1x1 convolutions give a logit a pixel.

    A deviation: the paper's 1x1 convolution follows the tiling at once. Being linear it would add
    the same number to every pixel, which a softmax does not see, and the type would have no say in
    where. So here a 1x1 convolution with a ReLU comes between.

    An addition, if `sees` names images: a pixel's logit then also follows from that pixel itself,
    so that what is worth pointing at is found without learning the way through the map of cells.
    The pixel goes into the layer before the last, where the type conditions it, and linearly into
    the logits, which is learned fastest: a target of few pixels is hit once in many episodes.
    """

    def __init__(
        self,
        num_types: int,
        sizes: Sequence[int],
        sides: Sequence[tuple[int, int] | None],
        map_shape: tuple[int, int],
        embedding_size: int = 16,
        channels: int = 16,
        scale: float = 1.0,
        sees: Sequence[str | None] = (),
        initializer: Initializer = STANDARD,
    ):
        """Makes the heads.

        Args:
          num_types: A.
          sizes: S_k.
          sides: for a spatial argument the (height, width) of its image, else None.
          map_shape: (height, width) of the map of cells.
          embedding_size: numbers that an action type becomes; the paper's is 16.
          channels: of the transposed convolutions; the paper's are 16.
          scale: factor on the initial weights of the last layers.
          sees: for a spatial argument the image whose pixels it sees; () for the published heads.
          initializer: of the weights.

        Raises:
          ValueError: an image's sides are not those of the map times a power of 2.
        """
        super().__init__()
        self._sizes = tuple(sizes)
        # What spatial arguments share: an image's size, and the image that they see.
        self._canvas_of = list(zip(sides, sees or [None] * len(sides), strict=True))
        self._canvases = tuple(
            dict.fromkeys((side, image) for side, image in self._canvas_of if side is not None)
        )
        self._levels = tuple(_level(side, map_shape) for side, _ in self._canvases)
        hidden, last = initializer.hidden(), initializer.output(scale)
        embedding = initializer.embedding(stddev=1.0)
        self._embeddings = tf.Variable(
            embedding([num_types, embedding_size], tf.float32), name="type_embeddings"
        )
        self._plain = [k for k, side in enumerate(sides) if side is None]
        if self._plain:
            # One product for the linear layers of all arguments.
            total = sum(sizes[k] for k in self._plain)
            self._linear = snt.Linear(total, w_init=last, name="plain_arguments")
        self._ups = [
            snt.Conv2DTranspose(channels, 4, stride=2, w_init=hidden, name=f"up_{i}")
            for i in range(max(self._levels, default=0))
        ]
        # A 1x1 convolution of [map, tiled embedding], as the sum of its two parts.
        self._from_map, self._from_type, self._pixels = [], [], []
        for i, canvas in enumerate(self._canvases):
            self._from_map.append(snt.Conv2D(channels, 1, w_init=hidden, name=f"from_map_{i}"))
            self._from_type.append(
                snt.Linear(channels, with_bias=False, w_init=hidden, name=f"from_type_{i}")
            )
            # Without a bias, which a softmax over the pixels does not see.
            count = self._canvas_of.count(canvas)
            self._pixels.append(
                snt.Conv2D(count, 1, with_bias=False, w_init=last, name=f"pixels_{i}")
            )
        # Which canvases see an image, and which.
        self._seen = tuple((i, image) for i, (_, image) in enumerate(self._canvases) if image)
        self._channels = channels
        self._from_pixels = [
            snt.Conv2D(
                channels, 1, with_bias=False, w_init=initializer.input(), name=f"from_pixels_{i}"
            )
            for i, _ in self._seen
        ]
        self._direct = [
            snt.Conv2D(
                self._canvas_of.count(self._canvases[i]),
                1,
                with_bias=False,
                w_init=initializer.output(0.0),
                name=f"direct_{i}",
            )
            for i, _ in self._seen
        ]

    def pixels(self, images: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, ...]:
        """Returns what the arguments see of images {name: float32 [N, H, W, C]}.

        One float32 [N, H, W, channels + arguments] for each canvas of `canvases` that sees an
        image; the arguments are those on this canvas.
        """
        return tuple(
            tf.concat([from_pixels(images[image]), direct(images[image])], axis=-1)
            for from_pixels, direct, (_, image) in zip(
                self._from_pixels, self._direct, self._seen, strict=True
            )
        )

    def canvases(self, cells: tf.Tensor, pixels: Sequence[tf.Tensor] = ()) -> list[tf.Tensor]:
        """Brings maps of cells float32 [N, height, width, F] to the size of every image.

        Args:
          cells: the maps.
          pixels: what `pixels` returned.

        Returns:
          One float32 [N, H, W, channels] for each different size of image, and for each image that
          is seen, with what goes into the logits directly as further channels; for `__call__`.
        """
        grown = [cells]
        for up in self._ups:
            grown.append(tf.nn.relu(up(grown[-1])))
        canvases = [
            from_map(grown[level])
            for from_map, level in zip(self._from_map, self._levels, strict=True)
        ]
        for (i, _), values in zip(self._seen, pixels, strict=True):
            hidden, direct = values[..., : self._channels], values[..., self._channels :]
            canvases[i] = tf.concat([canvases[i] + hidden, direct], axis=-1)
        return canvases

    def __call__(
        self, shared: tf.Tensor, canvases: Sequence[tf.Tensor], types: tf.Tensor
    ) -> list[tf.Tensor]:
        """Returns the logits of every argument.

        Args:
          shared: float32 [N, F], shared features.
          canvases: what `canvases` returned.
          types: int32 [N].

        Returns:
          K times float32 [N, S_k], whether or not the type takes the argument.
        """
        embedded = tf.gather(self._embeddings, types)  # [N, E]
        logits: dict[int, tf.Tensor] = {}
        if self._plain:
            together = self._linear(tf.concat([shared, embedded], axis=-1))
            parts = tf.split(together, [self._sizes[k] for k in self._plain], axis=-1)
            logits.update(zip(self._plain, parts, strict=True))
        for i, canvas in enumerate(canvases):
            tiled = self._from_type[i](embedded)[:, tf.newaxis, tf.newaxis]
            hidden, direct = canvas[..., : self._channels], canvas[..., self._channels :]
            pixels = self._pixels[i](tf.nn.relu(hidden + tiled))
            if direct.shape[-1]:
                pixels += direct
            mine = [k for k, other in enumerate(self._canvas_of) if other == self._canvases[i]]
            for channel, k in enumerate(mine):
                logits[k] = tf.reshape(pixels[..., channel], [-1, self._sizes[k]])
        return [logits[k] for k in range(len(self._sizes))]


def _level(side: tuple[int, int], map_shape: tuple[int, int]) -> int:
    """Returns how often the map is doubled to have the image's sides."""
    level = 0
    while map_shape[0] << level < side[0]:
        level += 1
    if (map_shape[0] << level, map_shape[1] << level) != tuple(side):
        raise ValueError(
            f"an image with spatial arguments must have the sides of the map {map_shape} times a "
            f"power of 2, got {tuple(side)}"
        )
    return level
