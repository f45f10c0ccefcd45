"""From the pixels of a cell (and of its neighbours) to the features of an entity.

A stem is called with the images and the cells that are entities, and returns their features
[B, N, F]. The published stem is a pair of convolutions over the whole image; the patch stem looks
only at the cells asked for, which on a sparse scene is many times cheaper.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.nn.entities import coordinates, gather_cells
from relational_rl.nn.initializers import STANDARD, Initializer


class StemOutput(NamedTuple):
    """What a stem says of the chosen cells.

    Attributes:
      features: float32 [B, N, F].
      waves: float32 [B, N, P, W], random Fourier features of the P pixels around each cell;
        W is 0 where a stem has none.
    """

    features: tf.Tensor
    waves: tf.Tensor


class ConvStem(snt.Module):
    """Convolutions over the image (Zambaldi et al. 2018: 12 and 24 kernels of 2x2, ReLU).

    The padding is not published: "SAME" makes every pixel an entity, "VALID" leaves
    (H - 2) x (W - 2) of them.
    """

    def __init__(
        self,
        channels: Sequence[int] = (12, 24),
        kernel_size: int = 2,
        padding: str = "SAME",
        initializer: Initializer = STANDARD,
    ):
        """Makes the stem.

        Args:
          channels: of every layer.
          kernel_size: rows and columns of every kernel.
          padding: SAME or VALID.
          initializer: of the weights.

        Raises:
          ValueError: the padding is neither SAME nor VALID.
        """
        super().__init__()
        if padding not in ("SAME", "VALID"):
            raise ValueError(f"padding must be SAME or VALID, got {padding!r}")
        self.entity_size = channels[-1] + 2  # with the coordinates
        self._kernel_size = kernel_size
        self.padding = padding
        self._layers = [
            snt.Conv2D(
                size,
                kernel_size,
                padding=padding,
                w_init=initializer.hidden() if i else initializer.input(),
                name=f"conv_{i}",
            )
            for i, size in enumerate(channels)
        ]

    def parameters(self) -> list[tf.Variable]:
        """Returns the learned variables: kernel and bias of each layer."""
        return [variable for layer in self._layers for variable in (layer.w, layer.b)]

    def map_shape(self, image_shape: tuple[int, int, int]) -> tuple[int, int]:
        """Returns the height and width of the map that an image gives."""
        lost = len(self._layers) * (self._kernel_size - 1) if self.padding == "VALID" else 0
        height, width = image_shape[0] - lost, image_shape[1] - lost
        if min(height, width) < 1:
            raise ValueError(
                f"an image must be larger than the {lost} pixels that VALID convolutions take, "
                f"got {image_shape}"
            )
        return height, width

    def __call__(self, images: tf.Tensor, cells: tf.Tensor) -> StemOutput:
        """Maps images float32 [B, H, W, C] and cells [B, N] to features [B, N, F + 2]."""
        for layer in self._layers:
            images = tf.nn.relu(layer(images))
        features = gather_cells(images, cells)
        place = coordinates(cells, tuple(images.shape[1:3]))
        no_waves = tf.zeros([*tf.unstack(tf.shape(cells)), 1, 0])
        return StemOutput(tf.concat([features, place], axis=-1), no_waves)


class PatchStem(snt.Module):
    """A small network over the pixels around each cell and its place, as random Fourier features.

    The colours of Box-World are close to one another in RGB, so products of RGB values separate
    them badly, and two coordinates hardly count beside them; cosines and sines of random
    projections (Rahimi and Recht 2007; Tancik et al. 2020) separate both at once. Generic: nothing
    here knows a colour or a game.
    """

    def __init__(
        self,
        entity_size: int,
        patch: tuple[int, int] = (1, 3),
        num_frequencies: int = 32,
        frequency_scale: float = 20.0,
        place_scale: float = 5.0,
        initializer: Initializer = STANDARD,
    ):
        """Makes the stem.

        Args:
          entity_size: F, the size of an entity.
          patch: rows and columns of the patch of pixels around a cell; odd numbers.
          num_frequencies: random projections of each pixel and of the place; 0 leaves the colours
            and the coordinates as they are.
          frequency_scale: standard deviation of the projections of colours, in radians per full
            range of a channel.
          place_scale: likewise of coordinates, in radians per half of the map.
          initializer: of the weights.

        Raises:
          ValueError: a number of rows or columns is not odd and positive.
        """
        super().__init__()
        if any(side < 1 or side % 2 == 0 for side in patch):
            raise ValueError(f"patch must be two odd positive numbers, got {patch}")
        self.patch = patch
        self.entity_size = entity_size
        self.num_frequencies = num_frequencies
        self._frequency_scale = frequency_scale
        self._place_scale = place_scale
        self._embed = snt.Linear(entity_size, w_init=initializer.input(), name="embed")

    def map_shape(self, image_shape: tuple[int, int, int]) -> tuple[int, int]:
        """Returns the height and width of the map: every pixel is a cell."""
        return image_shape[0], image_shape[1]

    def parameters(self) -> list[tf.Variable]:
        """Returns the learned variables."""
        return [self._embed.w, self._embed.b]

    @snt.once
    def _build(self, channels: int):
        # The same projections in every process and every run.
        random = np.random.default_rng(0)

        def projections(inputs: int, scale: float, name: str) -> tf.Variable:
            values = random.normal(size=(inputs, self.num_frequencies)) * scale
            return tf.Variable(values.astype(np.float32), trainable=False, name=name)

        self.projections = projections(channels, self._frequency_scale, "projections")
        self.place_projections = projections(2, self._place_scale, "place_projections")

    def place_features(self, cells: tf.Tensor, map_shape: tuple[int, int]) -> tf.Tensor:
        """Returns coordinates and their waves, float32 [..., 2 + 2 * num_frequencies]."""
        place = coordinates(cells, map_shape)
        phases = tf.tensordot(place, self.place_projections, 1)
        return tf.concat([place, tf.cos(phases), tf.sin(phases)], axis=-1)

    def __call__(self, images: tf.Tensor, cells: tf.Tensor) -> StemOutput:
        """Maps images float32 [B, H, W, C] and cells [B, N] to features [B, N, entity_size]."""
        height, width, channels = images.shape[1:]
        self._build(channels)
        rows, columns = self.patch
        top, left = rows // 2, columns // 2
        padded = tf.pad(images, [[0, 0], [top, top], [left, left], [0, 0]])
        shifted = [
            padded[:, i : i + height, j : j + width] for i in range(rows) for j in range(columns)
        ]
        pixels = gather_cells(tf.concat(shifted, axis=-1), cells)  # [B, N, P * C]
        batch, num_entities = tf.shape(pixels)[0], pixels.shape[1]
        phases = tf.reshape(pixels, [-1, channels]) @ self.projections
        waves = tf.concat([tf.cos(phases), tf.sin(phases)], axis=-1)
        num_pixels, num_waves = rows * columns, 2 * self.num_frequencies
        waves = tf.reshape(waves, [batch, num_entities, num_pixels, num_waves])
        flat_waves = tf.reshape(waves, [batch, num_entities, num_pixels * num_waves])
        place = self.place_features(cells, (height, width))
        features = tf.concat([pixels, flat_waves, place], axis=-1)
        flat = tf.reshape(features, [-1, features.shape[-1]])
        embedded = tf.nn.relu(self._embed(flat))
        return StemOutput(tf.reshape(embedded, [batch, num_entities, embedded.shape[-1]]), waves)
