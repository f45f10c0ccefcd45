"""From observations with images of feature layers to maps of cells and numbers beside them.

Zambaldi et al. 2018, section 4 and its appendix on StarCraft II: the preprocessing and the
convolutions of `SpatialAgent`. N observations, H x W cells, C channels, V numbers.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.agents.protocol import Observations
from relational_rl.nn.initializers import STANDARD, Initializer
from relational_rl.nn.layers import LayerEmbedding, MapEncoder, signed_log
from relational_rl.observations.spec import EnvironmentSpec


class Inputs(NamedTuple):
    """Encoded observations.

    Attributes:
      maps: float32 [N, H, W, C], the images side by side (the paper's inputs3D).
      flat: float32 [N, V], everything else (inputs2D); V may be 0.
      pixels: for each image float32 [N, height, width, C], its embedded layers.
    """

    maps: tf.Tensor
    flat: tf.Tensor
    pixels: dict[str, tf.Tensor]


class SpatialEncoder(snt.Module):
    """Preprocesses and encodes observations.

    Amounts go through a logarithm, categories are embedded. Every image has one more channel: 1
    where the action before had an argument on it. The vector and the embedded type of the action
    before go through an MLP.
    """

    def __init__(
        self,
        spec: EnvironmentSpec,
        map_size: int,
        channels: int,
        embedding_size: int,
        vector_mlp: Sequence[int],
        initializer: Initializer = STANDARD,
    ):
        """Makes the encoder.

        Args:
          spec: of the environment.
          map_size: images are halved until their larger side is at most this.
          channels: of the convolutions.
          embedding_size: numbers that a category becomes.
          vector_mlp: sizes of the layers for the vector and the action before.
          initializer: of the weights.

        Raises:
          ValueError: the images give maps of different shapes.
        """
        super().__init__()
        images = spec.images
        self._embeddings = {
            name: LayerEmbedding(
                image.categories, image.shape[2], embedding_size, initializer, f"{name}_layers"
            )
            for name, image in images.items()
        }
        self._encoders = {
            name: MapEncoder(image.shape, map_size, channels, initializer, f"{name}_encoder")
            for name, image in images.items()
        }
        shapes = {name: encoder.map_shape for name, encoder in self._encoders.items()}
        if len(set(shapes.values())) > 1:
            raise ValueError(f"images must give maps of one shape, got {shapes}")
        self.map_shape = next(iter(shapes.values()))
        self.map_channels = channels * len(images)
        self._takes: dict[str, tf.Tensor] = {}
        self._last_type: LayerEmbedding | None = None
        if spec.last_action_key is not None:
            self._last_type = LayerEmbedding(
                [spec.num_actions], 1, embedding_size, initializer, "last_action"
            )
            if spec.arguments is not None:
                for name in images:
                    here = np.array([image == name for image in spec.arguments.images], bool)
                    self._takes[name] = tf.constant((spec.arguments.table() & here).any(axis=1))
        has_flat = spec.vector_size > 0 or self._last_type is not None
        self._mlp = (
            snt.nets.MLP(vector_mlp, w_init=initializer.input())
            if has_flat and vector_mlp
            else None
        )

    def __call__(self, observations: Observations) -> Inputs:
        """Encodes N observations {"image": [N, ...], ...}."""
        maps, pixels = [], {}
        for name, embedding in self._embeddings.items():
            x = embedding(observations[name])
            if name in self._takes:
                was_here = tf.gather(self._takes[name], observations["last_action"][:, 0])
                channel = tf.cast(was_here, tf.float32)[:, tf.newaxis, tf.newaxis, tf.newaxis]
                x = tf.concat([x, tf.broadcast_to(channel, [*tf.unstack(tf.shape(x)[:3]), 1])], -1)
            pixels[name] = x
            maps.append(self._encoders[name](x))
        parts = []
        if "vector" in observations:
            parts.append(signed_log(observations["vector"]))
        if self._last_type is not None:
            last = observations["last_action"][:, tf.newaxis, tf.newaxis, :1]
            parts.append(self._last_type(last)[:, 0, 0])
        if not parts:
            flat = tf.zeros([tf.shape(maps[0])[0], 0])
        elif self._mlp is None:
            flat = tf.concat(parts, axis=-1)
        else:
            flat = self._mlp(tf.concat(parts, axis=-1))
        return Inputs(tf.concat(maps, axis=-1), flat, pixels)
