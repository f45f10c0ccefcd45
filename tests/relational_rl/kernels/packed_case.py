"""Small networks, as modules and over packed rows, and scenes for them."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from relational_rl.kernels.features import PackedFeatures
from relational_rl.nn.encoders import EntityEncoder
from relational_rl.nn.entities import max_pool
from relational_rl.nn.references import References
from relational_rl.nn.relational import RelationalModule
from relational_rl.nn.stems import ConvStem, PatchStem

IMAGE_SHAPE = (9, 11, 3)
BACKGROUND = 7


@dataclasses.dataclass(frozen=True)
class Network:
    """A network's sizes; the defaults are the patch stem over occupied cells."""

    conv: tuple[int, ...] = ()  # channels of the convolutional stem over all cells
    padding: str = "SAME"
    entity_size: int = 32
    patch: tuple[int, int] = (1, 3)
    num_frequencies: int = 8
    max_entities: int | None = 20
    references: int = 0
    match_size: int = 4
    likeness: bool = False
    num_blocks: int = 2
    num_heads: int = 2
    head_size: int = 8
    share_weights: bool = True
    block_mlp: tuple[int, ...] = ()
    image_shape: tuple[int, int, int] = IMAGE_SHAPE
    image_dtype: str = "uint8"

    def modules(self) -> tuple[EntityEncoder, RelationalModule]:
        """Makes encoder and core with all variables, none of them at its initial value."""
        tf.random.set_seed(0)
        stem: Any
        if self.conv:
            stem = ConvStem(self.conv, padding=self.padding)
        else:
            stem = PatchStem(self.entity_size, self.patch, self.num_frequencies)
        encoder = EntityEncoder(
            stem,
            self.image_shape,
            self.image_dtype,
            255.0,
            max_entities=None if self.conv else self.max_entities,
            references=References(self.references, self.match_size) if self.references else None,
            likeness=self.likeness,
        )
        core = RelationalModule(
            self.num_blocks, self.num_heads, self.head_size, self.share_weights, self.block_mlp
        )
        core(encoder({"image": tf.zeros((1, *self.image_shape), self.image_dtype)}))
        random = np.random.default_rng(0)
        for variable in (*encoder.trainable_variables, *core.trainable_variables):
            noise = random.normal(size=variable.shape).astype(np.float32)
            variable.assign(variable + 0.1 * noise)
        if encoder.needs_background:
            encoder.background.assign(tf.fill(self.image_shape, np.uint8(BACKGROUND)))
        return encoder, core


class Case:
    """One set of variables, computed by the modules (`plain`) and over packed rows (`packed`)."""

    def __init__(self, network: Network):
        """Makes the modules and their packed form."""
        self.encoder, self.core = network.modules()
        self.packed = PackedFeatures(self.encoder, self.core)
        self.variables = [*self.encoder.trainable_variables, *self.core.trainable_variables]
        self.names = [variable.name for variable in self.variables]

    def plain(self, images: Any) -> tf.Tensor:
        """Returns the pooled features of the modules."""
        entities = self.encoder({"image": tf.convert_to_tensor(images)})
        return max_pool(entities._replace(features=self.core(entities).features))

    def assert_same_gradients(self, gradients, expected, tolerance=1e-5) -> None:
        """Compares lists of gradients, relative to each one's norm."""
        largest = max(np.linalg.norm(value) for value in expected)
        assert largest > 0
        for name, value, other in zip(self.names, gradients, expected, strict=True):
            # A softmax does not see its bias: that gradient is 0 but for rounding.
            error, norm = np.linalg.norm(value - other), np.linalg.norm(other)
            assert error <= tolerance * max(norm, 0.1 * largest), (name, error, norm, largest)


def scenes(count: int, most: int = 23, seed: int = 4) -> np.ndarray:
    """Returns uint8 [count, *IMAGE_SHAPE]: 0 to `most` objects in 12 colours on a background."""
    random = np.random.default_rng(seed)
    height, width, channels = IMAGE_SHAPE
    images = np.full((count, height * width, channels), BACKGROUND, np.uint8)
    colours = random.integers(0, 256, (12, channels))
    for i in range(1, count):  # the first one is empty
        number = random.integers(0, most + 1)
        places = random.choice(height * width, number, replace=False)
        images[i, places] = colours[random.integers(0, 12, number)]
    return images.reshape(count, *IMAGE_SHAPE)


def weights(features: tf.Tensor, seed: int = 2) -> tf.Tensor:
    """Returns random numbers of a tensor's shape."""
    random = np.random.default_rng(seed)
    return tf.constant(random.normal(size=features.shape).astype(np.float32))
